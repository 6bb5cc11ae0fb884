"""Backups of a real installation: only what was restored and proven counts, and a restore brings all of it back."""

import contextlib
import datetime
import os
import signal
import subprocess
import sys
import threading
import time

import psycopg
import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.core.management.base import CommandError

from lifeos_project.backups import archive, evidence, loading, programs, recovery, runs, servers, services, stores
from lifeos_project.backups.errors import BackupError, BackupRefused, TablesLocked
from lifeos_project.backups.models import BackupRun
from lifeos_project.backups.tests.conftest import APP_ROLE
from lifeos_project.tests.services import wait_until
from platform_outbox.operations.registry import operation_named, read
from platform_outbox.operations.runs import TerminalRun

NOW = datetime.datetime(2026, 3, 15, 2, 30, tzinfo=datetime.UTC)


def files(directory) -> list[str]:
    return sorted(path.name for path in directory.rglob("*") if path.is_file()) if directory.exists() else []


@pytest.fixture
def key(settings):
    """The operator's key: its public half is configured, the secret one is not."""
    made = archive.new_identity()
    settings.BACKUP_AGE_RECIPIENTS = [str(made.to_public())]
    return str(made)


def figures(house, *, name: str = ""):
    with house.database.named(name or house.database.name).connect() as server:
        return evidence.gathered(server)


def sample(page: str, name: str) -> float:
    return float(page.split(f"\n{name} ")[1].split()[0])


def test_a_backup_brings_everything_back_and_keeps_the_database_of_before(
    house, key, settings, tmp_path, rights_of_app
):
    (settings.MEDIA_ROOT / "receipt.pdf").write_bytes(b"%PDF-1")
    before = figures(house)
    steps = []

    run = services.create_backup(now=NOW, progress=steps.append)

    assert (run.name, run.state, run.encrypted) == ("lifeos-20260315T023000Z.tar.age", "good", True)
    kept = tmp_path / "backups" / run.name
    assert (run.size, run.sha256) == (kept.stat().st_size, archive.digest(kept))
    assert run.entries == sum(book["entries"] for book in before["books"]) > 50
    ((seals, last, head),) = house.ask(
        "SELECT seq, entry_id, encode(hash, 'hex') FROM finance_seal ORDER BY seq DESC LIMIT 1"
    )
    book = before["books"][0]["book"]
    assert before["chains"] == [{"book": book, "seals": seals, "last_entry": last, "head": head}]
    assert files(tmp_path / "backups") == [run.name]
    assert files(tmp_path / "backup-work") == []
    assert house.databases() == {house.database.name}
    assert (len(steps), steps[-1]) == (services.STEPS, "Done")
    assert BackupRun.objects.get().stage == "Done"

    house.add_entry("After the backup")
    (settings.MEDIA_ROOT / "receipt.pdf").unlink()
    (settings.MEDIA_ROOT / "later.pdf").write_bytes(b"%PDF-2")
    with house.database.connect() as somebody:
        aside = recovery.restore_backup(source="latest", identity=key, overwrite=True, now=NOW)
        with pytest.raises(psycopg.OperationalError):
            somebody.execute("SELECT 1")

    after = figures(house)
    # The records of the restore itself and of its proof are the only difference.
    after["tables"]["backups_backuprun"] -= 1
    after["tables"]["finance_ledgercheck"] -= 1
    # The proof notes the head of each book; earlier proofs may have.
    before["tables"].pop("finance_notedhead")
    assert after["tables"].pop("finance_notedhead") == len(before["books"])
    assert after == before
    assert "After the backup" not in house.payees()
    assert "After the backup" in house.payees(name=aside)
    assert files(settings.MEDIA_ROOT) == ["later.pdf", "receipt.pdf"]
    assert house.ask("SELECT kind, state, entries FROM backups_backuprun") == [("restore", "good", run.entries)]
    assert house.databases() == {house.database.name, aside}
    # The guards hold, the application's role has its rights and no more, and numbers continue where they were.
    for attack in ("UPDATE finance_journalentry SET payee = ''", "TRUNCATE finance_journalline CASCADE"):
        with pytest.raises(psycopg.errors.CheckViolation, match="post a reversal instead"):
            house.ask(attack)
    with pytest.raises(psycopg.errors.CheckViolation, match="declares"):
        house.ask("INSERT INTO finance_journalentry SELECT * FROM (SELECT (jsonb_populate_record(e, jsonb_build_object("
                  "'id', 999999, 'uid', gen_random_uuid()))).* FROM finance_journalentry AS e LIMIT 1) AS one")  # fmt: skip
    assert rights_of_app(house) == rights_of_app(house, aside) == {"SELECT", "INSERT"}
    assert house.add_entry("Life goes on") == before["books"][-1]["last_entry"] + 1


