-- Audit records go by age only, and by the owner's function: a setting that any session can make is no permission.
-- It knows nothing of AUDIT_RETENTION_DAYS, which is the application's own; it keeps the last week, the least that this
-- setting may be (less a day, for clocks that differ), so that nobody wipes fresh traces out with the application's role.
CREATE FUNCTION identity_prune_audit(before timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp AS $function$
DECLARE
    deleted bigint;
BEGIN
    IF before IS NULL OR before > now() - interval '6 days' THEN
        RAISE EXCEPTION 'audit records are kept for a week at least' USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM set_config('lifeos.audit_retention', 'on', true);
    DELETE FROM identity_auditrecord WHERE at < before;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    -- The permission ends here, also inside a caller's longer transaction.
    PERFORM set_config('lifeos.audit_retention', 'off', true);
    RETURN deleted;
END $function$;
REVOKE ALL ON FUNCTION identity_prune_audit(timestamptz) FROM PUBLIC;
