"""Backup and rehearsal of a restore as long operations, for operators in the admin and at manage.py operation."""

import dataclasses
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from lifeos_project.backups import evidence, recovery, services, stores
from lifeos_project.backups.errors import BackupRefused
from platform_outbox.operations.registry import operation, parameter
from platform_outbox.operations.runs import Run


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BackUpParameters:
    """A backup has none: it always holds everything."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RehearseParameters:
    source: str = parameter(
        gettext_lazy("Backup"), help_text=gettext_lazy("Name of a backup; empty: the newest."), default=""
    )


@operation(
    "backups.back_up",
    title=gettext_lazy("Back up"),
    help_text=gettext_lazy(
        "Copies database and attachments, restores the copy into a scratch database and proves it there."
    ),
    parameters=BackUpParameters,
    permission="backups.add_backuprun",
)
def back_up(parameters: BackUpParameters, run: Run) -> dict[str, Any]:
    """A cancelled backup is deleted; resuming it starts from the beginning."""
    made = services.create_backup(now=timezone.now(), progress=_stepwise(run, services.STEPS))
    return {"name": made.name, "bytes": made.size, "entries": made.entries, "kept_in": made.location}


@operation(
    "backups.rehearse_restore",
    title=gettext_lazy("Rehearse a restore"),
    help_text=gettext_lazy("Restores a backup into a scratch database, proves it there, and deletes the copy."),
    parameters=RehearseParameters,
    permission="backups.view_backuprun",
)
def rehearse(parameters: RehearseParameters, run: Run) -> dict[str, Any]:
    """Reads what is kept and writes nothing. Encrypted backups need BACKUP_AGE_IDENTITY here."""
    source = parameters.source or recovery.LATEST
    if source != recovery.LATEST and stores.moment_of(source) is None:
        # A path would be anything on the server's disk.
        raise BackupRefused(_("%(name)s is not the name of a backup.") % {"name": source})
    manifest = recovery.rehearse_restore(source=source, progress=_stepwise(run, recovery.STEPS))
    figures = manifest["evidence"]
    return {
        "made_at": manifest["made_at"],
        "books": len(figures["books"]),
        "entries": evidence.entries(figures),
        "rows": sum(figures["tables"].values()),
    }


def _stepwise(run: Run, steps: int) -> Any:
    """A progress function that tells each step to the run, which may end there."""
    run.expect(steps)

    def progress(stage: str) -> None:
        run.say(stage)
        run.advance()

    return progress
