"""deploy.sh end to end: nginx, two web processes and a worker, replaced under load without a failed request.

Tests come in any order: each begins with v1 in use and leaves it so.
"""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from lifeos_project.tests.deploy.load import Load
from lifeos_project.tests.deploy.machine import EMAIL, PASSWORD, machine

ADDING = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("backups", "0001_tables")]
    operations = [migrations.AddField("backuprun", "note", models.TextField(null=True))]
"""

DROPPING = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("backups", "0001_tables")]
    operations = [migrations.RunSQL("ALTER TABLE backups_backuprun RENAME stage TO step",
                                    "ALTER TABLE backups_backuprun RENAME step TO stage")]
"""

# The second makes the run's own database, which the machine's is a copy of.
pytestmark = [pytest.mark.nginx, pytest.mark.django_db]


@pytest.fixture(scope="module")
def installed(django_db_setup, django_db_blocker, tmp_path_factory, nginx_path):
    """A machine on which v1 has been deployed as the first release."""
    with django_db_blocker.unblock(), machine(tmp_path_factory.mktemp("machine"), nginx=nginx_path) as one:
        first = one.deploy_sh("deploy", "production", "--ref", "v1")
        assert first.returncode == 0, first.stderr
        assert one.all_are_ready()
        healthy = one.deploy_sh("health-check")
        assert healthy.returncode == 0, healthy.stderr
        one.lend_environment()
        yield one


def test_releases_come_and_go_under_load_without_a_failed_request(installed):
    # The old release must survive what the next one adds to the tables.
    installed.tag("v3-adds", on="v1", lifeos_project__backups__migrations__0002_note__py=ADDING)
    installed.tag(
        "v4-breaks", on="v3-adds", lifeos_project__wsgi__py="\nraise RuntimeError('This release is broken.')\n"
    )
    with Load(installed.base, email=EMAIL, password=PASSWORD) as load:
        adding = installed.deploy_sh("deploy", "production", "--ref", "v3-adds")
        assert adding.returncode == 0, adding.stderr
        assert installed.releases() == {"v3"}

        broken = installed.deploy_sh("deploy", "production", "--ref", "v4-breaks", "--no-backup")
        assert broken.returncode == 1
        assert "going back to v3-adds" in broken.stderr
        assert installed.releases() == {"v3"}
        assert installed.all_are_ready()

        back = installed.deploy_sh("rollback", "production")
        assert back.returncode == 0, back.stderr
        assert installed.releases() == {"v1"}
    assert load.failures == []
    assert len(load.posted) > 10
    assert installed.entries_of(load.payee) == set(load.posted)
    assert set(installed.ask("SELECT state FROM backups_backuprun")) == {("good",)}
    # The one that failed does not take a place among those that are kept.
    kept = {directory.name.rpartition("-")[0] for directory in (installed.home / "releases").iterdir()}
    assert {"v1", "v3-adds"} <= kept <= {"v1", "v3-adds", "v5-drops"}

    # v3's migration stays applied, and v1 restores backups with it: the one made now and the one v3 would have made.
    for made in (installed.deploy_sh("backup"), installed.deploy_sh("restore", "production", "latest")):
        assert made.returncode == 0, made.stderr
    assert installed.ask("SELECT count(*) FROM django_migrations WHERE name = '0002_note'") == [(1,)]
    assert installed.entries_of(load.payee) == set(load.posted)


def test_a_restart_takes_changed_settings_without_a_failed_request(installed):
    before = installed.pids()
    installed.configure(SITE_URL="https://changed.example")
    with Load(installed.base, email=EMAIL, password=PASSWORD) as load:
        again = installed.deploy_sh("restart")
        assert again.returncode == 0, again.stderr
    assert load.failures == []
    after = installed.pids()
    assert after.keys() == before.keys()
    for name, pid in after.items():
        assert pid != before[name]
        assert b"SITE_URL=https://changed.example" in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


def test_a_backup_comes_back_and_the_database_of_before_is_kept(installed):
    visitor = Load(installed.base, email=EMAIL, password=PASSWORD)
    visitor.post()
    backup = installed.deploy_sh("backup", "production")
    assert backup.returncode == 0, backup.stderr
    visitor.post()
    first, second = visitor.posted
    assert installed.entries_of(visitor.payee) == {first, second}

    databases = installed.databases()
    restored = installed.deploy_sh("restore", "production", "latest")
    assert restored.returncode == 0, restored.stderr
    assert installed.releases() == {"v1"}
    assert installed.all_are_ready()
    assert installed.entries_of(visitor.payee) == {first}
    (aside,) = installed.databases() - databases
    assert installed.entries_of(visitor.payee, name=aside) == {first, second}
    assert installed.manage("verify_ledger").startswith("Sound: ")
    # Who was signed in still is, and the books take entries again.
    visitor.post()
    assert installed.entries_of(visitor.payee) == {first, visitor.posted[-1]}


def test_a_backup_that_is_not_there_stops_nothing(installed):
    before = installed.pids()
    wrong = installed.deploy_sh("restore", "production", "lifeos-20200101T000000Z.tar")
    assert wrong.returncode == 1
    assert "There is no backup lifeos-20200101T000000Z.tar" in wrong.stderr
    assert "Nothing was changed" in wrong.stderr
    # Whether there is a release to go back to depends on the tests before this one.
    assert installed.deploy_sh("rollback", "production", "lifeos-20200101T000000Z.tar").returncode == 1
    assert installed.pids() == before
    assert installed.all_are_ready()


