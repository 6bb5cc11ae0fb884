"""Restores a backup: it is proven in a new database next to the old one, then both swap names at once."""

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from psycopg import sql

from lifeos_project.backups import archive, evidence, runs, scratch, servers, services, stores
from lifeos_project.backups.archive import CHUNK
from lifeos_project.backups.errors import BackupRefused
from lifeos_project.backups.evidence import Connection
from lifeos_project.backups.models import BackupRun
from lifeos_project.backups.proof import Progress, load_and_prove
from lifeos_project.backups.servers import MAINTENANCE, Database

LATEST = "latest"
STEPS = 8


def restore_backup(
    *,
    source: str,
    identity: str = "",
    overwrite: bool = False,
    take_ownership: bool = False,
    now: datetime.datetime,
    progress: Progress = lambda stage: None,
) -> str:
    """Put a backup in the database's place; returns the name under which the old database is kept, if any.

    `source` is a name in the store, "latest", or a path; `identity` the text of an age key file. Everything is checked
    and proven in a new database first, so a failure at any moment leaves the old one untouched and in use. Web and
    workers should be stopped: their connections are cut. Raises BackupRefused when the database holds people or books
    and `overwrite` is not given, when this release does not know the backup's tables, or when roles are missing that
    own them (`take_ownership` gives them to us instead); BackupError when the backup is damaged or does not prove.
    """
    database = servers.configured()
    with runs.only_one(database) as server, services.working_directory() as work:
        manifest, path = _accepted(
            source,
            identity=identity,
            overwrite=overwrite,
            take_ownership=take_ownership,
            work=work,
            progress=progress,
        )
        fresh = database.named(f"{database.name}_restored_{now:%Y%m%d_%H%M%S}")
        aside = f"{database.name}_before_{now:%Y%m%d_%H%M%S}"
        servers.create(fresh, like=database)
        try:
            load_and_prove(parts=work, manifest=manifest, into=fresh, with_owners=not take_ownership, progress=progress)
            _record(fresh, manifest=manifest, file=path, now=now)
            progress("Restoring attachments")
            restore_media(tar=work / archive.MEDIA, root=settings.MEDIA_ROOT)
            progress("Changing places")
            connection.close()
            had_one = servers.exists(server, database.name)
            servers.swap(fresh=fresh, into=database, aside=aside)
        except BaseException:
            servers.drop(fresh)
            raise
    progress("Done")
    return aside if had_one else ""


def check_backup(
    *,
    source: str,
    identity: str = "",
    overwrite: bool = False,
    take_ownership: bool = False,
    progress: Progress = lambda stage: None,
) -> dict[str, Any]:
    """Raise what `restore_backup` would raise before it touches anything, while everything runs on.

    Opens the file and compares its checksums; does not restore it. Returns the manifest.
    """
    with services.working_directory() as work:
        manifest, _ = _accepted(
            source,
            identity=identity,
            overwrite=overwrite,
            take_ownership=take_ownership,
            work=work,
            progress=progress,
        )
    return manifest


def rehearse_restore(*, source: str, identity: str = "", progress: Progress = lambda stage: None) -> dict[str, Any]:
    """Restore a backup into a scratch database, prove it there, and delete the copy; returns the manifest."""
    with services.working_directory() as work:
        manifest, _ = _opened(source, identity=identity, work=work, progress=progress)
        with scratch.database(work=work, roles=manifest["roles"]) as copy:
            load_and_prove(parts=work, manifest=manifest, into=copy, with_owners=True, progress=progress)
    progress("Done")
    return manifest


def restore_media(*, tar: Path, root: Path) -> int:
    """Write attachments back, each whole or not at all; returns how many. Files that came later stay."""
    count = 0
    for path, content in archive.unpack_media(tar=tar, root=root):
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.restoring")
        with unfinished.open("wb") as file:
            while chunk := content.read(CHUNK):
                file.write(chunk)
        unfinished.replace(path)
        count += 1
    return count


def holds_something(server: Connection) -> bool:
    """Whether a database has people or books, which a fresh installation has not."""
    for table in ("identity_user", "finance_book"):
        there = server.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone() == (True,)
        if there and server.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table))).fetchone():
            return True
    return False


