from django.db import migrations

FORWARD = """
CREATE FUNCTION identity_guard_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The retention command says so for its own transaction; nobody else deletes by accident.
    IF TG_OP = 'DELETE' AND coalesce(current_setting('lifeos.audit_retention', true), '') = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER identity_guard_audit BEFORE UPDATE OR DELETE ON identity_auditrecord
    FOR EACH ROW EXECUTE FUNCTION identity_guard_audit();
"""

REVERSE = """
DROP TRIGGER identity_guard_audit ON identity_auditrecord;
DROP FUNCTION identity_guard_audit();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('identity', '0002_add_audit_and_preferences'),
    ]

    operations = [
        migrations.RunSQL(FORWARD, REVERSE),
    ]
