-- A line joins no full entry, and the totals of its month are kept.
-- Positions are unique within an entry and end at its declared number of lines, so that a full entry has no free one.
-- Totals are written in the order of accounts, so that two postings cannot wait for each other in a circle.
CREATE FUNCTION finance_post_lines() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp SET enable_seqscan = off SET jit = off AS $function$
DECLARE
    misplaced record;
BEGIN
    IF TG_RELID <> 'finance_journalline'::regclass OR TG_NAME <> 'finance_line_post' THEN
        RAISE EXCEPTION 'finance_post_lines() works for the trigger finance_line_post only'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT found.* INTO misplaced
      FROM (SELECT posted.entry_id, posted.position,
                   (SELECT entry.line_count FROM finance_journalentry AS entry
                     -- + 0: never by an index that the book alone leads into, which costs the same in an empty journal.
                     WHERE entry.id = posted.entry_id AND entry.book_id + 0 = posted.book_id)
              FROM posted
            -- Nothing of this is joined into what is around it.
            OFFSET 0) AS found
     WHERE found.position NOT BETWEEN 1 AND found.line_count
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
    ON CONFLICT (account_id, month, book_id) DO UPDATE
       SET debit = month.debit + excluded.debit,
           credit = month.credit + excluded.credit,
           lines = month.lines + excluded.lines;
    RETURN NULL;
END $function$;
REVOKE ALL ON FUNCTION finance_post_lines() FROM PUBLIC;

CREATE TRIGGER finance_line_post
    AFTER INSERT ON finance_journalline REFERENCING NEW TABLE AS posted
    FOR EACH STATEMENT EXECUTE FUNCTION finance_post_lines();
