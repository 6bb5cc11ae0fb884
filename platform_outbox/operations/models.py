from dataclasses import dataclass
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from platform_outbox.events import Event


class OperationRun(models.Model):
    """One carrying out of a long operation: who wanted what, how far it is, what came of it."""

    class State(models.TextChoices):
        REQUESTED = "requested", _("Waiting for a worker")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    operation = models.CharField(_("operation"), max_length=80)
    # What it works on, such as "book:3"; at most one run of an operation is open for it.
    scope = models.CharField(_("works on"), max_length=120, blank=True)
    parameters = models.JSONField(_("parameters"))
    dry_run = models.BooleanField(_("dry run"))
    by = models.CharField(_("started by"), max_length=254)
    requested_at = models.DateTimeField(_("started"))

    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.REQUESTED)
    # Of the worker that carries it out; a newer one fences off an older.
    token = models.CharField(max_length=32, blank=True)
    started_at = models.DateTimeField(_("begun"), null=True)
    heartbeat_at = models.DateTimeField(_("last sign of life"), null=True)
    finished_at = models.DateTimeField(_("ended"), null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    done = models.BigIntegerField(_("steps done"), default=0)
    total = models.BigIntegerField(_("steps in all"), null=True)
    unit = models.CharField(max_length=20, blank=True)
    log = models.TextField(_("log"), blank=True)
    # Where to continue after a stop or a crash, in the operation's own words.
    kept = models.JSONField(default=dict)
    result = models.JSONField(_("result"), null=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        db_table = "platform_operation_run"
        verbose_name = _("operation run")
        verbose_name_plural = _("operation runs")
        indexes: ClassVar = [
            # The last run of each operation, on the page that lists them.
            models.Index(name="platform_operation_latest", fields=["operation", "-id"]),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="platform_operation_once",
                fields=["operation", "scope"],
                condition=Q(state__in=["requested", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation} #{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_RUNS

    @property
    def percent(self) -> int | None:
        """How much is done, if it is known how much there is; 100 only when all is done."""
        if self.state == self.State.DONE:
            return 100
        return min(99, 100 * self.done // self.total) if self.total else None

    @property
    def steps(self) -> int | None:
        """Steps in all: of a run that is done as many as it took, whatever had been expected before."""
        return self.done if self.state == self.State.DONE else self.total


OPEN_RUNS = (OperationRun.State.REQUESTED, OperationRun.State.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRequested(Event):
    """Somebody started or resumed a long operation."""

    name: ClassVar[str] = "platform.operation.requested"
    run_id: int
    operation: str
    scope: str

    @property
    def ordering_key(self) -> str:
        return f"operation:{self.run_id}"
