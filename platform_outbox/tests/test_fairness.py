"""One book's backlog must not stand before everybody else's events."""

import pytest
from django.db import connection, transaction

from platform_outbox.emit import emit_many, shard_of
from platform_outbox.models import OutboxMessage
from platform_outbox.processing import claim
from platform_outbox.processing.process import process_batch
from platform_outbox.tests.probe.events import Poured, Ticked
from platform_outbox.tests.probe.models import Effect, Fault
from platform_outbox.worker.executor import Schedule

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]

SHARD = shard_of("dominant")
OTHERS = [name for name in (f"n{number}" for number in range(50_000)) if shard_of(name) == SHARD][:200]


@pytest.fixture(autouse=True)
def from_the_first_key():
    claim._looked_through.clear()


def emitted(*events):
    with transaction.atomic():
        return emit_many(events)


def backlog(count, key="dominant", start=0):
    emitted(*(Poured(key=key, number=number) for number in range(start, start + count)))


def turn(size=10):
    """What one turn handled: key → numbers, in the order of handling."""
    seen = set(Effect.objects.values_list("id", flat=True))
    process_batch(shard=SHARD, batch_size=size)
    found = {}
    for effect in Effect.objects.exclude(id__in=seen).order_by("id"):
        found.setdefault(effect.key, []).append(effect.number)
    return found


def test_a_single_event_behind_a_backlog_comes_with_the_next_turn():
    backlog(300)
    emitted(Poured(key=OTHERS[0], number=1))
    assert turn() == {"dominant": list(range(9)), OTHERS[0]: [1]}


def test_who_waits_behind_a_backlog_comes_before_it_in_the_turn():
    backlog(300)
    emitted(Poured(key=OTHERS[0], number=1), Poured(key=OTHERS[1], number=2), Poured(key=OTHERS[0], number=3))
    process_batch(shard=SHARD, batch_size=10)
    handled = Effect.objects.order_by("id").values_list("key", "number")
    # A batch handler gets them by age, whatever their key.
    assert list(handled)[-3:] == [(OTHERS[0], 1), (OTHERS[1], 2), (OTHERS[0], 3)]
    emitted(Ticked(key=OTHERS[2], number=4))
    claimed = claim.claim(shard=SHARD, limit=10, above=0, now=None).rows
    assert [(row.ordering_key, row.payload["number"]) for row in claimed][:2] == [(OTHERS[2], 4), ("dominant", 7)]


def test_a_turn_with_a_few_others_is_short_and_says_that_there_is_more():
    backlog(300)
    emitted(Ticked(key=OTHERS[0], number=1))
    result = process_batch(shard=SHARD, batch_size=50)
    assert (result.handled, result.more) == (1 + claim.DOMINANT_AT_LEAST, True)
    assert Effect.objects.order_by("id").first().key == OTHERS[0]


def news_after(events, what):
    """Whether there is news: after so many events of a batch, because of what is emitted then."""
    asked = 0

    def has_news():
        nonlocal asked
        asked += 1
        if asked == events:
            emitted(*what)
        return asked >= events

    return has_news


def test_a_backlog_ends_its_turn_for_another_key_of_its_shard_that_has_come_meanwhile():
    emitted(*(Ticked(key="dominant", number=number) for number in range(200)))
    result = process_batch(shard=SHARD, batch_size=50, has_news=news_after(2, [Ticked(key=OTHERS[0], number=7)]))
    assert (result.handled, result.more) == (2 * (claim.DOMINANT_AT_LEAST + 1) - 1, True)
    assert process_batch(shard=SHARD, batch_size=50).handled == 1 + claim.DOMINANT_AT_LEAST
    assert Effect.objects.order_by("id")[result.handled].key == OTHERS[0]
    while process_batch(shard=SHARD).more:
        pass
    numbers = Effect.objects.filter(key="dominant").order_by("id").values_list("number", flat=True)
    assert list(numbers) == list(range(200))


@pytest.mark.parametrize("whose", ["nobody", "dominant", "held"])
def test_it_does_not_for_news_of_nobody_else(whose):
    """Of its own key, of one that has to wait for an attempt, or of a notification that came late."""
    Fault.objects.create(handler="probe.tick", key=OTHERS[0], number=0, times=-1)
    what = {"nobody": [], "dominant": [Ticked(key="dominant", number=999)], "held": [Ticked(key=OTHERS[0], number=0)]}[
        whose
    ]
    if whose == "held":
        emitted(*what)
        process_batch(shard=SHARD)
        what = []
    emitted(*(Ticked(key="dominant", number=number) for number in range(200)))
    assert process_batch(shard=SHARD, batch_size=50, has_news=news_after(1, what)).handled == 50


