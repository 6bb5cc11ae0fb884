"""What must hold after every fault: nothing lost, nothing twice, order per key kept."""

from itertools import groupby

from django.db.models import Sum

from platform_outbox.models import Attempt, OutboxMessage
from platform_outbox.tests.probe.models import Effect, Source

KEYS = [f"hive {number}" for number in range(24)]
HANDLERS = {
    "probe.bee.swarmed": ["probe.swarm"],
    "probe.clock.ticked": ["probe.tick"],
    "probe.road.forked": ["probe.left", "probe.right"],
}


def make_sources():
    Source.objects.bulk_create([Source(key=key) for key in KEYS])


def emitted():
    return Source.objects.aggregate(total=Sum("last"))["total"]


def expected_effects():
    """Handler → key → numbers, from the events that were committed."""
    expected = {}
    rows = OutboxMessage.objects.order_by("id").values_list("event_type", "payload")
    for event_type, payload in rows:
        for handler in HANDLERS[event_type]:
            expected.setdefault((handler, payload["key"]), []).append(payload["number"])
    return expected


def effects():
    rows = Effect.objects.order_by("handler", "key", "id").values_list("handler", "key", "number")
    return {place: [row[2] for row in group] for place, group in groupby(rows, key=lambda row: row[:2])}


def events_of_sources():
    rows = OutboxMessage.objects.values_list("ordering_key", "payload__number")
    return sorted(rows)


def assert_the_books_are_right(*, out_of_turn=()):
    """After the queue's end. Keys in `out_of_turn` had an event that was requeued behind younger ones."""
    # Changes and events were committed together or not at all.
    counted = Source.objects.order_by("key").values_list("key", "last")
    assert events_of_sources() == sorted((key, number) for key, last in counted for number in range(1, last + 1))
    # The unique key of the effects stops a second run, and leaves a failure behind.
    assert not Attempt.objects.exclude(error_class__endswith=".KilledItsWorker").exclude(outcome="requeued").exists()
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"sent"}
    done, expected = effects(), expected_effects()
    for place in done.keys() | expected.keys():
        in_turn = sorted if place[1] in out_of_turn else list
        assert in_turn(done.get(place, [])) == expected.get(place, []), place
