import datetime

import pytest
from django.db import transaction
from django.utils import timezone

from platform_outbox import testing
from platform_outbox.emit import emit_many, shard_of
from platform_outbox.models import Delivery, OutboxMessage, Pause
from platform_outbox.operators import actions
from platform_outbox.processing.process import process_batch
from platform_outbox.tests.conftest import wait_for
from platform_outbox.tests.probe.events import Forked, Ticked
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.outbox]

SHARD = shard_of("a")
ELSEWHERE = next(f"n{number}" for number in range(1000) if shard_of(f"n{number}") != SHARD)


def emitted(*events):
    with transaction.atomic():
        return emit_many(events)


def effects(handler):
    return list(Effect.objects.filter(handler=handler).order_by("id").values_list("key", "number"))


def states():
    return sorted(OutboxMessage.objects.values_list("status", flat=True))


def pause(target, kind="handler"):
    return actions.pause(kind=kind, target=target, by="olga", reason="the search index is being rebuilt")


def resume(target, kind="handler"):
    return actions.resume(kind=kind, target=target, by="olga")


@pytest.mark.django_db
def test_a_paused_handler_handles_nothing_and_its_events_wait_as_they_are():
    pause("probe.tick")
    emitted(*(Ticked(key="a", number=number) for number in range(3)), Forked(key="a", number=1))
    assert testing.drain() == 1
    assert effects("probe.tick") == []
    assert states() == ["pending"] * 3 + ["sent"]
    assert set(OutboxMessage.objects.filter(status="pending").values_list("attempts", flat=True)) == {0}
    assert resume("probe.tick")
    assert testing.drain() == 3
    assert effects("probe.tick") == [("a", 0), ("a", 1), ("a", 2)]


@pytest.mark.django_db
def test_the_other_handlers_of_the_same_events_go_on_and_are_not_run_again():
    pause("probe.left")
    emitted(*(Forked(key="a", number=number) for number in range(3)))
    testing.drain()
    assert (effects("probe.left"), effects("probe.right")) == ([], [("a", 0), ("a", 1), ("a", 2)])
    assert states() == ["pending"] * 3
    emitted(Forked(key="a", number=3))
    assert testing.drain() == 1
    resume("probe.left")
    testing.drain()
    everything = [("a", number) for number in range(4)]
    assert (effects("probe.left"), effects("probe.right")) == (everything, everything)
    assert states() == ["sent"] * 4


@pytest.mark.django_db
def test_waiting_events_of_a_paused_handler_do_not_fill_the_batches_of_others():
    pause("probe.tick")
    pause("probe.left")
    emitted(*(Ticked(key="a", number=number) for number in range(5)), *(Forked(key="a", number=n) for n in range(5)))
    for _ in range(2):
        process_batch(shard=SHARD, batch_size=3)
    assert len(effects("probe.right")) == 5
    last = emitted(Forked(key="a", number=9))
    assert process_batch(shard=SHARD, batch_size=3).handled == 1
    assert process_batch(shard=SHARD, batch_size=3).more is False
    assert Delivery.objects.get(message=last[0]).handler == "probe.right"


@pytest.mark.django_db
def test_with_all_its_handlers_paused_an_event_waits_for_each_of_them():
    for handler in ("probe.left", "probe.right"):
        pause(handler)
    emitted(Forked(key="a", number=1))
    assert testing.drain() == 0
    resume("probe.right")
    testing.drain()
    assert (effects("probe.left"), effects("probe.right")) == ([], [("a", 1)])
    resume("probe.left")
    testing.drain()
    assert states() == ["sent"]


@pytest.mark.django_db
def test_a_retry_that_is_due_waits_for_the_end_of_the_pause_as_well():
    Fault.objects.create(handler="probe.tick", key="a", number=1, times=1)
    emitted(Ticked(key="a", number=1), Ticked(key="a", number=2))
    testing.drain(raise_errors=False)
    later = timezone.now() + datetime.timedelta(hours=2)
    pause("probe.tick")
    assert testing.drain(now=later) == 0
    assert states() == ["failed", "pending"]
    resume("probe.tick")
    testing.drain(now=later)
    assert effects("probe.tick") == [("a", 1), ("a", 2)]


@pytest.mark.django_db
def test_a_paused_shard_is_left_alone_and_the_others_are_not():
    pause(str(SHARD), kind="shard")
    emitted(Ticked(key="a", number=1), Ticked(key=ELSEWHERE, number=1))
    assert testing.drain() == 1
    assert effects("probe.tick") == [(ELSEWHERE, 1)]
    turn = process_batch(shard=SHARD)
    assert (turn.handled, turn.more) == (0, False)
    assert resume(str(SHARD), kind="shard")
    assert testing.drain() == 1


@pytest.mark.django_db
def test_a_pause_tells_who_and_why_and_stays_as_a_record():
    first = pause("probe.tick")
    assert pause("probe.tick").pk == first.pk
    assert [(each.target, each.by, each.reason) for each in actions.pauses()] == [
        ("probe.tick", "olga", "the search index is being rebuilt")
    ]
    assert resume("probe.tick")
    assert actions.pauses() == []
    assert not resume("probe.tick")
    record = Pause.objects.get()
    assert (record.resumed_by, record.resumed_at is not None) == ("olga", True)
    assert pause("probe.tick").pk != first.pk


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "target"), [("handler", "probe.tock"), ("shard", "64"), ("shard", "probe.tick"), ("house", "1")]
)
def test_what_is_not_there_cannot_be_paused(kind, target):
    with pytest.raises(ValueError, match=target if kind != "house" else kind):
        pause(target, kind=kind)
    assert not Pause.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["in-process"])
def test_workers_notice_the_end_of_a_pause_without_waiting_for_a_poll(pool):
    pool.start(2, WORKER_POLL_INTERVAL=600)
    pause("probe.tick")
    emitted(*(Ticked(key=f"k{number % 3}", number=number) for number in range(60)), Forked(key="a", number=1))
    wait_for(lambda: effects("probe.left"), what="the other event")
    assert effects("probe.tick") == []
    with transaction.atomic():
        resume("probe.tick")
    wait_for(lambda: states() == ["sent"] * 61, what="the end of the queue")
    for key in range(3):
        assert [n for k, n in effects("probe.tick") if k == f"k{key}"] == list(range(key, 60, 3))
