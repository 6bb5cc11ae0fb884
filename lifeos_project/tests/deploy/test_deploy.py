"""deploy.sh end to end: nginx, two web processes and a worker, replaced under load without a failed request.

Tests come in any order: each begins with v1 in use and leaves it so.
"""

from pathlib import Path

import pytest

from lifeos_project.tests.deploy.load import Load
from lifeos_project.tests.deploy.machine import EMAIL, PASSWORD, machine

ADDING = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("backups", "0001_record_runs")]
    operations = [migrations.AddField("backuprun", "note", models.TextField(null=True))]
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
        yield one


def test_releases_come_and_go_under_load_without_a_failed_request(installed):
    # The old release must survive what the next one adds to the tables.
    installed.tag("v3-adds", lifeos_project__backups__migrations__0002_note__py=ADDING)
    installed.tag("v4-breaks", lifeos_project__wsgi__py="\nraise RuntimeError('This release is broken.')\n")
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
    # As it was, for the tests that come later: a backup of newer tables is not for v1 to restore.
    with installed.database.connect() as server:
        server.execute("ALTER TABLE backups_backuprun DROP COLUMN note")
        server.execute("DELETE FROM django_migrations WHERE (app, name) = ('backups', '0002_note')")


def test_a_restart_takes_changed_settings_without_a_failed_request(installed):
    before = installed.pids()
    installed.configure(SITE_URL="https://changed.example")
    with Load(installed.base, email=EMAIL, password=PASSWORD) as load:
        anew = installed.deploy_sh("restart")
        assert anew.returncode == 0, anew.stderr
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

    restored = installed.deploy_sh("restore", "production", "latest")
    assert restored.returncode == 0, restored.stderr
    assert installed.releases() == {"v1"}
    assert installed.all_are_ready()
    assert installed.entries_of(visitor.payee) == {first}
    (aside,) = installed.databases() - {installed.database.name}
    assert installed.entries_of(visitor.payee, name=aside) == {first, second}
    assert installed.manage("verify_ledger").startswith("Sound: ")
    # Who was signed in still is, and the books take entries again.
    visitor.post()
    assert installed.entries_of(visitor.payee) == {first, visitor.posted[-1]}


def test_the_same_release_again_changes_nothing(installed):
    before, processes = installed.status(), installed.pids()
    again = installed.deploy_sh("deploy", "--ref", "v1")
    assert again.returncode == 0, again.stderr
    assert "runs already and works; nothing to do" in again.stderr
    assert installed.status() == before
    assert installed.pids() == processes
