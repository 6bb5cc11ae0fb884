"""What was backed up and restored, when, and how it ended; monitoring and operators read it."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class BackupRun(models.Model):
    """One attempt to back up or to restore. A backup is good only once a restore of it has been proven."""

    class Kind(models.TextChoices):
        BACKUP = "backup", _("backup")
        RESTORE = "restore", _("restore")

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        GOOD = "good", _("good")
        FAILED = "failed", _("failed")
        INTERRUPTED = "interrupted", _("interrupted")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.BACKUP)
    name = models.CharField(_("name"), max_length=80)
    location = models.CharField(_("kept in"), max_length=500, blank=True)
    started_at = models.DateTimeField(_("started"))

    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.RUNNING)
    # What it is doing, or did last, in an operator's words.
    stage = models.CharField(_("step"), max_length=120, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    size = models.BigIntegerField(_("bytes"), null=True, blank=True)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    encrypted = models.BooleanField(_("encrypted"), default=False)
    # Rows, books and entries that the copy holds, as counted in the same moment.
    entries = models.BigIntegerField(_("entries"), null=True, blank=True)
    error = models.TextField(_("what went wrong"), blank=True)

    class Meta:
        verbose_name = _("backup")
        verbose_name_plural = _("backups")
        # The latest of each kind and state: metrics at every scrape, and the operators' list.
        indexes = [models.Index(fields=["kind", "state", "-started_at"], name="backups_run_latest")]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_state_display()})"
