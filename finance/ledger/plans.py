"""Keeps statements as fast as their indexes, whatever PostgreSQL's statistics say.

It plans by statistics. After a restore there are none, and after a large import they are those of the small table
before it: one entry in one, and a look-up of an entry's lines is priced like reading all lines. Statements that look up
row by row are therefore written as LATERAL subqueries with OFFSET 0, which are never joined, and run `by_index`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Exists

# From this many entries on, it pays to plan again.
MANY = 100
# From this many entries on, a load changes the statistics of the tables.
BULK = 10_000


class LookedUp(Exists):
    """Exists, looked up row by row: as OFFSET 0 keeps PostgreSQL from joining, it never reads the other table as a whole."""

    template = "EXISTS(%(subquery)s OFFSET 0)"


@contextmanager
def by_index(using: BaseDatabaseWrapper = connection, *, alone: bool = False) -> Iterator[None]:
    """A transaction in which a table is read from end to end only where no index leads to its rows.

    What is read from end to end all the same is priced out of reach, which would make PostgreSQL compile the statement:
    that is off as well. `alone`: without parallel workers, which take longer to start than a short statement takes.
    """
    settings = dict.fromkeys(("enable_seqscan", "jit"), "off")
    with _planning_with(using, settings | ({"max_parallel_workers_per_gather": "0"} if alone else {})):
        yield


@contextmanager
def joined(using: BaseDatabaseWrapper = connection) -> Iterator[None]:
    """A transaction in which tables are joined as wholes, never row by row: for statements about everything there is."""
    with _planning_with(using, dict.fromkeys(("enable_nestloop", "jit"), "off")):
        yield


@contextmanager
def in_order(using: BaseDatabaseWrapper = connection, *, indexes: int) -> Iterator[None]:
    """A transaction in which rows come from the indexes in their order, never collected first and then sorted.

    For the first rows of a merge of several `indexes`; of a single one they come like that anyway. The planner prices
    each row that an index leads to as a page from the disk, and would rather collect and sort whole accounts.
    """
    if indexes < 2:
        yield
        return
    off = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_sort", "jit")
    with _planning_with(using, {**dict.fromkeys(off, "off"), "max_parallel_workers_per_gather": "0"}):
        yield


@contextmanager
def _planning_with(using: BaseDatabaseWrapper, settings: Mapping[str, str]) -> Iterator[None]:
    """A transaction with these settings of the planner; an outer one gets its own back."""
    current = ", ".join(f"current_setting('{name}')" for name in settings)
    change = ", ".join(f"set_config('{name}', %s, true)" for name in settings)
    inside_another = using.in_atomic_block
    with transaction.atomic(using=using.alias, savepoint=False), using.cursor() as cursor:
        if not inside_another:  # they end with this transaction
            cursor.execute(f"SELECT {change}", list(settings.values()))
            yield
            return
        cursor.execute(f"SELECT {current}")
        before = cursor.fetchone()
        cursor.execute(f"SELECT {change}", list(settings.values()))
        yield
        cursor.execute(f"SELECT {change}", before)


def forget_plans(*, ahead_of: int | None = None) -> None:
    """Have this session plan its next statements again, if work on MANY entries or more is ahead (None: unknown, yes).

    A session that posted, sealed or verified while the tables were tiny has kept plans that read them from end to end,
    which many entries would make quadratic. For a few entries planning again costs more than it can save.
    """
    if ahead_of is None or ahead_of >= MANY:
        with connection.cursor() as cursor:
            cursor.execute("DISCARD PLANS")


# Those of the ledger that are ours to analyze, PostgreSQL warns for each of the others and does nothing; with all their
# columns by name, for then it leaves out the words that search indexes, which would take longer than all the rest.
_OURS = """
SELECT format('%s (%s)', relation.oid::regclass, string_agg(quote_ident(attname), ', ' ORDER BY attnum))
  FROM pg_class AS relation JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
 WHERE relation.oid = ANY(ARRAY['finance_account', 'finance_accountmonth', 'finance_journalentry',
                                'finance_journalline', 'finance_seal', 'finance_chainhead']::regclass[])
   AND pg_has_role(relation.relowner, 'USAGE')
 GROUP BY relation.oid
"""


def take_statistics(*, loaded: int) -> None:
    """After the commit of a load of BULK entries or more, tell PostgreSQL what the ledger's tables hold now.

    Its autovacuum would do so within minutes; to it are left the words that search indexes, and all of it where the
    application does not own the tables.
    """
    if loaded >= BULK:
        transaction.on_commit(_analyze, robust=True)


def _analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_OURS)
        tables = ", ".join(name for (name,) in cursor.fetchall())
        if tables:
            cursor.execute(f"ANALYZE {tables}")
