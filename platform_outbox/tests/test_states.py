"""The states of an event: one table in Python, the same in SQL, and every road that leads from one to another."""

import itertools

import pytest
from django.db import connection, transaction
from django.utils import timezone

from platform_outbox import sql
from platform_outbox.emit import emit, shard_of
from platform_outbox.external import leases
from platform_outbox.external.pool import due_queues
from platform_outbox.models import Delivery, OutboxMessage, Status, event_status
from platform_outbox.operators import actions
from platform_outbox.processing.process import process_batch
from platform_outbox.registry import Deferred, DestinationUnavailable, PermanentError
from platform_outbox.retry import after_failure
from platform_outbox.tests.probe import handlers
from platform_outbox.tests.probe.events import Posted
from platform_outbox.tests.probe.handlers import ProbeError
from platform_outbox.timing import OUTAGE_PATIENCE

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]

ERRORS = {
    "succeeds": None,
    "fails": ProbeError("no"),
    "is refused": PermanentError("no"),
    "is down": DestinationUnavailable("no"),
    "is put off": Deferred("later"),
}
# Every state of a delivery, of a handler in the database and of a call.
DELIVERIES = [(status.value, io) for status in Status for io in (False, True)]


@pytest.fixture
def event_id(db):
    with transaction.atomic():
        return emit(Posted(key="a", number=1))


def settled(event_id):
    """What the SQL makes of the event's deliveries."""
    OutboxMessage.objects.filter(pk=event_id).update(status="sending")
    values = {"attempts": 0, "now": timezone.now(), "error": None, "group": None, "message": event_id}
    ((state,),) = sql.fetch("settle_event", values)
    row = OutboxMessage.objects.get(pk=event_id)
    assert row.status == state
    assert (row.finished_at is not None) == (state in ("sent", "dead"))
    return state


@pytest.mark.parametrize("count", range(4))
def test_python_and_sql_make_the_same_of_all_deliveries_that_an_event_can_have(event_id, count):
    compared = 0
    for deliveries in itertools.combinations_with_replacement(DELIVERIES, count):
        Delivery.objects.all().delete()
        Delivery.objects.bulk_create(
            Delivery(
                message_id=event_id, handler=f"h{place}", ordering_key="a", shard=1, status=status, attempts=0,
                available_at=timezone.now(), io=io,
            )
            for place, (status, io) in enumerate(deliveries)
        )  # fmt: skip
        assert settled(event_id) == event_status(deliveries), deliveries
        compared += 1
    assert compared == [1, 10, 55, 220][count]


def test_whatever_waits_keeps_its_event_pending_unless_something_failed():
    for deliveries in itertools.combinations_with_replacement(DELIVERIES, 2):
        expected = "failed" if ("failed", False) in deliveries else "pending"
        assert event_status(deliveries, waiting=True) == expected


def agree(event_id):
    """The event's state is what Python and SQL make of its deliveries; returned."""
    state = OutboxMessage.objects.get(pk=event_id).status
    found = list(Delivery.objects.filter(message=event_id).values_list("status", "io"))
    assert event_status(found) == state, found
    point = transaction.savepoint()
    assert settled(event_id) == state, found
    transaction.savepoint_rollback(point)
    return state


def lease():
    for handler, queue in due_queues(leases.look()):
        if found := leases.claim(handler=handler, queue=queue, worker="w"):
            return found
    return None


def end_call(outcome):
    found = lease()
    if outcome == "is given back":
        leases.give_back([found])
    elif outcome == "falls silent":
        with connection.cursor() as cursor:
            cursor.execute("UPDATE platform_outbox_delivery SET lease_until = now() - interval '1 s' WHERE io")
        assert leases.expire() == 1
    elif outcome != "is under way":
        assert leases.finish(found, error=ERRORS[outcome])


