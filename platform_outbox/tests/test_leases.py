"""The life of a delivery to the outside, in one transaction and without threads."""

import datetime
import uuid

import pytest
from django.db import connection, transaction
from django.utils import timezone

from platform_outbox import retention, sql, testing
from platform_outbox.emit import emit, emit_many, shard_of
from platform_outbox.external import leases
from platform_outbox.external.pool import due_queues
from platform_outbox.models import Attempt, Delivery, OutboxMessage, Tally
from platform_outbox.monitoring.metrics import LEASES_LOST
from platform_outbox.operators import actions
from platform_outbox.processing.process import process_batch
from platform_outbox.tests.probe.events import Guarded, Posted, Shouted
from platform_outbox.tests.probe.handlers import ProbeError
from platform_outbox.tests.probe.models import Call, Effect, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]


def emit_now(event):
    with transaction.atomic():
        return emit(event)


def hand_over(*events):
    """The drain's part: everything is handed over, nothing called."""
    with transaction.atomic():
        ids = emit_many(events)
    for key in {event.ordering_key for event in events}:
        while process_batch(shard=shard_of(key)).handled:
            pass
    return ids


def take(worker="a", now=None):
    """The first delivery that a caller would get."""
    for handler, queue in due_queues(leases.look(now=now)):
        if lease := leases.claim(handler=handler, queue=queue, worker=worker, now=now):
            return lease
    return None


def calls(handler="probe.post"):
    return [(call.key, call.number) for call in Call.objects.filter(handler=handler).order_by("id")]


def message(event_id):
    return OutboxMessage.objects.get(pk=event_id)


def delivery(event_id, handler="probe.post"):
    return Delivery.objects.get(message=event_id, handler=handler)


def later(seconds=4000):
    return timezone.now() + datetime.timedelta(seconds=seconds)


def count_of(counter, handler):
    return counter.labels(handler)._value.get()


def test_an_io_handler_is_called_beside_the_db_handler_of_its_event():
    event_id = emit_now(Posted(key="a", number=1))
    assert testing.drain() == 1
    assert calls() == [("a", 1)]
    assert Effect.objects.get().handler == "probe.register"
    assert message(event_id).status == "sent"
    made = Call.objects.get()
    assert (made.idempotency_key, made.attempt, made.still_mine) == (f"{event_id}:probe.post", 1, True)
    row = delivery(event_id)
    assert (row.status, row.attempts, row.lease_token, row.locked_by) == ("sent", 1, None, "")


def test_an_event_is_sending_from_its_hand_over_to_its_last_call():
    (event_id,) = hand_over(Posted(key="a", number=1))
    row = message(event_id)
    assert (row.status, row.finished_at) == ("sending", None)
    lease = take()
    assert lease.event_type == "probe.letter.posted"
    assert delivery(event_id).status == "sending"
    assert leases.finish(lease, error=None)
    row = message(event_id)
    assert (row.status, row.attempts, row.error) == ("sent", 1, "")
    assert row.finished_at is not None


def test_events_of_a_key_are_called_in_order_and_others_do_not_wait():
    Fault.objects.create(handler="probe.post", key="a", number=1, times=1)
    with transaction.atomic():
        emit_many([Posted(key=key, number=n) for n in range(3) for key in ("a", "b")])
    testing.drain(raise_errors=False)
    assert [call for call in calls() if call[0] == "b"] == [("b", 0), ("b", 1), ("b", 2)]
    assert [call for call in calls() if call[0] == "a"] == [("a", 0), ("a", 1)]
    assert testing.drain() == 0
    testing.drain(now=later())
    assert [call for call in calls() if call[0] == "a"] == [("a", 0), ("a", 1), ("a", 1), ("a", 2)]
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"sent"}


def test_only_the_head_of_a_line_can_be_taken():
    first, second = hand_over(Posted(key="a", number=1), Posted(key="a", number=2))
    lease = take()
    assert lease.message_id == first
    assert take() is None
    leases.finish(lease, error=None)
    assert take().message_id == second


