from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from platform_outbox.admin.permissions import ReadOnly, Shown
from platform_outbox.models import Periodic, Worker
from platform_outbox.operators.redaction import masked_text
from platform_outbox.timing import ALIVE_SECONDS


@admin.register(Periodic)
class PeriodicAdmin(ReadOnly, ModelAdmin):
    list_display = ("name", "shown_state", "last_done_at", "due_at", "last_seconds", "worker")
    fields = readonly_fields = (
        "name",
        "shown_state",
        "seconds",
        "due_at",
        "last_run_at",
        "last_done_at",
        "last_seconds",
        "worker",
        "failures",
        "shown_error",
    )
    ordering = ("-failures", "name")

    @display(description=_("error"))
    def shown_error(self, job: Periodic) -> str:
        return masked_text(job.error) or "–"

    @display(description=_("state"), label={"failing": "danger", "new": "info", "fine": "success"})
    def shown_state(self, job: Periodic) -> Shown:
        if job.failures:
            return Shown("failing", _("Failing"))
        return Shown("fine", _("Fine")) if job.last_done_at else Shown("new", _("Not run yet"))


@admin.register(Worker)
class WorkerAdmin(ReadOnly, ModelAdmin):
    list_display = ("name", "broker", "started_at", "heartbeat_at", "shown_alive")
    fields = readonly_fields = list_display
    ordering = ("-heartbeat_at",)

    @display(description=_("alive"), boolean=True)
    def shown_alive(self, worker: Worker) -> bool:
        return (timezone.now() - worker.heartbeat_at).total_seconds() < ALIVE_SECONDS
