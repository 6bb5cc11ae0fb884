"""What a database holds, as figures: counted in the moment of the copy and again in what was restored.

Equal figures mean that nothing was lost or changed on the way; whether the ledger is sound is verify_ledger's matter.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

Connection = psycopg.Connection[tuple[Any, ...]]

# Raised when the figures below are computed differently: figures of another number are not compared.
VERSION = 1

_TABLES = """
SELECT relation.oid::regclass::text FROM pg_class AS relation
 WHERE relation.relnamespace = 'public'::regnamespace AND relation.relkind = 'r' ORDER BY 1
"""

# A sum over digests does not depend on the order of rows, and differs when a single amount does. Each line looks its entry
# up: a join would be at the mercy of statistics, which a restored database does not have.
_BOOKS = """
SELECT entry.book_id, count(DISTINCT entry.id), max(entry.id), count(*),
       sum(('x' || left(md5(concat_ws('|', entry.uid, entry.date, line.account_id, line.currency, line.amount)), 15))
           ::bit(60)::bigint)::text
  FROM finance_journalline AS line CROSS JOIN LATERAL (
       SELECT id, book_id, uid, date FROM finance_journalentry WHERE id = line.entry_id OFFSET 0) AS entry
 GROUP BY 1 ORDER BY 1
"""

_SUMS = """
SELECT account.book_id, account.currency, sum(month.debit)::bigint, sum(month.credit)::bigint
  FROM finance_accountmonth AS month CROSS JOIN LATERAL (
       SELECT book_id, currency FROM finance_account WHERE id = month.account_id OFFSET 0) AS account
 GROUP BY 1, 2 ORDER BY 1, 2
"""

_CHAINS = """
SELECT book_id, seals, entry_id, encode(hash, 'hex') FROM finance_chainhead ORDER BY book_id
"""

_ROLES = """
SELECT DISTINCT role.rolname FROM pg_roles AS role
  JOIN (SELECT relowner AS oid FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION SELECT proowner FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION SELECT (aclexplode(relacl)).grantee FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION SELECT (aclexplode(proacl)).grantee FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION SELECT (aclexplode(nspacl)).grantee FROM pg_namespace WHERE nspname = 'public'
        UNION SELECT (aclexplode(nspacl)).grantor FROM pg_namespace WHERE nspname = 'public') AS used USING (oid)
 WHERE role.rolname NOT LIKE 'pg\\_%' ORDER BY 1
"""


def gathered(connection: Connection) -> dict[str, Any]:
    """Rows of every table, per book its entries, last entry, lines, a fingerprint and sums per currency, and the heads
    of the ledger's chains."""
    tables = {}
    for (name,) in connection.execute(_TABLES).fetchall():
        # regclass has quoted the name where it needs to be.
        tables[name] = connection.execute(sql.SQL("SELECT count(*) FROM ") + sql.SQL(name)).fetchall()[0][0]
    sums: dict[int, dict[str, list[int]]] = {}
    books = []
    if _there(connection, "finance_journalline"):
        for book, currency, debit, credit in connection.execute(_SUMS).fetchall():
            sums.setdefault(book, {})[currency] = [debit, credit]
        books = connection.execute(_BOOKS).fetchall()
    chains = connection.execute(_CHAINS).fetchall() if _there(connection, "finance_chainhead") else []
    return {
        "version": VERSION,
        "tables": tables,
        "books": [
            {
                "book": book,
                "entries": count,
                "last_entry": last,
                "lines": lines,
                "fingerprint": fingerprint,
                "sums": sums.get(book, {}),
            }
            for book, count, last, lines, fingerprint in books
        ],
        "chains": [
            {"book": book, "seals": seals, "last_entry": entry, "head": head} for book, seals, entry, head in chains
        ],
    }


def migrations(connection: Connection) -> list[str]:
    """Every applied migration as "app.name", in the order of application."""
    if not _there(connection, "django_migrations"):
        return []
    rows = connection.execute("SELECT app || '.' || name FROM django_migrations ORDER BY id").fetchall()
    return [name for (name,) in rows]


def known_migrations() -> set[str]:
    """Every migration that this version of LifeOS brings or has brought together, in the same words."""
    loader = MigrationLoader(None)
    replaced = {each for migration in loader.disk_migrations.values() for each in migration.replaces}
    return {f"{app}.{name}" for app, name in {*loader.graph.nodes, *replaced}}


def roles(connection: Connection) -> list[str]:
    """The roles that own something or were granted something; they must exist where a dump is restored."""
    return [name for (name,) in connection.execute(_ROLES).fetchall()]


def differences(*, told: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """One sentence for each figure of `told` that `found` does not confirm; rows that are only in `found` count too."""
    problems = _compare("table", told["tables"], found["tables"])
    if told["version"] == found["version"]:
        problems += _compare("book", _by_number(told["books"]), _by_number(found["books"]))
    # Backups of a LifeOS without chains tell of none.
    if "chains" in told:
        problems += _compare("the chain of book", _by_number(told["chains"]), _by_number(found["chains"]))
    return problems


def entries(figures: Mapping[str, Any]) -> int:
    return sum(book["entries"] for book in figures["books"])


def _compare(what: str, told: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    return [
        f"{what} {name} should hold {told.get(name)} and holds {found.get(name)}"
        for name in sorted({*told, *found})
        if told.get(name) != found.get(name)
    ]


def _by_number(books: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {str(book["book"]): book for book in books}


def _there(connection: Connection, table: str) -> bool:
    return connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone() == (True,)
