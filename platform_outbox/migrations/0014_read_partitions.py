"""A new partition is as readable as the whole: pg_dump reads each by itself, and the application's role makes backups."""

from django.db import migrations

MADE = "        made := made + 1;"
READABLE = """        -- Who may read the whole may read a part; nothing else is given.
        FOR reader IN SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(grantee::regrole::text) END
                      FROM pg_class, aclexplode(relacl)
                      WHERE pg_class.oid = 'platform_outbox'::regclass AND privilege_type = 'SELECT'
                        AND grantee <> relowner LOOP
            EXECUTE format('GRANT SELECT ON %I TO %s', partition, reader);
        END LOOP;
"""
DECLARED, READER = "    made integer := 0;\n", "    reader text;\n"


def grant(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        definition = _definition(cursor)
        assert MADE in definition
        assert DECLARED in definition
        # Without parameters Django leaves the % of the function's formats alone.
        cursor.execute(definition.replace(DECLARED, DECLARED + READER).replace(MADE, READABLE + MADE))


def grant_no_more(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_definition(cursor).replace(READER, "").replace(READABLE, ""))


def _definition(cursor):
    cursor.execute("SELECT pg_get_functiondef('platform_outbox_extend(bigint, integer)'::regprocedure)")
    return cursor.fetchone()[0]


class Migration(migrations.Migration):
    dependencies = [("platform_outbox", "0013_find_halted_keys")]

    operations = [migrations.RunPython(grant, grant_no_more)]