def test_of_two_backlogs_none_ends_its_turn_for_the_other():
    emitted(*(Ticked(key=key, number=number) for number in range(100) for key in ("dominant", OTHERS[0])))
    assert process_batch(shard=SHARD, batch_size=50, has_news=lambda: True).handled == 50


def test_of_two_backlogs_each_gets_its_half():
    backlog(100)
    backlog(100, key=OTHERS[0])
    assert turn() == {"dominant": [0, 1, 2, 3, 4], OTHERS[0]: [0, 1, 2, 3, 4]}


def test_the_last_in_the_row_is_not_behind_two_backlogs():
    backlog(100)
    backlog(100, key=OTHERS[0])
    emitted(Poured(key=OTHERS[1], number=7))
    assert turn() == {"dominant": [0, 1, 2, 3, 4], OTHERS[0]: [0, 1, 2, 3], OTHERS[1]: [7]}


def test_who_is_alone_gets_the_whole_batch():
    backlog(30)
    assert turn() == {"dominant": list(range(10))}


def test_more_keys_than_one_look_takes_in_are_all_served_after_a_few_turns(monkeypatch):
    monkeypatch.setattr(claim, "KEYS_AT_ONCE", 4)
    backlog(300)
    emitted(*(Poured(key=key, number=1) for key in OTHERS[:20]))
    served = set()
    for _ in range(8):
        served |= turn().keys()
    assert served == {"dominant", *OTHERS[:20]}


def test_the_order_inside_each_key_stays():
    backlog(40)
    for number in range(40):
        emitted(Poured(key=OTHERS[number % 3], number=number))
        backlog(1, start=100 + number)
    while OutboxMessage.objects.filter(status="pending").exists():
        turn(7)
    for key in ("dominant", *OTHERS[:3]):
        handled = Effect.objects.filter(key=key).order_by("id").values_list("number", flat=True)
        assert list(handled) == sorted(handled)


def test_a_held_key_takes_no_place_from_the_others():
    Fault.objects.create(handler="probe.tick", key=OTHERS[0], number=0, times=-1)
    emitted(*(Ticked(key=OTHERS[0], number=number) for number in range(5)))
    process_batch(shard=SHARD)
    backlog(50)
    emitted(Poured(key=OTHERS[1], number=1))
    assert turn() == {"dominant": list(range(9)), OTHERS[1]: [1]}


def test_a_claim_beside_a_long_backlog_reads_little():
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO platform_outbox (event_type, event_version, ordering_key, shard, payload, available_at, created_at)"
            " SELECT 'probe.cup.poured', 1, CASE WHEN n <= 20000 THEN 'dominant' ELSE 'z' || n %% 30 END, %s,"
            """ '{"key": "a", "number": 1}', now(), now() FROM generate_series(1, 20300) AS n""",
            [SHARD],
        )
        cursor.execute("ANALYZE platform_outbox")
        statement = claim._CLAIM_OTHER_KEYS.replace("{except}", "")
        values = {
            "shard": SHARD,
            "above": 0,
            "now": None,
            "limit": 25,
            "keys": 64,
            "after": "",
            "dominant_key": "dominant",
        }
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) {statement}", values)
        plan = cursor.fetchone()[0][0]["Plan"]
    assert plan["Actual Rows"] == 25
    # The table has about 500 pages; a scan of the backlog's index entries alone would be over 100.
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 1_000, plan
    claimed = claim.claim(shard=SHARD, limit=50, above=0, now=None).rows
    assert ["dominant" if row.ordering_key == "dominant" else "other" for row in claimed] == ["other"] * 25 + [
        "dominant"
    ] * 25


def test_a_shard_with_more_to_do_goes_behind_the_others():
    schedule = Schedule()
    for shard in (1, 2, 3):
        schedule.add(shard)
    taken = []
    for _ in range(6):
        shard = schedule.take()
        taken.append(shard)
        schedule.add(shard)
        schedule.done(shard)
    assert taken == [1, 2, 3, 1, 2, 3]
