"""How the queue behaves when something is wrong: old snapshots, long histories, loud tenants, killed workers."""

import statistics
import time

import harness
from django.db import transaction

from outbox_app.draining import drain, fill, ring_all
from outbox_app.enqueueing import emit_one
from outbox_app.events import HappenedRow, HappenedSet, HappenedSlowly
from outbox_app.latency import of_effects, p99, paced
from outbox_app.machine import Cpu, effects_done, empty, execute, payload, shards_taken, workers
from outbox_app.models import Effect
from platform_outbox import retention
from platform_outbox.emit import SHARDS, emit_many
from platform_outbox.processing import claim, process
from platform_outbox.processing.claim import LowWater


def held_snapshot(count: int) -> tuple[float, float]:
    """Median milliseconds of a claim in the first and in the last tenth of a drain under an old open transaction."""
    empty()
    fill(HappenedSet, count)
    taken: list[float] = []
    original = claim.claim

    def timed(**arguments):
        started = time.perf_counter()
        claim = original(**arguments)
        if len(claim.rows) == arguments["limit"]:
            taken.append((time.perf_counter() - started) * 1000)
        return claim

    with harness.raw_connection(autocommit=False) as old:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM outbox_app_domain")
        claim.claim = timed
        try:
            low_water = LowWater()
            while sum(process.process_batch(shard=shard, low_water=low_water).handled for shard in range(SHARDS)):
                pass
        finally:
            claim.claim = original
    assert Effect.objects.count() == count
    tenth = max(1, len(taken) // 10)
    return statistics.median(taken[:tenth]), statistics.median(taken[-tenth:])


def drain_over_history(history: int, count: int) -> float:
    """Events per second with that many handled events in the table."""
    empty()
    # All at once: for each a lock is wanted that autovacuum may have by then, and in a worker the job would come again.
    retention.extend(ahead=history // retention.PARTITION_SIZE + 2)
    for first in range(0, history, 500_000):
        execute(
            "INSERT INTO platform_outbox (event_type, event_version, ordering_key, shard, payload, status, attempts,"
            " available_at, created_at, finished_at)"
            " SELECT 'bench.row.happened', 1, 'k' || n %% 500, n %% 64, jsonb_build_object('number', n, 'key', 'k'),"
            " 'sent', 1, now(), now(), now() FROM generate_series(%s::bigint, %s::bigint) AS n",
            first,
            min(history, first + 500_000) - 1,
        )
    execute("VACUUM ANALYZE platform_outbox")
    return drain(HappenedRow, count, clean=False)[0]


def noisy_tenant(backlog: int, seconds: float) -> float:
    """p99 of everybody else's events while one key has a long backlog, one worker."""
    empty()
    loud = [HappenedRow(number=10_000_000 + number, key="loud") for number in range(backlog)]
    with shards_taken(), transaction.atomic():
        emit_many(loud)
    with workers(1):
        ring_all()
        effects_done(backlog // 20, patience=60)
        committed = paced(seconds, emit_one)
        effects_done_of_others(len(committed))
        assert execute("SELECT 1 FROM platform_outbox WHERE status = 'pending' LIMIT 1"), "the backlog was too short"
    return p99(of_effects(committed))


def effects_done_of_others(count: int) -> None:
    deadline = time.monotonic() + 120
    while Effect.objects.filter(number__lt=10_000_000).count() < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def sigkill(count: int = 600) -> float:
    """Seconds that a kill costs beyond the work itself: two workers, one killed after a third of 5-ms events."""
    empty()
    with workers(2) as (victim, _):
        with transaction.atomic():
            emit_many([HappenedSlowly(**payload(number, 50)) for number in range(count)])
        effects_done(count // 3)
        victim.kill()
        killed, left = time.perf_counter(), count - Effect.objects.count()
        victim.wait()
        effects_done(count, patience=120)
        beyond = time.perf_counter() - killed - left * 0.005
    states = execute("SELECT status, count(*) FROM platform_outbox GROUP BY status")
    assert states == [("sent", count)], states
    return max(0.0, beyond)


def idle(seconds: float) -> float:
    """Cores used by a worker with nothing to do."""
    empty()
    with workers(1) as ours:
        time.sleep(2)
        cpu = Cpu(*ours)
        cpu.roots, cpu.before = cpu.roots[:1], 0.0
        cpu.before = cpu.seconds()
        time.sleep(seconds)
        return cpu.seconds() / seconds
