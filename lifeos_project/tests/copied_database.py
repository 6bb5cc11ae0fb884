"""A migrated database without migrating: the tables of this run's, copied. All migrations together take half a minute."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from django.db import connection

from lifeos_project.backups import loading, programs, servers


def create(database: servers.Database, *, directory: Path, but_for: str = "") -> None:
    """Make `database` on this run's server, with its tables (but for a pattern's) and the record of its migrations."""
    connection.ensure_connection()
    source = servers.from_django(connection.settings_dict)
    with source.connect() as server:
        tools = programs.fitting(server_major=servers.major(server))
    dump = directory / "tables.dump"
    command = [tools.path("pg_dump"), "--format=custom", f"--file={dump}"]
    command += [f"--exclude-table={but_for}"] if but_for else []
    subprocess.run(command, env=source.environment(), check=True, capture_output=True)
    servers.create(database)
    loading.load(dump=dump, dump_major=tools.major, into=database, with_owners=False)


@contextlib.contextmanager
def in_use(database: servers.Database) -> Iterator[None]:
    """Django's connection leads to another database of the same server for the length of the block."""
    own = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = database.name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own
