"""The moment of closing is the database's own: whoever closes by hand is stamped too, and nobody sets it back."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION finance_stamp_closing() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.closed_through IS NOT DISTINCT FROM OLD.closed_through THEN
        NEW.closed_at := OLD.closed_at;
    ELSIF NEW.closed_through IS NULL THEN
        NEW.closed_at := NULL;
    ELSE
        NEW.closed_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire by name: this one after finance_book_close_waits, when no posting is under way any more.
CREATE TRIGGER finance_book_closed_at
    BEFORE UPDATE OF closed_through, closed_at ON finance_book
    FOR EACH ROW EXECUTE FUNCTION finance_stamp_closing();
"""

REVERSE = """
DROP TRIGGER finance_book_closed_at ON finance_book;
DROP FUNCTION finance_stamp_closing();
"""


class Migration(migrations.Migration):
    dependencies = [("finance", "0006_record_checks")]

    operations = [migrations.RunSQL(FORWARD, REVERSE)]
