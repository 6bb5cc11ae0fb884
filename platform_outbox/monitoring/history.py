"""What each handler did, minute by minute: noted in memory, added up in the database at each heartbeat of a worker.

A killed worker takes up to ten seconds of these figures with it; they are for charts. What must be right is counted
from the rows themselves.
"""

import bisect
import datetime
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

# Upper bounds of the latency buckets in seconds; a last bucket holds what took longer.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
OUTCOMES = ("sent", "failed", "dead")

# In one order, so that workers never wait for each other in a circle.
_ADD = """
    INSERT INTO platform_outbox_minute AS m (minute, handler, event_type, sent, failed, dead, seconds, latencies)
    SELECT minute, handler, event_type, sent, failed, dead, seconds, latencies
    FROM jsonb_to_recordset(%s::jsonb) AS new (minute timestamptz, handler text, event_type text,
                                               sent int, failed int, dead int, seconds float8, latencies int[])
    ORDER BY minute, handler, event_type
    ON CONFLICT (minute, handler, event_type) DO UPDATE
    SET sent = m.sent + EXCLUDED.sent, failed = m.failed + EXCLUDED.failed, dead = m.dead + EXCLUDED.dead,
        seconds = m.seconds + EXCLUDED.seconds,
        latencies = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0)
                          FROM unnest(m.latencies, EXCLUDED.latencies) WITH ORDINALITY AS pair (a, b, place)
                          ORDER BY place)
"""
_BUCKETS = ", ".join(f"coalesce(sum(latencies[{place}]), 0)" for place in range(1, len(BOUNDS) + 2))
_HISTORY = f"""
    SELECT date_bin(make_interval(secs => %(step)s), minute, %(since)s) AS at, sum(sent), sum(failed), sum(dead),
           sum(seconds), ARRAY[{_BUCKETS}]
    FROM platform_outbox_minute
    WHERE minute >= %(since)s AND minute < %(until)s AND (%(handler)s = '' OR handler = %(handler)s)
    GROUP BY at ORDER BY at
"""
_BY_HANDLER = f"""
    SELECT handler, sum(sent), sum(failed), sum(dead), sum(seconds), ARRAY[{_BUCKETS}]
    FROM platform_outbox_minute WHERE minute >= %s AND minute < %s GROUP BY handler
"""


@dataclass(slots=True)
class _Tally:
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    seconds: float = 0.0
    latencies: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))


class Minutes:
    """The figures of this process that have not been written yet. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tallies: dict[tuple[datetime.datetime, str, str], _Tally] = {}

    @property
    def waiting(self) -> bool:
        """Whether anything has been noted and not written."""
        return bool(self._tallies)

    def note(
        self,
        *,
        handler: str,
        event_type: str,
        outcome: str,
        at: datetime.datetime,
        latencies: Sequence[float] = (0.0,),
        seconds: float = 0.0,
    ) -> None:
        """Count runs of a handler that ended alike. `outcome` is sent, failed or dead; call it after the commit.

        `latencies` has for each run the seconds from the change to the commit of its effect, `seconds` is the time
        that all of them spent in the handler.
        """
        key = (at.replace(second=0, microsecond=0), handler, event_type)
        with self._lock:
            tally = self._tallies.setdefault(key, _Tally())
            tally.counts[outcome] += len(latencies)
            tally.seconds += seconds
            for latency in latencies if outcome == "sent" else ():
                tally.latencies[bisect.bisect_left(BOUNDS, latency)] += 1

    def flush(self, execute: Callable[[str, Any], object]) -> None:
        """Add what was noted to the table, in one statement; what cannot be written is kept for the next time."""
        with self._lock:
            taken, self._tallies = self._tallies, {}
        if not taken:
            return
        try:
            execute(_ADD, (json.dumps([_row(key, tally) for key, tally in taken.items()]),))
        except BaseException:
            self._put_back(taken)
            raise

    def _put_back(self, taken: dict[tuple[datetime.datetime, str, str], _Tally]) -> None:
        with self._lock:
            for key, old in taken.items():
                new = self._tallies.setdefault(key, _Tally())
                for outcome in OUTCOMES:
                    new.counts[outcome] += old.counts[outcome]
                new.seconds += old.seconds
                new.latencies = [a + b for a, b in zip(new.latencies, old.latencies, strict=True)]


def _row(key: tuple[datetime.datetime, str, str], tally: _Tally) -> dict[str, object]:
    minute, handler, event_type = key
    return {
        "minute": minute.isoformat(),
        "handler": handler,
        "event_type": event_type,
        **tally.counts,
        "seconds": tally.seconds,
        "latencies": tally.latencies,
    }


minutes = Minutes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What happened from `at` on, for one step of a chart."""

    at: datetime.datetime
    sent: int
    failed: int
    dead: int
    seconds: float
    latencies: tuple[int, ...]

    def quantile(self, share: float) -> float | None:
        """The latency in seconds that this share of the sent ones kept under; None where nothing was sent.

        Exact to its bucket, like Prometheus's: the place inside is interpolated.
        """
        wanted, seen, lower = share * sum(self.latencies), 0, 0.0
        if not wanted:
            return None
        for count, upper in zip(self.latencies, BOUNDS, strict=False):
            if seen + count >= wanted:
                return lower + (upper - lower) * (wanted - seen) / count
            seen, lower = seen + count, upper
        return lower


def history(
    *, since: datetime.datetime, until: datetime.datetime, step_seconds: int = 60, handler: str = ""
) -> list[Stretch]:
    """The steps between the moments in which anything happened, of one handler or of all, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, {"since": since, "until": until, "step": step_seconds, "handler": handler})
        return [
            Stretch(at=at, sent=sent, failed=failed, dead=dead, seconds=seconds, latencies=tuple(latencies))
            for at, sent, failed, dead, seconds, latencies in cursor.fetchall()
        ]


def by_handler(*, since: datetime.datetime, until: datetime.datetime) -> dict[str, Stretch]:
    """What each handler did between the moments, by its name."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_HANDLER, (since, until))
        return {
            handler: Stretch(at=since, sent=sent, failed=failed, dead=dead, seconds=seconds, latencies=tuple(latencies))
            for handler, sent, failed, dead, seconds, latencies in cursor.fetchall()
        }


def prune(*, before: datetime.datetime) -> int:
    """Delete the minutes before the moment; returns how many rows."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM platform_outbox_minute WHERE minute < %s", (before,))
        return int(cursor.rowcount)
