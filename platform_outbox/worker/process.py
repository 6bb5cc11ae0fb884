"""A whole worker process: listener, threads and the Dramatiq worker, started and stopped together."""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, get_args

import dramatiq
from django.conf import settings
from django.db import connection
from django.db.backends.signals import connection_created

from platform_outbox.discovery import Kind, discover
from platform_outbox.external.pool import ExternalPool
from platform_outbox.monitoring import metrics
from platform_outbox.monitoring.metrics import REPLACEMENTS
from platform_outbox.scheduler import Scheduler
from platform_outbox.timing import IDLE_IN_TRANSACTION, STOP, STOP_WHEN_STUCK
from platform_outbox.wakeup import dramatiq as broker
from platform_outbox.worker.executor import Schedule, WorkerThreads
from platform_outbox.worker.listener import Listener
from platform_outbox.worker.watchdog import Watchdog

# Exit code of a worker that wants to be replaced (EX_TEMPFAIL); supervisors start another one after any code.
REPLACE_ME = 75

logger = logging.getLogger("platform_outbox.worker")


def _tune(connection: Any, **kwargs: Any) -> None:
    limit = float(settings.WORKER_TIME_LIMIT)
    idle = max(IDLE_IN_TRANSACTION, 2 * limit)
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = {idle * 1000:.0f}")
        # A statement that is too slow ends by itself, and only its event fails. A little earlier than the watchdog acts.
        cursor.execute(f"SET statement_timeout = {limit * 900:.0f}")


def _thread(name: str, body: Callable[[], None]) -> threading.Thread:
    """One that cannot keep the process from ending: at the deadline the server rolls back what it was at."""
    thread = threading.Thread(target=body, name=name, daemon=True)
    thread.start()
    return thread


class WorkerProcess:
    """Runs a worker until `stop` is called.

    With a broker, Dramatiq's threads take requests from it while threads of our own answer notifications directly:
    Dramatiq's idle Redis consumer looks only once a second. Without one, Dramatiq's threads take their place, on its
    in-process broker.
    """

    def __init__(self, *, threads: int, io_threads: int) -> None:
        self.count = threads
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self.schedule = Schedule()
        self.external = ExternalPool(count=io_threads, worker=self.name)
        self.executor = WorkerThreads(schedule=self.schedule, worker=self.name, wake_external=self.external.wake)
        self.listener = Listener(
            schedule=self.schedule,
            low_water=self.executor.low_water,
            worker=self.name,
            broker=broker.broker_name(),
            wake_external=self.external.wake,
        )
        self.scheduler = Scheduler(worker=self.name)
        self.watchdog = Watchdog(inflight=self.executor.inflight, replace=self.replace)
        # "time" or "memory" once this worker has to be replaced.
        self.replaced = ""
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._dramatiq: Any = None
        self._metrics: Any = None

    def start(self) -> None:
        # Whatever cannot be imported keeps the worker from starting, instead of failing events.
        for kind in get_args(Kind):
            discover(kind)
        handle: Callable[[int], None]
        connection_created.connect(_tune, dispatch_uid="platform_outbox.worker")
        if broker.is_in_process():
            broker.carry_out = lambda shard, sent_at: self.executor.run_batch(shard)
            # Due shards become messages on the in-process broker; the reservation keeps it to one per shard.
            handle, count = lambda shard: broker.send([shard]), 1
        else:
            broker.carry_out = self.executor.on_message
            handle, count = self.executor.run_batch, self.count
        self._dramatiq = dramatiq.Worker(
            dramatiq.get_broker(), queues={broker.QUEUE}, worker_threads=self.count, worker_timeout=1000
        )
        self.watchdog.arm()
        self._dramatiq.start()
        self._threads = [
            _thread(f"outbox-thread-{number}", lambda: self.executor.run(handle)) for number in range(count)
        ]
        self._threads += self.external.start()
        self._threads.append(_thread("outbox-listener", self.listener.run))
        self._threads.append(_thread("outbox-scheduler", self.scheduler.run))
        self._threads.append(_thread("outbox-watchdog", self.watchdog.run))
        if settings.WORKER_METRICS_BIND:
            self._metrics = metrics.serve(settings.WORKER_METRICS_BIND)
        logger.info(
            "Outbox worker %s started: %s broker, %s threads, %s for calls.",
            *(self.name, broker.broker_name(), self.count, self.external.count),
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
        """End all threads after the event each is at; False if one did not within STOP."""
        seconds = STOP_WHEN_STUCK if self.replaced == "time" else STOP
        deadline = time.monotonic() + seconds
        self.external.stop()
        self.executor.stop()
        self.schedule.close()
        self.listener.stop()
        self.scheduler.stop()
        self.watchdog.stop()
        calls_ended = self.external.shut_down()
        self._dramatiq.stop(timeout=int(max(0.1, deadline - time.monotonic() - 2) * 1000))
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        # The last figures of the threads, which have ended after the listener.
        self.listener.write_minutes()
        if self._metrics is not None:
            self._metrics.shutdown()
            self._metrics.server_close()
        ended = not any(thread.is_alive() for thread in [*self._threads, *self._dramatiq.workers])
        self.executor.inflight.forget()
        connection.close()
        return ended and calls_ended
