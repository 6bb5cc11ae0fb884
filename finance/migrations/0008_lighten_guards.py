"""The same guards for less work per entry, which is what bulk posting mostly waits for.

- A line's position lies between 1 and its entry's declared number of lines. Positions are unique within an entry, so
  a full entry has no free position left: one comparison replaces the count of the entry's lines.
- The check at commit reads an entry of one currency with a plain sum; it groups only where currencies differ, and to
  tell what is wrong.
- Hardly any entry reverses or corrects another one: their unique indexes hold only those that do. The index on the
  book alone is a prefix of the journal's.
"""

import django.db.models.deletion
from django.db import migrations, models

POSITIONS = """
DO $$
BEGIN
    -- An old entry with a free position would take a further line under the new rule.
    IF EXISTS (SELECT FROM finance_journalline AS line JOIN finance_journalentry AS entry ON entry.id = line.entry_id
                WHERE line.position NOT BETWEEN 1 AND entry.line_count) THEN
        RAISE EXCEPTION 'lines with a position outside of 1 to their entry''s line_count must be looked at first';
    END IF;
END $$;
"""

FORWARD = """
CREATE OR REPLACE FUNCTION finance_check_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    found bigint;
    total numeric;
    one_currency boolean;
    off text;
BEGIN
    SELECT count(*), sum(amount), min(currency COLLATE "C") = max(currency COLLATE "C")
      INTO found, total, one_currency
      FROM finance_journalline WHERE entry_id = NEW.id;
    IF found <> NEW.line_count THEN
        RAISE EXCEPTION 'entry % declares % lines and has %', NEW.id, NEW.line_count, found
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_entry_complete';
    END IF;
    IF one_currency AND total = 0 THEN
        RETURN NULL;
    END IF;
    SELECT string_agg(per_currency.currency || ' ' || per_currency.total, ', ')
      INTO off
      FROM (SELECT currency, sum(amount) AS total
              FROM finance_journalline WHERE entry_id = NEW.id GROUP BY currency) AS per_currency
     WHERE per_currency.total <> 0;
    IF off IS NOT NULL THEN
        RAISE EXCEPTION 'entry % does not balance: % minor units', NEW.id, off
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_entry_balanced';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION finance_post_lines() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    misplaced record;
BEGIN
    SELECT posted.entry_id, posted.position, entry.line_count INTO misplaced
      FROM posted JOIN finance_journalentry AS entry ON entry.id = posted.entry_id
     WHERE posted.position NOT BETWEEN 1 AND entry.line_count
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % declares % lines and takes none at position %',
            misplaced.entry_id, misplaced.line_count, misplaced.position
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_entry_complete';
    END IF;
    INSERT INTO finance_accountmonth AS month (book_id, account_id, month, debit, credit, lines)
    SELECT book_id, account_id, date_trunc('month', date::timestamp)::date,
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

ALTER TABLE finance_journalentry
    DROP CONSTRAINT finance_journalentry_reverses_id_key,
    DROP CONSTRAINT finance_journalentry_corrects_id_key;
CREATE UNIQUE INDEX finance_journalentry_reverses_id_key ON finance_journalentry (reverses_id)
    WHERE reverses_id IS NOT NULL;
CREATE UNIQUE INDEX finance_journalentry_corrects_id_key ON finance_journalentry (corrects_id)
    WHERE corrects_id IS NOT NULL;
"""

REVERSE = """
CREATE OR REPLACE FUNCTION finance_check_entry() RETURNS trigger
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

CREATE OR REPLACE FUNCTION finance_post_lines() RETURNS trigger
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

DROP INDEX finance_journalentry_reverses_id_key;
DROP INDEX finance_journalentry_corrects_id_key;
ALTER TABLE finance_journalentry
    ADD CONSTRAINT finance_journalentry_reverses_id_key UNIQUE (reverses_id),
    ADD CONSTRAINT finance_journalentry_corrects_id_key UNIQUE (corrects_id);
"""


class Migration(migrations.Migration):
    dependencies = [("finance", "0007_stamp_closing")]

    operations = [
        migrations.RunSQL(POSITIONS, migrations.RunSQL.noop),
        migrations.RunSQL(FORWARD, REVERSE),
        migrations.AlterField(
            model_name="journalentry",
            name="book",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="entries",
                to="finance.book",
            ),
        ),
    ]