def test_a_ledger_that_is_not_sound_makes_no_backup(house, client, tmp_path):
    good = BackupRun.objects.create(name="earlier", state="good", started_at=NOW - datetime.timedelta(days=1))
    ((line,),) = house.ask("SELECT min(id) FROM finance_journalline")
    house.ask(f"UPDATE finance_journalline SET amount = amount + 1 WHERE id = {line}", unguarded=True)
    try:
        with pytest.raises(BackupError, match=r"not sound.*The lines of every entry sum to zero in each currency"):
            services.create_backup(now=NOW)
    finally:
        house.ask(f"UPDATE finance_journalline SET amount = amount - 1 WHERE id = {line}", unguarded=True)
    failed = BackupRun.objects.latest("pk")
    assert (failed.state, failed.stage) == ("failed", "Proving the ledger of the copy")
    assert "not sound" in failed.error
    assert files(tmp_path) == []
    assert "scratch" not in "".join(house.databases())
    page = client.get("/metrics").content.decode()
    assert sample(page, "lifeos_backup_last_success_timestamp_seconds") == good.started_at.timestamp()
    assert sample(page, "lifeos_backup_last_result") == 0


def test_a_chain_that_ends_elsewhere_than_the_manifest_tells_is_named(house):
    told = figures(house)
    assert evidence.differences(told=told, found=told) == []
    (chain,) = told["chains"]
    other = {**chain, "head": "ab" * 32}
    assert evidence.differences(told=told, found={**told, "chains": [other]}) == [
        f"the chain of book {chain['book']} should hold {chain} and holds {other}"
    ]
    assert "holds None" in evidence.differences(told=told, found={**told, "chains": []})[0]


def test_backups_from_before_the_chains_are_compared_by_their_other_figures(house):
    found = figures(house)
    told = {name: figure for name, figure in found.items() if name != "chains"}
    assert evidence.differences(told=told, found=found) == []
    assert evidence.differences(told={**told, "books": []}, found=found) != []


def test_without_any_backup_the_metrics_say_never(db, client):
    page = client.get("/metrics").content.decode()
    assert sample(page, "lifeos_backup_last_success_timestamp_seconds") == 0
    assert sample(page, "lifeos_backup_last_result") == 0
    assert sample(page, "lifeos_backup_age_seconds") > 26 * 3600


def test_a_database_with_people_is_not_overwritten_without_the_word(house, tmp_path):
    before = figures(house)
    with pytest.raises(BackupRefused, match="add --overwrite"):
        recovery.restore_backup(source="latest", now=NOW)
    assert (figures(house), house.databases()) == (before, {house.database.name})


def test_what_is_not_there_is_one_sentence(house, settings):
    with pytest.raises(CommandError, match=r"There is no backup in"):
        call_command("restore", "latest", "--overwrite")
    with pytest.raises(CommandError, match=r"There is no backup lifeos-20200101T000000Z.tar in"):
        call_command("restore", "lifeos-20200101T000000Z.tar", "--overwrite")
    with pytest.raises(CommandError, match=r"There is no file /nowhere/at/all.tar"):
        call_command("restore", "/nowhere/at/all.tar", "--overwrite")
    settings.BACKUP_TARGET = "/etc/passwd/backups"
    with pytest.raises(CommandError, match=r"^/etc/passwd/backups \(BACKUP_TARGET\) cannot be written: "):
        call_command("backup")
    settings.BACKUP_TARGET = ""
    settings.BACKUP_AGE_RECIPIENTS = ["age1nonsense"]
    with pytest.raises(CommandError, match="not a public key of age"):
        call_command("backup")
    settings.BACKUP_AGE_RECIPIENTS, settings.BACKUP_POSTGRES_PROGRAMS = [], "/nowhere"
    with pytest.raises(CommandError, match=r"needs pg_dump and pg_restore of version .* found: none"):
        call_command("backup")


