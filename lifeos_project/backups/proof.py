"""Proving what was restored: the figures of the copy, the migrations, and every promise of the ledger."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from lifeos_project.backups import archive, evidence, loading, processes
from lifeos_project.backups.errors import BackupError
from lifeos_project.backups.servers import Database

Progress = Callable[[str], None]


def load_and_prove(
    *, parts: Path, manifest: Mapping[str, Any], into: Database, with_owners: bool, progress: Progress
) -> None:
    """Restore the dump in `parts` into an empty database, and raise BackupError unless it is all there and sound.

    What an older version of LifeOS left is brought up to date on the way, in the copy, so a migration that would fail
    on these data fails here first.
    """
    progress("Restoring the copy")
    dump = parts / archive.DUMP
    loading.load(dump=dump, dump_major=manifest["pg_dump"], into=into, with_owners=with_owners)
    progress("Counting what was restored")
    with into.connect() as connection:
        found = evidence.gathered(connection)
    problems = evidence.differences(told=manifest["evidence"], found=found)
    if problems:
        raise BackupError(f"What was restored is not what was copied: {_list(problems)}.")
    if evidence.known_migrations() - set(manifest["migrations"]):
        progress("Applying migrations to the copy")
        _manage("migrate", "--no-input", "--verbosity=0", database=into)
    progress("Proving the ledger of the copy")
    output = _manage("verify_ledger", "--format=json", "--verbosity=0", database=into, good=(0, 1))
    try:
        report = json.loads(output)
    except ValueError as error:
        raise BackupError(
            "The ledger of the copy could not be verified; the log has the output of verify_ledger."
        ) from error
    if not report["sound"]:
        broken = [problem["promise"] for problem in report["problems"]]
        raise BackupError(f"The ledger that was copied is not sound (manage.py verify_ledger): {_list(broken)}")


# What else leads to the real database. Emptied, not left out: a `.env` fills in what is left out.
OTHER_WAYS = (
    "DATABASE_URL_FILE",
    "DATABASE_DIRECT_URL",
    "DATABASE_DIRECT_URL_FILE",
    "DATABASE_REPLICA_URL",
    "DATABASE_REPLICA_URL_FILE",
    "DATABASE_OWNER_URL",
    "DATABASE_OWNER_URL_FILE",
    "POSTGRES_OWNER_PASSWORD",
    "POSTGRES_OWNER_PASSWORD_FILE",
)


def _manage(*arguments: str, database: Database, good: Sequence[int] = (0,)) -> bytes:
    """The output of a command of manage.py on another database.

    A process of its own: settings are read once, and the web or worker around us must not see another database.
    """
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
    # A test run's mark would name the tests' database.
    kept = {name: value for name, value in os.environ.items() if name != "PYTEST_VERSION"}
    return processes.run(
        command,
        environment={
            **kept,
            **dict.fromkeys(OTHER_WAYS, ""),
            "DATABASE_URL": database.url(),
            "DATABASE_POOL_SIZE": "0",
        },
        good=good,
    )


def _list(problems: list[str]) -> str:
    more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
    return "; ".join(problems[:5]) + more
