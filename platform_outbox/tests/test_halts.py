"""Handlers whose key waits behind a dead letter until an operator has dealt with it."""

import datetime

import pytest
from django.db import connection, transaction
from django.utils import timezone

from platform_outbox import testing
from platform_outbox.emit import emit_many
from platform_outbox.models import Delivery, OutboxMessage
from platform_outbox.operators import actions
from platform_outbox.tests.probe.events import Gated
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]


@pytest.fixture(autouse=True)
def one_try(settings):
    settings.WORKER_MAX_ATTEMPTS = 1


def emitted(*numbers, key="a"):
    with transaction.atomic():
        return emit_many([Gated(key=key, number=number) for number in numbers])


def drained(**options):
    return testing.drain(raise_errors=False, **options)


def handled(handler, key="a"):
    return list(Effect.objects.filter(handler=handler, key=key).order_by("id").values_list("number", flat=True))


def refuse(number, handler="probe.gate", key="a"):
    return Fault.objects.create(handler=handler, key=key, number=number, times=-1)


def test_younger_events_of_the_key_wait_for_that_handler_and_others_go_on():
    refuse(2)
    ids = emitted(1, 2, 3, 4)
    emitted(1, key="b")
    drained()
    emitted(5)
    drained(now=timezone.now() + datetime.timedelta(days=2))
    assert handled("probe.gate") == [1]
    assert handled("probe.passer") == [1, 2, 3, 4, 5]
    assert handled("probe.gate", key="b") == [1]
    assert list(OutboxMessage.objects.filter(pk__in=ids).order_by("id").values_list("status", flat=True)) == [
        "sent",
        "dead",
        "pending",
        "pending",
    ]
    assert list(Delivery.objects.filter(halts=True).values_list("message_id", "handler")) == [(ids[1], "probe.gate")]


def test_after_a_requeue_everything_comes_in_order():
    fault = refuse(2)
    ids = emitted(1, 2, 3, 4)
    drained()
    fault.delete()
    assert actions.requeue(ids=[ids[1]], by="olga") == 1
    drained()
    assert handled("probe.gate") == [1, 2, 3, 4]
    assert handled("probe.passer") == [1, 2, 3, 4]
    assert not Delivery.objects.filter(halts=True).exists()
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"sent"}


def test_a_requeued_event_that_dies_again_halts_again():
    refuse(2)
    ids = emitted(1, 2, 3)
    drained()
    actions.requeue(ids=[ids[1]], by="olga")
    drained()
    assert handled("probe.gate") == [1]
    assert Delivery.objects.get(halts=True).message_id == ids[1]


def test_after_a_discard_the_others_go_on():
    refuse(2)
    ids = emitted(1, 2, 3)
    drained()
    actions.discard(ids=[ids[1]], by="olga")
    drained()
    assert handled("probe.gate") == [1, 3]
    assert not Delivery.objects.filter(halts=True).exists()


def test_two_dead_letters_of_a_key_are_dealt_with_one_after_the_other():
    faults = [refuse(1), refuse(2)]
    ids = emitted(1, 2, 3)
    drained()
    faults[0].delete()
    actions.requeue(ids=[ids[0]], by="olga")
    drained()
    assert handled("probe.gate") == [1]
    assert Delivery.objects.get(halts=True).message_id == ids[1]
    actions.discard(ids=[ids[1]], by="olga")
    drained()
    assert handled("probe.gate") == [1, 3]


def test_a_handler_that_skips_does_not_halt():
    refuse(2, handler="probe.passer")
    emitted(1, 2, 3)
    drained()
    assert handled("probe.passer") == [1, 3]
    assert handled("probe.gate") == [1, 2, 3]


def test_an_event_that_cannot_be_read_halts_its_key_too():
    first, _ = emitted(1, 2)
    with connection.cursor() as cursor:
        cursor.execute("""UPDATE platform_outbox SET payload = '{"key": "a"}' WHERE id = %s""", [first])
    drained()
    assert handled("probe.gate") == []
    assert handled("probe.passer") == [2]
    with connection.cursor() as cursor:
        cursor.execute("""UPDATE platform_outbox SET payload = '{"key": "a", "number": 1}' WHERE id = %s""", [first])
    actions.requeue(ids=[first], by="olga")
    drained()
    assert handled("probe.gate") == [1, 2]
    assert sorted(handled("probe.passer")) == [1, 2]
