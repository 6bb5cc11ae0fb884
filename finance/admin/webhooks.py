"""Webhooks as operators see them: hosts, states and logs, but neither secrets nor full addresses, which may be passwords."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display

from finance.admin.reading import Uncounted, operator_of
from finance.errors import FinanceError
from finance.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from finance.webhooks import services
from platform_outbox.admin.base import Question, ReadOnly, State, ask, note, row_or_404

_DELIVERY_COLOURS = {"delivered": "success", "failed": "danger", "waiting": "info", "skipped": "warning"}


class FailingFilter(admin.SimpleListFilter):
    """In use, and nothing has been delivered since the first failure."""

    title = gettext_lazy("failing")
    parameter_name = "failing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> QuerySet[WebhookEndpoint]:
        return queryset.filter(active=True, failing_since__isnull=False) if self.value() == "yes" else queryset


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("shown_host", "book", "shown_state", "description", "failing_since", "created_at")
    list_select_related = ("book",)
    list_filter = (("book", AutocompleteSelectFilter), "active", "stopped", FailingFilter)
    list_filter_submit = True
    list_fullwidth = True
    ordering = ("-pk",)
    search_fields = ("description", "=pk")
    search_help_text = gettext_lazy("Description or number")
    actions_detail = ("switch_off", "switch_on")
    fields = readonly_fields = (
        *("shown_host", "book", "shown_state", "description", "shown_events", "failing_since", "stopped_at"),
        *("created_by", "created_at"),
    )

    def has_switch_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("finance.change_webhookendpoint")

    @display(description=gettext_lazy("host"))
    def shown_host(self, endpoint: WebhookEndpoint) -> str:
        return urlsplit(endpoint.url).netloc

    @display(description=gettext_lazy("state"), label={"on": "success", "failing": "warning", "off": "danger"})
    def shown_state(self, endpoint: WebhookEndpoint) -> State:
        if not endpoint.active:
            return State("off", endpoint.get_stopped_display())
        return State("failing", _("failing")) if endpoint.failing_since else State("on", _("on"))

    @display(description=gettext_lazy("events"))
    def shown_events(self, endpoint: WebhookEndpoint) -> str:
        return ", ".join(endpoint.event_types) or _("all")

    @action(description=gettext_lazy("Switch off"), url_path="switch-off", permissions=["switch"])
    def switch_off(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._switch(
            request,
            object_id,
            active=False,
            title=_("Switch the webhook off"),
            button=_("Switch off"),
            consequence=_(
                "Nothing more is sent, and waiting messages are marked as not sent. You can switch it on again."
            ),
        )

    @action(description=gettext_lazy("Switch on"), url_path="switch-on", permissions=["switch"])
    def switch_on(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._switch(
            request,
            object_id,
            active=True,
            title=_("Switch the webhook on"),
            button=_("Switch on"),
            consequence=_(
                "Messages are sent again, with a clean record of failures. The owners can replay what was lost."
            ),
        )

    def _switch(
        self, request: HttpRequest, object_id: int, *, active: bool, title: str, button: str, consequence: str
    ) -> HttpResponse:
        endpoint = row_or_404(WebhookEndpoint.objects.select_related("book"), object_id=object_id)
        back = reverse("admin:finance_webhookendpoint_change", args=[endpoint.pk])
        if request.method != "POST":
            facts = {_("Book"): endpoint.book.name, _("Host"): self.shown_host(endpoint)}
            return ask(
                request, self, Question(title=title, button=button, consequence=consequence, facts=facts, back=back)
            )
        services.change_and_switch(endpoint=endpoint, actor=None, now=timezone.now(), active=active)
        note(request, endpoint, "switched on" if active else "switched off")
        said = _("The webhook is on.") if active else _("The webhook is off.")
        self.message_user(request, said, messages.SUCCESS)
        return HttpResponseRedirect(back)


class AttemptInline(ReadOnly, TabularInline):
    model = WebhookAttempt
    hide_title = True
    fields = readonly_fields = (
        *("number", "at", "shown_time", "address", "status_code", "shown_failure", "detail", "response_body"),
    )
    ordering = ("number",)
    extra = 0

    @display(description=gettext_lazy("took"))
    def shown_time(self, attempt: WebhookAttempt) -> str:
        return f"{attempt.milliseconds} ms"

    @display(description=gettext_lazy("problem"))
    def shown_failure(self, attempt: WebhookAttempt) -> str:
        return attempt.get_failure_display() if attempt.failure else ""


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = (
        "event_type",
        "shown_endpoint",
        "book",
        "shown_state",
        "status_code",
        "attempts_made",
        "occurred_at",
    )
    list_select_related = ("book", "endpoint")
    list_filter = (("book", AutocompleteSelectFilter), "state")
    list_filter_submit = True
    list_fullwidth = True
    ordering = ("-pk",)
    search_fields = ("=message_id", "=event_id")
    search_help_text = gettext_lazy("Message or number of the event")
    inlines = (AttemptInline,)
    actions_detail = ("replay",)
    fields = readonly_fields = (
        *("event_type", "event_id", "message_id", "shown_endpoint", "book", "shown_state", "status_code"),
        *("attempts_made", "last_attempt_at", "occurred_at", "created_at", "body"),
    )

    def has_replay_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("finance.change_webhookdelivery")

    @display(description=gettext_lazy("webhook"))
    def shown_endpoint(self, delivery: WebhookDelivery) -> str:
        return f"#{delivery.endpoint_id} {urlsplit(delivery.endpoint.url).netloc}"

    @display(description=gettext_lazy("state"), label=_DELIVERY_COLOURS)
    def shown_state(self, delivery: WebhookDelivery) -> State:
        return State(delivery.state, delivery.get_state_display())

    @action(description=gettext_lazy("Send again"), url_path="replay", permissions=["replay"])
    def replay(self, request: HttpRequest, object_id: int) -> HttpResponse:
        delivery = row_or_404(WebhookDelivery.objects.select_related("endpoint__book"), object_id=object_id)
        back = reverse("admin:finance_webhookdelivery_change", args=[delivery.pk])
        if request.method != "POST":
            return ask(
                request,
                self,
                Question(
                    title=_("Send the message again"),
                    button=_("Send again"),
                    consequence=_(
                        "The receiver gets the same message with the same id again, even if it already has it."
                    ),
                    facts={_("Event"): delivery.event_type, _("Webhook"): self.shown_endpoint(delivery)},
                    back=back,
                ),
            )
        try:
            services.replay_delivery(delivery=delivery, actor=None, now=timezone.now())
        except FinanceError as error:
            self.message_user(request, error.detail, messages.ERROR)
        else:
            note(request, delivery, f"sent once more by {operator_of(request).email}")
            self.message_user(request, _("The message is on its way again."), messages.SUCCESS)
        return HttpResponseRedirect(back)