def test_without_order_younger_ones_do_not_wait():
    Fault.objects.create(handler="probe.shout", key="a", number=1, times=1)
    hand_over(*(Shouted(key="a", number=n) for n in range(3)))
    assert [take().message_id for _ in range(3)] == list(
        Delivery.objects.order_by("id").values_list("message", flat=True)
    )


@pytest.mark.parametrize("count", [10, 400])
def test_a_claim_costs_the_same_however_long_the_lines_are(count, django_assert_max_num_queries):
    """A line is looked at by its head: the statement reads a few index entries, whatever waits behind."""
    hand_over(*(Posted(key=f"k{n % 2}", number=n) for n in range(count)))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE platform_outbox_delivery")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql.QUERIES['look']}", (None,))
        plan = cursor.fetchone()[0][0]["Plan"]
    assert rows_read(plan) <= 12
    with django_assert_max_num_queries(5):
        assert take() is not None


def rows_read(plan):
    scanned = plan["Actual Rows"] * plan["Actual Loops"] if "Scan" in plan["Node Type"] else 0
    return scanned + sum(rows_read(part) for part in plan.get("Plans", []))


def test_a_permanent_error_is_a_dead_letter_at_once():
    Fault.objects.create(handler="probe.post", key="a", number=1, times=-1, kind="refused")
    event_id = emit_now(Posted(key="a", number=1))
    emit_now(Posted(key="a", number=2))
    testing.drain(raise_errors=False)
    assert calls() == [("a", 1), ("a", 2)]
    row = message(event_id)
    assert (row.status, row.error) == ("dead", "PermanentError: a is unknown there")
    assert Attempt.objects.get().outcome == "dead"


def test_a_call_that_fails_backs_off_and_dies_while_the_db_handler_is_through(settings):
    settings.WORKER_MAX_ATTEMPTS = 2
    Fault.objects.create(handler="probe.post", key="a", number=1, times=-1)
    event_id = emit_now(Posted(key="a", number=1))
    testing.drain(raise_errors=False)
    assert (message(event_id).status, delivery(event_id).status) == ("sending", "failed")
    assert message(event_id).error == "ProbeError: a 1 must fail"
    assert delivery(event_id, "probe.register").status == "sent"
    testing.drain(now=later(), raise_errors=False)
    assert (message(event_id).status, delivery(event_id).attempts) == ("dead", 2)
    assert [(a.number, a.outcome) for a in Attempt.objects.order_by("id")] == [(1, "failed"), (2, "dead")]
    assert Effect.objects.count() == 1


def test_a_db_handler_that_fails_does_not_keep_the_call_back_nor_repeat_it():
    Fault.objects.create(handler="probe.register", key="a", number=1, times=1)
    first = emit_now(Posted(key="a", number=1))
    second = emit_now(Posted(key="a", number=2))
    testing.drain(raise_errors=False)
    assert calls() == [("a", 1), ("a", 2)]
    assert [message(first).status, message(second).status] == ["failed", "pending"]
    testing.drain(now=later())
    assert calls() == [("a", 1), ("a", 2)]
    assert [effect.number for effect in Effect.objects.order_by("id")] == [1, 2]
    assert [message(first).status, message(second).status] == ["sent", "sent"]


@pytest.mark.parametrize("db_first", [True, False])
@pytest.mark.parametrize(("fault", "end"), [(None, "sent"), ("refused", "dead")])
def test_the_last_handler_settles_the_event_whichever_it_is(db_first, fault, end):
    if fault:
        Fault.objects.create(handler="probe.post", key="a", number=1, times=-1, kind=fault)
    if not db_first:
        Fault.objects.create(handler="probe.register", key="a", number=1, times=1)
    event_id = emit_now(Posted(key="a", number=1))
    process_batch(shard=shard_of("a"))
    assert message(event_id).status == ("sending" if db_first else "failed")
    testing.drain(raise_errors=False)
    testing.drain(now=later())
    assert message(event_id).status == end


