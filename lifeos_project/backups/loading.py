"""Load a dump into a database: pg_dump's file through pg_restore into psql, all or nothing."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from lifeos_project.backups import processes, programs
from lifeos_project.backups.errors import BackupError, TablesLocked
from lifeos_project.backups.servers import Database, major

# Newer programs set what older servers do not know; none of these changes what is restored.
UNKNOWN_BEFORE = {b"transaction_timeout": 17}
CHUNK = 1 << 20
# Who asks for a table meanwhile waits as well, behind the change that pg_dump waits for.
LOCK_SECONDS = 3
# pg_dump sets a limit for the statement with which it locks the tables, and lifts it afterwards.
_GAVE_UP = "canceling statement due to statement timeout"


def dump(*, database: Database, snapshot: str, into: Path, tools: programs.Programs) -> None:
    """Write the whole database, as it is in an exported snapshot, in pg_dump's custom format.

    Raises TablesLocked where a table is not free to be read for three seconds.
    """
    command = [
        tools.path("pg_dump"), "--format=custom", "--compress=4", f"--snapshot={snapshot}", f"--file={into}",
        f"--lock-wait-timeout={LOCK_SECONDS * 1000}",
    ]  # fmt: skip
    try:
        processes.run(command, environment=database.environment())
    except BackupError as error:
        if _GAVE_UP in str(error):
            reason = "Tables are being changed, by a migration perhaps. Make the backup again when that is over."
            raise TablesLocked(reason) from error
        raise


def load(*, dump: Path, dump_major: int, into: Database, with_owners: bool) -> None:
    """Restore a dump into an empty database in one transaction.

    Triggers are made after the rows, as pg_dump orders them, so the ledger's guards neither fire nor are missing. A dump
    has no statistics: they are gathered at the end, so that the next user of the database gets good plans.
    """
    with into.connect() as server:
        server_major = major(server)
    tools = programs.fitting(server_major=server_major, dump_major=dump_major)
    environment = into.environment()
    reader = [tools.path("pg_restore"), "--file=-", *([] if with_owners else ["--no-owner", "--no-acl"]), str(dump)]
    writer = [
        tools.path("psql"), "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null",
    ]  # fmt: skip
    with (
        processes.running(reader, environment=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as source,
        processes.running(writer, environment=environment, stdin=subprocess.PIPE) as target,
    ):
        assert source.stdout is not None
        assert target.stdin is not None
        _pass_on(
            source.stdout,
            target.stdin,
            unknown=[b"SET " + name for name, since in UNKNOWN_BEFORE.items() if server_major < since],
        )
    with into.connect() as server:
        server.execute("ANALYZE")


def _pass_on(source: IO[bytes], target: IO[bytes], *, unknown: Sequence[bytes]) -> None:
    # The settings come first, up to the first object: only there is a line surely not a row of data.
    preamble: list[bytes] = []
    for line in source:
        preamble.append(line)
        if line.startswith(b"-- Name:"):
            break
        if len(preamble) > 200:
            raise BackupError("pg_restore lists no object within 200 lines; the dump is damaged.")
    try:
        target.writelines(line for line in preamble if not line.startswith(tuple(unknown)))
        while chunk := source.read(CHUNK):
            target.write(chunk)
        target.close()
    except BrokenPipeError:
        # psql has ended and says why; its caller checks the exit code.
        source.close()
