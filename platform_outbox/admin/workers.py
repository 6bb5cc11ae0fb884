from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from platform_outbox import emit
from platform_outbox.admin.permissions import ReadOnly
from platform_outbox.models import Worker


@admin.register(Worker)
class WorkerAdmin(ReadOnly, ModelAdmin):
    list_display = ("name", "broker", "started_at", "heartbeat_at", "shown_alive")
    fields = readonly_fields = list_display
    ordering = ("-heartbeat_at",)

    @display(description=_("alive"), boolean=True)
    def shown_alive(self, worker: Worker) -> bool:
        return (timezone.now() - worker.heartbeat_at).total_seconds() < emit.ALIVE_SECONDS
