"""A batch in which something fails is run again in halves: few steps to the bad event, and nobody else pays."""

import pytest
from django.db import transaction

from platform_outbox.emit import emit_many, shard_of
from platform_outbox.models import Delivery, OutboxMessage
from platform_outbox.processing import handlers
from platform_outbox.processing.process import process_batch
from platform_outbox.tests.probe.events import Forked, Poured, Ticked
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]

SHARD = shard_of("k")


@pytest.fixture
def calls(monkeypatch):
    """(handler, numbers of the events) of every call, those that were undone included."""
    made = []
    original = handlers._call

    def noted(batch, handler, works, **options):
        made.append((handler.name, [work.event.number for work in works]))
        original(batch, handler, works, **options)

    monkeypatch.setattr(handlers, "_call", noted)
    return made


def emitted(event_class, numbers, key="k"):
    with transaction.atomic():
        emit_many([event_class(key=key, number=number) for number in numbers])


def fails(*numbers, handler):
    for number in numbers:
        Fault.objects.create(handler=handler, key="k", number=number, times=-1)


def done(handler):
    return list(Effect.objects.filter(handler=handler).order_by("id").values_list("number", flat=True))


def states():
    return list(OutboxMessage.objects.order_by("id").values_list("status", flat=True))


@pytest.mark.parametrize("bad", [0, 17, 49])
def test_one_bad_event_of_fifty_for_a_batch_handler_is_found_in_a_dozen_calls(calls, settings, bad):
    settings.WORKER_MAX_ATTEMPTS = 1
    fails(bad, handler="probe.pour")
    emitted(Poured, range(50))
    turn = process_batch(shard=SHARD)
    assert (turn.handled, len(turn.errors)) == (50, 1)
    assert done("probe.pour") == [number for number in range(50) if number != bad]
    assert states() == ["dead" if number == bad else "sent" for number in range(50)]
    assert len(calls) <= 14
    # Once with all, once in its half, and so on; at last alone.
    assert calls.count(("probe.pour", [bad])) == 1


def test_what_is_younger_than_the_bad_event_waits_wherever_the_halves_were_cut():
    fails(3, handler="probe.pour")
    emitted(Poured, range(10))
    process_batch(shard=SHARD)
    assert done("probe.pour") == [0, 1, 2]
    assert states() == ["sent"] * 3 + ["failed"] + ["pending"] * 6


def test_a_sibling_of_the_failing_handler_is_run_once_for_each_event():
    fails(5, handler="probe.left")
    emitted(Forked, range(12))
    turn = process_batch(shard=SHARD)
    assert len(turn.errors) == 1
    assert done("probe.left") == [0, 1, 2, 3, 4]
    assert done("probe.right") == list(range(12))
    recorded = Delivery.objects.order_by("message_id", "handler").values_list("handler", "status")
    # Those before the bad one say by themselves that they are through.
    assert list(recorded) == [("probe.left", "failed"), ("probe.right", "sent")] + [("probe.right", "sent")] * 6


def test_several_bad_events_each_fail_once_and_the_others_are_done(settings, calls):
    settings.WORKER_MAX_ATTEMPTS = 1
    bad = {2, 3, 20, 39}
    fails(*bad, handler="probe.tick")
    emitted(Ticked, range(40))
    turn = process_batch(shard=SHARD)
    assert len(turn.errors) == 4
    assert done("probe.tick") == [number for number in range(40) if number not in bad]
    assert states() == ["dead" if number in bad else "sent" for number in range(40)]


def test_where_everything_fails_the_halving_stops_soon(settings, calls):
    settings.WORKER_MAX_ATTEMPTS = 1
    fails(*range(40), handler="probe.pour")
    emitted(Poured, range(40))
    process_batch(shard=SHARD)
    assert states() == ["dead"] * 40
    # Each alone once; together only until it was clear that halving does not help.
    assert sum(1 for _, numbers in calls if len(numbers) == 1) == 40
    assert sum(1 for _, numbers in calls if len(numbers) > 1) <= 12
