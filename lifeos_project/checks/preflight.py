"""What a release needs before it may replace another one."""

import logging
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.checks import Error, run_checks
from django.db import OperationalError, connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django_migration_linter import MigrationLinter
from django_migration_linter.operations import IgnoreMigration
from django_migration_linter.sql_analyser.analyser import analyse_sql_statements

from lifeos_project.local.first_run import OLDEST_POSTGRESQL
from lifeos_project.monitoring import health
from lifeos_project.postgresql import ownership, pooling

LEAST_FREE_MB = 500
_CREATED = re.compile(r'CREATE TABLE (?:IF NOT EXISTS )?("?\w+"?)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The objections to a release, one sentence each; and its migrations."""

    problems: Sequence[str]
    pending: Sequence[str]


def findings(*, rolling: bool) -> Findings:
    """Look at settings, disk, services and migrations. With `rolling`, the release before runs on beside this one.

    Then migrations may only add: the old release's code works on the new tables until the last of its processes is
    replaced, and again after a rollback (expand first, contract in a later release).
    """
    with ownership.as_owner():
        problems = [
            f"{found.msg} {found.hint or ''} ({found.id})"
            for found in run_checks(include_deployment_checks=True)
            if isinstance(found, Error) and not found.is_silenced()
        ]
        problems += disk_problems()
        for name, answer in health.services().items():
            if name != "migrations" and answer["status"] != "ok":
                problems.append(f"The {name} does not answer ({answer.get('error', answer['status'])}).")
            if answer.get("postgresql", OLDEST_POSTGRESQL) < OLDEST_POSTGRESQL:
                problems.append(
                    f"The server is PostgreSQL {answer['postgresql']}; {OLDEST_POSTGRESQL} is the oldest supported version."
                )
        try:
            executor = MigrationExecutor(connection)
            pending = [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
            if objection := pooling.objection(connection):
                problems.append(f"{objection} {pooling.HINT}")
            if settings.PRODUCTION:
                # `migrate` corrects the grants, where the owner is known.
                objections = ownership.objections(revocable=settings.OWNER_DATABASE is None)
                problems += [f"{objection} {ownership.HINT} (lifeos.E015)" for objection in objections]
        except OperationalError as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            return Findings(problems=[*problems, f"The database cannot be used: {reason}"], pending=[])
        problems += [
            f"{_name(migration)} cannot be reversed: {operation.describe()}."
            for migration in pending
            for operation in migration.operations
            if not operation.reversible
        ]
        if rolling:
            problems += _breaking(pending)
        return Findings(problems=problems, pending=[_name(migration) for migration in pending])


def disk_problems() -> Iterator[str]:
    """What keeps LifeOS from writing where its files are."""
    try:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=settings.VAR_DIR).close()
    except OSError as error:
        yield f"{settings.VAR_DIR} (LIFEOS_VAR_DIR) cannot be written: {error.strerror}. Change its owner to the user that LifeOS runs as."
        return
    free = shutil.disk_usage(settings.VAR_DIR).free >> 20
    if free < LEAST_FREE_MB:
        yield f"{settings.VAR_DIR} has {free} MB left, at least {LEAST_FREE_MB} are needed."


def _breaking(pending: Sequence[Migration]) -> Iterator[str]:
    # It tells each sqlmigrate as news.
    logging.getLogger("django_migration_linter").setLevel(logging.WARNING)
    linter = MigrationLinter(no_cache=True, no_output=True)
    statements: dict[Migration, list[str]] = {
        migration: linter.get_sql(migration.app_label, migration.name) for migration in pending
    }
    made = {table for lines in statements.values() for line in lines for table in _CREATED.findall(line)}
    for migration, lines in statements.items():
        if any(isinstance(operation, IgnoreMigration) for operation in migration.operations):
            continue
        # Nobody works yet on a table that is made by the same release.
        seen = [
            line
            for line in lines
            if not any(
                line.startswith(f"ALTER TABLE {table}") or (line.startswith("CREATE") and f" ON {table} " in line)
                for table in made
            )
        ]
        errors, _, _ = analyse_sql_statements(linter.sql_analyser_class, seen)
        for issue in errors:
            where = f" (table {issue.table}, column {issue.column})" if issue.table else ""
            yield f"{_name(migration)} breaks the running release: {issue.message}{where}."


def _name(migration: Migration) -> str:
    return f"{migration.app_label}.{migration.name}"
