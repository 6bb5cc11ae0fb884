"""The outbox's own upkeep."""

import datetime

from django.conf import settings

from platform_outbox import retention
from platform_outbox.models import Minute, Worker
from platform_outbox.monitoring import snapshot
from platform_outbox.operations import runs
from platform_outbox.operators import actions, selection
from platform_outbox.scheduler import Run, every
from platform_outbox.timing import FILES_KEPT, MINUTES_KEPT


@every("platform_outbox.sample", seconds=snapshot.EVERY_SECONDS)
def sample(run: Run) -> None:
    """The figures that /metrics shows."""
    snapshot.take()


@every("platform_outbox.extend", seconds=60)
def extend(run: Run) -> None:
    """Partitions for the coming events. Late is no harm: until then they are kept in the partition of the rest."""
    retention.extend()


@every("platform_outbox.keep", seconds=3600, lease_seconds=600)
def keep(run: Run) -> None:
    """Events past OUTBOX_RETENTION_DAYS."""
    if settings.OUTBOX_RETENTION_DAYS:
        before = run.now - datetime.timedelta(days=settings.OUTBOX_RETENTION_DAYS)
        retention.prune(before=before, renew=run.renew, everywhere=False)


@every("platform_outbox.forget_workers", seconds=3600)
def forget_workers(run: Run) -> None:
    """Workers that ended without a farewell are listed for a day."""
    Worker.objects.filter(heartbeat_at__lt=run.now - datetime.timedelta(days=1)).delete()


@every("platform_outbox.forget_minutes", seconds=3600)
def forget_minutes(run: Run) -> None:
    """The charts' figures of past weeks."""
    Minute.objects.filter(minute__lt=run.now - MINUTES_KEPT).delete()


@every("platform_outbox.requeue_known", seconds=60)
def requeue_known(run: Run) -> None:
    """Dead letters of a newer release that came before its workers: once this worker knows them, they are due again."""
    if ids := selection.known_by_now():
        actions.requeue(ids=ids, by="an upgraded worker")


@every("operations.forget_files", seconds=86_400)
def forget_files(run: Run) -> None:
    """What operations were given and what they left; the runs themselves stay."""
    runs.prune_files(before=run.now - FILES_KEPT)
