"""The operators' pages of the outbox.

Payloads have a permission of their own; what can be done is confirmed and recorded.
"""

import json
from functools import cached_property, partialmethod, reduce
from importlib import import_module
from operator import or_
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import transaction
from django.db.models import Case, IntegerField, Model, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django_dramatiq.models import Task
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from platform_outbox import emit
from platform_outbox.admin import base, console, dead_letters
from platform_outbox.admin.dead_letters import BulkAction
from platform_outbox.models import OPEN, Attempt, Delivery, OutboxMessage, Periodic, Status, Worker
from platform_outbox.operators import actions
from platform_outbox.operators.editing import masked, masked_text
from platform_outbox.registry import handlers_of
from platform_outbox.sql import rows_of, without_sorting
from platform_outbox.templatetags.outbox_figures import capped
from platform_outbox.timing import ALIVE_SECONDS

# Wake-ups leave no rows in django_dramatiq's list, and events have pages of their own.
import_module("django_dramatiq.admin")
admin.site.unregister(Task)

SEARCHED = 200_000  # newest events that a search for a type or a key covers
LARGEST_ID = 2**63 - 1
MOST_LISTED = 1_000  # of what waits, and of each state in the list of everything unfinished
# Each but the first and SENT has an index of its own, in the order of ids.
_CONDITIONS: dict[str, Q] = {
    Status.PENDING: Q(status=Status.PENDING) & Q(status__in=OPEN),
    Status.SENDING: Q(status=Status.SENDING),
    Status.FAILED: Q(status=Status.FAILED),
    Status.DEAD: Q(status=Status.DEAD, discarded_at=None),
    Status.SENT: Q(status=Status.SENT),
    "discarded": Q(discarded_at__isnull=False),
}
UNFINISHED = (Status.PENDING, Status.SENDING, Status.FAILED, Status.DEAD)
# What needs attention first: dead letters, then what waits for a retry, then the queue.
URGENCY = Case(
    When(status=Status.DEAD, discarded_at=None, then=0),
    When(status=Status.FAILED, then=1),
    When(status=Status.SENDING, then=2),
    When(status=Status.PENDING, then=3),
    default=4,
    output_field=IntegerField(),
)


