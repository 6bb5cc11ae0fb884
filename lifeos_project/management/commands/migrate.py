"""Django's `migrate`, safe to run from many places at once: one applies the migrations, the others wait for it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.checks import Tags
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from lifeos_project.postgresql import ownership, pooling

# "migr" in ASCII. An advisory lock belongs to one database, so installations on one server do not wait for each other.
LOCK = 0x6D696772
LONGEST_WAIT = 3600


class Command(migrate.Command):
    requires_system_checks = ("lifeos", Tags.database)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--if-wanted", action="store_true", help="Do nothing when RUN_MIGRATIONS is false.")
        parser.add_argument(
            "--wait",
            type=int,
            default=0,
            metavar="SECONDS",
            help="How long to wait for a database that does not answer.",
        )

    def execute(self, *args: Any, **options: Any) -> str | None:
        # Around the checks too: they ask the database, and the role that serves may not be there yet.
        with ownership.as_owner():
            answer: str | None = super().execute(*args, **options)
        return answer

    def handle(self, *args: Any, **options: Any) -> None:
        if_wanted = options.pop("if_wanted")
        connection = connections[options["database"]]
        seconds = options.pop("wait")
        if if_wanted and not settings.RUN_MIGRATIONS:
            self.stdout.write("RUN_MIGRATIONS is false: no migration is applied.")
            return
        _wait_for_database(connection, seconds=seconds)
        if options["plan"] or options["check_unapplied"]:
            super().handle(*args, **options)
            return
        objection = pooling.objection(connection)
        if objection:
            raise CommandError(f"{objection} {pooling.HINT}")
        with _alone(connection):
            # The migrations of the builds before the first release are gone.
            if _is_of_an_early_build(connection):
                raise CommandError(
                    "This database is of a build before the first release and cannot be upgraded. Export its books with"
                    " that build (manage.py export_book --book N --format json) and begin with an empty database."
                )
            # Nine of ten starts find nothing to do, and need not look through all permissions to find that out.
            executor = MigrationExecutor(connection) if if_wanted else None
            if executor is not None and not executor.migration_plan(executor.loader.graph.leaf_nodes()):
                self.stdout.write("No migrations to apply.")
            else:
                super().handle(*args, **options)
            # Also without a migration: this is how an installation gets its second role.
            try:
                ownership.renew_rights()
            except ownership.NoServingRole as error:
                raise CommandError(str(error)) from error


# Whose migrations before the first release are some of today's.
_BROUGHT_TOGETHER = ("finance", "identity", "insights")


def _is_of_an_early_build(connection: BaseDatabaseWrapper) -> bool:
    """Whether other migrations made these tables, or only some of those that ours replace."""
    applied = MigrationRecorder(connection).applied_migrations()
    if ("finance", "0001_initial") in applied or ("finance", "0001_tables") not in applied:
        return ("finance", "0001_initial") in applied
    for (app, name), migration in MigrationLoader(None).disk_migrations.items():
        replaced = [each in applied for each in migration.replaces]
        if app in _BROUGHT_TOGETHER and not all(replaced) and (any(replaced) or (app, name) in applied):
            return True
    with connection.cursor() as cursor:
        # The last table of the migrations that are gone.
        cursor.execute("SELECT to_regclass('finance_recurringinvoice') IS NULL")
        (is_missing,) = cursor.fetchone()
    return bool(is_missing)


def _wait_for_database(connection: BaseDatabaseWrapper, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection.ensure_connection()
            return
        except OperationalError as error:
            if time.monotonic() >= deadline:
                raise CommandError(f"The database does not answer: {str(error).strip()}") from None
            time.sleep(0.5)


@contextmanager
def _alone(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Hold the lock of this database's migrations; the server drops it when this process dies.

    Asked for again and again instead of waited for in the server: a statement that waits keeps its snapshot, and
    CREATE INDEX CONCURRENTLY in the other process would wait for that snapshot to go away.
    """
    deadline = time.monotonic() + LONGEST_WAIT
    while not _ask(connection, "SELECT pg_try_advisory_lock(%s)"):
        if time.monotonic() >= deadline:
            raise CommandError("Another process is still migrating after an hour; nothing was done here.")
        time.sleep(0.2)
    try:
        yield
    finally:
        # A failed migration may have closed the connection, and the lock with it.
        if connection.is_usable():
            _ask(connection, "SELECT pg_advisory_unlock(%s)")


def _ask(connection: BaseDatabaseWrapper, statement: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [LOCK])
        (answer,) = cursor.fetchone()
    return bool(answer)
