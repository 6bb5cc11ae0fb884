-- At commit an entry has the lines that its header declares, and they sum to zero per currency.
-- Lines are looked up by their entry (+ 0: never by an index of the book), whatever the statistics say: with those of a journal of one entry, taken before an
-- import, the server would read all lines for each entry. One currency, the rule, takes a plain sum.
CREATE FUNCTION finance_check_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp SET enable_seqscan = off SET jit = off AS $function$
DECLARE
    found bigint;
    total numeric;
    one_currency boolean;
    off text;
BEGIN
    IF TG_RELID <> 'finance_journalentry'::regclass OR TG_NAME <> 'finance_entry_balanced' THEN
        RAISE EXCEPTION 'finance_check_entry() works for the trigger finance_entry_balanced only'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT count(*), sum(amount), min(currency COLLATE "C") = max(currency COLLATE "C")
      INTO found, total, one_currency
      FROM finance_journalline WHERE entry_id = NEW.id AND book_id + 0 = NEW.book_id;
    IF found <> NEW.line_count THEN
        RAISE EXCEPTION 'entry % declares % lines and has %', NEW.id, NEW.line_count, found
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_entry_complete';
    END IF;
    IF one_currency AND total = 0 THEN
        RETURN NULL;
    END IF;
    SELECT string_agg(per_currency.currency || ' ' || per_currency.total, ', ')
      INTO off
      FROM (SELECT currency, sum(amount) AS total
              FROM finance_journalline
             WHERE entry_id = NEW.id AND book_id + 0 = NEW.book_id GROUP BY currency) AS per_currency
     WHERE per_currency.total <> 0;
    IF off IS NOT NULL THEN
        RAISE EXCEPTION 'entry % does not balance: % minor units', NEW.id, off
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_entry_balanced';
    END IF;
    RETURN NULL;
END $function$;
REVOKE ALL ON FUNCTION finance_check_entry() FROM PUBLIC;

CREATE CONSTRAINT TRIGGER finance_entry_balanced
    AFTER INSERT ON finance_journalentry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION finance_check_entry();
