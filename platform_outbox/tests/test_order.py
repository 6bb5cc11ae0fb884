"""Ids are drawn before commits; nothing may be stepped over because of that."""

import threading
import time

import pytest
from django.db import connections, transaction

from platform_outbox.emit import emit, shard_of
from platform_outbox.models import OutboxMessage
from platform_outbox.processing import claim
from platform_outbox.processing.claim import LowWater
from platform_outbox.processing.process import process_batch
from platform_outbox.tests.probe.events import Ticked
from platform_outbox.tests.probe.models import Effect, Source
from platform_outbox.wakeup.notifier import own_connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.outbox]

SHARD = shard_of("a")
INSERT = (
    "INSERT INTO platform_outbox (event_type, event_version, ordering_key, shard, payload, available_at, created_at)"
    " VALUES ('probe.clock.ticked', 1, 'a', %s, '{\"key\": \"a\", \"number\": 1}', now(), now())"
)


@pytest.fixture
def slow():
    """A second connection with a transaction that has drawn its id and not yet committed."""
    connection = own_connection()
    connection.autocommit = False
    connection.execute(INSERT, (SHARD,))
    yield connection
    connection.close()


def emit_now(number):
    with transaction.atomic():
        return emit(Ticked(key="a", number=number))


def numbers():
    return list(Effect.objects.order_by("id").values_list("number", flat=True))


@pytest.fixture
def eager(monkeypatch):
    """A low-water mark that moves at every turn it may."""
    monkeypatch.setattr(claim, "LOW_WATER_EVERY", 0)
    return LowWater()


def test_an_id_that_commits_late_is_not_stepped_over(slow, eager):
    for number in range(2, 8):
        emit_now(number)
        process_batch(shard=SHARD, low_water=eager)
    assert numbers() == [2, 3, 4, 5, 6, 7]
    slow.commit()
    process_batch(shard=SHARD, low_water=eager)
    assert numbers() == [2, 3, 4, 5, 6, 7, 1]


def move_the_mark(low_water):
    """Handle one event after the other, always with another one open, until the mark is close behind; returns how many.

    Tests that run beside this one hold transactions open on the same server. Between two of them it moves.
    """
    newest, number, deadline = emit_now(0), 0, time.monotonic() + 60
    while not newest - 4 <= low_water.above(SHARD) > 0:
        assert time.monotonic() < deadline, "The mark did not move."
        number += 1
        newest = emit_now(number)
        process_batch(shard=SHARD, low_water=low_water, batch_size=1)
        time.sleep(0.02)
    return number + 1


def test_the_mark_moves_when_no_older_transaction_is_left(eager):
    count = move_the_mark(eager)
    last = emit_now(count)
    assert last - 5 <= eager.above(SHARD) < last
    process_batch(shard=SHARD, low_water=eager)
    assert numbers() == list(range(count + 1))


def test_a_requeued_event_under_the_mark_is_found_when_the_mark_is_forgotten(eager):
    move_the_mark(eager)
    process_batch(shard=SHARD, low_water=eager)
    first = OutboxMessage.objects.order_by("id").first()
    assert eager.above(SHARD) >= first.pk
    Effect.objects.all().delete()
    OutboxMessage.objects.filter(pk=first.pk).update(status="pending")
    assert process_batch(shard=SHARD, low_water=eager).handled == 0
    eager.forget(SHARD)
    assert process_batch(shard=SHARD, low_water=eager).handled == 1


def test_two_workers_never_share_a_shard(eager):
    emit_now(1)
    with own_connection() as other:
        other.autocommit = False
        other.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", (claim.LOCK_CLASS, SHARD))
        turn = process_batch(shard=SHARD)
        assert (turn.busy, turn.handled) == (True, 0)
    assert process_batch(shard=SHARD).handled == 1


def change(key, number, *, started, may_commit):
    """A change of a book as services make it: the book's row first, then the event."""
    try:
        with transaction.atomic():
            book = Source.objects.select_for_update().get(key=key)
            started.set()
            may_commit.wait(10)
            book.last = number
            book.save()
            emit(Ticked(key=key, number=number))
    finally:
        connections.close_all()


def test_ids_follow_commits_when_the_book_is_locked_first():
    Source.objects.create(key="a")
    events = [threading.Event() for _ in range(4)]
    slow_has_it, slow_may, quick_has_it, quick_may = events
    slow = threading.Thread(target=change, args=("a", 1), kwargs={"started": slow_has_it, "may_commit": slow_may})
    quick = threading.Thread(target=change, args=("a", 2), kwargs={"started": quick_has_it, "may_commit": quick_may})
    slow.start()
    assert slow_has_it.wait(10)
    quick_may.set()
    quick.start()
    assert not quick_has_it.wait(0.3), "the second transaction came in although the first has the book"
    assert process_batch(shard=SHARD).handled == 0
    slow_may.set()
    slow.join()
    quick.join()
    while process_batch(shard=SHARD).handled:
        pass
    assert numbers() == [1, 2]
    assert Source.objects.get().last == 2


def test_without_the_lock_ids_and_commits_may_cross(slow):
    """What the lock is for: the first to draw its id commits last, and is handled last."""
    emit_now(2)
    process_batch(shard=SHARD)
    slow.commit()
    process_batch(shard=SHARD)
    assert numbers() == [2, 1]
    first, second = OutboxMessage.objects.order_by("id").values_list("payload__number", flat=True)
    assert (first, second) == (1, 2)
