"""The operators' list of backups and restores; they are begun by commands and by the schedule."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from finance.admin.reading import Uncounted
from lifeos_project.backups.models import BackupRun
from platform_outbox.admin.base import ReadOnly, State

COLOURS = {
    BackupRun.State.GOOD.value: "success",
    BackupRun.State.RUNNING.value: "info",
    BackupRun.State.FAILED.value: "danger",
    BackupRun.State.INTERRUPTED.value: "warning",
}


@admin.register(BackupRun)
class BackupRunAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("started_at", "kind", "shown_state", "name", "shown_size", "entries", "encrypted")
    list_filter = ("kind", "state")
    list_fullwidth = True
    ordering = ("-pk",)
    fields = readonly_fields = (
        *("kind", "shown_state", "stage", "error", "name", "location", "started_at", "finished_at"),
        *("shown_size", "sha256", "encrypted", "entries"),
    )

    @display(description=_("state"), label=COLOURS)
    def shown_state(self, run: BackupRun) -> State:
        return State(run.state, run.get_state_display())

    @display(description=_("size"))
    def shown_size(self, run: BackupRun) -> str:
        return "–" if run.size is None else f"{run.size / 1e6:,.1f} MB"
