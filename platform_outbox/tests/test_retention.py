"""Partitions made ahead and dropped whole, and what a drop must never take with it."""

import datetime
import itertools
import threading

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone

from platform_outbox import retention, testing
from platform_outbox.emit import emit_many
from platform_outbox.models import Attempt, Delivery, OutboxMessage
from platform_outbox.tests.probe.events import Forked, Ticked
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]

# Behind the partitions that the migration makes; nothing stands there yet.
START = 5_000_000
SIZE = 10
NOW = timezone.now()
numbers = itertools.count(1)
LONG_AGO = NOW - datetime.timedelta(days=40)
BEFORE = NOW - datetime.timedelta(days=30)


def execute(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def place_of(event_id):
    return execute("SELECT tableoid::regclass::text FROM platform_outbox WHERE id = %s", event_id)[0][0]


def go_to(number):
    """The next event gets this id. Unlike setval(), this is undone with the test's transaction."""
    execute(f"ALTER SEQUENCE platform_outbox_id_seq RESTART WITH {number}")


@transaction.atomic
def emit_events(count, event=Ticked):
    return emit_many([event(key="a", number=next(numbers)) for _ in range(count)])


@pytest.fixture
def small():
    """Partitions of ten ids from START on."""
    go_to(START - 1)
    retention.extend(size=START // 5, ahead=1)
    (upper,) = {each.upper for each in retention.partitions()[-1:]}
    go_to(upper)
    retention.extend(size=SIZE, ahead=2)
    assert retention.prune(everywhere=False, before=BEFORE).rows == 0
    assert [each.lower - upper for each in retention.partitions()] == [0, 10]
    return upper


def grow_old(*ids):
    OutboxMessage.objects.filter(pk__in=ids).update(created_at=LONG_AGO, finished_at=LONG_AGO)


def remember_deliveries(ids):
    """As when an event was not through with all its handlers at once."""
    for event_id in ids:
        for number in range(3):
            Delivery.objects.create(
                message_id=event_id, handler=f"h{number}", shard=1, status="sent", attempts=1, available_at=NOW
            )


def ranges_from(lower):
    return [(each.lower - lower, each.upper - lower) for each in retention.partitions() if each.lower >= lower]


def test_a_new_table_has_room_and_the_ranges_have_no_gaps():
    found = retention.partitions()
    assert [each.name for each in found][:2] == ["platform_outbox_first", "platform_outbox_from_1000000"]
    assert all(one.upper == other.lower for one, other in itertools.pairwise(found))
    assert retention.extend() == 0


def test_the_indexes_of_the_old_table_were_taken_over_and_none_was_built_twice():
    of_first = "SELECT count(*) FROM pg_index WHERE indrelid = 'platform_outbox_first'::regclass"
    taken_over = "SELECT count(*) FROM pg_inherits JOIN pg_index ON indexrelid = inhrelid" + (
        " WHERE indrelid = 'platform_outbox_first'::regclass"
    )
    names = execute("SELECT indexname FROM pg_indexes WHERE tablename = 'platform_outbox'")
    assert execute(of_first) == execute(taken_over) == [(len(names),)]
    assert {index.name for index in OutboxMessage._meta.indexes} < {name for (name,) in names}


def test_partitions_are_made_ahead(small):
    assert ranges_from(small) == [(0, 10), (10, 20)]
    ids = emit_events(12)
    assert place_of(ids[-1]) == f"platform_outbox_from_{small + 10}"
    assert retention.extend(size=SIZE, ahead=2) == 2
    assert retention.extend(size=SIZE, ahead=2) == 0
    assert ranges_from(small) == [(0, 10), (10, 20), (20, 30), (30, 40)]


def test_an_event_without_a_partition_is_taken_handled_and_moved_later(small):
    ids = emit_events(25)
    assert {place_of(each) for each in ids[20:]} == {"platform_outbox_rest"}
    assert testing.drain() == 25
    assert retention.extend(size=SIZE, ahead=1) == 2
    assert place_of(ids[20]) == f"platform_outbox_from_{small + 20}"
    assert execute("SELECT count(*) FROM ONLY platform_outbox_rest") == [(0,)]
    assert list(OutboxMessage.objects.order_by("id").values_list("id", "status")) == [(each, "sent") for each in ids]
    assert Effect.objects.count() == 25


def test_an_old_partition_goes_whole_with_everything_about_its_events(small):
    ids = emit_events(12, Forked)
    number = OutboxMessage.objects.get(pk=ids[0]).payload["number"]
    Fault.objects.create(handler="probe.left", key="a", number=number, times=1)
    testing.drain(raise_errors=False)
    testing.drain(now=NOW + datetime.timedelta(days=1))
    retention.extend(size=SIZE, ahead=1)
    grow_old(*ids[:10])
    assert Attempt.objects.count() == 1
    remember_deliveries(ids)
    pruned = retention.prune(everywhere=False, before=BEFORE)
    assert (pruned.rows, pruned.partitions) == (0, (f"platform_outbox_from_{small}",))
    assert list(OutboxMessage.objects.order_by("id").values_list("id", flat=True)) == ids[10:]
    assert set(Delivery.objects.values_list("message_id", flat=True)) == set(ids[10:])
    assert not Attempt.objects.exists()
    assert execute("SELECT to_regclass(%s)", pruned.partitions[0]) == [(None,)]


@pytest.mark.parametrize(
    "state",
    [
        {"status": "dead", "finished_at": LONG_AGO},
        {"status": "pending", "finished_at": None},
        {"status": "failed", "finished_at": None},
        {"status": "sending", "finished_at": None},
        {"status": "sent", "finished_at": NOW},
        {"status": "dead", "finished_at": LONG_AGO, "discarded_at": NOW},
    ],
    ids=lambda state: f"{state['status']} {len(state)}",
)
def test_one_event_that_is_needed_keeps_its_partition_but_not_the_others_in_it(small, state):
    *ids, last = emit_events(21)
    testing.drain()
    retention.extend(size=SIZE, ahead=1)
    grow_old(*ids)
    OutboxMessage.objects.filter(pk=ids[3]).update(**state)
    pruned = retention.prune(everywhere=False, before=BEFORE)
    assert pruned.partitions == (f"platform_outbox_from_{small + 10}",)
    assert pruned.rows == 9
    assert set(OutboxMessage.objects.values_list("id", flat=True)) == {ids[3], last}
    OutboxMessage.objects.filter(pk=ids[3]).update(status="dead", finished_at=LONG_AGO, discarded_at=LONG_AGO)
    assert retention.prune(everywhere=False, before=BEFORE).partitions == (f"platform_outbox_from_{small}",)
    assert OutboxMessage.objects.get().pk == last


def test_the_range_being_filled_is_pruned_row_by_row_and_a_full_young_one_is_left_for_its_drop(small):
    ids = emit_events(14)
    testing.drain()
    grow_old(*ids[:8], *ids[10:12])
    pruned = retention.prune(everywhere=False, before=BEFORE)
    assert (pruned.rows, pruned.partitions) == (2, ())
    assert list(OutboxMessage.objects.order_by("id").values_list("id", flat=True)) == [*ids[:10], *ids[12:]]
    # The command does what it is told, at once.
    assert retention.prune(before=BEFORE).rows == 8
    assert list(OutboxMessage.objects.order_by("id").values_list("id", flat=True)) == [*ids[8:10], *ids[12:]]


def test_a_partition_ahead_and_one_that_is_filled_are_never_dropped(small):
    ids = emit_events(3)
    testing.drain()
    grow_old(*ids)
    ours = [f"platform_outbox_from_{small}", f"platform_outbox_from_{small + 10}"]
    for name in [*ours, "platform_outbox_rest", "pg_class"]:
        assert execute("SELECT platform_outbox_drop(%s, %s)", name, NOW) == [(False,)]
    assert OutboxMessage.objects.count() == 3


def test_what_a_killed_worker_left_of_dropped_events_is_forgotten(small):
    ids = emit_events(2, Forked)
    testing.drain()
    remember_deliveries([ids[0] - 5, *ids])
    retention.prune(everywhere=False, before=BEFORE)
    assert set(Delivery.objects.values_list("message_id", flat=True)) == set(ids)


def test_a_long_run_renews_its_lease_and_ends_when_it_has_lost_it(small, monkeypatch):
    monkeypatch.setattr(retention, "PRUNE_BATCH", 2)
    ids = emit_events(8)
    testing.drain()
    grow_old(*ids)
    renewed = []

    def renew():
        renewed.append(1)
        if OutboxMessage.objects.count() <= 4:
            raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        retention.prune(everywhere=False, before=BEFORE, renew=renew)
    assert OutboxMessage.objects.count() == 4
    assert len(renewed) >= 2


@pytest.fixture
def laid_anew(transactional_db):
    """Ids begin at 1, and afterwards the partitions are as the migrations make them in an empty database."""
    execute("TRUNCATE platform_outbox RESTART IDENTITY")
    yield
    execute("TRUNCATE platform_outbox RESTART IDENTITY")
    call_command("migrate", "platform_outbox", "zero", verbosity=0)
    call_command("migrate", verbosity=0)
    assert [each.lower for each in retention.partitions()] == [0, 1_000_000]


def test_who_reads_the_table_for_long_delays_a_drop_and_nothing_else(laid_anew):
    (old,) = emit_events(1)
    testing.drain()
    grow_old(old)
    go_to(2_000_000)
    reading, read = threading.Event(), threading.Event()

    def report():
        with transaction.atomic():
            OutboxMessage.objects.count()
            reading.set()
            read.wait(20)
        connections.close_all()

    reader = threading.Thread(target=report)
    reader.start()
    assert reading.wait(10)
    assert retention.prune(everywhere=False, before=BEFORE).partitions == ()
    with pytest.raises(OperationalError, match="lock timeout"):
        retention.extend()
    assert emit_events(1) == [2_000_000]
    assert place_of(2_000_000) == "platform_outbox_rest"
    read.set()
    reader.join(10)
    assert retention.extend() == 1
    assert place_of(2_000_000) == "platform_outbox_from_2000000"
    dropped = ("platform_outbox_first", "platform_outbox_from_1000000")
    assert retention.prune(everywhere=False, before=BEFORE).partitions == dropped
    assert list(OutboxMessage.objects.values_list("id", flat=True)) == [2_000_000]


def test_the_whole_of_the_partitions_is_the_table_that_the_model_asks_for(db):
    """Columns, indexes and constraints by their names, as later migrations look for them."""
    made = _shape("platform_outbox")
    with connection.schema_editor() as editor:
        execute("ALTER TABLE platform_outbox RENAME TO platform_outbox_made")
        for (name,) in execute("SELECT conname FROM pg_constraint WHERE conrelid = 'platform_outbox_made'::regclass"):
            execute(f"ALTER TABLE platform_outbox_made RENAME CONSTRAINT {name} TO {name}_made")
        for (name,) in execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'platform_outbox_made' AND indexname NOT LIKE '%%_made'"
        ):
            execute(f"ALTER INDEX {name} RENAME TO {name}_made")
        editor.create_model(OutboxMessage)
        for statement in editor.deferred_sql:
            execute(str(statement))
        editor.deferred_sql.clear()
    assert made == _shape("platform_outbox")


def _shape(table):
    columns = "SELECT attname, format_type(atttypid, atttypmod), attnotnull, attidentity FROM pg_attribute" + (
        f" WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )
    # Of the predicates only that they are there: written out once they read a little differently.
    indexes = "SELECT indexname, split_part(replace(indexdef, ' ON ONLY ', ' ON '), ' WHERE ', 1)," + (
        f" indexdef LIKE '%% WHERE %%' FROM pg_indexes WHERE tablename = '{table}' ORDER BY 1"
    )
    constraints = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint" + (
        f" WHERE conrelid = '{table}'::regclass AND contype IN ('c', 'p') ORDER BY 1"
    )
    return [execute(statement) for statement in (columns, indexes, constraints)]


def test_what_is_gone_for_good_takes_its_events_along_in_any_state_and_nothing_else():
    with transaction.atomic():
        mine, theirs = emit_many([Ticked(key="mine", number=71), Ticked(key="theirs", number=72)])
        carried, other = emit_many([Ticked(key="x", number=7), Ticked(key="x", number=8)])
        said = emit_many([Ticked(key="x", number=9)])[0]
    OutboxMessage.objects.filter(pk=mine).update(status="dead")
    OutboxMessage.objects.filter(pk=said).update(payload={"text": "see /b/7/ there"})
    for event_id in (mine, theirs):
        Delivery.objects.create(
            message_id=event_id, handler="h", ordering_key="k", shard=1, status="dead", attempts=1, available_at=NOW
        )
        Attempt.objects.create(
            message_id=event_id, handler="h", number=1, outcome="failed", worker="w", error_class="E", error_message="m",
            traceback="", at=NOW,
        )  # fmt: skip
    key = OutboxMessage.objects.get(pk=mine).ordering_key
    renewed = []

    gone = retention.forget(keys=[key], carrying=[{"number": 7}], saying=["%/b/7/%"], renew=lambda: renewed.append(1))

    assert gone == 3
    assert set(
        OutboxMessage.objects.filter(pk__in=[mine, theirs, carried, other, said]).values_list("pk", flat=True)
    ) == {theirs, other}
    assert list(Delivery.objects.values_list("message_id", flat=True)) == [theirs]
    assert list(Attempt.objects.values_list("message_id", flat=True)) == [theirs]
    assert renewed