class StatusFilter(admin.SimpleListFilter):
    """Status with counts. Without a choice everything unfinished is listed, the worst first."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        labels = dict([*Status.choices, ("discarded", _("Discarded"))])
        counts = {
            value: OutboxMessage.objects.filter(_CONDITIONS[value]).values("pk")[: emit.COUNT_CAP + 1].count()
            for value in (Status.FAILED, Status.SENDING, Status.DEAD, "discarded")
        }
        # Asked for by its name alone it would have no index, because what failed stands among it there.
        waiting = len(self._open)
        counts[Status.PENDING] = waiting if waiting > emit.COUNT_CAP else waiting - counts[Status.FAILED]
        return [
            (value, f"{label} ({capped(counts[value])})" if value in counts else label)
            for value, label in labels.items()
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value() if self.value() in _CONDITIONS else None
        if request.GET.get("q"):
            # A search looks at the newest events only, so it needs no further bound.
            wanted = [_CONDITIONS[value] for value in ([chosen] if chosen else UNFINISHED)]
            return queryset.filter(reduce(or_, wanted))
        if chosen and chosen != Status.PENDING:
            return queryset.filter(_CONDITIONS[chosen])
        # In one query by id the server would step over everything that is sent to find the few that are not. Of a long
        # queue a sample is listed, of other states the oldest.
        ids = sorted(pk for pk, status in self._open if status == Status.PENDING)[:MOST_LISTED]
        for value in () if chosen else UNFINISHED[1:]:
            oldest = OutboxMessage.objects.filter(_CONDITIONS[value]).order_by("pk")
            ids += oldest.values_list("pk", flat=True)[:MOST_LISTED]
        return queryset.filter(pk__in=ids)

    @cached_property
    def _open(self) -> list[tuple[Any, ...]]:
        """(id, status) of the open events, or of COUNT_CAP + 1 of them: asked for once a request, like the filter."""
        with transaction.atomic(), without_sorting():
            return rows_of(emit.open_events("id, status"), ())

    def choices(self, changelist: ChangeList) -> Any:
        first, *rest = super().choices(changelist)
        yield {**first, "display": _("Unfinished")}
        yield from rest


class EventInline(base.ReadOnly, TabularInline):
    """What stands on the page of an event is for those who may open it."""

    extra = 0
    hide_title = True

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return base.may_look(request)


class DeliveryInline(EventInline):
    model = Delivery
    fields = readonly_fields = ("handler", "status", "attempts", "available_at", "finished_at", "shown_call")
    ordering = ("handler",)

    @display(description=_("call to the outside"))
    def shown_call(self, delivery: Delivery) -> str:
        if not delivery.io:
            return "–"
        parts: list[Any] = [delivery.destination]
        if delivery.queued:
            parts.append(_("queued behind an older one"))
        if delivery.lease_until is not None:
            until = date_format(timezone.localtime(delivery.lease_until), "H:i:s")
            lease = {"worker": delivery.locked_by, "until": until}
            parts.append(_("with %(worker)s, leased until %(until)s") % lease)
        if delivery.failing_since is not None:
            since = date_format(timezone.localtime(delivery.failing_since), "DATETIME_FORMAT")
            parts.append(_("put off since %(since)s") % {"since": since})
        return " · ".join(str(part) for part in parts)


class AttemptInline(EventInline):
    model = Attempt
    fields = readonly_fields = ("at", "handler", "number", "outcome", "worker", "error_class", "shown_error")
    ordering = ("id",)

    @display(description=_("error"))
    def shown_error(self, attempt: Attempt) -> str:
        return format_html(
            '<details><summary>{}</summary><pre class="whitespace-pre-wrap">{}</pre></details>',
            masked_text(attempt.error_message) or "–",
            masked_text(attempt.traceback) or "–",
        )


@admin.register(OutboxMessage)
class OutboxMessageAdmin(base.ReadOnly, ModelAdmin):
    list_display = ("id", "event_type", "shown_status", "shown_key", "shown_age", "attempts", "shown_error")
    list_filter = (StatusFilter,)
    list_before_template = "platform_outbox/admin/health.html"
    search_fields = ("=id",)
    search_help_text = _("Number; or event type or ordering key among the newest 200,000")
    paginator = base.CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    actions = ("requeue", "discard", "restore")
    actions_detail = ("requeue", "edit", "discard", "restore")
    inlines = (DeliveryInline, AttemptInline)
    fields = readonly_fields = (
        *("event_type", "event_version", "shown_status", "shown_error", "shown_key", "shard", "attempts"),
        *("created_at", "available_at", "finished_at", "discarded_at", "trace"),
        *("shown_relatives", "shown_payload", "shown_handlers"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return OutboxMessage.objects.annotate(urgency=URGENCY).order_by(*self.get_ordering(request))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        # Sorting by urgency is for the short list of the unfinished; the long ones come newest first by their key.
        return ("-id",) if request.GET.get("status") or request.GET.get("q") else ("urgency", "id")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if term.isdecimal():
            return queryset.filter(pk=min(int(term), LARGEST_ID)), False
        newest = OutboxMessage.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        found = queryset.filter(pk__gt=newest - SEARCHED)
        return found.filter(Q(event_type__icontains=term) | Q(ordering_key=term)), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().changelist_view(request, {**(extra_context or {}), "outbox_health": emit.health()})

    def get_urls(self) -> list[URLPattern]:
        return [*console.urls(self), *super().get_urls()]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for name in self.fields if name != "shown_payload" or base.may_read_payloads(request)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.get_fields(request, obj)

    def _offers(
        self, action: BulkAction, request: HttpRequest, object_id: Any = None, states: Any = Status.values
    ) -> bool:
        """Whether the operator may do this, and to this event, so that only what makes sense is offered."""
        if not base.may_act(request) or not str(object_id).isdecimal():
            return base.may_act(request)
        offered = OutboxMessage.objects.filter(actions.condition_of(action.service), pk=object_id, status__in=states)
        return offered.exists()

    has_requeue_permission = partialmethod(_offers, dead_letters.REQUEUE)
    has_discard_permission = partialmethod(_offers, dead_letters.DISCARD)
    has_restore_permission = partialmethod(_offers, dead_letters.RESTORE)

    def has_edit_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        offered = self._offers(dead_letters.DISCARD, request, object_id, states=[Status.DEAD])
        return bool(request.user.is_superuser) and offered

    @display(
        description=_("status"),
        label={"pending": "info", "sending": "info", "sent": "success", "failed": "warning", "dead": "danger"},
    )
    def shown_status(self, message: OutboxMessage) -> base.State:
        if message.discarded_at is not None:
            return base.State("discarded", _("Discarded"))
        return base.State(message.status, message.get_status_display())

    @display(description=_("ordering key"))
    def shown_key(self, message: OutboxMessage) -> str:
        return masked_text(message.ordering_key)

    @display(description=_("age"))
    def shown_age(self, message: OutboxMessage) -> str:
        return str(timezone.now() - message.created_at).split(".")[0]

    @display(description=_("payload"))
    def shown_payload(self, message: OutboxMessage) -> str:
        text = json.dumps(masked(message.payload), indent=2, ensure_ascii=False)
        return format_html('<pre class="whitespace-pre-wrap">{}</pre>', text)

    @display(description=_("last error"))
    def shown_error(self, message: OutboxMessage) -> str:
        return masked_text(message.error) or "–"

    @display(description=_("edited"))
    def shown_relatives(self, message: OutboxMessage) -> Any:
        """Which event this one replaces, or which one replaced it."""
        replaced_by = OutboxMessage.objects.filter(edited_from=message.pk).values_list("pk", flat=True).first()
        if message.edited_from:
            return _link(_("in the place of #%d"), message.edited_from)
        return _link(_("replaced by #%d"), replaced_by) if replaced_by else "–"

    @display(description=_("handlers"))
    def shown_handlers(self, message: OutboxMessage) -> Any:
        return ", ".join(handler.name for handler in handlers_of(message.event_type)) or _("none")

    # Each is an action of the list, with a queryset, and a button on the page of one event, with its id.
    @action(description=dead_letters.REQUEUE.title, url_path="requeue", permissions=["requeue"])
    def requeue(self, request: HttpRequest, queryset: Any = None, object_id: Any = None) -> HttpResponse:
        return self._confirm(request, dead_letters.REQUEUE, queryset, object_id)

    @action(description=dead_letters.DISCARD.title, url_path="discard", permissions=["discard"])
    def discard(self, request: HttpRequest, queryset: Any = None, object_id: Any = None) -> HttpResponse:
        return self._confirm(request, dead_letters.DISCARD, queryset, object_id)

    @action(description=dead_letters.RESTORE.title, url_path="restore", permissions=["restore"])
    def restore(self, request: HttpRequest, queryset: Any = None, object_id: Any = None) -> HttpResponse:
        return self._confirm(request, dead_letters.RESTORE, queryset, object_id)

    @action(description=_("Edit as new"), url_path="edit", permissions=["edit"])
    def edit(self, request: HttpRequest, object_id: int) -> HttpResponse:
        event = base.row_or_404(OutboxMessage.objects.all(), object_id=object_id)
        return HttpResponseRedirect(reverse("admin:platform_outbox_edit", args=[event.pk]))

    def _confirm(self, request: HttpRequest, action: BulkAction, queryset: Any, object_id: Any) -> HttpResponse:
        if queryset is None:
            ids = [base.row_or_404(OutboxMessage.objects.all(), object_id=object_id).pk]
        else:
            ids = list(queryset.order_by("id").values_list("id", flat=True)[: dead_letters.MOST_SELECTED])
        return dead_letters.confirm_selected(request, self, action, ids)


def _link(words: Any, event_id: int) -> str:
    url = reverse("admin:platform_outbox_outboxmessage_change", args=[event_id])
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500 underline" href="{}">{}</a>', url, words % event_id
    )


@admin.register(Periodic)
class PeriodicAdmin(base.ReadOnly, ModelAdmin):
    list_display = ("name", "shown_state", "last_done_at", "due_at", "last_seconds", "worker")
    fields = readonly_fields = (
        *("name", "shown_state", "seconds", "due_at", "last_run_at", "last_done_at", "last_seconds", "worker"),
        *("failures", "shown_error"),
    )
    ordering = ("-failures", "name")

    @display(description=_("error"))
    def shown_error(self, job: Periodic) -> str:
        return masked_text(job.error) or "–"

    @display(description=_("state"), label={"failing": "danger", "new": "info", "fine": "success"})
    def shown_state(self, job: Periodic) -> base.State:
        if job.failures:
            return base.State("failing", _("Failing"))
        return base.State("fine", _("Fine")) if job.last_done_at else base.State("new", _("Not run yet"))


@admin.register(Worker)
class WorkerAdmin(base.ReadOnly, ModelAdmin):
    list_display = ("name", "broker", "started_at", "heartbeat_at", "shown_alive")
    fields = readonly_fields = list_display
    ordering = ("-heartbeat_at",)

    @display(description=_("alive"), boolean=True)
    def shown_alive(self, worker: Worker) -> bool:
        return (timezone.now() - worker.heartbeat_at).total_seconds() < ALIVE_SECONDS
