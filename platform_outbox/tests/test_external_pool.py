"""The external pool's threads in this process: what they do about leases that are lost, and calls that do not end."""

import pytest
from django.db import connection, transaction

from platform_outbox.emit import emit_many, shard_of
from platform_outbox.external.pool import ExternalPool
from platform_outbox.models import Attempt, Breaker, Delivery, OutboxMessage
from platform_outbox.monitoring.metrics import LEASES_LOST
from platform_outbox.processing.process import process_batch
from platform_outbox.tests.conftest import wait_for
from platform_outbox.tests.probe.events import Shouted, Whistled
from platform_outbox.tests.probe.models import Call, Fault

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.outbox]


@pytest.fixture
def external(transactional_db, settings):
    settings.WORKER_BACKOFF_SECONDS = 0.1
    made = ExternalPool(count=2, worker="test")
    made.start()
    yield made
    made.shut_down()
    for thread in made._threads:
        thread.join(10)


def hand_over(*events):
    with transaction.atomic():
        emit_many(events)
    for event in events:
        process_batch(shard=shard_of(event.ordering_key))


def slow(handler, seconds, key="a", kind="slow"):
    Fault.objects.create(handler=handler, key=key, number=1, times=1, kind=kind, seconds=seconds)


def statuses():
    return set(OutboxMessage.objects.values_list("status", flat=True))


def lost(handler):
    return LEASES_LOST.labels(handler)._value.get()


def test_a_lease_that_is_taken_away_is_noticed_during_the_call_and_its_end_not_marked(external):
    slow("probe.whistle", 1.2)
    hand_over(Whistled(key="a", number=1))
    external.wake()
    wait_for(Call.objects.exists, what="the call")
    before = lost("probe.whistle")
    # Somebody else has it now, and for long.
    Delivery.objects.update(lease_token="00000000-0000-0000-0000-000000000001")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE platform_outbox_delivery SET lease_until = now() + interval '1 hour'")
    made = wait_for(lambda: Call.objects.filter(ended_at__isnull=False).first(), what="the call's end")
    assert made.still_mine is False
    wait_for(lambda: lost("probe.whistle") == before + 1, what="the count")
    assert Delivery.objects.get().status == "sending"
    assert statuses() == {"sending"}
    assert not Attempt.objects.exists()


@pytest.mark.long
def test_a_call_that_does_not_come_back_is_tried_again_and_its_caller_replaced(external):
    for key in ("a", "b"):
        slow("probe.whistle", 5, key)
    hand_over(Whistled(key="a", number=1), Whistled(key="b", number=1))
    external.wake()
    # One of the two callers may wait for this destination; then its replacement.
    wait_for(lambda: Call.objects.count() == 4, what="the second calls")
    assert sorted(Call.objects.values_list("key", "attempt")) == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    wait_for(lambda: statuses() == {"sent"}, what="their ends")
    assert set(Attempt.objects.values_list("error_class", flat=True)) == {
        "platform_outbox.external.leases.LeaseExpired"
    }
    wait_for(lambda: not Call.objects.filter(ended_at=None).exists(), what="the first calls")
    assert set(Call.objects.filter(attempt=1).values_list("still_mine", flat=True)) == {False}
    assert set(Delivery.objects.values_list("status", "attempts")) == {("sent", 2)}


def test_a_call_that_ends_while_the_database_is_away_is_marked_when_it_is_back(external):
    slow("probe.shout", 0.5, kind="silent")
    hand_over(Shouted(key="a", number=1))
    external.wake()
    wait_for(Call.objects.exists, what="the call")
    end_all_other_connections()
    wait_for(lambda: statuses() == {"sent"}, what="the mark")
    assert Call.objects.count() == 1


def end_all_other_connections():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_connection_that_broke_between_two_calls_costs_neither_an_attempt_nor_opens_a_breaker(external):
    """Both callers have called before, so both sit on a connection that the server's restart has ended."""
    for key in ("a", "b"):
        slow("probe.whistle", 0.3, key)
    hand_over(Whistled(key="a", number=1), Shouted(key="b", number=1))
    external.wake()
    wait_for(lambda: statuses() == {"sent"}, what="the first calls")
    end_all_other_connections()
    hand_over(*(Shouted(key="a", number=number) for number in range(2, 6)))
    external.wake()
    wait_for(lambda: statuses() == {"sent"}, what="the calls after it")
    assert not Attempt.objects.exists()
    assert not Breaker.objects.exists()
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {1}


def test_a_database_that_fails_during_a_call_opens_no_breaker(external):
    slow("probe.whistle", 0.5)
    hand_over(Whistled(key="a", number=1))
    external.wake()
    wait_for(Call.objects.exists, what="the call")
    # The handler writes its end on a connection that is gone by then.
    end_all_other_connections()
    wait_for(lambda: statuses() == {"sent"}, what="the second call")
    assert not Attempt.objects.exists()
    assert not Breaker.objects.exists()
    assert list(Call.objects.order_by("id").values_list("attempt", flat=True)) == [1, 1]
