-- Month totals, chain heads and the log of closings are written by the guards, and by nobody else.
CREATE FUNCTION finance_by_trigger_only() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, {schema}, pg_temp AS $function$
BEGIN
    -- This trigger is one level; a guard that writes is the other, and runs as the owner.
    IF pg_trigger_depth() > 1 AND pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% of what the guards keep is refused', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_append_only';
END $function$;
REVOKE ALL ON FUNCTION finance_by_trigger_only() FROM PUBLIC;

CREATE TRIGGER finance_month_by_trigger_only
    BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON finance_accountmonth
    FOR EACH STATEMENT EXECUTE FUNCTION finance_by_trigger_only();

CREATE TRIGGER finance_chainhead_by_trigger_only
    BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON finance_chainhead
    FOR EACH STATEMENT EXECUTE FUNCTION finance_by_trigger_only();

CREATE TRIGGER finance_periodchange_by_trigger_only
    BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON finance_periodchange
    FOR EACH STATEMENT EXECUTE FUNCTION finance_by_trigger_only();