def told_of(*, applied, known=None) -> dict:
    """What a manifest says of migrations; without `known` it is of a release that did not write it down."""
    return {"migrations": applied, **({} if known is None else {"known_migrations": known})}


def test_a_backup_of_a_newer_lifeos_is_refused(house):
    newer = ["finance.0001_tables", "finance.9999_tomorrow", "left_over_app.0001_initial"]
    for manifest in (told_of(applied=newer), told_of(applied=newer, known=newer)):
        with pytest.raises(BackupRefused, match=r"newer LifeOS: this one does not know finance\.9999_tomorrow"):
            recovery._refuse_newer(manifest)


def test_after_a_rollback_backups_from_before_and_after_it_are_restored(house, settings):
    """The newer release's migration is applied; this release does not know it, and works."""
    add = "INSERT INTO django_migrations (app, name, applied) VALUES ('finance', '9999_tomorrow', now())"
    house.ask(add)
    try:
        run = services.create_backup(now=NOW)
        manifest = recovery.rehearse_restore(source=run.name)
        assert "finance.9999_tomorrow" in manifest["migrations"]
        assert "finance.9999_tomorrow" not in manifest["known_migrations"]
        recovery.restore_backup(source=run.name, overwrite=True, now=NOW)
        # The newer release made one, too, before the rollback.
        both = manifest["migrations"]
        recovery._refuse_newer(told_of(applied=both, known=both))
    finally:
        house.ask("DELETE FROM django_migrations WHERE name = '9999_tomorrow'")
    # On a new machine nothing says that this release would work with the newer one's tables.
    with pytest.raises(BackupRefused, match="newer LifeOS"):
        recovery._refuse_newer(told_of(applied=both, known=both))
    recovery._refuse_newer(manifest)


def test_a_check_says_what_a_restore_would_and_changes_nothing(house, key, tmp_path, capsys):
    run = services.create_backup(now=NOW)
    identity = tmp_path / "key.txt"
    identity.write_text(key)
    before = figures(house)
    call_command("restore", "latest", "--check", "--overwrite", identity=identity)
    assert "The backup of 2026-03-15T02:30:00+00:00 is whole and can be restored here." in capsys.readouterr().out
    with pytest.raises(CommandError, match="add --overwrite"):
        call_command("restore", "latest", "--check", identity=identity)
    with pytest.raises(CommandError, match=r"There is no backup lifeos-20200101T000000Z.tar in"):
        call_command("restore", "lifeos-20200101T000000Z.tar", "--check", "--overwrite", identity=identity)
    with pytest.raises(CommandError, match="key"):
        call_command("restore", "latest", "--check", "--overwrite")
    file = tmp_path / "backups" / run.name
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(CommandError):
        call_command("restore", "latest", "--check", "--overwrite", identity=identity)
    assert (figures(house), house.databases()) == (before, {house.database.name})
    assert files(tmp_path / "backup-work") == []


def test_directories_of_the_path_that_cannot_be_read_are_passed_over(monkeypatch):
    """Asking for a file in this one fails also for root, as in one without rights for everybody else."""
    monkeypatch.setenv("PATH", f"/{'x' * 300}:{os.environ['PATH']}")
    programs._installed.cache_clear()
    assert programs.fitting(server_major=15).major >= 15


def test_roles_that_are_missing_are_named_with_what_makes_them(house):
    with pytest.raises(BackupRefused, match='CREATE ROLE "treasurer" LOGIN;'):
        recovery._refuse_missing_roles(house.database, ["treasurer"])


def test_only_one_runs_at_a_time(house):
    with runs.only_one(house.database):
        with pytest.raises(BackupRefused, match="already running"):
            services.create_backup(now=NOW)
        with pytest.raises(BackupRefused, match="already running"):
            recovery.restore_backup(source="latest", overwrite=True, now=NOW)
    assert not BackupRun.objects.exists()


