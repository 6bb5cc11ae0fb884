"""The database rights of the application's role: all it needs, and nothing with which posted rows could be rewritten.

In production the tables belong to the role that migrates; web and workers connect as another one. The triggers of
migration 0003 refuse rewriting to everybody who can fire them; these rights keep the application from switching
them off.
"""

from django.db import connection, transaction
from psycopg import sql

from finance.errors import Invalid
from finance.ledger.models import AccountMonth, ChainHead, JournalEntry, JournalLine, Seal

APPEND_ONLY = (JournalEntry._meta.db_table, JournalLine._meta.db_table, Seal._meta.db_table)
READ_ONLY = (AccountMonth._meta.db_table, ChainHead._meta.db_table)

# A partition is reached through its whole; nobody needs a right on it.
_TABLES = """
SELECT relname FROM pg_class
 WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
"""

# A superuser, and whoever owns a table or may become its owner, has every right whatever is granted.
_TOO_MIGHTY = """
SELECT role.rolsuper OR EXISTS (SELECT 1 FROM pg_class AS relation
                                 WHERE relation.relnamespace = current_schema()::regnamespace
                                   AND relation.relkind IN ('r', 'p')
                                   AND pg_has_role(role.oid, relation.relowner, 'MEMBER'))
  FROM pg_roles AS role WHERE role.rolname = %s
"""


@transaction.atomic
def grant_application_rights(*, role: str) -> list[str]:
    """Give the existing role exactly the application's rights on the current schema; returns the tables covered.

    Rights given earlier are taken away first, so running it after each migration is enough. Raises Invalid for an
    unknown role and for one that no grant can hold back (a superuser, an owner of tables).
    """
    with connection.cursor() as cursor:
        cursor.execute(_TOO_MIGHTY, [role])
        found = cursor.fetchone()
        if found is None:
            raise Invalid(field="role", reason=f"There is no database role named {role}.")
        if found[0]:
            raise Invalid(
                field="role", reason=f"{role} is a superuser or owns tables; the application needs a role of its own."
            )
        cursor.execute("SELECT current_schema()::text, current_database()::text")
        schema, database = cursor.fetchone()
        cursor.execute(_TABLES)
        tables = sorted(name for (name,) in cursor.fetchall())
        names = {"role": sql.Identifier(role), "schema": sql.Identifier(schema), "database": sql.Identifier(database)}
        for template in _SCHEMA_WIDE:
            cursor.execute(sql.SQL(template).format(**names))
        for table in tables:
            relation = sql.Identifier(schema, table)
            statement = sql.SQL(f"GRANT {_rights_on(table)} ON {{table}} TO {{role}}")
            cursor.execute(statement.format(table=relation, role=names["role"]))
    return tables


_SCHEMA_WIDE = (
    "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",
    "REVOKE ALL ON SCHEMA {schema} FROM {role}",
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}",
)


def _rights_on(table: str) -> str:
    if table in READ_ONLY:
        return "SELECT"
    if table in APPEND_ONLY:
        return "SELECT, INSERT"
    return "SELECT, INSERT, UPDATE, DELETE"
