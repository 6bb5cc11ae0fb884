import datetime
import smtplib

import pytest
from django.db import transaction
from django.utils import timezone

from platform_outbox import testing
from platform_outbox.emit import emit, emit_many
from platform_outbox.external import circuit_breaker, leases
from platform_outbox.models import Attempt, Breaker, Delivery, OutboxMessage
from platform_outbox.operators import actions
from platform_outbox.registry import DestinationUnavailable, PermanentError, handler_named, is_outage
from platform_outbox.tests.probe.events import Posted, Ticked
from platform_outbox.tests.probe.models import Call, Effect, Fault
from platform_outbox.timing import LONGEST_PROBE, LONGEST_WISH

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]

START = timezone.now() + datetime.timedelta(hours=1)


def at(seconds):
    return START + datetime.timedelta(seconds=seconds)


def emit_now(event):
    with transaction.atomic():
        return emit(event)


def breaker():
    return Breaker.objects.get(handler="probe.post", destination="down")


def go_down(times=-1):
    Fault.objects.create(handler="probe.post", key="down", number=-1, times=times, kind="down")


def calls():
    return [(call.key, call.number) for call in Call.objects.order_by("id")]


def test_an_outage_opens_the_breaker_and_costs_no_attempt(settings):
    settings.WORKER_BACKOFF_SECONDS = 10
    go_down()
    with transaction.atomic():
        emit_many([Posted(key=key, number=n) for n in range(2) for key in ("down", "up")])
    testing.drain(now=START, raise_errors=False)
    assert sorted(calls()) == [("down", 0), ("up", 0), ("up", 1)]
    found = breaker()
    assert (found.state, found.failures, found.opened_at, found.retry_at) == ("open", 1, START, at(10))
    assert found.error == "DestinationUnavailable: down does not answer"
    first = Delivery.objects.filter(handler="probe.post", destination="down").order_by("id").first()
    assert (first.status, first.attempts, first.failing_since) == ("failed", 0, START)
    assert not Breaker.objects.exclude(pk=found.pk).exists()


def test_deliveries_of_other_keys_wait_for_the_same_neighbour():
    go_down()
    emit_now(Posted(key="down", number=1))
    testing.drain(now=START, raise_errors=False)
    emit_now(Posted(key="down street", number=1))
    testing.drain(now=START)
    assert calls() == [("down", 1)]


def test_probes_come_later_and_later_until_one_gets_through(settings):
    settings.WORKER_BACKOFF_SECONDS = 10
    settings.WORKER_MAX_ATTEMPTS = 2
    go_down(times=4)
    with transaction.atomic():
        emit_many([Posted(key=key, number=n) for n in range(2) for key in ("down", "down street")])
    # Open at 0; then after 10, 20, 40 seconds; the fourth probe finds it up.
    for moment, made in ((0, 1), (9, 1), (10, 2), (29, 2), (30, 3), (69, 3), (70, 4), (149, 4)):
        testing.drain(now=at(moment), raise_errors=False)
        assert len(calls()) == made, moment
    assert breaker().failures == 4
    testing.drain(now=at(150))
    assert len(calls()) == 8
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"sent"}
    found = breaker()
    assert (found.state, found.failures, found.opened_at, found.retry_at) == ("closed", 0, None, None)
    assert set(Delivery.objects.filter(handler="probe.post").values_list("attempts", "failing_since")) == {(1, None)}
    assert [(a.number, a.outcome) for a in Attempt.objects.all()] == [(1, "failed")] * 4


def test_the_wait_between_probes_is_capped(settings):
    settings.WORKER_BACKOFF_SECONDS = 10
    settings.OUTBOX_BACKOFF_MULTIPLIER = 1000
    go_down()
    emit_now(Posted(key="down", number=1))
    testing.drain(now=START, raise_errors=False)
    testing.drain(now=at(10), raise_errors=False)
    assert breaker().retry_at == at(10 + LONGEST_PROBE)


def test_a_neighbour_may_ask_for_a_longer_pause():
    error = DestinationUnavailable("429", retry_after=120)
    outage = circuit_breaker.note_down(handler="probe.post", destination="n", error=error, now=START)
    assert outage.retry_at == at(120)
    error = DestinationUnavailable("429", retry_after=10**9)
    outage = circuit_breaker.note_down(handler="probe.post", destination="m", error=error, now=START)
    assert outage.retry_at == at(LONGEST_WISH)


def test_calls_that_fail_together_count_once():
    for _ in range(3):
        circuit_breaker.note_down(handler="probe.post", destination="down", error=TimeoutError(), now=START)
    assert breaker().failures == 1


def test_only_one_probe_goes_out_and_one_whose_worker_dies_ends_with_its_lease(settings):
    settings.WORKER_BACKOFF_SECONDS = 10
    go_down(times=1)
    with transaction.atomic():
        emit_many([Posted(key=key, number=1) for key in ("down", "down street")])
    testing.drain(now=START, raise_errors=False)
    assert take(10) is not None
    assert breaker().state == "half_open"
    assert take(10) is None
    assert take(12.9) is None
    assert take(13.1) is not None