@pytest.mark.parametrize("gives_up", [False, True])
def test_a_change_of_the_tables_that_waits_for_the_backup_is_let_through(house, monkeypatch, tmp_path, gives_up):
    """The change waits for what was counted, and pg_dump for the change: nobody would ever go on."""
    monkeypatch.setattr(loading, "LOCK_SECONDS", 1)
    if gives_up:
        monkeypatch.setattr(services, "ATTEMPTS", 1)
    gather, changes, table = evidence.gathered, [], f"changing_{gives_up}".lower()

    def change():
        with house.database.connect() as server:
            server.execute(f"ALTER TABLE {table} ADD more text")

    def gathered(source):
        found = gather(source)
        if not changes:
            changes.append(threading.Thread(target=change))
            changes[0].start()
            waits = f"SELECT 1 FROM pg_locks WHERE relation = '{table}'::regclass AND NOT granted"
            wait_until(lambda: house.ask(waits), seconds=20, what="the change")
        return found

    house.ask(f"CREATE TABLE {table} (id bigint)")
    monkeypatch.setattr(evidence, "gathered", gathered)
    if gives_up:
        with pytest.raises(TablesLocked, match="Tables are being changed"):
            services.create_backup(now=NOW)
        assert files(tmp_path / "backups") == []
    else:
        assert services.create_backup(now=NOW).state == BackupRun.State.GOOD
    changes[0].join(timeout=20)
    assert not changes[0].is_alive()
    house.ask(f"DROP TABLE {table}")


def test_a_run_whose_process_vanished_is_told_from_one_that_runs(db):
    BackupRun.objects.create(name="killed", started_at=NOW)
    now = runs.begin(name="next", location="", encrypted=False, now=NOW)
    assert dict(BackupRun.objects.values_list("name", "state")) == {"killed": "interrupted", "next": "running"}
    assert now.state == "running"


def test_old_backups_go_and_strangers_files_stay(house, settings, tmp_path):
    settings.BACKUP_KEEP_LAST, settings.BACKUP_KEEP_DAILY = 1, 2
    settings.BACKUP_KEEP_WEEKLY = settings.BACKUP_KEEP_MONTHLY = 0
    directory = tmp_path / "backups"
    directory.mkdir()
    names = [stores.name_of(NOW + datetime.timedelta(hours=12 * half), encrypted=half % 2 == 0) for half in range(6)]
    for name in [*names, "backup.sql.gz", "lifeos-notes.txt"]:
        (directory / name).touch()
    # Of the half days 02:30 and 14:30 of three days, the newest of the last two days stay.
    assert services.prune(stores.configured()) == [names[0], names[1], names[2], names[4]]
    assert files(directory) == sorted(["backup.sql.gz", "lifeos-notes.txt", names[3], names[5]])


def test_the_ways_back_from_the_last_deploys_stay(house, settings, tmp_path):
    settings.BACKUP_KEEP_LAST, settings.BACKUP_KEEP_DEPLOYS = 1, 2
    settings.BACKUP_KEEP_DAILY = settings.BACKUP_KEEP_WEEKLY = settings.BACKUP_KEEP_MONTHLY = 0
    directory = tmp_path / "backups"
    directory.mkdir()
    moments = [NOW + datetime.timedelta(days=day) for day in range(6)]
    names = [
        stores.name_of(moment, encrypted=False, before_deploy=day in (0, 1, 3)) for day, moment in enumerate(moments)
    ]
    for name in names:
        (directory / name).touch()
    assert names[1] == "lifeos-20260316T023000Z-deploy.tar"
    # Of three deploys the last two, and the newest of all.
    assert services.prune(stores.configured()) == [names[0], names[2], names[4]]
    assert files(directory) == [names[1], names[3], names[5]]


def test_stopping_leaves_nothing_half_written(house, tmp_path):
    """The command, stopped by SIGTERM while pg_dump works; the real program comes a little late."""
    programs = tmp_path / "programs"
    programs.mkdir()
    from lifeos_project.local import embedded_postgres

    for name in ("pg_restore", "psql", "postgres"):
        (programs / name).symlink_to(embedded_postgres.program(name))
    real = embedded_postgres.program("pg_dump")
    slow = programs / "pg_dump"
    slow.write_text(f'#!/bin/sh\n[ "$1" = --version ] || {{ touch {tmp_path}/begun; sleep 60; }}\nexec {real} "$@"\n')
    slow.chmod(0o755)
    variables = house.environment(BACKUP_POSTGRES_PROGRAMS=str(programs), BACKUP_TARGET=str(tmp_path / "kept"))
    process = subprocess.Popen(
        [sys.executable, "manage.py", "backup"], cwd=django_settings.BASE_DIR, env=variables, stderr=subprocess.PIPE
    )
    try:
        wait_until((tmp_path / "begun").exists, seconds=60, what="pg_dump")
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert b"nothing was kept" in told
    assert files(tmp_path / "kept") == files(house.var / "backup-work") == []
    assert house.ask("SELECT state, error FROM backups_backuprun ORDER BY id DESC LIMIT 1") == [
        ("interrupted", "Stopped on request.")
    ]
    ours = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'lifeos-backup' AND datname = current_database()"
    assert house.ask(ours) == []


