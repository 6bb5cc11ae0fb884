"""Every change of a closing date is written down by the database, where no role can remove it.

A period that is opened, posted into and closed again in one transaction looks untouched afterwards: entry and closing
carry the same moment. The log tells, and verify_ledger reads it.
"""

import django.db.models.deletion
from django.db import migrations, models

FUNCTION = """
CREATE FUNCTION finance_log_closing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp AS $$
BEGIN
    IF TG_RELID <> 'finance_book'::regclass OR TG_NAME <> 'finance_book_closing_logged' THEN
        RAISE EXCEPTION 'finance_log_closing() works for the trigger finance_book_closing_logged only'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO finance_periodchange (book_id, at, transaction_at, role, closed_before, closed_after)
    VALUES (NEW.id, clock_timestamp(), transaction_timestamp(), session_user, OLD.closed_through, NEW.closed_through);
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION finance_log_closing() FROM PUBLIC;

CREATE TRIGGER finance_book_closing_logged
    AFTER UPDATE OF closed_through ON finance_book
    FOR EACH ROW WHEN (OLD.closed_through IS DISTINCT FROM NEW.closed_through)
    EXECUTE FUNCTION finance_log_closing();

CREATE TRIGGER finance_periodchange_by_trigger_only
    BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON finance_periodchange
    FOR EACH STATEMENT EXECUTE FUNCTION finance_by_trigger_only();
"""

REVERSE = """
DROP TRIGGER finance_periodchange_by_trigger_only ON finance_periodchange;
DROP TRIGGER finance_book_closing_logged ON finance_book;
DROP FUNCTION finance_log_closing();
"""


def log(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        (schema,) = cursor.fetchone()
        cursor.execute(FUNCTION.replace("{schema}", schema))


def log_no_more(apps, schema_editor):
    schema_editor.execute(REVERSE, params=None)


class Migration(migrations.Migration):
    dependencies = [("finance", "0017_stamp_entries")]

    operations = [
        migrations.CreateModel(
            name="PeriodChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(verbose_name="at")),
                ("transaction_at", models.DateTimeField(verbose_name="beginning of the transaction")),
                ("role", models.CharField(max_length=63, verbose_name="database role")),
                ("closed_before", models.DateField(null=True, verbose_name="closed through, before")),
                ("closed_after", models.DateField(null=True, verbose_name="closed through, after")),
                (
                    "book",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="finance.book",
                        verbose_name="book",
                    ),
                ),
            ],
            options={"verbose_name": "change of a closing date", "verbose_name_plural": "changes of closing dates"},
        ),
        migrations.RunPython(log, log_no_more),
    ]
