"""The guards look lines up by their indexes, whatever the server thinks of the tables.

An entry's lines and a month's lines are found by an index whose selectivity PostgreSQL estimates from statistics. With
those of a journal of one entry, taken before an import, it reads all lines for each entry posted, and for each month that
is rebuilt. A setting of the function holds wherever it is called from.

The rebuild also joined accounts and lines, and with statistics of empty tables read all lines for each account. That one
join is replaced in the function as it is, whatever else was made of it meanwhile.
"""

from django.db import migrations

FUNCTIONS = ("finance_check_entry", "finance_post_lines", "finance_rebuild_months")
SETTINGS = ("enable_seqscan", "jit")

JOINED = "FROM finance_account AS account JOIN finance_journalline AS line ON line.account_id = account.id"
LOOKED_UP = (
    "FROM finance_account AS account CROSS JOIN LATERAL (SELECT account_id, date, amount FROM finance_journalline"
    " WHERE account_id = account.id OFFSET 0) AS line"
)
REPLACE = """
DO $do$
DECLARE
    definition text := pg_get_functiondef('finance_rebuild_months()'::regprocedure);
BEGIN
    IF position($sql${before}$sql$ IN definition) = 0 THEN
        RAISE EXCEPTION 'finance_rebuild_months() does not read the lines as this migration knows it';
    END IF;
    EXECUTE replace(definition, $sql${before}$sql$, $sql${after}$sql$);
END $do$;
"""


class Migration(migrations.Migration):
    dependencies = [("finance", "0019_note_heads")]

    operations = [
        migrations.RunSQL(
            REPLACE.format(before=JOINED, after=LOOKED_UP), REPLACE.format(before=LOOKED_UP, after=JOINED)
        ),
        migrations.RunSQL(
            [f"ALTER FUNCTION {function}() SET {setting} = off" for function in FUNCTIONS for setting in SETTINGS],
            [f"ALTER FUNCTION {function}() RESET {setting}" for function in FUNCTIONS for setting in SETTINGS],
        ),
    ]
