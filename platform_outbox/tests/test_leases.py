import datetime

import pytest
from django.db import transaction
from django.utils import timezone

from platform_outbox import testing
from platform_outbox.models import Attempt, Delivery, OutboxMessage
from platform_outbox.outbox import emit, emit_many
from platform_outbox.tests.probe.events import Posted, Shouted
from platform_outbox.tests.probe.models import Call, Effect, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]


def emit_now(event):
    with transaction.atomic():
        return emit(event)


def calls(handler="probe.post"):
    return [(call.key, call.number) for call in Call.objects.filter(handler=handler).order_by("id")]


def state(event_id):
    return OutboxMessage.objects.get(pk=event_id).status


def later(seconds=4000):
    return timezone.now() + datetime.timedelta(seconds=seconds)


def test_an_io_handler_is_called_beside_the_db_handler_of_its_event():
    event_id = emit_now(Posted(key="a", number=1))
    assert testing.drain() == 1
    assert calls() == [("a", 1)]
    assert Effect.objects.get().handler == "probe.register"
    assert state(event_id) == "sent"
    made = Call.objects.get()
    assert (made.idempotency_key, made.attempt, made.still_mine) == (f"{event_id}:probe.post", 1, True)
    delivery = Delivery.objects.get(handler="probe.post")
    assert (delivery.status, delivery.attempts, delivery.lease_token, delivery.locked_by) == ("sent", 1, None, "")


def test_events_of_a_key_are_called_in_order_and_others_do_not_wait(settings):
    settings.WORKER_MAX_ATTEMPTS = 3
    Fault.objects.create(handler="probe.post", key="a", number=1, times=1)
    with transaction.atomic():
        emit_many([Posted(key=key, number=n) for n in range(3) for key in ("a", "b")])
    testing.drain(raise_errors=False)
    assert sorted(call for call in calls() if call[0] == "b") == [("b", 0), ("b", 1), ("b", 2)]
    assert [call for call in calls() if call[0] == "a"] == [("a", 0), ("a", 1)]
    assert testing.drain() == 0
    testing.drain(now=later())
    assert [call for call in calls() if call[0] == "a"] == [("a", 0), ("a", 1), ("a", 1), ("a", 2)]
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"sent"}


def test_without_order_younger_ones_do_not_wait():
    Fault.objects.create(handler="probe.shout", key="a", number=1, times=1)
    with transaction.atomic():
        emit_many([Shouted(key="a", number=n) for n in range(3)])
    testing.drain(raise_errors=False)
    assert sorted(calls("probe.shout")) == [("a", 0), ("a", 1), ("a", 2)]
    assert sorted(OutboxMessage.objects.values_list("status", flat=True)) == ["sending", "sent", "sent"]
    testing.drain(now=later())
    assert sorted(calls("probe.shout")) == [("a", 0), ("a", 1), ("a", 1), ("a", 2)]


def test_a_permanent_error_is_a_dead_letter_at_once():
    Fault.objects.create(handler="probe.post", key="a", number=1, times=-1, kind="refused")
    event_id = emit_now(Posted(key="a", number=1))
    emit_now(Posted(key="a", number=2))
    testing.drain(raise_errors=False)
    assert calls() == [("a", 1), ("a", 2)]
    row = OutboxMessage.objects.get(pk=event_id)
    assert (row.status, row.error) == ("dead", "Permanent: a is unknown there")
    assert Attempt.objects.get().outcome == "dead"
