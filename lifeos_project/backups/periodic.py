"""The nightly backup: the worker looks every few minutes whether one is due, and starts it as a process of its own.

A backup takes minutes to hours; the worker's other jobs do not wait for it, and it outlives no worker that is stopped.
"""

import datetime
import os
import subprocess
import sys

import structlog
from django.conf import settings

from lifeos_project.backups import runs
from lifeos_project.metrics_files import VARIABLE
from platform_outbox.scheduler import Run, every

RETRY = datetime.timedelta(hours=1)
log = structlog.stdlib.get_logger("lifeos.backup")
_started: "list[subprocess.Popen[bytes]]" = []


@every("backups.back_up", seconds=300)
def back_up(run: Run) -> None:
    """Begin tonight's backup unless there is one, one is at work, or one failed within the hour."""
    _started[:] = [process for process in _started if process.poll() is None]
    if not settings.BACKUP_NIGHTLY or _started:
        return
    good, latest = runs.last_good(), runs.latest()
    if is_due(
        run.now,
        hour=settings.BACKUP_HOUR,
        last_good=good.started_at if good else None,
        last_tried=latest.started_at if latest else None,
    ):
        start()


def is_due(
    now: datetime.datetime,
    *,
    hour: int,
    last_good: datetime.datetime | None,
    last_tried: datetime.datetime | None,
) -> bool:
    """Whether no good backup was begun since the hour (UTC) last struck, nor any attempt within the last hour."""
    struck = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    if struck > now:
        struck -= datetime.timedelta(days=1)
    if last_good is not None and last_good >= struck:
        return False
    return last_tried is None or now - last_tried >= RETRY


def start() -> "subprocess.Popen[bytes]":
    """Run `manage.py backup` beside this process; what it says goes to our log."""
    log.info("nightly backup begins")
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    process = subprocess.Popen(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "backup"],
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    _started.append(process)
    return process
