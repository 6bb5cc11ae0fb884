"""A temporary database, in which a backup proves that it can be restored."""

import contextlib
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.conf import settings
from psycopg import sql

from lifeos_project.backups import servers
from lifeos_project.backups.errors import BackupRefused
from lifeos_project.backups.servers import MAINTENANCE, Database
from lifeos_project.local import embedded_postgres
from lifeos_project.postgresql.database_settings import EMBEDDED_MAJOR


@contextlib.contextmanager
def database(*, work: Path, roles: Sequence[str]) -> Iterator[Database]:
    """An empty database in which `roles` exist, gone when the block ends.

    By default it is on a PostgreSQL of its own, so that proving a backup costs the real server nothing and needs no
    rights there.
    """
    url = settings.BACKUP_SCRATCH_URL
    server: contextlib.AbstractContextManager[Database] = (
        contextlib.nullcontext(servers.from_url(url, variable="BACKUP_SCRATCH_URL")) if url else _own(work / "scratch")
    )
    with server as maintenance:
        # Named after the database that is backed up: a server may hold several installations.
        made = maintenance.named(f"{servers.configured().name[:40]}_scratch_{secrets.token_hex(6)}")
        servers.create(made)
        try:
            ensure_roles(made, roles)
            yield made
        finally:
            servers.drop(made)


def ensure_roles(database: Database, roles: Sequence[str]) -> None:
    """Make the roles that are missing, without login and password."""
    with database.connect() as server:
        for role in missing_roles(database, roles):
            server.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))


def missing_roles(database: Database, roles: Sequence[str]) -> list[str]:
    with database.named(MAINTENANCE).connect() as server:
        there = {name for (name,) in server.execute("SELECT rolname FROM pg_roles").fetchall()}
    return [role for role in roles if role not in there]


@contextlib.contextmanager
def _own(directory: Path) -> Iterator[Database]:
    cluster = embedded_postgres.Cluster(directory=directory / EMBEDDED_MAJOR, durable=False)
    try:
        cluster.ensure_running()
    except embedded_postgres.EmbeddedPostgresError as error:
        raise BackupRefused(f"{error} Or name a server for trial restores in BACKUP_SCRATCH_URL.") from error
    try:
        yield Database(
            parameters={
                "host": str(cluster.socket_directory),
                "port": embedded_postgres.PORT,
                "user": embedded_postgres.USER,
                "dbname": MAINTENANCE,
            }
        )
    finally:
        cluster.leave()
        shutil.rmtree(directory, ignore_errors=True)
