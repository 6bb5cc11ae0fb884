"""The ledger's guards, in the database, from the first day.

1. An entry has the lines that its header declares (at least two), and they sum to zero per currency: a deferred
   constraint trigger on the header. A line's book, date and currency are those of its entry and account: composite
   foreign keys. A line cannot join a full entry: a statement trigger on the lines.
2. Entries and lines are append-only: UPDATE, DELETE and TRUNCATE are refused.
3. Nothing is posted on or before the book's `closed_through`. Posting takes a share lock on the book's row and
   closing an exclusive one, so neither can slip past the other.
4. AccountMonth is kept by a statement trigger with a transition table, upserting in account order.

The functions name pg_temp last in their search path: a temporary table named like one of ours must not be what they
read.

Errors are raised with SQLSTATE 23514 and a constraint name, by which the services recognise them.
"""

from django.db import migrations

FORWARD = """
ALTER TABLE finance_journalline
    ADD CONSTRAINT finance_line_entry_fk
        FOREIGN KEY (entry_id, book_id, date) REFERENCES finance_journalentry (id, book_id, date),
    ADD CONSTRAINT finance_line_account_fk
        FOREIGN KEY (account_id, book_id, currency) REFERENCES finance_account (id, book_id, currency);

-- 1. balance ------------------------------------------------------------------------------------------------

CREATE FUNCTION finance_check_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    found bigint;
    off text;
BEGIN
    SELECT coalesce(sum(per_currency.lines), 0),
           string_agg(per_currency.currency || ' ' || per_currency.total, ', ') FILTER (WHERE per_currency.total <> 0)
      INTO found, off
      FROM (SELECT currency, count(*) AS lines, sum(amount) AS total
              FROM finance_journalline WHERE entry_id = NEW.id GROUP BY currency) AS per_currency;
    IF found <> NEW.line_count THEN
        RAISE EXCEPTION 'entry % declares % lines and has %', NEW.id, NEW.line_count, found
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_entry_complete';
    END IF;
    IF off IS NOT NULL THEN
        RAISE EXCEPTION 'entry % does not balance: % minor units', NEW.id, off
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_entry_balanced';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER finance_entry_balanced
    AFTER INSERT ON finance_journalentry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION finance_check_entry();

-- 2. append-only --------------------------------------------------------------------------------------------

CREATE FUNCTION finance_refuse_rewrite() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of posted rows is refused: post a reversal instead', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_append_only';
END $$;

CREATE TRIGGER finance_entry_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON finance_journalentry
    FOR EACH STATEMENT EXECUTE FUNCTION finance_refuse_rewrite();
CREATE TRIGGER finance_line_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON finance_journalline
    FOR EACH STATEMENT EXECUTE FUNCTION finance_refuse_rewrite();

-- An account's currency and book are part of its lines' keys; its type decides what every past report says.
CREATE FUNCTION finance_account_identity() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM finance_journalline WHERE account_id = OLD.id) THEN
        RAISE EXCEPTION 'account % has postings; its type, currency and book stay', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_append_only';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER finance_account_identity
    BEFORE UPDATE OF type, currency, book_id ON finance_account
    FOR EACH ROW
    WHEN (OLD.type <> NEW.type OR OLD.currency <> NEW.currency OR OLD.book_id <> NEW.book_id)
    EXECUTE FUNCTION finance_account_identity();

-- 3. closed periods -----------------------------------------------------------------------------------------

CREATE FUNCTION finance_check_period() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    earliest record;
    closed date;
BEGIN
    FOR earliest IN SELECT book_id, min(date) AS date FROM posted GROUP BY book_id ORDER BY book_id LOOP
        SELECT closed_through INTO closed FROM finance_book WHERE id = earliest.book_id FOR KEY SHARE;
        IF earliest.date <= closed THEN
            RAISE EXCEPTION 'book % is closed through %, entry is dated %', earliest.book_id, closed, earliest.date
                USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_period_open';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER finance_entry_period_open
    AFTER INSERT ON finance_journalentry REFERENCING NEW TABLE AS posted
    FOR EACH STATEMENT EXECUTE FUNCTION finance_check_period();

-- A plain UPDATE of closed_through would not wait for postings under way (their lock is KEY SHARE); this does.
CREATE FUNCTION finance_lock_book() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM 1 FROM finance_book WHERE id = OLD.id FOR UPDATE;
    RETURN NEW;
END $$;

CREATE TRIGGER finance_book_close_waits
    BEFORE UPDATE OF closed_through ON finance_book
    FOR EACH ROW WHEN (OLD.closed_through IS DISTINCT FROM NEW.closed_through)
    EXECUTE FUNCTION finance_lock_book();

-- 4. month totals, and full entries ---------------------------------------------------------------------------

CREATE FUNCTION finance_post_lines() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    overfull bigint;
BEGIN
    SELECT entry.id INTO overfull
      FROM (SELECT DISTINCT entry_id FROM posted) AS touched
      JOIN finance_journalentry AS entry ON entry.id = touched.entry_id
     WHERE entry.line_count < (SELECT count(*) FROM finance_journalline AS line WHERE line.entry_id = entry.id)
     LIMIT 1;
    IF overfull IS NOT NULL THEN
        RAISE EXCEPTION 'entry % has all its lines; a posted entry takes no further line', overfull
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_entry_complete';
    END IF;
    INSERT INTO finance_accountmonth AS month (book_id, account_id, month, debit, credit, lines)
    SELECT book_id, account_id, date_trunc('month', date)::date,
           coalesce(sum(amount) FILTER (WHERE amount > 0), 0),
           coalesce(-sum(amount) FILTER (WHERE amount < 0), 0),
           count(*)
      FROM posted
     GROUP BY 1, 2, 3
     ORDER BY 2, 3
    ON CONFLICT (account_id, month) DO UPDATE
       SET debit = month.debit + excluded.debit,
           credit = month.credit + excluded.credit,
           lines = month.lines + excluded.lines;
    RETURN NULL;
END $$;

CREATE TRIGGER finance_line_post
    AFTER INSERT ON finance_journalline REFERENCING NEW TABLE AS posted
    FOR EACH STATEMENT EXECUTE FUNCTION finance_post_lines();

-- Only the trigger above writes totals; it runs one level down, anybody else at level 0.
CREATE TRIGGER finance_month_by_trigger_only
    BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON finance_accountmonth
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION finance_refuse_rewrite();

ALTER TABLE finance_accountmonth SET (fillfactor = 70);
"""

REVERSE = """
ALTER TABLE finance_accountmonth RESET (fillfactor);
DROP TRIGGER finance_month_by_trigger_only ON finance_accountmonth;
DROP TRIGGER finance_line_post ON finance_journalline;
DROP TRIGGER finance_book_close_waits ON finance_book;
DROP TRIGGER finance_entry_period_open ON finance_journalentry;
DROP TRIGGER finance_account_identity ON finance_account;
DROP TRIGGER finance_line_append_only ON finance_journalline;
DROP TRIGGER finance_entry_append_only ON finance_journalentry;
DROP TRIGGER finance_entry_balanced ON finance_journalentry;
DROP FUNCTION finance_post_lines();
DROP FUNCTION finance_lock_book();
DROP FUNCTION finance_check_period();
DROP FUNCTION finance_account_identity();
DROP FUNCTION finance_refuse_rewrite();
DROP FUNCTION finance_check_entry();
ALTER TABLE finance_journalline
    DROP CONSTRAINT finance_line_account_fk,
    DROP CONSTRAINT finance_line_entry_fk;
"""


class Migration(migrations.Migration):
    dependencies = [("finance", "0002_add_relations")]

    operations = [migrations.RunSQL(FORWARD, REVERSE)]
