-- Nothing is posted on or before the book's `closed_through`, and an entry is recorded at the time of the server's clock.
-- Posting takes a share lock on the book's row and closing an exclusive one, so that neither can slip past the other.
-- Once per statement: a trigger for each row would slow every import down.
CREATE FUNCTION finance_check_period() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp AS $function$
DECLARE
    earliest record;
    closed date;
BEGIN
    IF TG_RELID <> 'finance_journalentry'::regclass OR TG_NAME <> 'finance_entry_period_open' THEN
        RAISE EXCEPTION 'finance_check_period() works for the trigger finance_entry_period_open only'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR earliest IN SELECT book_id, min(date) AS date, min(created_at) AS first, max(created_at) AS last
                      FROM posted GROUP BY book_id ORDER BY book_id LOOP
        IF (earliest.first < transaction_timestamp() - interval '1 minute'
            OR earliest.last > clock_timestamp() + interval '1 minute')
           -- This function runs as the owner; who is connected is the session's user.
           AND NOT pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
        THEN
            RAISE EXCEPTION 'entries are recorded now, not between % and %', earliest.first, earliest.last
                USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_entry_recorded_now';
        END IF;
        SELECT closed_through INTO closed FROM finance_book WHERE id = earliest.book_id FOR KEY SHARE;
        IF earliest.date <= closed THEN
            RAISE EXCEPTION 'book % is closed through %, entry is dated %', earliest.book_id, closed, earliest.date
                USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_period_open';
        END IF;
    END LOOP;
    RETURN NULL;
END $function$;
REVOKE ALL ON FUNCTION finance_check_period() FROM PUBLIC;

CREATE TRIGGER finance_entry_period_open
    AFTER INSERT ON finance_journalentry REFERENCING NEW TABLE AS posted
    FOR EACH STATEMENT EXECUTE FUNCTION finance_check_period();
