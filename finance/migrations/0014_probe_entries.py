"""The guard of positions looks each line's entry up by its key, whatever the server thinks of the tables.

As a join it was at the mercy of the statistics. Taken while the journal was empty, as autovacuum does after an import
that was rolled back, they made the server read all new lines once for each new entry: twenty thousand entries took a
minute instead of two seconds, and ten times as many would have taken two hours. A subquery for one row is always a
probe of the primary key.
"""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION finance_post_lines() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    misplaced record;
BEGIN
{guard}
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
"""
PROBED = """
    SELECT found.* INTO misplaced
      FROM (SELECT posted.entry_id, posted.position,
                   (SELECT entry.line_count FROM finance_journalentry AS entry WHERE entry.id = posted.entry_id)
              FROM posted
            -- Nothing of this is joined into what is around it.
            OFFSET 0) AS found
     WHERE found.position NOT BETWEEN 1 AND found.line_count
     LIMIT 1;
"""
JOINED = """
    SELECT posted.entry_id, posted.position, entry.line_count INTO misplaced
      FROM posted JOIN finance_journalentry AS entry ON entry.id = posted.entry_id
     WHERE posted.position NOT BETWEEN 1 AND entry.line_count
     LIMIT 1;
"""


class Migration(migrations.Migration):
    dependencies = [("finance", "0013_seal_entries")]

    operations = [
        migrations.RunSQL(FUNCTION.format(guard=PROBED), FUNCTION.format(guard=JOINED)),
    ]