def test_a_late_finish_marks_nothing():
    (event_id,) = hand_over(Posted(key="a", number=1))
    slow = take("slow")
    assert leases.expire(now=later(2)) == 0
    assert leases.expire(now=later(10)) == 1
    counters = Tally.objects.values_list("metric", "first", "second", "count")
    assert set(counters.filter(first="probe.post")) == {
        ("processed", "probe.post", "failed", 1),
        ("failures", "probe.post", "LeaseExpired", 1),
        ("lease_expired", "probe.post", "", 1),
    }
    row = delivery(event_id)
    assert (row.status, row.attempts, row.lease_token) == ("failed", 1, None)
    assert Attempt.objects.get().error_message == "slow fell silent during the call."
    quick = take("quick", now=later())
    lost = count_of(LEASES_LOST, "probe.post")
    assert not leases.finish(slow, error=None)
    assert not leases.finish(slow, error=ProbeError("late"))
    assert count_of(LEASES_LOST, "probe.post") == lost + 2
    row = delivery(event_id)
    assert (row.status, row.attempts, row.lease_token, row.locked_by) == ("sending", 1, quick.token, "quick")
    assert Attempt.objects.count() == 1
    assert leases.finish(quick, error=None, now=later())
    assert (message(event_id).status, delivery(event_id).attempts) == ("sent", 2)


def test_a_lease_that_runs_out_again_and_again_ends_as_a_dead_letter(settings):
    settings.WORKER_MAX_ATTEMPTS = 2
    (event_id,) = hand_over(Posted(key="a", number=1))
    for seconds in (0, 4000):
        assert take(now=later(seconds)) is not None
        leases.expire(now=later(seconds + 10))
    assert message(event_id).status == "dead"
    assert message(event_id).error.startswith("LeaseExpired: ")


def test_a_renewed_lease_does_not_run_out_and_a_lost_one_is_not_renewed():
    hand_over(Posted(key="a", number=1))
    lease = take()
    assert leases.renew([(lease, 60.0)]) == {lease.token}
    assert leases.expire(now=later(50)) == 0
    Delivery.objects.filter(pk=lease.id).update(lease_token=uuid.uuid4())
    assert leases.renew([(lease, 60.0)]) == set()


def test_a_lease_given_back_costs_nothing_and_can_be_taken_at_once():
    (event_id,) = hand_over(Posted(key="a", number=1))
    lease = take()
    assert leases.give_back([lease]) == 1
    row = delivery(event_id)
    assert (row.status, row.attempts, row.lease_token, row.locked_by) == ("pending", 0, None, "")
    assert not leases.finish(lease, error=None)
    again = take()
    assert (again.message_id, again.attempts) == (event_id, 0)


def test_a_dead_letter_that_halts_keeps_its_line_until_it_is_tried_again():
    Fault.objects.create(handler="probe.guard", key="a", number=1, times=1, kind="refused")
    dead = emit_now(Guarded(key="a", number=1))
    emit_now(Guarded(key="a", number=2))
    emit_now(Guarded(key="b", number=1))
    testing.drain(raise_errors=False)
    emit_now(Guarded(key="a", number=3))
    testing.drain()
    assert sorted(calls("probe.guard")) == [("a", 1), ("b", 1)]
    assert message(dead).status == "dead"
    assert actions.requeue(ids=[dead], by="operator") == 1
    assert message(dead).status == "sending"
    testing.drain()
    assert [call for call in calls("probe.guard") if call[0] == "a"] == [("a", 1), ("a", 1), ("a", 2), ("a", 3)]


def test_a_halting_dead_letter_that_is_discarded_lets_its_line_go_on():
    Fault.objects.create(handler="probe.guard", key="a", number=1, times=-1, kind="refused")
    dead = emit_now(Guarded(key="a", number=1))
    emit_now(Guarded(key="a", number=2))
    testing.drain(raise_errors=False)
    assert actions.discard(ids=[dead], by="operator") == 1
    testing.drain()
    assert calls("probe.guard") == [("a", 1), ("a", 2)]
    assert message(dead).discarded_at is not None