# What the handler in the database does → the event's state after the batch.
AFTER_BATCH = {
    "succeeds": "sending",
    "fails": "failed",
    "is refused": "sending",
    "is down": "failed",
    "is put off": "failed",
}
# What becomes of the call → the event's state, where the handler in the database succeeded.
AFTER_CALL = {
    "succeeds": "sent",
    "fails": "sending",
    "is refused": "dead",
    "is down": "sending",
    "is put off": "sending",
    "falls silent": "sending",
    "is given back": "sending",
    "is under way": "sending",
}


@pytest.mark.parametrize("call", AFTER_CALL)
@pytest.mark.parametrize("handler", AFTER_BATCH)
def test_every_outcome_of_a_handler_and_of_a_call_leads_where_the_table_says(event_id, monkeypatch, handler, call):
    def act(name, event):
        if ERRORS[handler] is not None:
            raise ERRORS[handler]

    monkeypatch.setattr(handlers, "act", act)
    process_batch(shard=shard_of("a"))
    assert agree(event_id) == AFTER_BATCH[handler]
    end_call(call)
    expected = AFTER_CALL[call]
    if handler == "is refused" and expected == "sent":
        expected = "dead"
    if AFTER_BATCH[handler] == "failed":
        expected = "failed"
    assert agree(event_id) == expected
    # What an operator does from there.
    calls = Delivery.objects.filter(io=True, status__in=["dead", "failed"])
    can_be_requeued = expected in ("failed", "dead") or calls.exists()
    assert actions.requeue(ids=[event_id], by="w") == can_be_requeued
    if can_be_requeued:
        assert agree(event_id) in ("pending", "sending")
    if expected != "sent":
        point = transaction.savepoint()
        if actions.discard(ids=[event_id], by="w"):
            assert agree(event_id) == "dead"
        transaction.savepoint_rollback(point)
    # And what a good batch and good calls make of the rest.
    monkeypatch.setattr(handlers, "act", lambda name, event: None)
    Delivery.objects.filter(status__in=["pending", "failed"]).update(available_at=timezone.now())
    OutboxMessage.objects.filter(status__in=["pending", "failed"]).update(available_at=timezone.now())
    process_batch(shard=shard_of("a"))
    agree(event_id)


@pytest.mark.parametrize("limit", [1, 3])
@pytest.mark.parametrize("attempts", [0, 1, 2])
@pytest.mark.parametrize("lasting", [None, OUTAGE_PATIENCE / 2, OUTAGE_PATIENCE])
@pytest.mark.parametrize("outcome", [name for name, error in ERRORS.items() if error])
def test_one_decision_for_every_error_whoever_asks(settings, outcome, lasting, attempts, limit):
    settings.WORKER_MAX_ATTEMPTS = limit
    now = timezone.now()
    since = None if lasting is None else now - lasting
    decision = after_failure(ERRORS[outcome], attempts=attempts, failing_since=since, now=now)
    spared = outcome in ("is down", "is put off") and lasting != OUTAGE_PATIENCE
    given_up = not spared and (outcome == "is refused" or attempts + 1 >= limit)
    assert decision.status == ("dead" if given_up else "failed")
    assert decision.attempts == attempts + (0 if spared else 1)
    assert decision.counted is not spared
    assert (decision.retry_at is None) == given_up
    assert decision.retry_at is None or decision.retry_at > now
    assert decision.failing_since == ((since or now) if outcome in ("is down", "is put off") else None)


@pytest.mark.parametrize("error", [DestinationUnavailable("429", retry_after=500), Deferred("later", retry_after=500)])
def test_a_pause_that_somebody_asks_for_is_kept_and_one_without_end_is_not(error):
    now = timezone.now()
    decision = after_failure(error, attempts=0, failing_since=None, now=now)
    assert (decision.retry_at - now).total_seconds() == 500
    error.retry_after = 10**9
    decision = after_failure(error, attempts=0, failing_since=None, now=now)
    assert (decision.retry_at - now).total_seconds() == 3600
