"""`__in` with many values as one parameter: PostgreSQL takes 65,534 of them in a statement, and an import has more rows."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import ColPairs
from django.db.models.lookups import In
from django.db.models.sql.compiler import SQLCompiler

# Up to here Django's own list, for which the server knows better plans.
MANY = 1_000


def as_array(lookup: Any, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
    """The lookup's SQL: `column = ANY(array)` for many plain values, else what Django writes."""
    if isinstance(lookup.lhs, ColPairs) or not lookup.rhs_is_direct_value() or len(lookup.rhs) <= MANY:
        sql: tuple[str, Any] = lookup.as_sql(compiler, connection)
        return sql
    column, own = lookup.process_lhs(compiler, connection)
    marks, values = lookup.process_rhs(compiler, connection)
    if set(marks) - set("(%s, )"):
        # Some of the values are expressions.
        own_way: tuple[str, Any] = lookup.as_sql(compiler, connection)
        return own_way
    return f"{column} = ANY(%s)", [*own, list(values)]


def use_arrays() -> None:
    """Have Django write every `__in` so on PostgreSQL, also those of relations."""
    In.as_postgresql = as_array  # type: ignore[attr-defined]
