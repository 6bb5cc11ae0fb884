"""The tables of the webhooks: addresses, secrets, messages, and the result of each attempt."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Book
from finance.webhooks.targets import LONGEST_URL

# Sent by the test button; no event of the books has this name.
TEST_EVENT = "webhook.test"


class WebhookEndpoint(models.Model):
    """An address that receives a book's events."""

    class Stopped(models.TextChoices):
        """Why nothing is sent any more."""

        NOT = "", _("in use")
        BY_HAND = "by_hand", _("switched off")
        FAILING = "failing", _("switched off after days of failure")
        GONE = "gone", _("switched off because the address answered that it is gone")

    book = models.ForeignKey(Book, models.CASCADE, related_name="webhooks", verbose_name=_("book"))
    url = models.CharField(_("address"), max_length=LONGEST_URL)
    description = models.CharField(_("description"), max_length=200, blank=True)
    event_types = models.JSONField(_("events"), default=list)  # names; none means all
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    active = models.BooleanField(_("active"), default=True)
    stopped = models.CharField(_("state"), max_length=8, choices=Stopped.choices, blank=True, default=Stopped.NOT)
    stopped_at = models.DateTimeField(_("switched off"), null=True)
    # The first failure since the last success.
    failing_since = models.DateTimeField(_("failing since"), null=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="finance_webhook_stopped_has_reason",
                condition=models.Q(active=True, stopped="") | (models.Q(active=False) & ~models.Q(stopped="")),
            ),
        ]

    def __str__(self) -> str:
        # Not the address: some addresses are passwords by themselves.
        return f"webhook #{self.pk} of book #{self.book_id}"

    def wants(self, event_type: str) -> bool:
        return not self.event_types or event_type in self.event_types


class WebhookSecret(models.Model):
    """What signs the messages to an endpoint. In a table of its own, so that nothing that lists endpoints reads it."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="secrets", db_constraint=False)
    secret = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)  # None: the current one

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="finance_webhook_secret_current",
                fields=["endpoint", "book"],
                condition=models.Q(expires_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"secret #{self.pk} of webhook #{self.endpoint_id}"


class Failure(models.TextChoices):
    """Why an attempt did not deliver. The first seven are those of the client."""

    NONE = "", _("delivered")
    ADDRESS = "address", _("The address leads to a network that webhooks may not reach.")
    DNS = "dns", _("The name cannot be resolved.")
    CONNECT = "connect", _("No connection could be made.")
    TLS = "tls", _("No secure connection could be made.")
    TIMEOUT = "timeout", _("No answer came in time.")
    PROTOCOL = "protocol", _("The connection broke off, or the answer was not HTTP.")
    STATUS = "status", _("The answer was a refusal.")
    REDIRECT = "redirect", _("The answer was a redirect, which is not followed.")
    UNSENT = "unsent", _("The address is not allowed here any more.")


class WebhookDelivery(models.Model):
    """One message to one endpoint: written with the handling of its event, sent, and kept as the log."""

    class State(models.TextChoices):
        WAITING = "waiting", _("on its way")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("failed")
        SKIPPED = "skipped", _("not sent")

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    endpoint = models.ForeignKey(
        WebhookEndpoint, models.CASCADE, related_name="deliveries", db_index=False, db_constraint=False
    )
    # The same for every attempt, every replay and every endpoint of the event.
    message_id = models.CharField(_("message"), max_length=64)
    event_id = models.BigIntegerField(_("event number"), null=True)  # in the outbox; None for a test
    event_type = models.CharField(_("event"), max_length=120)
    occurred_at = models.DateTimeField(_("happened"))
    body = models.TextField(_("body"))  # exactly what is signed and sent
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.WAITING)
    attempts_made = models.PositiveIntegerField(_("attempts"), default=0)
    last_attempt_at = models.DateTimeField(_("last attempt"), null=True)
    status_code = models.PositiveSmallIntegerField(_("answer"), null=True)
    failure = models.CharField(_("problem"), max_length=8, choices=Failure.choices, blank=True, default=Failure.NONE)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        indexes: ClassVar = [
            # The log of an endpoint, newest first; also what refers to the endpoint.
            models.Index(name="finance_webhook_log", fields=["endpoint", "-id"]),
            # The log by state; what is waiting or failed is looked for by replays and when an endpoint stops.
            models.Index(name="finance_webhook_log_by_state", fields=["endpoint", "state", "-id"]),
        ]
        constraints: ClassVar = [
            # An event that is handled again is no second message.
            models.UniqueConstraint(name="finance_webhook_message_once", fields=["endpoint", "message_id", "book"]),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} #{self.pk} to webhook #{self.endpoint_id}"


class WebhookAttempt(models.Model):
    """One request and its answer."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    delivery = models.ForeignKey(
        WebhookDelivery, models.CASCADE, related_name="attempts", db_index=False, db_constraint=False
    )
    number = models.PositiveIntegerField(_("attempt"))
    at = models.DateTimeField(_("at"))
    milliseconds = models.PositiveIntegerField(_("took"))
    address = models.CharField(_("network address"), max_length=45, blank=True)
    request_headers = models.JSONField(_("headers"), default=dict)
    status_code = models.PositiveSmallIntegerField(_("answer"), null=True)
    response_body = models.TextField(_("beginning of the answer"), blank=True)
    failure = models.CharField(_("problem"), max_length=8, choices=Failure.choices, blank=True, default=Failure.NONE)
    detail = models.CharField(_("details"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        indexes: ClassVar = [
            # The attempts of a delivery, oldest first; also what refers to the delivery.
            models.Index(name="finance_webhook_attempts", fields=["delivery", "number"]),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of delivery #{self.delivery_id}"
