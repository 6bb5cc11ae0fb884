"""What Django's migrations have no words for: SQL in files of its own, and keys that contain the book."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.models import Model


class SqlFile(Operation):
    """Runs a file of the folder `sql` beside the migration; its reverse is given as text.

    `{schema}` in the file is the schema that the tables are in: a function that runs with its owner's rights is pinned
    to it, so that it cannot find things of its caller.
    """

    reversible = True

    def __init__(self, path: Path, reverse: str) -> None:
        self.path = path
        self.reverse = reverse

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Does not change Django's state."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT quote_ident(current_schema())")
            (schema,) = cursor.fetchone()
        # By the editor, so that `sqlmigrate` shows it. Without parameters it leaves the % of the functions' messages alone.
        schema_editor.execute(self.path.read_text().replace("{schema}", schema), params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        schema_editor.execute(self.reverse, params=None)

    def describe(self) -> str:
        return f"Run {self.path.name}"


def functions(folder: Path, *names: str) -> list[SqlFile]:
    """One operation for each function `name`, which stands in `name.sql` together with its triggers."""
    return [SqlFile(folder / "sql" / f"{name}.sql", f"DROP FUNCTION {name} CASCADE") for name in names]


class KeysWithBook(Operation):
    """Puts `book_id` into the keys of a model's table, so that books can be spread over servers.

    The primary key becomes (id, book_id): it still finds a row by its id alone. Each of `references`, foreign keys that
    Django itself has no constraint for, becomes (book_id, x_id) → (book_id, id), so that no row points into another
    book. A reference that is one to one is unique together with the book, and only where it has a value. `has_key`: the
    primary key has the book already, and only references are new.
    """

    reversible = True

    def __init__(self, model: str, references: Sequence[str] = (), *, has_key: bool = False) -> None:
        self.model = model
        self.has_key = has_key
        self.references = tuple(references)

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Does not change Django's state: its key is still `id`."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model)
        table = model._meta.db_table
        if model._meta.pk.name == "id" and not self.has_key:
            schema_editor.execute(
                f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY (id, book_id)", params=None
            )
        for field in self._fields(model):
            column, target = field.column, field.related_model._meta.db_table
            schema_editor.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT {_key(table, column)} FOREIGN KEY (book_id, {column})"
                f" REFERENCES {target} (book_id, id) DEFERRABLE INITIALLY DEFERRED",
                params=None,
            )
            if field.one_to_one:
                name = f"{table}_{column}_key"
                schema_editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}", params=None)
                schema_editor.execute(
                    f"CREATE UNIQUE INDEX {name} ON {table} ({column}, book_id) WHERE {column} IS NOT NULL", params=None
                )

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model)
        table = model._meta.db_table
        for field in self._fields(model):
            column = field.column
            schema_editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {_key(table, column)}", params=None)
            if field.one_to_one:
                schema_editor.execute(f"DROP INDEX {table}_{column}_key", params=None)
                schema_editor.execute(
                    f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_key UNIQUE ({column})", params=None
                )
        if model._meta.pk.name == "id" and not self.has_key:
            schema_editor.execute(
                f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY (id)", params=None
            )

    def describe(self) -> str:
        return f"Put book_id into the keys of {self.model}"

    def _fields(self, model: type[Model]) -> list[Any]:
        return [model._meta.get_field(name) for name in self.references]


def _key(table: str, column: str) -> str:
    return f"{table}_{column.removesuffix('_id')}_of_book"
