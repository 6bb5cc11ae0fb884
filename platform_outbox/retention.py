"""How long events are kept, and the partitions that they are kept in.

The table is cut into ranges of ids. A range whose events are all old and done with is dropped as a table, which costs
the same however many they are. Row by row goes only what a drop cannot reach: what is old in the range that is still
being filled, and in a range that an unresolved dead letter keeps.
"""

import datetime
import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import OperationalError, connection

# Ids in a partition.
PARTITION_SIZE = 1_000_000
# Room that stands ready for the coming events, in partitions.
PARTITIONS_AHEAD = 1
PRUNE_BATCH = 5_000
# Tables with rows about an event, by its id in message_id.
ABOUT_EVENTS = ("platform_outbox_delivery", "platform_outbox_attempt")

logger = logging.getLogger("platform_outbox.retention")

_PARTITIONS = r"""
    SELECT c.relname,
           coalesce((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''?(-?\d+)'))[1]::bigint, 0),
           (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''?(-?\d+)'))[1]::bigint
    FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid
    WHERE inhparent = 'platform_outbox'::regclass AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
    ORDER BY 3
"""
_YOUNGEST = "SELECT created_at FROM platform_outbox WHERE id >= %s AND id < %s ORDER BY id DESC LIMIT 1"
_WINDOW = """
    SELECT max(id), min(created_at) FROM (
        SELECT id, created_at FROM platform_outbox WHERE id > %s AND id < %s ORDER BY id LIMIT %s) AS next
"""
_PRUNE = """
    WITH old AS (
        SELECT id FROM platform_outbox
        WHERE id > %(above)s AND id <= %(through)s AND finished_at < %(before)s
          AND (status = 'sent' OR discarded_at < %(before)s)
        FOR UPDATE SKIP LOCKED),
    deliveries AS (DELETE FROM platform_outbox_delivery WHERE message_id IN (SELECT id FROM old)),
    history AS (DELETE FROM platform_outbox_attempt WHERE message_id IN (SELECT id FROM old))
    DELETE FROM platform_outbox WHERE id IN (SELECT id FROM old)
"""
_FORGET = """
    WITH next AS (
        SELECT id, message_id FROM {table} WHERE message_id >= %s AND message_id < %s ORDER BY message_id LIMIT %s),
    gone AS (DELETE FROM {table} AS t USING next WHERE t.id = next.id)
    SELECT count(*), max(message_id) FROM next
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A range of ids, from `lower` to below `upper`, in a table of its own."""

    name: str
    lower: int
    upper: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was deleted: events row by row, and whole partitions by name."""

    rows: int
    partitions: tuple[str, ...]


def partitions() -> list[Partition]:
    """The partitions with a range, lowest first."""
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS)
        return [Partition(name=name, lower=lower, upper=upper) for name, lower, upper in cursor.fetchall()]


def extend(*, size: int = PARTITION_SIZE, ahead: int = PARTITIONS_AHEAD) -> int:
    """Have partitions ready for the coming ids; returns how many were made.

    Events that have been faster than their partition are moved into it. Waits a second at most for the lock that
    this takes, so that nobody queues up behind it; raises OperationalError when it was not free.
    """
    if partitions()[-1].upper >= _newest_id() + ahead * size:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT platform_outbox_extend(%s, %s)", (size, ahead))
        return int(cursor.fetchone()[0])


def prune(*, before: datetime.datetime, renew: Callable[[], None] = lambda: None) -> Pruned:
    """Delete events that were handled or discarded before the moment.

    Dead letters that nobody has dealt with, and what is still to be done, stay however old they are. Works in small
    transactions that never block the workers; `renew` is called between them.
    """
    return _prune(before=before, renew=renew, everywhere=True)


def keep_to(*, before: datetime.datetime, renew: Callable[[], None] = lambda: None) -> Pruned:
    """Like `prune`, with less work: a range that can soon be dropped whole is left alone until then."""
    return _prune(before=before, renew=renew, everywhere=False)


def _prune(*, before: datetime.datetime, renew: Callable[[], None], everywhere: bool) -> Pruned:
    dropped, rows = [], 0
    known, newest = partitions(), _newest_id()
    _forget_lost(renew)
    for partition in known:
        # The highest is there for the next one to continue from.
        filling = partition.upper > newest or partition is known[-1]
        over = _is_over(partition, before=before)
        if over and not filling and _drop(partition, before=before):
            dropped.append(partition.name)
            _forget(partition.lower, partition.upper, renew)
        elif everywhere or filling or over:
            rows += _prune_rows(partition, before=before, renew=renew)
    return Pruned(rows=rows, partitions=tuple(dropped))


def _newest_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM platform_outbox_id_seq")
        return int(cursor.fetchone()[0])


def _is_over(partition: Partition, *, before: datetime.datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_YOUNGEST, (partition.lower, partition.upper))
        row = cursor.fetchone()
    return row is None or row[0] < before


def _drop(partition: Partition, *, before: datetime.datetime) -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT platform_outbox_drop(%s, %s)", (partition.name, before))
            return bool(cursor.fetchone()[0])
    except OperationalError as error:
        if connection.connection is None or connection.connection.closed:
            raise
        # Somebody reads or writes the table for long; the next run finds it free.
        logger.info("Partition %s cannot be dropped just now: %s", partition.name, error)
        return False


def _prune_rows(partition: Partition, *, before: datetime.datetime, renew: Callable[[], None]) -> int:
    """Walks along the ids and stops where the events are younger, so it never reads the whole table."""
    deleted, above = 0, partition.lower - 1
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_WINDOW, (above, partition.upper, PRUNE_BATCH))
            through, oldest = cursor.fetchone()
            if through is None or oldest >= before:
                return deleted
            cursor.execute(_PRUNE, {"above": above, "through": through, "before": before})
            deleted += cursor.rowcount
        above = through
        renew()


def _forget_lost(renew: Callable[[], None]) -> None:
    """A worker may have been killed between a drop and what follows it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id) FROM platform_outbox")
        oldest = cursor.fetchone()[0]
    if oldest is not None:
        _forget(0, oldest, renew)


def _forget(lower: int, upper: int, renew: Callable[[], None]) -> None:
    """Delete what is known about the events of a range that are gone."""
    for table in ABOUT_EVENTS:
        found, start = PRUNE_BATCH, lower
        while found == PRUNE_BATCH:
            with connection.cursor() as cursor:
                cursor.execute(_FORGET.format(table=table), (start, upper, PRUNE_BATCH))
                found, last = cursor.fetchone()
            start = last or start
            renew()
