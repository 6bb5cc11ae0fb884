-- Every change of a closing date is written down, where no role can remove it. A period that is opened, posted into and
-- closed again in one transaction looks untouched afterwards; the log tells, and verify_ledger reads it.
CREATE FUNCTION finance_log_closing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp AS $function$
BEGIN
    IF TG_RELID <> 'finance_book'::regclass OR TG_NAME <> 'finance_book_closing_logged' THEN
        RAISE EXCEPTION 'finance_log_closing() works for the trigger finance_book_closing_logged only'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO finance_periodchange (book_id, at, transaction_at, role, closed_before, closed_after)
    VALUES (NEW.id, clock_timestamp(), transaction_timestamp(), session_user, OLD.closed_through, NEW.closed_through);
    RETURN NULL;
END $function$;
REVOKE ALL ON FUNCTION finance_log_closing() FROM PUBLIC;

CREATE TRIGGER finance_book_closing_logged
    AFTER UPDATE OF closed_through ON finance_book
    FOR EACH ROW WHEN (OLD.closed_through IS DISTINCT FROM NEW.closed_through)
    EXECUTE FUNCTION finance_log_closing();
