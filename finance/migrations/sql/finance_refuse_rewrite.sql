-- What is posted or sealed is never changed or taken away: a correction is a further entry.
CREATE FUNCTION finance_refuse_rewrite() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, {schema}, pg_temp AS $function$
BEGIN
    RAISE EXCEPTION '% of posted rows is refused: post a reversal instead', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_append_only';
END $function$;
REVOKE ALL ON FUNCTION finance_refuse_rewrite() FROM PUBLIC;

CREATE TRIGGER finance_entry_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON finance_journalentry
    FOR EACH STATEMENT EXECUTE FUNCTION finance_refuse_rewrite();

CREATE TRIGGER finance_line_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON finance_journalline
    FOR EACH STATEMENT EXECUTE FUNCTION finance_refuse_rewrite();

CREATE TRIGGER finance_seal_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON finance_seal
    FOR EACH STATEMENT EXECUTE FUNCTION finance_refuse_rewrite();
