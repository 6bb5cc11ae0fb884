-- The moment of closing is the database's own: who closes by hand is stamped too, and nobody sets it back.
CREATE FUNCTION finance_stamp_closing() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, {schema}, pg_temp AS $function$
BEGIN
    IF NEW.closed_through IS NOT DISTINCT FROM OLD.closed_through THEN
        NEW.closed_at := OLD.closed_at;
    ELSIF NEW.closed_through IS NULL THEN
        NEW.closed_at := NULL;
    ELSE
        NEW.closed_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $function$;
REVOKE ALL ON FUNCTION finance_stamp_closing() FROM PUBLIC;

-- Triggers fire by name: this one after finance_book_close_waits, when no posting is under way any more.
CREATE TRIGGER finance_book_closed_at
    BEFORE UPDATE OF closed_through, closed_at ON finance_book
    FOR EACH ROW EXECUTE FUNCTION finance_stamp_closing();
