"""Periodic jobs in a process without a worker."""

import datetime

from platform_outbox import scheduler


def run_due(*, now: datetime.datetime | None = None, worker: str = "") -> None:
    """Run every declared job that is due, once."""
    scheduler.introduce()
    for job in scheduler.all_jobs():
        scheduler.run_job(job, now=now, worker=worker)
