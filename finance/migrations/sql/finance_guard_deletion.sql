-- A book is deleted by the database's clock, and kept for a day at least; what is longer is the application's choice.
-- A demo book, which is one from the beginning, need not be kept. Once the grace is over nothing of this changes any more.
CREATE FUNCTION finance_guard_deletion() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, {schema}, pg_temp AS $function$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.deleted_at IS NOT NULL OR NEW.erase_at IS NOT NULL THEN
            RAISE EXCEPTION 'a book does not begin deleted'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_book_grace';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.is_demo AND NOT OLD.is_demo THEN
        RAISE EXCEPTION 'book % does not become a demo book', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_book_grace';
    END IF;
    IF OLD.erase_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'the grace of book % is over', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_book_grace';
    END IF;
    IF NEW.erase_at IS NULL THEN
        NEW.deleted_at := NULL;
        RETURN NEW;
    END IF;
    NEW.deleted_at := coalesce(OLD.deleted_at, clock_timestamp());
    IF NEW.is_demo THEN
        NEW.erase_at := greatest(NEW.erase_at, NEW.deleted_at);
    -- An hour for clocks that differ.
    ELSIF NEW.erase_at < greatest(NEW.deleted_at + interval '23 hours', OLD.erase_at) THEN
        RAISE EXCEPTION 'book % is kept for a day at least', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_book_grace';
    END IF;
    RETURN NEW;
END $function$;
REVOKE ALL ON FUNCTION finance_guard_deletion() FROM PUBLIC;

CREATE TRIGGER finance_book_not_born_deleted
    BEFORE INSERT ON finance_book
    FOR EACH ROW EXECUTE FUNCTION finance_guard_deletion();

CREATE TRIGGER finance_book_grace
    BEFORE UPDATE OF is_demo, deleted_at, erase_at ON finance_book
    FOR EACH ROW EXECUTE FUNCTION finance_guard_deletion();