def carry_out(name, **given):
    operation = operation_named(name)
    terminal = TerminalRun(by="Olga", dry_run=False, write=lambda line: None, quiet=True)
    return operation.function(read(operation.parameters, given), terminal)


@pytest.mark.s3
def test_a_bucket_keeps_what_is_complete(house, bucket, tmp_path):
    """Made and rehearsed as operators do it from the admin."""
    made = carry_out("backups.back_up")
    run, store = BackupRun.objects.get(), stores.configured()
    assert made == {"name": run.name, "bytes": run.size, "entries": run.entries, "kept_in": store.location}
    assert (store.names(), store.location) == ([run.name], f"s3://{bucket}/house/one")
    assert archive.digest(store.fetch(run.name, work=tmp_path)) == run.sha256
    assert carry_out("backups.rehearse_restore")["entries"] == run.entries
    with pytest.raises(BackupRefused, match="/etc/passwd is not the name of a backup"):
        carry_out("backups.rehearse_restore", source="/etc/passwd")
    assert files(tmp_path / "backup-work") == []
    store.delete(run.name)
    assert store.names() == []


@pytest.mark.s3
def test_a_large_file_goes_to_a_bucket_in_parts(bucket, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(os.urandom(13 << 20))
    name, store = stores.name_of(NOW, encrypted=False), stores.configured()
    store.keep(large, name, sealed=archive.Sealed(size=13 << 20, sha256=archive.digest(large)))
    assert archive.digest(store.fetch(name, work=tmp_path)) == archive.digest(large)
    with pytest.raises(BackupError, match="did not keep what was uploaded"):
        store.keep(large, name, sealed=archive.Sealed(size=13 << 20, sha256="0" * 64))
    assert store.names() == []


@pytest.mark.s3
def test_a_bucket_that_is_not_there_is_one_sentence_without_the_secret(bucket, settings):
    settings.BACKUP_TARGET = "s3://nobody-made-this-bucket"
    started = time.monotonic()
    with pytest.raises(BackupError) as failure:
        stores.configured().names()
    assert "s3://nobody-made-this-bucket/ cannot be listed" in str(failure.value)
    assert "never-told" not in str(failure.value)
    assert len(str(failure.value).splitlines()) == 1
    assert time.monotonic() - started < 60


def test_the_role_that_serves_makes_backups_that_bring_everything_back(house, tmp_path):
    """As a worker does, which does not know the owner; also of a partition that was made after the rights were given."""
    name = f"{APP_ROLE}_nightly"
    house.ask(f"CREATE ROLE {name} LOGIN PASSWORD 'night' IN ROLE {APP_ROLE}", name="postgres")
    try:
        house.ask("SELECT platform_outbox_extend(1000000, 3)")
        serving = servers.Database(parameters={**house.database.parameters, "user": name, "password": "night"})
        made = house.manage("backup", DATABASE_URL=serving.url(), BACKUP_TARGET=str(tmp_path / "kept"))
        assert "restored and proven" in made.stdout
        (file,) = (tmp_path / "kept").glob("*.tar")
        restored = house.manage("restore", str(file), "--overwrite", DATABASE_OWNER_URL=house.database.url(),
                                DATABASE_URL=serving.url(), check=False)  # fmt: skip
        # Rights are renewed for the role that serves, which the restored tables know nothing of.
        assert "Restored and proven." in restored.stdout, restored.stderr
        with serving.connect() as server:
            (entries,) = server.execute("SELECT count(*) FROM finance_journalentry").fetchone()
            assert entries > 0
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                server.execute("UPDATE finance_journalline SET amount = 1")
    finally:
        for database in house.databases():
            house.ask(f"DROP OWNED BY {name}", name=database)
        house.ask(f"DROP OWNED BY {name}", name="postgres")
        house.ask(f"DROP ROLE {name}", name="postgres")
