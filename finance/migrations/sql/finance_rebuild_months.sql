-- Inserting a row into finance_monthrebuild makes a book's month totals again from its lines and tells what differed.
-- Lines are looked up by their account alone, whose key holds them to its book: with the book in the condition too, another
-- index fits as well, and a server without statistics takes it.
CREATE FUNCTION finance_rebuild_months() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp SET enable_seqscan = off SET jit = off AS $function$
BEGIN
    IF TG_RELID <> 'finance_monthrebuild'::regclass OR TG_NAME <> 'finance_month_rebuild' THEN
        RAISE EXCEPTION 'finance_rebuild_months() works for the trigger finance_month_rebuild only'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- Postings hold the book in share mode; none is under way while its totals are made.
    PERFORM 1 FROM finance_book WHERE id = NEW.book_id FOR UPDATE;
    DELETE FROM finance_accountmonth AS kept
     WHERE kept.book_id = NEW.book_id
       AND NOT EXISTS (
           SELECT FROM (
               SELECT coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS debit,
                      coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS credit,
                      count(*) AS lines
                 FROM finance_journalline AS line
                WHERE line.account_id = kept.account_id
                  AND line.date >= kept.month AND line.date < (kept.month + interval '1 month')::date) AS proven
            WHERE proven.debit = kept.debit AND proven.credit = kept.credit AND proven.lines = kept.lines
              AND proven.lines > 0);
    GET DIAGNOSTICS NEW.removed = ROW_COUNT;
    INSERT INTO finance_accountmonth (book_id, account_id, month, debit, credit, lines)
    SELECT NEW.book_id, line.account_id, date_trunc('month', line.date::timestamp)::date,
           coalesce(sum(line.amount) FILTER (WHERE line.amount > 0), 0),
           coalesce(-sum(line.amount) FILTER (WHERE line.amount < 0), 0),
           count(*)
      FROM finance_account AS account CROSS JOIN LATERAL (
           SELECT account_id, date, amount FROM finance_journalline
            WHERE account_id = account.id OFFSET 0) AS line
     WHERE account.book_id = NEW.book_id
     GROUP BY 2, 3
     ORDER BY 2, 3
    ON CONFLICT (account_id, month, book_id) DO NOTHING;
    GET DIAGNOSTICS NEW.written = ROW_COUNT;
    RETURN NEW;
END $function$;
REVOKE ALL ON FUNCTION finance_rebuild_months() FROM PUBLIC;

CREATE TRIGGER finance_month_rebuild
    BEFORE INSERT ON finance_monthrebuild
    FOR EACH ROW EXECUTE FUNCTION finance_rebuild_months();
