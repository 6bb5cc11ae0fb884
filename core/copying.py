"""Rows of a model written by COPY, at a third of what `bulk_create` takes of the processor."""

import json
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from django.db import connection, models


def copy_rows(rows: Sequence[Any], *, model: type[models.Model] | None = None) -> None:
    """Insert the rows and give them their ids; as `bulk_create` does, without its signals either.

    They are instances of one model, or any objects with the attributes of `model`'s columns, which take a tenth of the
    time to make. Values are written as the rows have them: of their columns' types, and without what `pre_save` of a
    field would set. Constraints refuse as they do for any insert, with IntegrityError.
    """
    if not rows:
        return
    meta = (model or type(rows[0]))._meta
    key = meta.pk
    assert key is not None
    assert key.column is not None, "the keys of models are columns"
    fields: list[models.Field[Any, Any]] = [field for field in meta.concrete_fields if not field.generated]
    quoted = connection.ops.quote_name
    columns = ", ".join(quoted(str(field.column)) for field in fields)
    values_of = attrgetter(*(field.attname for field in fields))
    documents = [(place, field.encoder) for place, field in enumerate(fields) if isinstance(field, models.JSONField)]
    with connection.wrap_database_errors, connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [quoted(meta.db_table), key.column, len(rows)],
        )
        for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
            setattr(row, key.attname, number)
        with cursor.copy(f"COPY {quoted(meta.db_table)} ({columns}) FROM STDIN") as copy:
            for row in rows:
                values = list(values_of(row))
                for place, encoder in documents:
                    if values[place] is not None:
                        values[place] = json.dumps(values[place], cls=encoder)
                copy.write_row(values)
    for row in rows:
        if isinstance(row, models.Model):
            row._state.adding, row._state.db = False, connection.alias
