"""Processes are killed with SIGKILL at random points, hundreds of times; the books of the outbox must be right."""

import random
import time

import pytest
from django.db.models import Max

from platform_outbox.emit import health
from platform_outbox.models import OutboxMessage
from platform_outbox.operators import actions
from platform_outbox.tests.conftest import HOSTS, WORKER, wait_for
from platform_outbox.tests.faults.books import KEYS, assert_the_books_are_right, emitted, make_sources
from platform_outbox.tests.probe.models import Effect

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]


class Storm:
    """Three workers and three web processes live; at every step one of them is killed and another takes its place."""

    def __init__(self, pool, *, seed):
        self.pool = pool
        self.luck = random.Random(seed)
        self.kills = 0
        self.living = [
            (start, start()) for start in (*([self.worker] * 3), *([self.producer] * 2), self.doomed_producer)
        ]

    def worker(self):
        # Small batches: what a killed worker had in hand is run alone afterwards, event by event.
        return self.pool.launch(
            WORKER, "outbox_worker", WORKER_POLL_INTERVAL=1, WORKER_BACKOFF_SECONDS=0.1, WORKER_BATCH_SIZE=10
        )

    def producer(self, role="produce"):
        seed = self.luck.randrange(1_000_000)
        return self.pool.launch(f"platform_outbox.tests.faults.roles:{role}", seed, KEYS, 60, 0.02)

    def doomed_producer(self):
        return self.producer("produce_and_die_notifying")

    def step(self):
        # On a busy machine a process needs longer until there is something in its hands.
        done = Effect.objects.aggregate(last=Max("id"))["last"]
        time.sleep(self.luck.uniform(0.01, 0.2))
        wait_for(lambda: Effect.objects.aggregate(last=Max("id"))["last"] != done, seconds=120, what="any effect")
        victim = self.luck.randrange(len(self.living))
        self.living[victim][1].kill()
        for place, (start, process) in enumerate(self.living):
            # One of the web processes dies by itself.
            if place == victim or process.poll() is not None:
                assert process.wait() == -9, self.pool.log()
                self.kills += 1
                self.living[place] = (start, start())

    def end(self):
        """No more web processes; the workers that are alive do the rest."""
        for start, process in self.living:
            if start == self.worker:
                self.pool.processes.append(process)
            else:
                process.kill()
                process.wait()


def requeue_the_condemned(*, at_most):
    """An event is given up when three workers died with it in hand; in a storm chance alone may have it so."""
    condemned = OutboxMessage.objects.filter(status="dead", error__startswith="KilledItsWorker")
    ids, keys = list(condemned.values_list("id", flat=True)), set(condemned.values_list("ordering_key", flat=True))
    assert len(ids) <= at_most
    actions.requeue(ids=ids, by="test")
    wait_for(lambda: health().pending == 0, what="the condemned events")
    return keys


@pytest.mark.parametrize(
    ("kind", "kills", "events", "at_work"),
    [
        ("in-process", 210, 20_000, 20),
        *[pytest.param(*host.values, 20, 1_000, 2, marks=host.marks) for host in HOSTS[1:]],
    ],
    indirect=["kind"],
)
def test_a_storm_of_sigkills_loses_nothing_doubles_nothing_and_keeps_the_order(pool, kills, events, at_work):
    make_sources()
    storm = Storm(pool, seed=kills)
    while storm.kills < kills:
        storm.step()
    wait_for(lambda: emitted() >= events, seconds=120, what="the last events")
    storm.end()
    wait_for(lambda: health().pending == 0, seconds=180, what="the queue's end")
    assert_the_books_are_right(out_of_turn=requeue_the_condemned(at_most=kills // 10))
    # The kills hit processes that were at work.
    assert Effect.objects.values("worker_pid").distinct().count() > at_work
