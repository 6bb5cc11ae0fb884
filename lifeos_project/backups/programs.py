"""pg_dump, pg_restore and psql of a version that fits the server."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

from lifeos_project.backups.errors import BackupRefused
from lifeos_project.local import embedded_postgres


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Programs:
    """A directory with the client programs of one major version of PostgreSQL."""

    major: int
    directory: Path

    def path(self, name: str) -> str:
        return str(self.directory / name)


def fitting(*, server_major: int, dump_major: int = 0) -> Programs:
    """The programs of the server's own version, else the next newer ones; never older than `dump_major`.

    pg_dump refuses a server newer than itself, and pg_restore a file of a newer pg_dump.
    """
    least = max(server_major, dump_major)
    found = sorted(_installed(tuple(_directories())))
    for programs in found:
        if programs.major >= least:
            return programs
    there = ", ".join(str(programs.major) for programs in found) or "none"
    raise BackupRefused(
        f"PostgreSQL {least} needs pg_dump and pg_restore of version {least} or newer; found: {there}. "
        f"Install postgresql-client-{least}, or name their directory in BACKUP_POSTGRES_PROGRAMS."
    )


def _directories() -> Iterator[Path]:
    """Where programs may be, the likeliest first."""
    if settings.BACKUP_POSTGRES_PROGRAMS:
        yield Path(settings.BACKUP_POSTGRES_PROGRAMS)
        return
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    for name in os.environ.get("PATH", "").split(os.pathsep):
        # Debian's pg_wrapper in /usr/bin chooses a version by itself; the directories above say theirs.
        if name and not os.access(Path(name) / "pg_lsclusters", os.F_OK):
            yield Path(name)
    try:
        yield embedded_postgres.program("pg_dump").parent
    except embedded_postgres.EmbeddedPostgresError:
        return


@cache
def _installed(directories: tuple[Path, ...]) -> list[Programs]:
    found: dict[int, Programs] = {}
    for directory in directories:
        # os.access answers False for a directory of PATH that may not be read; Path.exists would raise.
        if all(os.access(directory / name, os.X_OK) for name in ("pg_dump", "pg_restore", "psql")):
            program = directory / "pg_dump"
            told = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False).stdout
            match = re.search(r"\) (\d+)", told)
            major = int(match[1]) if match else 0
            found.setdefault(major, Programs(major=major, directory=directory))
    return list(found.values())
