-- Seals continue where the chain of their book ends, without a gap. Where it ends is noted here, which nobody else can
-- do, so that seals taken away from its end are missed.
CREATE FUNCTION finance_continue_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp AS $function$
DECLARE
    part record;
    known bigint;
BEGIN
    IF TG_RELID <> 'finance_seal'::regclass OR TG_NAME <> 'finance_seal_continues' THEN
        RAISE EXCEPTION 'finance_continue_chain() works for the trigger finance_seal_continues only'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR part IN SELECT book_id, min(seq) AS first, max(seq) AS last, count(*) AS seals
                  FROM made GROUP BY book_id ORDER BY book_id LOOP
        SELECT seals INTO known FROM finance_chainhead WHERE book_id = part.book_id FOR UPDATE;
        IF part.first <> coalesce(known, 0) + 1 OR part.seals <> part.last - part.first + 1 THEN
            RAISE EXCEPTION 'the chain of book % has % seals; % seals from % to % do not continue it',
                part.book_id, coalesce(known, 0), part.seals, part.first, part.last
                USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_chain_continued';
        END IF;
        INSERT INTO finance_chainhead (book_id, seals, hash, entry_id, sealed_at)
        SELECT book_id, seq, hash, entry_id, sealed_at FROM made WHERE book_id = part.book_id AND seq = part.last
        ON CONFLICT (book_id) DO UPDATE
           SET seals = excluded.seals, hash = excluded.hash, entry_id = excluded.entry_id,
               sealed_at = excluded.sealed_at;
    END LOOP;
    RETURN NULL;
END $function$;
REVOKE ALL ON FUNCTION finance_continue_chain() FROM PUBLIC;

CREATE TRIGGER finance_seal_continues
    AFTER INSERT ON finance_seal REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION finance_continue_chain();
