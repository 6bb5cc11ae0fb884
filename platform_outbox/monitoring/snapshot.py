"""Figures about the whole outbox that have to be looked up in the database, taken every few seconds by one process.

A worker takes them as a periodic job and leaves them in a row; whoever shows them reads that row. When no worker lives,
the row grows stale, and the first who asks takes the figures: the depth of the queue matters most then.
Every count stops at COUNT_CAP + 1, every other look-up is a probe of an index, so it costs the same at ten million rows.
"""

import datetime
import json
import logging
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection, transaction

from platform_outbox.emit import COUNT_CAP, SHARDS, open_events
from platform_outbox.monitoring import tallies
from platform_outbox.processing.results import first_line_of
from platform_outbox.sql import rows_of, without_sorting
from platform_outbox.timing import ALIVE_SECONDS

EVERY_SECONDS = 5.0
# Older figures are not shown without an attempt to take new ones.
STALE_SECONDS = 15.0
# Nobody who only wants to read a page of metrics waits longer.
LONGEST_MILLISECONDS = 2_000
# Of each shard so many of the oldest open events are looked at for the oldest of each type.
HEADS = 100

logger = logging.getLogger("platform_outbox.monitoring.snapshot")

_OPEN = "status IN ('pending', 'failed')"


def _counts(label: str, *, of: str) -> str:
    return f"""
        SELECT coalesce(jsonb_object_agg({label}, count), '{{}}') FROM (
            SELECT {label}, count(*) FROM ({of}) AS few GROUP BY {label}) AS counted
    """


def _count(*, what: str = "", table: str, condition: str) -> str:
    return f"SELECT count({what or '*'}) FROM (SELECT * FROM {table} WHERE {condition} LIMIT {COUNT_CAP + 1}) AS few"


_FIGURES = {
    "pending": _counts("event_type", of=open_events("event_type")),
    "oldest": f"""
        SELECT coalesce(jsonb_object_agg(event_type, age), '{{}}') FROM (
            SELECT event_type, greatest(0, extract(epoch FROM statement_timestamp() - min(created_at))) AS age
            FROM generate_series(0, {SHARDS - 1}) AS shards (shard),
            LATERAL (
                SELECT event_type, created_at FROM platform_outbox AS m
                WHERE m.shard BETWEEN shards.shard AND shards.shard AND m.{_OPEN}
                  AND (m.status = 'failed' OR m.available_at <= statement_timestamp())
                ORDER BY m.shard, m.id LIMIT {HEADS}) AS head
            GROUP BY event_type) AS aged
    """,
    "dead": _count(table="platform_outbox", condition="status = 'dead' AND discarded_at IS NULL"),
    "without_partition": r"""
        SELECT count(*) FROM (
            SELECT FROM platform_outbox WHERE id >= (
                SELECT max((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''?(-?\d+)'))[1]::bigint)
                FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid WHERE inhparent = 'platform_outbox'::regclass)
            LIMIT 1001) AS rest
    """,
    "calls": _counts(
        "handler",
        of=f"SELECT handler FROM platform_outbox_delivery WHERE io AND NOT in_line AND {_OPEN} LIMIT {COUNT_CAP + 1}",
    ),
    "held": _count(
        what="DISTINCT ordering_key", table="platform_outbox_delivery", condition="status = 'failed' AND NOT io"
    ),
    "tallies": tallies.SUMS,
    "suspects": _count(table="platform_outbox_suspect", condition="true"),
    "breakers": "SELECT coalesce(jsonb_object_agg(handler, count), '{}') FROM ("
    " SELECT handler, count(*) FROM platform_outbox_breaker WHERE state <> 'closed' GROUP BY handler) AS open",
    "pauses": "SELECT coalesce(jsonb_agg(jsonb_build_array(kind, target)), '[]') FROM platform_outbox_pause"
    " WHERE resumed_at IS NULL",
    "jobs": "SELECT coalesce(jsonb_object_agg(name, jsonb_build_array("
    " failures, extract(epoch FROM last_done_at))), '{}') FROM platform_outbox_periodic",
    "workers": "SELECT count(*) FROM platform_worker"
    f" WHERE heartbeat_at > statement_timestamp() - make_interval(secs => {ALIVE_SECONDS})",
    "snapshot": """
        SELECT coalesce(max(extract(epoch FROM statement_timestamp() - xact_start)), 0) FROM pg_stat_activity
        WHERE datname = current_database() AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
          AND backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid()
    """,
    "dead_tuples": """
        SELECT coalesce(sum(pg_stat_get_dead_tuples(inhrelid)), 0) + pg_stat_get_dead_tuples(%s::regclass)
        FROM pg_inherits WHERE inhparent = 'platform_outbox'::regclass
    """.replace("%s", "'platform_outbox_delivery'"),
}
_TAKE = f"""
    INSERT INTO platform_outbox_sample (id, taken_at, figures)
    VALUES (1, statement_timestamp(), jsonb_build_object(
        {", ".join(f"'{name}', ({query})" for name, query in _FIGURES.items())}))
    ON CONFLICT (id) DO UPDATE SET taken_at = EXCLUDED.taken_at, figures = EXCLUDED.figures
"""
_READ = """
    SELECT taken_at, extract(epoch FROM statement_timestamp() - taken_at)::float8, figures
    FROM platform_outbox_sample WHERE id = 1
"""
# Any number that no other advisory lock uses.
_LOCK = 7_310_581_000_000_001


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The figures of one moment; `age` in seconds. Counts of COUNT_CAP + 1 mean more than COUNT_CAP."""

    taken_at: datetime.datetime
    age: float
    figures: dict[str, Any]


def take() -> None:
    """Look everything up and leave it for all to read."""
    with transaction.atomic(), without_sorting():
        rows_of(_TAKE, ())


def current() -> Sample | None:
    """The newest figures; taken now, within two seconds, when no worker has done so lately. None before the first."""
    sample = _read()
    if sample is not None and sample.age < STALE_SECONDS:
        return sample
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,))
            # Somebody else is at it: one process is enough.
            if cursor.fetchone()[0]:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", (str(LONGEST_MILLISECONDS),))
                with without_sorting():
                    cursor.execute(_TAKE)
    except OperationalError as error:
        logger.warning("The outbox's figures could not be taken: %s", first_line_of(error))
    return _read()


def _read() -> Sample | None:
    with connection.cursor() as cursor:
        cursor.execute(_READ)
        row = cursor.fetchone()
    return Sample(taken_at=row[0], age=max(0.0, row[1]), figures=json.loads(row[2])) if row else None
