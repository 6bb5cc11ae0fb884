-- A closing date is changed when no posting is under way.
CREATE FUNCTION finance_lock_book() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp AS $function$
BEGIN
    IF TG_RELID <> 'finance_book'::regclass OR TG_NAME <> 'finance_book_close_waits' THEN
        RAISE EXCEPTION 'finance_lock_book() works for the trigger finance_book_close_waits only'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM 1 FROM finance_book WHERE id = OLD.id FOR UPDATE;
    RETURN NEW;
END $function$;
REVOKE ALL ON FUNCTION finance_lock_book() FROM PUBLIC;

CREATE TRIGGER finance_book_close_waits
    BEFORE UPDATE OF closed_through ON finance_book
    FOR EACH ROW WHEN (OLD.closed_through IS DISTINCT FROM NEW.closed_through)
    EXECUTE FUNCTION finance_lock_book();
