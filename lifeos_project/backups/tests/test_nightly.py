import datetime
import sys

import pytest

from lifeos_project.backups import periodic
from lifeos_project.backups.models import BackupRun
from platform_outbox.scheduler import all_jobs, run_job

HOUR = datetime.timedelta(hours=1)
TWO = datetime.datetime(2026, 3, 15, 2, 0, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("now", "last_good", "last_tried", "due"),
    [
        (TWO, None, None, True),
        (TWO - HOUR, TWO - 23 * HOUR, TWO - 23 * HOUR, False),
        (TWO, TWO - 23 * HOUR, TWO - 23 * HOUR, True),
        (TWO + HOUR, TWO, TWO, False),
        # By day: what a deploy made yesterday noon does not stand for the night.
        (TWO + 6 * HOUR, TWO - 14 * HOUR, TWO - 14 * HOUR, True),
        # Nobody ran for a week: one makes up for all.
        (TWO + 12 * HOUR, TWO - 168 * HOUR, TWO - 168 * HOUR, True),
        # A failure is tried again after an hour.
        (TWO + HOUR / 2, TWO - 24 * HOUR, TWO, False),
        (TWO + HOUR, TWO - 24 * HOUR, TWO, True),
    ],
)
def test_a_backup_is_due_once_a_night(now, last_good, last_tried, due):
    assert periodic.is_due(now, hour=2, last_good=last_good, last_tried=last_tried) is due


@pytest.mark.django_db
class TestTheJob:
    @pytest.fixture
    def begun(self, monkeypatch, settings):
        """Processes that the job began: real ones, which only wait."""
        commands = []
        real = periodic.subprocess.Popen

        def popen(command, **rest):
            commands.append(command[1:])
            return real([sys.executable, "-c", "input()"], stdin=periodic.subprocess.PIPE)

        monkeypatch.setattr(periodic.subprocess, "Popen", popen)
        settings.BACKUP_NIGHTLY = True
        yield commands
        for process in periodic._started:
            process.communicate(b"\n")
        periodic._started.clear()

    @pytest.fixture
    def job(self):
        from platform_outbox import scheduler

        scheduler.introduce()
        (found,) = [job for job in all_jobs() if job.name == "backups.back_up"]
        return lambda now: run_job(found, now=now)

    def test_it_begins_one_process_and_waits_for_it(self, begun, job, settings):
        job(TWO + 365 * 24 * HOUR)
        job(TWO + 365 * 24 * HOUR + HOUR)
        assert begun == [[str(settings.BASE_DIR / "manage.py"), "backup"]]

    def test_it_begins_none_where_tonight_has_one(self, begun, job):
        night = TWO + 365 * 24 * HOUR
        BackupRun.objects.create(name="tonight", state="good", started_at=night)
        job(night + HOUR)
        assert begun == []

    def test_it_can_be_left_to_others(self, begun, job, settings):
        settings.BACKUP_NIGHTLY = False
        job(TWO + 365 * 24 * HOUR)
        assert begun == []
