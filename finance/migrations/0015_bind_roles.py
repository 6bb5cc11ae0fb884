"""The guards hold for every role but the owner, also for one that was given more rights than it needs.

- A guard that runs with the owner's rights works for its own trigger only. Attached to another table, or once more to
  its own, it would write month totals and chain heads from made-up rows.
- Nobody but the owner may attach a guard at all: PostgreSQL lets everybody execute a new function unless told otherwise.
- Month totals and chain heads are written by the owner's functions. "Below another trigger" was not enough: a role can
  have a trigger of its own.
- Each function finds things in pg_catalog and in our schema, and in the caller's temporary tables last.
"""

from django.db import migrations

# Function → (table, trigger) that it belongs to.
GUARDS = {
    "finance_check_entry": ("finance_journalentry", "finance_entry_balanced"),
    "finance_check_period": ("finance_journalentry", "finance_entry_period_open"),
    "finance_post_lines": ("finance_journalline", "finance_line_post"),
    "finance_lock_book": ("finance_book", "finance_book_close_waits"),
    "finance_rebuild_months": ("finance_monthrebuild", "finance_month_rebuild"),
    "finance_continue_chain": ("finance_seal", "finance_seal_continues"),
}
PLAIN = ("finance_refuse_rewrite", "finance_account_identity", "finance_stamp_closing")

AT_HOME = """
    IF TG_RELID <> '{table}'::regclass OR TG_NAME <> '{trigger}' THEN
        RAISE EXCEPTION '{function}() works for the trigger {trigger} only' USING ERRCODE = 'insufficient_privilege';
    END IF;"""

BY_TRIGGER_ONLY = """
CREATE FUNCTION finance_by_trigger_only() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, {schema}, pg_temp AS $$
BEGIN
    -- This trigger is one level; a guard that writes is the other, and runs as the owner.
    IF pg_trigger_depth() > 1 AND pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% of what the guards keep is refused', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_append_only';
END $$;
REVOKE ALL ON FUNCTION finance_by_trigger_only() FROM PUBLIC;
"""
KEPT_BY_TRIGGERS = {
    "finance_accountmonth": "finance_month_by_trigger_only",
    "finance_chainhead": "finance_chainhead_by_trigger_only",
}
TRIGGER = """
DROP TRIGGER {trigger} ON {table};
CREATE TRIGGER {trigger}
    BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT {does};
"""


def bind(apps, schema_editor):
    schema = _schema(schema_editor)
    for function, (table, trigger) in GUARDS.items():
        at_home = AT_HOME.format(function=function, table=table, trigger=trigger)
        _rewrite(schema_editor, function, "\nBEGIN", f"\nBEGIN{at_home}")
    for function in (*GUARDS, *PLAIN):
        schema_editor.execute(f"ALTER FUNCTION {function}() SET search_path = pg_catalog, {schema}, pg_temp")
        schema_editor.execute(f"REVOKE ALL ON FUNCTION {function}() FROM PUBLIC")
    schema_editor.execute(BY_TRIGGER_ONLY.replace("{schema}", schema), params=None)
    for table, trigger in KEPT_BY_TRIGGERS.items():
        does = "EXECUTE FUNCTION finance_by_trigger_only()"
        schema_editor.execute(TRIGGER.format(table=table, trigger=trigger, does=does))


def let_go(apps, schema_editor):
    for table, trigger in KEPT_BY_TRIGGERS.items():
        does = "WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION finance_refuse_rewrite()"
        schema_editor.execute(TRIGGER.format(table=table, trigger=trigger, does=does))
    schema_editor.execute("DROP FUNCTION finance_by_trigger_only()")
    for function in (*GUARDS, *PLAIN):
        schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {function}() TO PUBLIC")
    for function in PLAIN:
        schema_editor.execute(f"ALTER FUNCTION {function}() RESET search_path")
    for function, (table, trigger) in GUARDS.items():
        schema_editor.execute(f"ALTER FUNCTION {function}() SET search_path = public, pg_temp")
        _rewrite(schema_editor, function, AT_HOME.format(function=function, table=table, trigger=trigger), "")


def _schema(schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        return cursor.fetchone()[0]


def _rewrite(schema_editor, function, old, new):
    """The function as it is, with the first `old` in its text replaced."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef(%s::regproc)", [function])
        (definition,) = cursor.fetchone()
        assert old in definition, function
        # Without parameters Django leaves the % of the function's messages alone.
        cursor.execute(definition.replace(old, new, 1))


class Migration(migrations.Migration):
    dependencies = [("finance", "0014_probe_entries")]

    operations = [migrations.RunPython(bind, let_go)]
