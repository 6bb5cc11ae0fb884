"""Watches over the threads of a worker: calls that do not end, memory that grows, and a process that stands still.

A thread cannot be stopped from outside. So the watchdog frees what the thread holds, its transaction and thereby its
shard, says whose fault it was, and has the whole process replaced; a supervisor starts another one.
"""

import contextlib
import faulthandler
import logging
import resource
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import OperationalError

from platform_outbox.monitoring.metrics import TIMEOUTS
from platform_outbox.processing.inflight import InFlight
from platform_outbox.timing import STANDSTILL, WATCH_EVERY

STATM = Path("/proc/self/statm")

logger = logging.getLogger("platform_outbox.worker")


class Watchdog:
    """`replace` is called with "time" or "memory" when this process has to make room for another one."""

    def __init__(self, *, inflight: InFlight, replace: Callable[[str], None]) -> None:
        self.inflight = inflight
        self.replace = replace
        self._stopping = threading.Event()
        self._cut: set[float] = set()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        """Look every second until stopped. The body of the watchdog's thread."""
        while not self._stopping.wait(min(WATCH_EVERY, self._limit / 2 or WATCH_EVERY)):
            self.arm()
            for call in self.inflight.overdue(seconds=self._limit) if self._limit else []:
                if call.since in self._cut:
                    continue
                self._cut.add(call.since)
                logger.error(
                    "%s has not come to its end within %g s (WORKER_TIME_LIMIT) for %s; this worker is replaced.",
                    *(call.handler, self._limit, ", ".join(f"#{number}" for number in call.ids)),
                )
                TIMEOUTS.labels(call.handler).inc()
                try:
                    self.inflight.cut(call)
                except OperationalError as error:
                    # Then its transaction has ended as well.
                    logger.warning("%s", error)
                self.replace("time")
            limit = settings.WORKER_MEMORY_LIMIT
            if limit and (used := memory_mib()) > limit:
                logger.warning("This worker uses %d MiB (WORKER_MEMORY_LIMIT is %d) and is replaced.", used, limit)
                self.replace("memory")
        faulthandler.cancel_dump_traceback_later()

    @property
    def _limit(self) -> float:
        return float(settings.WORKER_TIME_LIMIT)

    def arm(self) -> None:
        """Have the interpreter end this process, with all threads' tracebacks, if this is not called again in time."""
        if self._limit:
            with contextlib.suppress(ValueError, OSError):  # a standard error that is no file
                seconds = self._limit + min(self._limit, STANDSTILL)
                faulthandler.dump_traceback_later(seconds, exit=True, file=sys.stderr)


def memory_mib() -> int:
    """What this process occupies in memory, in MiB; 0 where the system does not tell."""
    try:
        return int(STATM.read_text().split()[1]) * resource.getpagesize() // 2**20
    except OSError:
        return 0
