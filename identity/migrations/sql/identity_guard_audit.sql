-- The audit trail is append-only; records go by age, through identity_prune_audit().
CREATE FUNCTION identity_guard_audit() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, {schema}, pg_temp AS $function$
BEGIN
    -- Within identity_prune_audit(), which runs as the owner. The setting keeps the owner from deleting by accident.
    IF TG_OP = 'DELETE' AND coalesce(current_setting('lifeos.audit_retention', true), '') = 'on'
        AND pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'restrict_violation';
END $function$;
REVOKE ALL ON FUNCTION identity_guard_audit() FROM PUBLIC;

CREATE TRIGGER identity_guard_audit
    BEFORE UPDATE OR DELETE ON identity_auditrecord
    FOR EACH ROW EXECUTE FUNCTION identity_guard_audit();

CREATE TRIGGER identity_keep_audit
    BEFORE TRUNCATE ON identity_auditrecord
    FOR EACH STATEMENT EXECUTE FUNCTION identity_guard_audit();
