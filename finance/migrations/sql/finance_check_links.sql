-- A reversal takes back exactly what it names, once, in its own book; a correction replaces what was taken back.
-- Asked at commit, like the balance, and only of the few entries that name another one.
CREATE FUNCTION finance_check_links() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp AS $function$
BEGIN
    IF TG_RELID <> 'finance_journalentry'::regclass OR TG_NAME <> 'finance_entry_links' THEN
        RAISE EXCEPTION 'finance_check_links() works for the trigger finance_entry_links only'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- Not another reversal: what that one took back is posted again as an entry of its own.
    IF NEW.reverses_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM finance_journalentry
         WHERE id = NEW.reverses_id AND book_id + 0 = NEW.book_id AND reverses_id IS NULL)
    THEN
        RAISE EXCEPTION 'entry % reverses %, which is no entry of its book or a reversal itself', NEW.id, NEW.reverses_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_reversal_opposite';
    END IF;
    IF NEW.reverses_id IS NOT NULL AND EXISTS (
        (SELECT account_id, currency, amount FROM finance_journalline
          WHERE entry_id = NEW.reverses_id AND book_id + 0 = NEW.book_id
         EXCEPT ALL
         SELECT account_id, currency, -amount FROM finance_journalline
          WHERE entry_id = NEW.id AND book_id + 0 = NEW.book_id)
        UNION ALL
        (SELECT account_id, currency, -amount FROM finance_journalline
          WHERE entry_id = NEW.id AND book_id + 0 = NEW.book_id
         EXCEPT ALL
         SELECT account_id, currency, amount FROM finance_journalline
          WHERE entry_id = NEW.reverses_id AND book_id + 0 = NEW.book_id))
    THEN
        RAISE EXCEPTION 'the lines of entry % are not the opposite of those of entry %', NEW.id, NEW.reverses_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_reversal_opposite';
    END IF;
    IF NEW.corrects_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM finance_journalentry AS reversal
         WHERE reversal.reverses_id = NEW.corrects_id AND reversal.book_id + 0 = NEW.book_id)
    THEN
        RAISE EXCEPTION 'entry % corrects %, which still stands or is no entry of its book', NEW.id, NEW.corrects_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_correction_chained';
    END IF;
    RETURN NULL;
END $function$;
REVOKE ALL ON FUNCTION finance_check_links() FROM PUBLIC;

CREATE CONSTRAINT TRIGGER finance_entry_links
    AFTER INSERT ON finance_journalentry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.reverses_id IS NOT NULL OR NEW.corrects_id IS NOT NULL)
    EXECUTE FUNCTION finance_check_links();