def take(seconds):
    for queue in leases.look(now=at(seconds)):
        handler = handler_named(queue.handler)
        if queue.due_in <= 0 and (lease := leases.claim(handler=handler, queue=queue, worker="w", now=at(seconds))):
            return lease
    return None


def test_an_answer_of_any_kind_closes_the_breaker(settings):
    settings.WORKER_BACKOFF_SECONDS = 10
    go_down(times=1)
    event_id = emit_now(Posted(key="down", number=1))
    testing.drain(now=START, raise_errors=False)
    lease = take(10)
    leases.finish(lease, error=PermanentError("no such address"), now=at(11))
    assert breaker().state == "closed"
    assert OutboxMessage.objects.get(pk=event_id).status == "dead"


def test_an_outage_of_more_than_a_day_costs_attempts(settings):
    settings.WORKER_MAX_ATTEMPTS = 2
    go_down()
    event_id = emit_now(Posted(key="down", number=1))
    day = 24 * 3600
    for moment in (0, day - 10_000, day - 5_000):
        testing.drain(now=at(moment), raise_errors=False)
    assert Delivery.objects.get(handler="probe.post").attempts == 0
    testing.drain(now=at(day + 1), raise_errors=False)
    assert Delivery.objects.get(handler="probe.post").attempts == 1
    assert OutboxMessage.objects.get(pk=event_id).status == "sending"
    testing.drain(now=at(day + 10_000), raise_errors=False)
    assert OutboxMessage.objects.get(pk=event_id).status == "dead"


def test_an_operator_opens_a_breaker_and_nothing_goes_out_until_it_is_reset():
    actions.break_open(handler="probe.post", neighbour="down", by="operator", reason="they asked for it")
    event_id = emit_now(Posted(key="down", number=1))
    testing.drain(now=at(10**6))
    assert calls() == []
    assert OutboxMessage.objects.get(pk=event_id).status == "sending"
    assert [found.error for found in actions.breakers()] == ["Opened by operator: they asked for it"]
    assert actions.reset_breaker(handler="probe.post", neighbour="down", by="operator")
    assert not actions.reset_breaker(handler="probe.post", neighbour="down", by="operator")
    testing.drain(now=at(10**6))
    assert calls() == [("down", 1)]
    assert actions.breakers() == []


def test_a_reset_makes_what_waits_due_at_once():
    go_down(times=1)
    emit_now(Posted(key="down", number=1))
    testing.drain(raise_errors=False)
    assert testing.drain() == 0
    actions.reset_breaker(handler="probe.post", neighbour="down", by="operator")
    testing.drain()
    assert calls() == [("down", 1), ("down", 1)]


def test_only_handlers_with_calls_have_breakers():
    with pytest.raises(actions.NothingToPause):
        actions.break_open(handler="probe.tick", neighbour="x", by="operator")
    assert not Breaker.objects.exists()


@pytest.mark.parametrize("kind", ["deadlock", "down"])
def test_a_db_handler_pays_no_attempt_for_a_deadlock_or_an_outage(kind, settings):
    settings.WORKER_MAX_ATTEMPTS = 2
    settings.WORKER_BACKOFF_SECONDS = 10
    Fault.objects.create(handler="probe.tick", key="a", number=1, times=4, kind=kind)
    event_id = emit_now(Ticked(key="a", number=1))
    for moment in (0, 100, 1000, 2000):
        testing.drain(now=at(moment), raise_errors=False)
        row = Delivery.objects.get()
        assert (row.status, row.attempts, row.failing_since) == ("failed", 0, START)
        assert row.available_at <= at(moment + 300)
    testing.drain(now=at(3000))
    assert Effect.objects.count() == 1
    row = OutboxMessage.objects.get(pk=event_id)
    assert (row.status, row.attempts) == ("sent", 1)
    assert Delivery.objects.get().failing_since is None


def test_a_db_handler_pays_after_a_day(settings):
    settings.WORKER_MAX_ATTEMPTS = 2
    Fault.objects.create(handler="probe.tick", key="a", number=1, times=-1, kind="down")
    event_id = emit_now(Ticked(key="a", number=1))
    for moment in (0, 90_000, 100_000):
        testing.drain(now=at(moment), raise_errors=False)
    assert OutboxMessage.objects.get(pk=event_id).status == "dead"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (smtplib.SMTPServerDisconnected(), True),
        (smtplib.SMTPConnectError(421, b"later"), True),
        (DestinationUnavailable("503"), True),
        (PermanentError("404"), False),
        (ValueError(), False),
        (smtplib.SMTPRecipientsRefused({}), False),
    ],
)
def test_what_counts_as_an_outage(error, expected):
    assert is_outage(error) is expected
