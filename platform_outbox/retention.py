"""How long events are kept, and the partitions that they are kept in, each a range of ids in a table of its own.

A range whose events are all old and done with is dropped as a table. Row by row goes only what a drop cannot reach.
"""

import datetime
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection

from platform_outbox import sql

PARTITION_SIZE = 1_000_000  # ids
PARTITIONS_AHEAD = 1  # room that stands ready for the coming events
PRUNE_BATCH = 5_000

logger = logging.getLogger("platform_outbox.retention")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """The ids from `lower` to below `upper`."""

    name: str
    lower: int
    upper: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was deleted: events row by row, and whole partitions by name."""

    rows: int
    partitions: tuple[str, ...]


def partitions() -> list[Partition]:
    return [Partition(name=name, lower=lower, upper=upper) for name, lower, upper in sql.fetch("partitions")]


def extend(*, size: int = PARTITION_SIZE, ahead: int = PARTITIONS_AHEAD) -> int:
    """Have partitions ready for the coming ids; returns how many were made.

    Events that have been faster than their partition are moved into it. Waits a second at most for the lock that
    this takes, so that nobody queues up behind it; raises OperationalError when it was not free.
    """
    if partitions()[-1].upper >= _newest_id() + ahead * size:
        return 0
    ((made,),) = sql.fetch("make_partitions", (size, ahead))
    return int(made)


def prune(*, before: datetime.datetime, renew: Callable[[], None] = lambda: None, everywhere: bool = True) -> Pruned:
    """Delete events that were handled or discarded before the moment.

    Dead letters that nobody has dealt with, and what is still to be done, stay however old they are. Works in small
    transactions that never block the workers; `renew` is called between them. Unless `everywhere`, a range that can
    soon be dropped whole is left alone until then.
    """
    dropped, rows = [], 0
    known, newest = partitions(), _newest_id()
    # A worker may have been killed between a drop and what follows it.
    ((oldest,),) = sql.fetch("oldest_event")
    if oldest is not None:
        _forget(0, oldest, renew)
    for partition in known:
        # The highest is there for the next one to continue from.
        filling = partition.upper > newest or partition is known[-1]
        youngest = sql.fetch("youngest_event", (partition.lower, partition.upper))
        over = not youngest or youngest[0][0] < before
        if over and not filling and _drop(partition, before=before):
            dropped.append(partition.name)
            _forget(partition.lower, partition.upper, renew)
        elif everywhere or filling or over:
            rows += _prune_rows(partition, before=before, renew=renew)
    return Pruned(rows=rows, partitions=tuple(dropped))


def forget(
    *,
    keys: Sequence[str],
    carrying: Sequence[Mapping[str, Any]],
    saying: Sequence[str] = (),
    destinations: Sequence[str] = (),
    renew: Callable[[], None] = lambda: None,
) -> int:
    """Delete all events of something that is gone for good, whatever their state and age; returns how many.

    Those with one of the ordering keys, those whose payload has the fields of one of `carrying`, and mails whose text is
    LIKE one of `saying`; with them replays of the keys, and breakers of destinations LIKE one of `destinations`. Walks
    through all events in small transactions, between which `renew` is called.
    """
    deleted, above, upper = 0, 0, _newest_id() + 1
    sql.change("forget_replays", [list(keys)])
    sql.change("forget_breakers", [list(destinations)])
    wanted = {"keys": list(keys), "carrying": [json.dumps(each) for each in carrying], "saying": list(saying)}
    while True:
        ((through, _oldest),) = sql.fetch("next_window", (above, upper, PRUNE_BATCH))
        if through is None:
            return deleted
        deleted += sql.change("forget_events", {"above": above, "through": through, **wanted})
        above = through
        renew()


def _newest_id() -> int:
    ((newest,),) = sql.fetch("newest_id")
    return int(newest)


def _drop(partition: Partition, *, before: datetime.datetime) -> bool:
    try:
        ((dropped,),) = sql.fetch("drop_partition", (partition.name, before))
    except OperationalError as error:
        if connection.connection is None or connection.connection.closed:
            raise
        # Somebody reads or writes the table for long; the next run finds it free.
        logger.info("Partition %s cannot be dropped just now: %s", partition.name, error)
        return False
    return bool(dropped)


def _prune_rows(partition: Partition, *, before: datetime.datetime, renew: Callable[[], None]) -> int:
    """Walks along the ids and stops where the events are younger, so it never reads the whole table."""
    deleted, above = 0, partition.lower - 1
    while True:
        ((through, oldest),) = sql.fetch("next_window", (above, partition.upper, PRUNE_BATCH))
        if through is None or oldest >= before:
            return deleted
        deleted += sql.change("prune_events", {"above": above, "through": through, "before": before})
        above = through
        renew()


def _forget(lower: int, upper: int, renew: Callable[[], None]) -> None:
    """Delete what is known about the events of a range that are gone."""
    for statement in ("forget_deliveries", "forget_attempts"):
        found, start = PRUNE_BATCH, lower
        while found == PRUNE_BATCH:
            ((found, last),) = sql.fetch(statement, (start, upper, PRUNE_BATCH))
            start = last or start
            renew()
