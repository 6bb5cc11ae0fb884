"""The guards look lines up by their indexes, whatever the server thinks of the tables.

An entry's lines and a month's lines are found by an index whose selectivity PostgreSQL estimates from statistics. With
those of a journal of one entry, taken before an import, it reads all lines for each entry posted, and for each month that
is rebuilt. A setting of the function holds wherever it is called from.
"""

from django.db import migrations

FUNCTIONS = ("finance_check_entry", "finance_post_lines", "finance_rebuild_months")
SETTINGS = ("enable_seqscan", "jit")


class Migration(migrations.Migration):
    dependencies = [("finance", "0025_note_heads")]

    operations = [
        migrations.RunSQL(
            [f"ALTER FUNCTION {function}() SET {setting} = off" for function in FUNCTIONS for setting in SETTINGS],
            [f"ALTER FUNCTION {function}() RESET {setting}" for function in FUNCTIONS for setting in SETTINGS],
        ),
    ]
