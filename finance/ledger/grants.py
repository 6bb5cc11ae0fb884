"""The database rights of the application's role: all it needs, and nothing with which posted rows could be rewritten.

The tables belong to the role that migrates; web and workers connect as another one. The guards of the migrations refuse
rewriting to everybody who can fire them; these rights keep the application from switching them off or going around them.
"""

from typing import Any

from django.db import connection, transaction
from psycopg import sql

from finance.errors import Invalid
from finance.ledger.models import AccountMonth, ChainHead, JournalEntry, JournalLine, PeriodChange, Seal
from identity.models import AuditRecord

APPEND_ONLY = tuple(model._meta.db_table for model in (JournalEntry, JournalLine, Seal, AuditRecord))
# What migrations have been applied is none of the application's business but to know.
READ_ONLY = (*(model._meta.db_table for model in (AccountMonth, ChainHead, PeriodChange)), "django_migrations")

_TABLES = """
SELECT relname, relispartition FROM pg_class
 WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
"""

# Functions of ours, by whether they are triggers; what an extension brought is left as it is.
_FUNCTIONS = """
SELECT function.oid::regprocedure::text, function.prorettype = 'trigger'::regtype
  FROM pg_proc AS function
 WHERE function.pronamespace = current_schema()::regnamespace AND function.prokind = 'f'
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = function.oid AND deptype = 'e')
"""

# What a role is or may become has effect whatever is granted: (what it means, whether it holds).
_TOO_MIGHTY = """
SELECT rolsuper,
       EXISTS (SELECT FROM pg_class AS relation
                WHERE relation.relnamespace = current_schema()::regnamespace AND relation.relkind IN ('r', 'p')
                  AND pg_has_role(role.oid, relation.relowner, 'MEMBER')),
       rolcreaterole, rolbypassrls, rolreplication,
       EXISTS (SELECT FROM pg_roles AS given
                WHERE given.rolname IN ('pg_write_all_data', 'pg_write_server_files', 'pg_execute_server_program')
                  AND pg_has_role(role.oid, given.oid, 'MEMBER'))
  FROM pg_roles AS role WHERE role.rolname = %s
"""
_MIGHTS = (
    "is a superuser",
    "owns tables or may become a role that does",
    "may make and change roles (CREATEROLE)",
    "passes row security by (BYPASSRLS)",
    "may replicate (REPLICATION)",
    "may write all data, write files on the server or run programs there",
)

_EXCESS = """
SELECT has_schema_privilege(role.oid, current_schema(), 'CREATE'),
       has_database_privilege(role.oid, current_database(), 'CREATE'),
       (SELECT string_agg(relation.relname, ', ' ORDER BY relation.relname)
          FROM pg_class AS relation
         WHERE relation.relnamespace = current_schema()::regnamespace AND relation.relkind IN ('r', 'p')
           AND (has_table_privilege(role.oid, relation.oid, 'TRIGGER')
                OR has_table_privilege(role.oid, relation.oid, 'TRUNCATE')
                OR relation.relname = ANY(%(kept)s) AND has_any_column_privilege(role.oid, relation.oid, 'UPDATE')
                OR relation.relname = ANY(%(kept)s) AND has_table_privilege(role.oid, relation.oid, 'DELETE')
                OR relation.relname = ANY(%(read)s) AND has_any_column_privilege(role.oid, relation.oid, 'INSERT')))
  FROM pg_roles AS role WHERE role.rolname = %(role)s
"""


def too_mighty(*, role: str) -> list[str] | None:
    """What keeps every grant from holding this role back, as ends of a sentence about it; None when there is no such role."""
    row = _row(_TOO_MIGHTY, [role])
    return None if row is None else [might for might, holds in zip(_MIGHTS, row, strict=True) if holds]


def excess(*, role: str) -> list[str]:
    """What the role may do beyond the application's rights, and grant_application_rights() takes away."""
    row = _row(_EXCESS, {"role": role, "kept": [*APPEND_ONLY, *READ_ONLY], "read": list(READ_ONLY)})
    if row is None:
        return []
    in_schema, schemas, tables = row
    found = [(in_schema, "may make tables and functions in the schema"), (schemas, "may make schemas")]
    found += [(tables, f"has rights that the application does not need on: {tables}")]
    return [sentence for holds, sentence in found if holds]


@transaction.atomic
def grant_application_rights(*, role: str) -> list[str]:
    """Give the existing role exactly the application's rights on the current schema; returns the tables covered.

    Rights given earlier are taken away first, so running it after each migration is enough. What PostgreSQL gives to
    everybody and nobody here needs is taken away as well. Raises Invalid for an unknown role and for one that no grant
    can hold back (a superuser, an owner of tables).
    """
    mights = too_mighty(role=role)
    if mights is None:
        raise Invalid(field="role", reason=f"There is no database role named {role}.")
    if mights:
        raise Invalid(field="role", reason=f"{role} {', '.join(mights)}; the application needs a role of its own.")
    schema, database = _row("SELECT current_schema()::text, current_database()::text") or ("", "")
    names = {"role": sql.Identifier(role), "schema": sql.Identifier(schema), "database": sql.Identifier(database)}
    with connection.cursor() as cursor:
        for template in _SCHEMA_WIDE:
            cursor.execute(sql.SQL(template).format(**names))
        cursor.execute(_FUNCTIONS)
        for function, is_trigger in cursor.fetchall():
            # regprocedure has quoted the name where it needs to be.
            rights = "REVOKE ALL ON FUNCTION {} FROM PUBLIC" if is_trigger else "GRANT EXECUTE ON FUNCTION {} TO {}"
            cursor.execute(sql.SQL(rights).format(sql.SQL(function), names["role"]))
        cursor.execute(_TABLES)
        tables = sorted(cursor.fetchall())
        for table, is_partition in tables:
            # A partition is reached through its whole, but for pg_dump, which reads each by itself.
            if is_partition or table in READ_ONLY:
                rights = "SELECT"
            elif table in APPEND_ONLY:
                rights = "SELECT, INSERT"
            else:
                rights = "SELECT, INSERT, UPDATE, DELETE"
            statement = sql.SQL(f"GRANT {rights} ON {{table}} TO {{role}}")
            cursor.execute(statement.format(table=sql.Identifier(schema, table), role=names["role"]))
    return [table for table, is_partition in tables if not is_partition]


_SCHEMA_WIDE = (
    "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
    "REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC",
    "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",
    "REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {role}",
    "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {schema} FROM {role}",
    "REVOKE ALL ON SCHEMA {schema} FROM {role}",
    "REVOKE ALL ON DATABASE {database} FROM {role}",
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
)


def _row(statement: str, parameters: Any = None) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row