def test_the_number_of_a_process_is_not_believed_alone(installed):
    """After a crash or a restart of the machine the number may be somebody else's."""
    with subprocess.Popen(["sleep", "300"]) as other:
        try:
            file = installed.home / "run" / "worker-1.pid"
            ours = file.read_text()
            file.write_text(f"{other.pid} {ours.split()[1]}\n")
            assert installed.status()["worker-1"].split()[0] == "down"
            assert installed.deploy_sh("health-check").returncode == 1
            # The worker that is still there ends, too: it is this test that has lost its number.
            os.killpg(int(ours.split()[0]), signal.SIGKILL)
            again = installed.deploy_sh("restart")
            assert again.returncode == 0, again.stderr
            assert other.poll() is None
            assert installed.all_are_ready()
        finally:
            other.kill()


def test_a_release_whose_worker_hangs_at_its_start_is_not_deployed(installed):
    hanging = "\nimport time\nWorkerProcess.start = lambda self: time.sleep(3600)\n"
    installed.tag("v6-hangs", on="v1", platform_outbox__worker__process__py=hanging)
    with installed.impatient(READY_SECONDS="40", STOP_SECONDS="3"):
        refused = installed.deploy_sh("deploy", "--ref", "v6-hangs", "--no-backup")
    assert refused.returncode == 1
    assert "worker-1 did not come up" in refused.stderr
    assert "going back to v1" in refused.stderr
    assert (installed.releases(), installed.all_are_ready()) == ({"v1"}, True)


def test_health_check_names_the_web_process_that_is_dead_and_the_worker_that_has_no_pulse(installed):
    well = installed.deploy_sh("health-check")
    assert (well.returncode, well.stdout.startswith('{"status": "ok", "version": "1.0.0 (v1-')) == (0, True)
    assert installed.status()["version"].startswith("1.0.0 (v1-")
    os.kill(installed.pids()[f"web-{installed.ports[1]}"], signal.SIGKILL)
    one_dead = installed.deploy_sh("health-check")
    assert one_dead.returncode == 1
    assert f"web-{installed.ports[1]} is not ready" in one_dead.stderr

    # It runs, and nobody hears of it.
    worker = installed.pids()["worker-1"]
    os.kill(worker, signal.SIGSTOP)
    try:
        # Half a minute without a heartbeat, at once.
        installed.ask("UPDATE platform_worker SET heartbeat_at = now() - interval '31 seconds' RETURNING name")
        assert installed.status()["worker-1"].split()[0] == "up"
        silent = installed.deploy_sh("health-check")
        assert silent.returncode == 1
        assert '"workers": {"status": "none"' in silent.stdout
        assert installed.deploy_sh("health-check").returncode == 1
    finally:
        os.kill(worker, signal.SIGCONT)
    again = installed.deploy_sh("start")
    assert again.returncode == 0, again.stderr
    assert installed.deploy_sh("health-check").returncode == 0


def test_everything_is_stopped_and_started_and_asked(installed):
    stopped = installed.deploy_sh("stop")
    assert stopped.returncode == 0, stopped.stderr
    assert {words.split()[0] for name, words in installed.status().items() if "-" in name} == {"down"}
    started = installed.deploy_sh("start", "production")
    assert started.returncode == 0, started.stderr
    assert (installed.releases(), installed.all_are_ready()) == ({"v1"}, True)
    ((book,),) = installed.ask("SELECT min(id)::text FROM finance_book")
    asked = installed.deploy_sh("manage", "production", "trial_balance", "--book", book, "--format", "csv")
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.splitlines()[0] == "account_id,account,type,currency,debit,credit"
    assert "Which command?" in installed.deploy_sh("manage", "production").stderr


def test_there_is_no_way_back_from_a_downtime_but_the_backup(installed):
    installed.tag("v5-drops", on="v1", lifeos_project__backups__migrations__0009_drop__py=DROPPING)
    down = installed.deploy_sh("deploy", "--ref", "v5-drops", "--with-downtime")
    assert down.returncode == 0, down.stderr
    plain = installed.deploy_sh("rollback")
    assert plain.returncode == 1
    assert "Go back with the backup made before it" in plain.stderr
    assert installed.releases() == {"v5"}
    backups = installed.deploy_sh("manage", "production", "backup", "--list").stdout.split()
    back = installed.deploy_sh("rollback", "production", [name for name in backups if "-deploy" in name][-1])
    assert back.returncode == 0, back.stderr
    assert (installed.releases(), installed.all_are_ready()) == ({"v1"}, True)
    assert installed.ask("SELECT count(*) FROM django_migrations WHERE name = '0009_drop'") == [(0,)]


def test_the_same_release_again_changes_nothing(installed):
    before, processes = installed.status(), installed.pids()
    again = installed.deploy_sh("deploy", "--ref", "v1")
    assert again.returncode == 0, again.stderr
    assert "runs already and works; nothing to do" in again.stderr
    assert installed.status() == before
    assert installed.pids() == processes
