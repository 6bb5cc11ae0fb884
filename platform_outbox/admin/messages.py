"""The operators' view of the outbox: everything can be read, two things can be done, both confirmed and recorded."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.main import ChangeList
from django.db.models import Case, Count, IntegerField, QuerySet, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from platform_outbox import outbox, services
from platform_outbox.admin.reading import CappedPaginator, Shown, StaffReads, capped
from platform_outbox.models import OPEN, Attempt, Delivery, OutboxMessage, Status
from platform_outbox.registry import handlers_of

# One confirmation handles at most this many; a longer list is worked off with manage.py requeue_outbox.
MOST_AT_ONCE = 1_000
# What needs somebody first: dead letters, then what waits for a retry, then the queue.
URGENCY = Case(
    When(status=Status.DEAD, discarded_at=None, then=0),
    When(status=Status.FAILED, then=1),
    When(status=Status.SENDING, then=2),
    When(status=Status.PENDING, then=3),
    default=4,
    output_field=IntegerField(),
)


class Deed(NamedTuple):
    """Something an operator can do to events, as the confirmation page words it."""

    name: str
    title: Any
    consequence: Any
    done: Any
    service: Callable[..., int]


REQUEUE = Deed(
    "requeue",
    _("Try again"),
    _("Each event becomes due at once, with all its attempts before it. Handlers that are through are not run again."),
    _("%(count)s events are due again."),
    services.requeue,
)
DISCARD = Deed(
    "discard",
    _("Discard"),
    _(
        "The effects of each event will not happen. Younger events behind it go on. It stays readable and can be requeued."
    ),
    _("%(count)s events were discarded."),
    services.discard,
)


class StatusFilter(admin.SimpleListFilter):
    """Status with counts. Without a choice everything unfinished is listed, the worst first."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        for value, label in [*Status.choices, ("discarded", _("Discarded"))]:
            if value == Status.SENT:
                found.append((value, label))
                continue
            count = self._narrow(OutboxMessage.objects.all(), value).values("pk")[: outbox.COUNT_CAP + 1].count()
            found.append((value, f"{label} ({capped(count)})"))
        return found

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset.filter(status__in=[*OPEN, Status.SENDING, Status.DEAD], discarded_at=None)
        return self._narrow(queryset, value)

    def choices(self, changelist: ChangeList) -> Any:
        first, *rest = super().choices(changelist)
        yield {**first, "display": _("Unfinished")}
        yield from rest

    @staticmethod
    def _narrow(queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "discarded":
            return queryset.filter(status=Status.DEAD).exclude(discarded_at=None)
        if value == Status.DEAD:
            return queryset.filter(status=Status.DEAD, discarded_at=None)
        return queryset.filter(status=value)


class DeliveryInline(StaffReads, TabularInline):
    model = Delivery
    fields = readonly_fields = ("handler", "status", "attempts", "available_at", "finished_at")
    ordering = ("handler",)
    extra = 0


class AttemptInline(StaffReads, TabularInline):
    model = Attempt
    fields = readonly_fields = ("at", "handler", "number", "outcome", "worker", "error_class", "shown_error")
    ordering = ("id",)
    extra = 0

    @display(description=_("error"))
    def shown_error(self, attempt: Attempt) -> str:
        return format_html(
            '<details><summary>{}</summary><pre class="whitespace-pre-wrap">{}</pre></details>',
            attempt.error_message or "–",
            attempt.traceback or "–",
        )


@admin.register(OutboxMessage)
class OutboxMessageAdmin(StaffReads, ModelAdmin):
    list_display = ("id", "event_type", "shown_status", "ordering_key", "shown_age", "attempts", "error")
    list_filter = (StatusFilter,)
    list_before_template = "platform_outbox/admin/health.html"
    search_fields = ("=id", "event_type", "=ordering_key")
    search_help_text = _("Number, event type or ordering key")
    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    actions = ("requeue", "discard")
    actions_detail = ("requeue_one", "discard_one")
    inlines = (DeliveryInline, AttemptInline)
    fields = readonly_fields = (
        "event_type",
        "event_version",
        "shown_status",
        "error",
        "ordering_key",
        "shard",
        "attempts",
        "created_at",
        "available_at",
        "finished_at",
        "discarded_at",
        "shown_payload",
        "shown_handlers",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return OutboxMessage.objects.annotate(urgency=URGENCY).order_by(*self.get_ordering(request))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        # Sorting by urgency is for the short list of the unfinished; the long ones come newest first by their key.
        return ("-id",) if request.GET.get("status") else ("urgency", "id")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().changelist_view(request, {**(extra_context or {}), "outbox_health": outbox.health()})

    @display(
        description=_("status"),
        label={"pending": "info", "sending": "info", "sent": "success", "failed": "warning", "dead": "danger"},
    )
    def shown_status(self, message: OutboxMessage) -> Shown:
        if message.discarded_at is not None:
            return Shown("discarded", _("Discarded"))
        return Shown(message.status, message.get_status_display())

    @display(description=_("age"))
    def shown_age(self, message: OutboxMessage) -> str:
        return str(timezone.now() - message.created_at).split(".")[0]

    @display(description=_("payload"))
    def shown_payload(self, message: OutboxMessage) -> str:
        return format_html("<pre>{}</pre>", json.dumps(message.payload, indent=2, ensure_ascii=False))

    @display(description=_("handlers"))
    def shown_handlers(self, message: OutboxMessage) -> Any:
        return ", ".join(handler.name for handler in handlers_of(message.event_type)) or _("none")

    @admin.action(description=REQUEUE.title, permissions=["act"])
    def requeue(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._do(request, queryset, REQUEUE)

    @admin.action(description=DISCARD.title, permissions=["act"])
    def discard(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._do(request, queryset, DISCARD)

    @action(description=REQUEUE.title, url_path="requeue", permissions=["act"])
    def requeue_one(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._do_one(request, object_id, REQUEUE)

    @action(description=DISCARD.title, url_path="discard", permissions=["act"])
    def discard_one(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._do_one(request, object_id, DISCARD)

    def _do_one(self, request: HttpRequest, object_id: int, deed: Deed) -> HttpResponse:
        answer = self._do(request, OutboxMessage.objects.filter(pk=object_id), deed)
        return answer or HttpResponseRedirect(
            reverse("admin:platform_outbox_outboxmessage_change", args=(object_id,), current_app=self.admin_site.name)
        )

    def _do(self, request: HttpRequest, queryset: QuerySet[Any], deed: Deed) -> HttpResponse | None:
        chosen = queryset.filter(status__in=[Status.DEAD, Status.FAILED])
        if deed is DISCARD:
            chosen = chosen.filter(discarded_at=None)
        ids = list(chosen.order_by("id").values_list("id", flat=True)[:MOST_AT_ONCE])
        if not ids:
            self.message_user(
                request, _("Only dead letters and events that wait for a retry can be chosen."), "warning"
            )
            return None
        if request.POST.get("confirmed") != "yes":
            return self._confirmation(request, queryset, ids, deed)
        self._carry_out(request, ids, deed)
        return None

    def _carry_out(self, request: HttpRequest, ids: list[int], deed: Deed) -> None:
        count = deed.service(ids=ids, by=str(request.user))
        LogEntry.objects.log_actions(
            request.user.pk or 0,
            OutboxMessage.objects.filter(pk__in=ids),
            CHANGE,
            change_message=f"{deed.name} ({count} events)",
        )
        self.message_user(request, deed.done % {"count": count}, messages.SUCCESS)

    def _confirmation(
        self, request: HttpRequest, queryset: QuerySet[Any], ids: list[int], deed: Deed
    ) -> TemplateResponse:
        groups = (
            OutboxMessage.objects.filter(pk__in=ids)
            .values("event_type", "status")
            .annotate(count=Count("pk"))
            .order_by("event_type", "status")
        )
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "media": self.media,
            "title": deed.title,
            "deed": deed,
            "ids": ids,
            "count": len(ids),
            "left_alone": queryset.order_by().values("pk")[: outbox.COUNT_CAP].count() - len(ids),
            "groups": [
                {**group, "handlers": [handler.name for handler in handlers_of(group["event_type"])]}
                for group in groups
            ],
            "back": request.META.get("HTTP_REFERER", ".."),
        }
        return TemplateResponse(request, "platform_outbox/admin/confirm.html", context)
