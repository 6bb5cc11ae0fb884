"""A whole worker process: listener, lanes and the Dramatiq worker, started and stopped together."""

import logging
import os
import secrets
import socket
import threading
import time
from typing import Any

import dramatiq
from django.conf import settings
from django.db import connection
from django.db.backends.signals import connection_created

from platform_outbox.external.pool import ExternalPool
from platform_outbox.monitoring import metrics as scrape
from platform_outbox.monitoring.metrics import REPLACEMENTS
from platform_outbox.scheduler import Scheduler
from platform_outbox.wakeup import dramatiq as broker
from platform_outbox.worker.executor import IDLE_IN_TRANSACTION_SECONDS, Schedule, WorkerThreads, start_thread
from platform_outbox.worker.listener import Listener
from platform_outbox.worker.watchdog import Watchdog

# SIGTERM to exit; orchestrators usually send SIGKILL after 30 s, the guide promises 20.
STOP_SECONDS = 18.0
# Waiting for the other lanes when one is known not to end.
STOP_SECONDS_WHEN_STUCK = 4.0
# Exit code of a worker that wants to be replaced (EX_TEMPFAIL); supervisors start another one after any code.
REPLACE_ME = 75

logger = logging.getLogger("platform_outbox.worker")


def _tune(connection: Any, **kwargs: Any) -> None:
    limit = float(settings.WORKER_TIME_LIMIT)
    idle = max(IDLE_IN_TRANSACTION_SECONDS, 2 * limit)
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = {idle * 1000:.0f}")
        # A statement that is too slow ends by itself, and only its event fails. A little earlier than the watch acts.
        cursor.execute(f"SET statement_timeout = {limit * 900:.0f}")


class WorkerProcess:
    """Runs a worker until `stop` is called.

    With a broker, Dramatiq's threads take requests from it while lanes answer the bell directly: Dramatiq's idle Redis
    consumer looks only once a second. Without one, the lanes' place is taken by Dramatiq's threads on its in-process
    broker.
    """

    def __init__(self, *, threads: int, io_threads: int) -> None:
        self.threads = threads
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self.schedule = Schedule()
        self.couriers = ExternalPool(count=io_threads, worker=self.name)
        self.lanes = WorkerThreads(schedule=self.schedule, worker=self.name, wake_couriers=self.couriers.wake)
        self.listener = Listener(
            schedule=self.schedule,
            low_water=self.lanes.low_water,
            worker=self.name,
            broker=broker.broker_name(),
            wake_couriers=self.couriers.wake,
        )
        self.timekeeper = Scheduler(worker=self.name)
        self.watch = Watchdog(logbook=self.lanes.logbook, replace=self.replace)
        # "time" or "memory" once this worker has to be replaced.
        self.replaced = ""
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._dramatiq: Any = None
        self._metrics: Any = None

    def start(self) -> None:
        connection_created.connect(_tune, dispatch_uid="platform_outbox.worker")
        if broker.is_in_process():
            broker.carry_out = self._carry_out_reserved
            bodies = [self._feed]
        else:
            broker.carry_out = self.lanes.on_message
            bodies = [self.lanes.run] * self.threads
        self._dramatiq = dramatiq.Worker(
            dramatiq.get_broker(), queues={broker.QUEUE}, worker_threads=self.threads, worker_timeout=1000
        )
        self.watch.arm()
        self._dramatiq.start()
        self._threads = [start_thread(f"outbox-lane-{number}", body) for number, body in enumerate(bodies)]
        self._threads += self.couriers.start()
        self._threads.append(start_thread("outbox-listener", self.listener.run))
        self._threads.append(start_thread("outbox-timekeeper", self.timekeeper.run))
        self._threads.append(start_thread("outbox-watch", self.watch.run))
        if settings.WORKER_METRICS_BIND:
            self._metrics = scrape.serve(settings.WORKER_METRICS_BIND)
        logger.info(
            "Outbox worker %s started: %s broker, %s threads, %s for calls.",
            *(self.name, broker.broker_name(), self.threads, self.couriers.count),
        )

    def wait(self) -> None:
        """Block until `stop` is called, or a thread that must live has ended."""
        while not self._stop.wait(1.0):
            for thread in self._threads:
                if not thread.is_alive():
                    raise RuntimeError(f"The thread {thread.name} ended; the worker cannot go on without it.")

    def stop(self) -> None:
        """Ask the worker to end. Safe in a signal handler."""
        self._stop.set()

    def replace(self, reason: str) -> None:
        """Ask the worker to end so that a supervisor starts another one."""
        if not self.replaced:
            REPLACEMENTS.labels(reason).inc()
            self.replaced = reason
        self.stop()

    def shut_down(self) -> bool:
        """End all threads after the event each is at; False if one did not within STOP_SECONDS."""
        seconds = STOP_SECONDS_WHEN_STUCK if self.replaced == "time" else STOP_SECONDS
        deadline = time.monotonic() + seconds
        self.couriers.stop()
        self.lanes.stop()
        self.schedule.close()
        self.listener.stop()
        self.timekeeper.stop()
        self.watch.stop()
        calls_ended = self.couriers.shut_down()
        self._dramatiq.stop(timeout=int(max(0.1, deadline - time.monotonic() - 2) * 1000))
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        # The last figures of the lanes, which have ended after the listener.
        self.listener.write_minutes()
        if self._metrics is not None:
            self._metrics.shutdown()
            self._metrics.server_close()
        ended = not any(thread.is_alive() for thread in [*self._threads, *self._dramatiq.workers])
        self.lanes.logbook.wipe()
        connection.close()
        return ended and calls_ended

    def _feed(self) -> None:
        """Turn due shards into messages on the in-process broker; the reservation keeps it to one per shard."""
        while (shard := self.schedule.take()) is not None:
            broker.send([shard])

    def _carry_out_reserved(self, shard: int, sent_at: float) -> None:
        self.lanes.turn(shard)
