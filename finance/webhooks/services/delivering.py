"""Sends one message: sign, send, record the result."""

import datetime
import email.utils
import logging
import time
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction

from finance.errors import Invalid
from finance.webhooks import client
from finance.webhooks.models import TEST_EVENT, Failure, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from finance.webhooks.selectors import valid_secrets
from finance.webhooks.services.rules import checked_target, policy
from finance.webhooks.services.switching import give_up_on
from finance.webhooks.signing import signed_headers
from platform_outbox.events import current_trace

logger = logging.getLogger(__name__)

State = WebhookDelivery.State

# While an address is down for days each probe is an attempt; the first and the last of them tell enough.
MOST_ATTEMPTS_KEPT = 50
LONGEST_RETRY_AFTER = 3600.0
GONE = 410
# Answers that say "not now" about the receiver, not "no" about the message.
_NOT_NOW = {408, 425, 429}
_AT_THE_MESSAGE = {Failure.ADDRESS, Failure.STATUS, Failure.REDIRECT, Failure.UNSENT}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOutcome:
    """The result of an attempt. Neither flag: there is nothing more to do."""

    again: bool = False  # the receiver refused this message
    down: bool = False  # the receiver could not be reached, or asked for time
    retry_after: float | None = None  # seconds, as the receiver wishes
    said: str = ""


@dataclass(slots=True, kw_only=True)
class _Try:
    """One attempt while it is made."""

    at: datetime.datetime
    headers: dict[str, str] = field(default_factory=dict)
    answer: client.Answer | None = None
    failure: Failure = Failure.NONE
    detail: str = ""
    milliseconds: int = 0

    @property
    def status(self) -> int | None:
        return self.answer.status if self.answer else None

    @property
    def is_down(self) -> bool:
        if self.status is not None:
            return self.status in _NOT_NOW or self.status >= 500
        return self.failure != Failure.NONE and self.failure not in _AT_THE_MESSAGE

    @property
    def retry_after(self) -> float | None:
        """Seconds that the receiver asks to wait: a number or a date, an hour at most; None when it does not say."""
        text = self.answer.retry_after.strip() if self.answer else ""
        if text.isascii() and text.isdigit():
            seconds = float(text[:9])
        else:
            try:
                seconds = (email.utils.parsedate_to_datetime(text) - self.at).total_seconds()
            except (ValueError, TypeError):
                return None
        return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def deliver(*, delivery_id: int, last: bool, now: datetime.datetime) -> DeliveryOutcome:
    """Make one attempt to send a message that waits; no transaction may be open, since the answer takes its time.

    With `last` there is no attempt after this one: unless it succeeds the message has failed. A message that was
    removed, sent or skipped in the meantime is left alone.
    """
    waiting = WebhookDelivery.objects.select_related("endpoint__book").filter(pk=delivery_id, state=State.WAITING)
    delivery = waiting.first()
    if delivery is None:
        return DeliveryOutcome()
    is_silent = delivery.endpoint.book.deleted_at is not None
    if is_silent or (not delivery.endpoint.active and delivery.event_type != TEST_EVENT):
        WebhookDelivery.objects.filter(pk=delivery.pk, state=State.WAITING).update(state=State.SKIPPED)
        return DeliveryOutcome()
    tried = _send(delivery, now=now)
    _write_down(delivery, tried, last=last)
    logger.info(
        "Webhook delivery %s to webhook %s: %s in %s ms",
        *(delivery.pk, delivery.endpoint_id, tried.status or tried.failure.value, tried.milliseconds),
    )
    said = f"HTTP {tried.status}" if tried.status else tried.detail
    if tried.failure == Failure.NONE or last or tried.status == GONE:
        return DeliveryOutcome(said=said)
    if tried.is_down:
        return DeliveryOutcome(down=True, retry_after=tried.retry_after, said=said)
    return DeliveryOutcome(again=True, said=said)


def _send(delivery: WebhookDelivery, *, now: datetime.datetime) -> _Try:
    tried = _Try(at=now)
    body = delivery.body.encode()
    started = time.monotonic()
    try:
        target = checked_target(delivery.endpoint.url)
        tried.headers = {
            "Content-Type": "application/json",
            "User-Agent": "LifeOS-Webhooks/1.0",
            **({"X-Request-ID": trace} if (trace := current_trace()) else {}),
            **signed_headers(
                secrets=valid_secrets(endpoint=delivery.endpoint, now=now),
                message_id=delivery.message_id,
                timestamp=int(now.timestamp()),
                body=body,
            ),
        }
        tried.answer = client.post(
            target,
            headers=tried.headers,
            body=body,
            policy=policy(),
            seconds=settings.WEBHOOK_TIMEOUT_SECONDS,
            ca_file=settings.WEBHOOK_CA_FILE,
        )
    except Invalid as error:
        tried.failure, tried.detail = Failure.UNSENT, error.detail
    except client.SendingFailed as error:
        tried.failure, tried.detail = Failure(error.kind), str(error)
    else:
        tried.failure = {2: Failure.NONE, 3: Failure.REDIRECT}.get(tried.answer.status // 100, Failure.STATUS)
    tried.milliseconds = round((time.monotonic() - started) * 1000)
    return tried


@transaction.atomic
def _write_down(delivery: WebhookDelivery, tried: _Try, *, last: bool) -> None:
    locked = WebhookDelivery.objects.select_for_update().filter(pk=delivery.pk).defer("body").first()
    if locked is None:  # removed with its webhook while it was sent
        return
    locked.attempts_made += 1
    locked.last_attempt_at, locked.status_code, locked.failure = tried.at, tried.status, tried.failure
    if tried.failure == Failure.NONE:
        locked.state = State.DELIVERED
    elif locked.state == State.WAITING and (last or tried.status == GONE):
        locked.state = State.FAILED
    locked.save(update_fields=["attempts_made", "last_attempt_at", "status_code", "failure", "state"])
    number = locked.attempts_made
    WebhookAttempt.objects.create(
        book_id=locked.book_id,
        delivery=locked,
        number=number,
        at=tried.at,
        milliseconds=tried.milliseconds,
        address=tried.answer.address if tried.answer else "",
        request_headers=tried.headers,
        status_code=tried.status,
        response_body=tried.answer.body.decode("utf-8", "replace").replace("\x00", "�") if tried.answer else "",
        failure=tried.failure,
        detail=tried.detail[:300],
    )
    if number > MOST_ATTEMPTS_KEPT:
        WebhookAttempt.objects.filter(delivery=locked, number__range=(2, number - MOST_ATTEMPTS_KEPT + 1)).delete()
    # Note since when nothing arrives, and give up on the address when it is gone or that has lasted for days.
    rows = WebhookEndpoint.objects.filter(pk=delivery.endpoint.pk)
    if tried.failure == Failure.NONE:
        if delivery.endpoint.failing_since is not None:
            rows.update(failing_since=None)
        return
    if tried.status == GONE:
        give_up_on(delivery.endpoint, reason=WebhookEndpoint.Stopped.GONE, now=tried.at)
    elif delivery.endpoint.failing_since is None:
        rows.filter(failing_since=None).update(failing_since=tried.at)
    elif tried.at - delivery.endpoint.failing_since >= datetime.timedelta(days=settings.WEBHOOK_DISABLE_AFTER_DAYS):
        give_up_on(delivery.endpoint, reason=WebhookEndpoint.Stopped.FAILING, now=tried.at)
