-- Where a chain ended when its book was last verified only moves on: a chain that is deleted whole, head and all, is
-- missed by the next verification.
CREATE FUNCTION finance_keep_noted_heads() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, {schema}, pg_temp AS $function$
BEGIN
    RAISE EXCEPTION 'the noted head of a chain only moves on'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_append_only';
END $function$;
REVOKE ALL ON FUNCTION finance_keep_noted_heads() FROM PUBLIC;

CREATE TRIGGER finance_noted_head_moves_on
    BEFORE UPDATE ON finance_notedhead
    FOR EACH ROW WHEN (NEW.book_id <> OLD.book_id OR NEW.seals < OLD.seals
                       OR (NEW.seals = OLD.seals AND NEW.hash <> OLD.hash))
    EXECUTE FUNCTION finance_keep_noted_heads();

CREATE TRIGGER finance_noted_head_stays
    BEFORE DELETE OR TRUNCATE ON finance_notedhead
    FOR EACH STATEMENT EXECUTE FUNCTION finance_keep_noted_heads();
