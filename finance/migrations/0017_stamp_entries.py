"""When an entry was recorded is said by the server's clock.

A process may still send the time itself, as the release before does, but not one that is more than a minute off: only
the owner may. Checked where closed periods are, once per statement: a trigger per row would slow every import down.
"""

import django.contrib.postgres.functions
from django.db import migrations, models

EARLIEST = "SELECT book_id, min(date) AS date FROM posted GROUP BY book_id ORDER BY book_id LOOP"
WITH_TIMES = """SELECT book_id, min(date) AS date, min(created_at) AS first, max(created_at) AS last
                      FROM posted GROUP BY book_id ORDER BY book_id LOOP
        IF (earliest.first < transaction_timestamp() - interval '1 minute'
            OR earliest.last > clock_timestamp() + interval '1 minute')
           -- This function runs as the owner; who is connected is the session's user.
           AND NOT pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
        THEN
            RAISE EXCEPTION 'entries are recorded now, not between % and %', earliest.first, earliest.last
                USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_entry_recorded_now';
        END IF;"""


def stamp(apps, schema_editor):
    _rewrite(schema_editor, EARLIEST, WITH_TIMES)


def stamp_no_more(apps, schema_editor):
    _rewrite(schema_editor, WITH_TIMES, EARLIEST)


def _rewrite(schema_editor, old, new):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('finance_check_period'::regproc)")
        (definition,) = cursor.fetchone()
        assert old in definition
        # Without parameters Django leaves the % of the function's messages alone.
        cursor.execute(definition.replace(old, new, 1))


class Migration(migrations.Migration):
    dependencies = [("finance", "0016_check_reversals")]

    operations = [
        migrations.AlterField(
            model_name="journalentry",
            name="created_at",
            field=models.DateTimeField(
                db_default=django.contrib.postgres.functions.TransactionNow(), editable=False, verbose_name="recorded"
            ),
        ),
        migrations.RunPython(stamp, stamp_no_more),
    ]
