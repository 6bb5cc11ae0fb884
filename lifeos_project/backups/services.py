"""Makes a backup: copy, seal, prove by restoring, keep, and delete old ones. In this order; if a step fails, nothing is kept."""

import contextlib
import datetime
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import django
from django.conf import settings

from lifeos_project.backups import archive, evidence, loading, programs, retention, runs, scratch, servers, stores
from lifeos_project.backups.archive import Sealed
from lifeos_project.backups.errors import BackupRefused, TablesLocked
from lifeos_project.backups.evidence import Connection
from lifeos_project.backups.models import BackupRun
from lifeos_project.backups.proof import Progress, load_and_prove
from lifeos_project.backups.servers import Database
from lifeos_project.backups.stores import Store

# Copying, sealing and proving take about this many times the size of database and attachments for a while.
ROOM = 2
STEPS = 10
# So often the database is copied from the beginning because its structure changes meanwhile.
ATTEMPTS = 3


def create_backup(
    *, now: datetime.datetime, before_deploy: bool = False, progress: Progress = lambda stage: None
) -> BackupRun:
    """Back everything up, and return only when the backup has been restored and proven.

    Copies database and attachments as of one moment, restores the sealed file into a scratch database, proves its
    ledger there, and only then gives the file its name. Old backups go by BACKUP_KEEP_*; with `before_deploy` this one
    counts among BACKUP_KEEP_DEPLOYS. `progress` hears each step.
    Raises BackupRefused when it cannot begin (another one runs, no programs, no room), BackupError when it fails; then
    no new file is there, and those that were there before still are.
    """
    database, store = servers.configured(), stores.configured()
    keys = archive.recipients(settings.BACKUP_AGE_RECIPIENTS)
    name = stores.name_of(now, encrypted=bool(keys), before_deploy=before_deploy)
    with runs.only_one(database), database.connect() as source:
        run = runs.begin(name=name, location=store.location, encrypted=bool(keys), now=now)
        with runs.recorded(run), working_directory() as work:
            step = runs.telling(run, progress)
            _check_room(source, work)
            manifest = _copy(source, database=database, work=work, now=now, progress=step)
            sealed = _seal_and_prove(store, name, manifest=manifest, keys=keys, work=work, progress=step)
            runs.succeed(run, size=sealed.size, sha256=sealed.sha256, entries=evidence.entries(manifest["evidence"]))
            step("Letting old backups go")
            prune(store)
            step("Done")
    return run


def prune(store: Store) -> list[str]:
    """Delete the backups that neither the policy nor a way back from the last deploys needs; returns their names."""
    policy = retention.Policy(
        last=settings.BACKUP_KEEP_LAST,
        daily=settings.BACKUP_KEEP_DAILY,
        weekly=settings.BACKUP_KEEP_WEEKLY,
        monthly=settings.BACKUP_KEEP_MONTHLY,
    )
    moments = {name: moment for name in store.names() if (moment := stores.moment_of(name)) is not None}
    kept = retention.kept(moments.values(), policy=policy)
    deploys = sorted(filter(stores.is_before_deploy, moments), key=lambda name: moments[name], reverse=True)
    ways_back = set(deploys[: settings.BACKUP_KEEP_DEPLOYS])
    gone = [name for name, moment in moments.items() if moment not in kept and name not in ways_back]
    for name in gone:
        store.delete(name)
    return gone


@contextlib.contextmanager
def working_directory() -> Iterator[Path]:
    """A directory for what is not yet, or no longer, a backup. What killed processes left is cleared first."""
    root = settings.VAR_DIR / "backup-work"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left_over in root.iterdir():
        with contextlib.suppress(OSError), _owned(left_over):
            shutil.rmtree(left_over)
    work = Path(tempfile.mkdtemp(dir=root))
    with _owned(work):
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def _owned(directory: Path) -> Iterator[None]:
    """Hold a directory's lock, which the kernel drops however its owner ends; BlockingIOError while another has it."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _copy(
    source: Connection, *, database: Database, work: Path, now: datetime.datetime, progress: Progress
) -> dict[str, Any]:
    """Write dump and attachments to `work`; returns the manifest of that moment. Raises TablesLocked.

    What changes a table's structure meanwhile waits until we have counted, and pg_dump waits behind it: for ever, as the
    server cannot see that we wait for pg_dump. So pg_dump gives up, the change is let through, and we begin again.
    """
    tools = programs.fitting(server_major=servers.major(source))
    for attempt in range(1, ATTEMPTS + 1):
        try:
            manifest = _copy_database(source, database=database, tools=tools, work=work, now=now, progress=progress)
            break
        except TablesLocked:
            if attempt == ATTEMPTS:
                raise
    # After the database: a row must not name a file that the copy lacks, a file too many does no harm.
    progress("Copying attachments")
    manifest["attachments"] = archive.pack_media(root=settings.MEDIA_ROOT, into=work / archive.MEDIA)
    return manifest


def _copy_database(
    source: Connection,
    *,
    database: Database,
    tools: programs.Programs,
    work: Path,
    now: datetime.datetime,
    progress: Progress,
) -> dict[str, Any]:
    with source.transaction():
        # Figures and dump are of one snapshot, whatever is posted meanwhile.
        source.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        progress("Counting")
        manifest = {
            "made_at": now.isoformat(),
            "postgresql": servers.major(source),
            "pg_dump": tools.major,
            "django": django.get_version(),
            "migrations": evidence.migrations(source),
            # After a rollback the database has migrations that the release which copies it does not know.
            "known_migrations": sorted(evidence.known_migrations()),
            "roles": evidence.roles(source),
            "evidence": evidence.gathered(source),
        }
        snapshot = source.execute("SELECT pg_export_snapshot()").fetchone()
        assert snapshot is not None
        progress("Copying the database")
        loading.dump(database=database, snapshot=snapshot[0], into=work / archive.DUMP, tools=tools)
    return manifest


def _seal_and_prove(
    store: Store, name: str, *, manifest: dict[str, Any], keys: Sequence[Any], work: Path, progress: Progress
) -> Sealed:
    progress("Sealing")
    # A key for once lets this process open what it has sealed without knowing the operator's secret key.
    once = archive.new_identity()
    recipients = [*keys, once.to_public()] if keys else []
    staged = store.staging(name, work=work)
    try:
        sealed = archive.seal(parts=work, manifest=manifest, into=staged, recipients=recipients)
        for part in (archive.DUMP, archive.MEDIA):
            (work / part).unlink()
        identities = [once]
        parts = work / "opened"
        parts.mkdir()
        opened = archive.open_sealed(staged, identities=identities, into=parts)
        with scratch.database(work=work, roles=opened["roles"]) as copy:
            load_and_prove(parts=parts, manifest=opened, into=copy, with_owners=True, progress=progress)
        progress("Keeping")
        store.keep(staged, name, sealed=sealed)
    finally:
        staged.unlink(missing_ok=True)
    return sealed


def _check_room(source: Connection, work: Path) -> None:
    row = source.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    attached = sum(path.stat().st_size for path in settings.MEDIA_ROOT.rglob("*") if path.is_file())
    needed, there = ROOM * (row[0] + attached), stores.room_in(work)
    if there < needed:
        raise BackupRefused(
            f"A backup needs about {needed >> 20} MB in {work.parent}, where {there >> 20} MB are free."
        )