def _accepted(
    source: str, *, identity: str, overwrite: bool, take_ownership: bool, work: Path, progress: Progress
) -> tuple[dict[str, Any], Path]:
    database = servers.configured()
    with database.named(MAINTENANCE).connect() as server:
        would_overwrite = not overwrite and servers.exists(server, database.name)
    if would_overwrite:
        with database.connect() as server:
            if holds_something(server):
                raise BackupRefused(
                    f"The database {database.name} holds people or books. To replace it, add --overwrite; "
                    "it is then kept under another name."
                )
    manifest, path = _opened(source, identity=identity, work=work, progress=progress)
    if not take_ownership:
        _refuse_missing_roles(database, manifest["roles"])
    return manifest, path


def _opened(source: str, *, identity: str, work: Path, progress: Progress) -> tuple[dict[str, Any], Path]:
    progress("Fetching the backup")
    store = stores.configured()
    if "/" in source or Path(source).is_file():
        path = Path(source)
        if not path.is_file():
            raise BackupRefused(f"There is no file {source}.")
    else:
        names = store.names()
        if source == LATEST and not names:
            raise BackupRefused(f"There is no backup in {store.location}.")
        path = store.fetch(names[-1] if source == LATEST else source, work=work)
    progress("Comparing checksums")
    text = identity or settings.BACKUP_AGE_IDENTITY
    manifest = archive.open_sealed(path, identities=archive.identities(text), into=work)
    _refuse_newer(manifest)
    return manifest, path


def _refuse_newer(manifest: Mapping[str, Any]) -> None:
    """Tables that this release does not know are no obstacle where it is known to work with them.

    That is so after a rollback: the migrations of the release after stay applied. Then either the release that made
    the backup did not know them and worked all the same, or the database in use here has them, too.
    """
    known = evidence.known_migrations()
    ours = {name.partition(".")[0] for name in known}
    unknown = [name for name in manifest["migrations"] if name not in known and name.partition(".")[0] in ours]
    if "known_migrations" in manifest:
        unknown = [name for name in unknown if name in manifest["known_migrations"]]
    if unknown:
        database = servers.configured()
        in_use: set[str] = set()
        with database.named(MAINTENANCE).connect() as server:
            there = servers.exists(server, database.name)
        if there:
            with database.connect() as server:
                in_use = set(evidence.migrations(server))
        unknown = [name for name in unknown if name not in in_use]
    if unknown:
        raise BackupRefused(
            f"The backup is of a newer LifeOS: this one does not know {', '.join(unknown[:3])}. Install that version first."
        )


def _refuse_missing_roles(database: Database, roles: Sequence[str]) -> None:
    missing = scratch.missing_roles(database, roles)
    if missing:
        make = " ".join(f'CREATE ROLE "{role}" LOGIN;' for role in missing)
        raise BackupRefused(
            f"The server lacks roles that own the backup's tables or have rights on them. Create them: {make} "
            "Or say --take-ownership, and everything will belong to the role that restores."
        )


def _record(fresh: Database, *, manifest: dict[str, Any], file: Path, now: datetime.datetime) -> None:
    """Tell the restored database what it is: the run that copied it did not know yet how it would end."""
    with fresh.connect() as server:
        made_at = datetime.datetime.fromisoformat(manifest["made_at"])
        entries, size, sha256 = evidence.entries(manifest["evidence"]), file.stat().st_size, archive.digest(file)
        server.execute(
            "UPDATE backups_backuprun SET state = %s, finished_at = %s, size = %s, sha256 = %s, entries = %s"
            " WHERE kind = %s AND started_at = %s",
            [BackupRun.State.GOOD, now, size, sha256, entries, BackupRun.Kind.BACKUP, made_at],
        )
        server.execute(
            "INSERT INTO backups_backuprun (kind, name, location, started_at, finished_at, state, stage, size, sha256,"
            " encrypted, entries, error) VALUES (%s, %s, %s, %s, now(), %s, '', %s, %s, %s, %s, '')",
            [
                BackupRun.Kind.RESTORE, file.name, str(file.parent), now, BackupRun.State.GOOD, size, sha256,
                archive.is_encrypted(file), entries,
            ],
        )  # fmt: skip


def described(manifest: dict[str, Any]) -> str:
    """A manifest in a few lines for people: what is in it, the figures of its books, the heads of their chains."""
    figures = manifest["evidence"]
    rows = sum(figures["tables"].values())
    return (
        f"Made {manifest['made_at']} from PostgreSQL {manifest['postgresql']}: {len(figures['books'])} books, "
        f"{evidence.entries(figures)} entries, {rows} rows, {manifest['attachments']} attachments.\n"
        f"{json.dumps(figures['books'], ensure_ascii=False)}\n"
        f"{json.dumps(figures.get('chains', []))}"
    )
