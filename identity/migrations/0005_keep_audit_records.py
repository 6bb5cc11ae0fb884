"""Audit records go by age only, and by the owner's function: a setting that any session can make is no permission.

The function knows nothing of AUDIT_RETENTION_DAYS, which is the application's own; it keeps the last week, the least
that this setting may be (less a day, for clocks that differ), so that nobody wipes fresh traces out with the
application's role.
"""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION identity_guard_audit() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, {schema}, pg_temp AS $$
BEGIN
    -- Within identity_prune_audit(), which runs as the owner. The setting keeps the owner from deleting by accident.
    IF TG_OP = 'DELETE' AND coalesce(current_setting('lifeos.audit_retention', true), '') = 'on'
        AND pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'restrict_violation';
END $$;
REVOKE ALL ON FUNCTION identity_guard_audit() FROM PUBLIC;

CREATE TRIGGER identity_keep_audit BEFORE TRUNCATE ON identity_auditrecord
    FOR EACH STATEMENT EXECUTE FUNCTION identity_guard_audit();

CREATE FUNCTION identity_prune_audit(before timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp AS $$
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
END $$;
REVOKE ALL ON FUNCTION identity_prune_audit(timestamptz) FROM PUBLIC;
"""

REVERSE = """
DROP FUNCTION identity_prune_audit(timestamptz);
DROP TRIGGER identity_keep_audit ON identity_auditrecord;
CREATE OR REPLACE FUNCTION identity_guard_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The retention command says so for its own transaction; nobody else deletes by accident.
    IF TG_OP = 'DELETE' AND coalesce(current_setting('lifeos.audit_retention', true), '') = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'restrict_violation';
END $$;
GRANT EXECUTE ON FUNCTION identity_guard_audit() TO PUBLIC;
"""


def keep(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        (schema,) = cursor.fetchone()
        cursor.execute(FORWARD.replace("{schema}", schema))


def keep_no_more(apps, schema_editor):
    schema_editor.execute(REVERSE, params=None)


class Migration(migrations.Migration):
    dependencies = [("identity", "0004_add_webhook_actions")]

    operations = [migrations.RunPython(keep, keep_no_more)]
