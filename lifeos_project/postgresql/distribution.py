"""Whether the tables can be spread over several servers, book by book, with Citus.

Read from the catalogue, so that it is the database that is judged and not the models. The rules are those that Citus
documents for distributed tables (docs.citusdata.com: "Limitations", "Creating and modifying distributed objects"):
unique keys and foreign keys between distributed tables contain the distribution column, references lead from
distributed tables to distributed or reference tables only, sequences are bigint.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import DO_NOTHING, ForeignKey

BOOKS = "finance_book"
COLUMN = "book_id"
# Tables that name a book in some of their rows, and stay whole on the server that the application is connected to.
STAY = {
    "finance_idempotencyrecord": "answers to a user's requests, some of which change no book",
    "finance_ledgercheck": "an operator's record of verifications, of one book or of all",
    "insights_rulesetting": "an operator's settings, of one book or of all",
}

_COLUMNS = """
    SELECT c.relname, a.attname, a.attnotnull, format_type(a.atttypid, NULL),
           a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%%', false)
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
    LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum
"""
_UNIQUE = """
    SELECT c.relname, i.relname, ARRAY(SELECT a.attname::text FROM pg_attribute AS a
                                       WHERE a.attrelid = c.oid AND a.attnum = ANY (x.indkey::smallint[]))
    FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indrelid JOIN pg_class AS i ON i.oid = x.indexrelid
    WHERE c.relnamespace = current_schema()::regnamespace AND (x.indisunique OR x.indisexclusion)
    ORDER BY 1, 2
"""
_FOREIGN = """
    SELECT c.relname, k.conname, target.relname, k.confdeltype,
           ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place)
                 JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place),
           ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place)
                 JOIN pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place)
    FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_class AS target ON target.oid = k.confrelid
    WHERE k.contype = 'f' AND c.relnamespace = current_schema()::regnamespace AND NOT c.relispartition
    ORDER BY 1, 2
"""
_TRIGGERS = """
    SELECT c.relname, t.tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table; `draws` says that its values come from a sequence."""

    required: bool
    type: str
    draws: bool


@dataclass(slots=True, kw_only=True)
class Distribution:
    """Which tables would be spread, copied to every server, or left where they are, and what stands in the way."""

    distributed: list[str]
    reference: list[str] = field(default_factory=list)
    local: list[str] = field(default_factory=list)
    triggers: list[str] = field(default_factory=list)  # they need citus.enable_unsafe_triggers
    problems: list[str] = field(default_factory=list)
    # Distributed table -> the distributed tables that its references lead to, itself left out.
    leads_to: dict[str, set[str]] = field(default_factory=dict)


def examine() -> Distribution:
    """Judge the tables of the current schema. Reads only the catalogue."""
    tables: dict[str, dict[str, Column]] = {}
    for table, name, required, type_, draws in _ask(_COLUMNS):
        tables.setdefault(table, {})[name] = Column(required=required, type=type_, draws=draws)
    found = Distribution(
        distributed=[
            name for name, columns in tables.items() if name == BOOKS or (COLUMN in columns and name not in STAY)
        ]
    )
    foreign = _ask(_FOREIGN)
    for table in found.distributed:
        key = tables[table][_key(table)]
        if not key.required or key.type != "bigint":
            found.problems.append(f"{table}: {_key(table)} must be a bigint that is never null")
        for name, column in tables[table].items():
            if column.draws and column.type != "bigint":
                found.problems.append(f"{table}: {name} draws from a sequence and is no bigint")
    for table, index, columns in _ask(_UNIQUE):
        if table in found.distributed and _key(table) not in columns:
            found.problems.append(f"{table}: the unique index {index} does not contain {_key(table)}")
    for table, name, target, on_delete, columns, target_columns in foreign:
        found.problems += _problems_of_reference(
            found.distributed, table, name, target, on_delete, list(zip(columns, target_columns, strict=True))
        )
    referenced = {target for table, _, target, *_ in foreign if table in found.distributed}
    found.reference = sorted(referenced.difference(found.distributed))
    found.local = sorted(set(tables).difference(found.distributed, found.reference))
    found.problems += _missing_references(
        found.distributed, {(table, column) for table, _, _, _, columns, _ in foreign for column in columns}
    )
    found.triggers = [f"{table}.{trigger}" for table, trigger in _ask(_TRIGGERS) if table in found.distributed]
    found.leads_to = {
        name: {target for table, _, target, *_ in foreign if table == name != target and target in found.distributed}
        for name in found.distributed
    }
    try:
        TopologicalSorter(found.leads_to).prepare()
    except CycleError as error:
        found.problems.append(f"References lead round in a circle: {' -> '.join(error.args[1])}")
    return found


def script(found: Distribution) -> Iterator[str]:
    """Lines of SQL that spread the tables, to be run once by their owner on Citus's coordinator.

    Citus refuses a reference to a table that is not spread yet, so a table comes after those that it leads to. Functions:
    docs.citusdata.com, "Citus Utility Functions".
    """
    yield "-- Spreads the books over the servers of a Citus cluster. Made from the catalogue of a migrated database by"
    yield "-- manage.py check_distributable --sql; docs/scaling.md says when and how to run it."
    yield "\\set ON_ERROR_STOP on"
    yield "BEGIN;"
    yield "SET LOCAL citus.multi_shard_modify_mode = 'sequential';"
    if found.triggers:
        yield "-- The guards are triggers: they run on the server where a book's rows are. Sessions need the setting too."
        yield "SET LOCAL citus.enable_unsafe_triggers = on;"
        yield "DO $$ BEGIN"
        yield "  EXECUTE format('ALTER DATABASE %I SET citus.enable_unsafe_triggers = on', current_database());"
        yield "END $$;"
    yield "-- Copied to every server."
    for table in found.reference:
        yield f"SELECT create_reference_table('{table}');"
    yield "-- Books, and everything that belongs to one beside it."
    sorter = TopologicalSorter(found.leads_to)
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        for table in ready:
            beside = "" if table == BOOKS else f", colocate_with => '{BOOKS}'"
            yield f"SELECT create_distributed_table('{table}', '{_key(table)}'{beside});"
        sorter.done(*ready)
    yield "-- Everything else stays on this server: manage.py check_distributable names it."
    yield "COMMIT;"


def _ask(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows: list[Any] = cursor.fetchall()
    return rows


def _key(table: str) -> str:
    return "id" if table == BOOKS else COLUMN


def _problems_of_reference(
    distributed: list[str], table: str, name: str, target: str, on_delete: str, columns: list[tuple[str, str]]
) -> Iterable[str]:
    if target in distributed and table not in distributed:
        yield f"{table}: {name} leads from a table that stays to {target}, which is distributed"
    elif target in distributed and (_key(table), _key(target)) not in columns:
        yield f"{table}: {name} does not take the book along to {target}"
    elif table in distributed and on_delete in ("n", "d") and any(_key(table) == column for column, _ in columns):
        yield f"{table}: {name} would empty the book of its rows"


def _missing_references(distributed: list[str], held: set[tuple[str, str]]) -> Iterable[str]:
    """References that Django has no constraint for have one of ours, unless their rows outlive what they name."""
    for model in apps.get_models():
        table = model._meta.db_table
        for each in model._meta.concrete_fields:
            if (
                not isinstance(each, ForeignKey)
                or table not in distributed
                or each.remote_field.on_delete is DO_NOTHING
            ):
                continue
            if each.related_model._meta.db_table in distributed and (table, each.column) not in held:
                yield f"{table}: {each.column} has no foreign key"