def test_a_requeued_letter_goes_before_the_younger_ones_but_not_beside_a_call():
    Fault.objects.create(handler="probe.post", key="a", number=1, times=1, kind="refused")
    (dead,) = hand_over(Posted(key="a", number=1))
    testing.drain(raise_errors=False)
    second, third = hand_over(Posted(key="a", number=2), Posted(key="a", number=3))
    under_way = take()
    assert under_way.message_id == second
    actions.requeue(ids=[dead], by="operator")
    assert take() is None
    leases.finish(under_way, error=None)
    assert [take_and_finish() for _ in range(2)] == [dead, third]
    assert take() is None


def take_and_finish():
    lease = take()
    leases.finish(lease, error=None)
    return lease.message_id


def test_a_waiting_call_can_be_tried_at_once_and_one_under_way_is_left_alone():
    Fault.objects.create(handler="probe.post", key="a", number=1, times=1)
    waiting = emit_now(Posted(key="a", number=1))
    testing.drain(raise_errors=False)
    (under_way,) = hand_over(Posted(key="b", number=1))
    lease = take()
    assert actions.requeue(ids=[waiting, under_way], by="operator") == 1
    assert delivery(under_way).lease_token == lease.token
    testing.drain()
    assert message(waiting).status == "sent"


def test_discarding_an_event_fences_off_the_call_that_is_under_way():
    first, second = hand_over(Posted(key="a", number=1), Posted(key="a", number=2))
    lease = take()
    assert actions.discard(ids=[first], by="operator") == 1
    assert not leases.finish(lease, error=None)
    assert (message(first).status, delivery(first).status) == ("dead", "dead")
    assert take().message_id == second


def test_prune_takes_sent_events_with_their_deliveries_and_leaves_those_still_sending():
    Fault.objects.create(handler="probe.post", key="b", number=1, times=-1)
    sent = emit_now(Posted(key="a", number=1))
    open_ = emit_now(Posted(key="b", number=1))
    testing.drain(raise_errors=False)
    OutboxMessage.objects.update(created_at=later(-8000))
    assert retention.prune(before=later()).rows == 1
    assert not Delivery.objects.filter(message=sent).exists()
    assert message(open_).status == "sending"


def test_an_event_that_cannot_be_read_any_more_is_a_dead_letter():
    (event_id,) = hand_over(Shouted(key="a", number=1))
    OutboxMessage.objects.update(event_version=7, created_at=timezone.now() - datetime.timedelta(hours=1))
    testing.drain(raise_errors=False)
    assert (
        message(event_id).error == "PermanentError: probe.word.shouted is known here up to version 1, not in version 7."
    )
    assert calls("probe.shout") == []


def test_a_paused_handler_and_a_paused_shard_are_not_called():
    hand_over(Shouted(key="a", number=1))
    actions.pause(kind="handler", target="probe.shout", by="operator", reason="test")
    assert take() is None
    actions.resume(kind="handler", target="probe.shout", by="operator")
    actions.pause(kind="shard", target=str(shard_of("a")), by="operator", reason="test")
    assert take() is None
    actions.resume(kind="shard", target=str(shard_of("a")), by="operator")
    assert take() is not None


def test_a_call_whose_handler_is_gone_becomes_a_dead_letter_in_the_end(settings):
    settings.WORKER_MAX_ATTEMPTS = 1
    (event_id,) = hand_over(Shouted(key="a", number=1))
    Delivery.objects.update(handler="probe.removed")
    assert take(now=later(3000)) is None
    testing.drain(now=later(4000), raise_errors=False)
    assert message(event_id).error == "UnknownHandler: No handler is called probe.removed in any worker."
    assert message(event_id).status == "dead"


def test_a_handler_that_became_an_io_handler_takes_its_failed_events_over():
    (event_id,) = hand_over(Shouted(key="a", number=1))
    Delivery.objects.update(io=False, status="failed", attempts=1)
    OutboxMessage.objects.update(status="failed", available_at=later(1))
    testing.drain(now=later())
    assert calls("probe.shout") == [("a", 1)]
    assert message(event_id).status == "sent"
