-- An account with postings keeps its type, currency and book. By the account alone: the key of its lines holds them to its
-- book, and with the book in the condition another index would seem to do as well.
CREATE FUNCTION finance_account_identity() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, {schema}, pg_temp AS $function$
BEGIN
    IF EXISTS (SELECT FROM finance_journalline WHERE account_id = OLD.id) THEN
        RAISE EXCEPTION 'account % has postings; its type, currency and book stay', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_append_only';
    END IF;
    RETURN NEW;
END $function$;
REVOKE ALL ON FUNCTION finance_account_identity() FROM PUBLIC;

CREATE TRIGGER finance_account_identity
    BEFORE UPDATE OF type, currency, book_id ON finance_account
    FOR EACH ROW WHEN (OLD.type <> NEW.type OR OLD.currency <> NEW.currency OR OLD.book_id <> NEW.book_id)
    EXECUTE FUNCTION finance_account_identity();
