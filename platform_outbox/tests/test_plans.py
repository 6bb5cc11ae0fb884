"""Nothing that workers, the console or the metrics ask reads the past: every question has an index path.

In a table of a few thousand rows a scan is honestly cheaper, so the planner is asked with scans priced out of reach; a
question without an index path shows its scan nevertheless. bench/outbox_plans.py asks the same of ten million rows.
"""

import re

import pytest
from django.db import connection
from django.utils import timezone

from platform_outbox.emit import COUNT_CAP, health, shard_of
from platform_outbox.monitoring import snapshot
from platform_outbox.processing import claim
from platform_outbox.processing.process import process_batch
from platform_outbox.tests.readings import LARGE, fill, readings, statements_of
from platform_outbox.worker import listener

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]


# Scans that are right: why, by what asks.
RIGHT = {
    "list: sent": "the count stops after 10,001 rows, and sent ones are everywhere",
    "requeue": "asks the deliveries one by one where they are many; here reading them all is cheaper",
}


def plan_of(statement):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + statement)
        return "\n".join(row[0] for row in cursor.fetchall())


def test_nothing_that_is_asked_reads_the_past():
    fill(past=4_000, parts=2, minutes=500)
    asked, scans = 0, []
    for what, call in readings():
        statements = statements_of(call)
        assert statements, f"“{what}” asked nothing"
        asked += len(statements)
        for statement in statements:
            plan = plan_of(statement)
            if LARGE.search(plan) and what not in RIGHT:
                scans.append(f"{what}:\n{statement}\n{plan}")
    assert not scans, "\n\n".join(scans)
    assert asked > 40


# The statistics of a queue that was full when they were taken: by them any index soon meets an open event of the shard.
FULL_QUEUE = """
    INSERT INTO platform_outbox (event_type, event_version, ordering_key, shard, payload, available_at, created_at)
    SELECT 'probe.clock.ticked', 1, 'k' || n % 16, n % 16, jsonb_build_object('key', 'k' || n % 16, 'number', n),
           now(), now()
    FROM generate_series(1, 20000) AS n
"""
OF_THE_QUEUE = {
    "claim, handle and mark a batch",
    "whether others have come",
    "move the low-water mark",
    "poll for due shards",
    "/health",
    "console: backlog",
}


# All of it lies in the first partition; empty ones may be read in any way.
WALKS = re.compile(r"platform_outbox_first_pkey|Seq Scan on platform_outbox_first|Sort Key: platform_outbox\.shard")


def test_workers_keep_to_the_claims_index_when_the_statistics_are_of_a_full_queue():
    with connection.cursor() as cursor:
        cursor.execute(FULL_QUEUE)
        cursor.execute("ANALYZE platform_outbox")
    walks, asked = [], 0
    for what, call in readings():
        for statement in statements_of(call) if what in OF_THE_QUEUE else ():
            if "FROM platform_outbox AS m" in statement or "FROM platform_outbox\n" in statement:
                asked += 1
                with connection.cursor() as cursor:
                    cursor.execute(f"EXPLAIN {statement}")
                    plan = "\n".join(row[0] for row in cursor.fetchall())
                # All of it lies in the first partition; empty ones may be read in any way.
                if "platform_outbox_first_pkey" in plan or "Seq Scan on platform_outbox_first" in plan:
                    walks.append(f"{what}:\n{statement}\n{plan}")
    assert not walks, "\n\n".join(walks)
    assert asked >= 4


# A queue that was empty when its statistics were taken, as it mostly is, and then got a backlog: the server expects a
# handful of open events, and sorting a handful is cheapest.
BACKLOG = """
    INSERT INTO platform_outbox (event_type, event_version, ordering_key, shard, payload, available_at, created_at)
    SELECT 'probe.clock.ticked', 1, 'loud', {loud}, jsonb_build_object('key', 'loud', 'number', n), now(), now()
    FROM generate_series(1, 20000) AS n
    UNION ALL
    SELECT 'probe.clock.ticked', 1, 'quiet' || n, {loud}, jsonb_build_object('key', 'quiet' || n, 'number', n),
           now(), now()
    FROM generate_series(1, 3) AS n
"""
READ_SO_FAR = """
    SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables
    WHERE relname IN ('platform_outbox_first', 'platform_outbox_from_1000000', 'platform_outbox_rest')
"""


def read_by(call):
    """How many rows of the outbox the server has read for it."""
    with connection.cursor() as cursor:
        cursor.execute(READ_SO_FAR)
        before = cursor.fetchone()[0]
        call()
        cursor.execute(READ_SO_FAR)
        return int(cursor.fetchone()[0] - before)


@pytest.fixture
def sudden_backlog():
    with connection.cursor() as cursor:
        cursor.execute(FULL_QUEUE)
        cursor.execute("UPDATE platform_outbox SET status = 'sent', finished_at = now()")
        cursor.execute("ANALYZE platform_outbox")
        cursor.execute(BACKLOG.format(loud=shard_of("loud")))


@pytest.mark.usefixtures("sudden_backlog")
@pytest.mark.parametrize(
    ("most", "what"),
    [
        (400, lambda now: process_batch(shard=shard_of("loud"), worker="w")),
        (100, lambda now: claim.LowWater().advance(shard_of("loud"))),
        (
            100,
            lambda now: claim.others_have_come(
                shard=shard_of("loud"), dominant_key="loud", above=0, since=now, now=None
            ),
        ),
    ],
    ids=["claim, handle and mark", "low-water mark", "whether others have come"],
)
def test_a_backlog_is_not_read_to_its_end_though_it_was_not_there_when_the_server_looked(most, what):
    assert 0 < read_by(lambda: what(timezone.now())) <= most
    with connection.cursor() as cursor:
        cursor.execute("SHOW enable_sort")
        assert cursor.fetchone() == ("on",)


@pytest.mark.usefixtures("sudden_backlog")
def test_nor_by_who_looks_at_the_queue_from_outside():
    # So many are counted, and of each type the age of a hundred is looked at.
    assert read_by(health) <= COUNT_CAP + 200
    assert read_by(snapshot.take) <= COUNT_CAP + 400
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off")  # as on the listener's connection
    assert read_by(lambda: execute(listener._DUE)) <= 200


def execute(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("figure", ["pending", "oldest"])
def test_the_samples_of_the_queue_are_not_looked_for_among_what_is_done(figure):
    with connection.cursor() as cursor:
        cursor.execute(FULL_QUEUE)
        cursor.execute("ANALYZE platform_outbox")
        cursor.execute(f"EXPLAIN {snapshot._FIGURES[figure]}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert not WALKS.search(plan), plan


def test_the_claim_keeps_to_its_index_when_the_server_has_ceased_to_look_at_the_parameters():
    statement = claim._CLAIM.replace("{except}", "") % {"shard": "$1", "above": "$2", "now": "$3", "limit": "$4"}
    with connection.cursor() as cursor:
        cursor.execute(FULL_QUEUE)
        cursor.execute("ANALYZE platform_outbox")
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE claim (smallint, bigint, timestamptz, bigint) AS {statement}")
        cursor.execute("EXPLAIN EXECUTE claim (7, 0, NULL, 50)")
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("DEALLOCATE claim")
    assert "using platform_outbox_first_shard_id_idx" in plan, plan


def test_a_question_without_an_index_would_be_found():
    fill(past=1_000, parts=2, minutes=10)
    plan = plan_of("SELECT count(*) FROM platform_outbox WHERE event_type = 'x'")
    assert LARGE.search(plan), plan
