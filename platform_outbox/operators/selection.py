"""Choosing events by what they have in common, and walking through them in batches however many there are."""

import dataclasses
import datetime
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from platform_outbox.events import NotYetKnown, is_known
from platform_outbox.models import OutboxMessage, Status
from platform_outbox.sql import rows_of

BATCH = 1_000
# How far a confirmation counts: an index-only scan of a fraction of a second.
MOST_COUNTED = 1_000_000
# Ids are drawn in the order of time, but for statements that overlap.
_OVERLAP = datetime.timedelta(minutes=10)


class Events:
    def events(self) -> QuerySet[OutboxMessage]:
        raise NotImplementedError

    def count(self) -> int:
        """How many there are; one more than MOST_COUNTED means more than that."""
        return self.events().order_by().values("id")[: MOST_COUNTED + 1].count()

    def batches(self) -> Iterator[list[int]]:
        """Ids, oldest first, some at a time; what is dealt with meanwhile is not met again."""
        above, ordered = 0, self.events().order_by("id").values_list("id", flat=True)
        while ids := list(ordered.filter(id__gt=above)[:BATCH]):
            yield ids
            above = ids[-1]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Selection(Events):
    """Dead letters that nobody has dealt with: all of them, narrowed by what is given.

    Times are those of the emission, from inclusive, to exclusive. `through` keeps out what dies after the operator
    looked.
    """

    event_type: str = ""
    error_group: str | None = None
    emitted_from: datetime.datetime | None = None
    emitted_to: datetime.datetime | None = None
    through: int | None = None

    def until_now(self) -> "Selection":
        """The same selection without what dies from now on."""
        newest = self.events().order_by("-id").values_list("id", flat=True).first()
        return dataclasses.replace(self, through=newest or 0)

    def events(self) -> QuerySet[OutboxMessage]:
        chosen = OutboxMessage.objects.filter(status=Status.DEAD, discarded_at=None)
        if self.event_type:
            chosen = chosen.filter(event_type=self.event_type)
        if self.error_group is not None:
            chosen = chosen.filter(error_group=self.error_group)
        if self.through is not None:
            chosen = chosen.filter(id__lte=self.through)
        if self.emitted_from is not None:
            chosen = chosen.filter(id__gte=first_id_since(self.emitted_from), created_at__gte=self.emitted_from)
        if self.emitted_to is not None:
            chosen = chosen.filter(created_at__lt=self.emitted_to)
        return chosen


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Discarded(Events):
    """What operators discarded between two moments, both included."""

    since: datetime.datetime
    until: datetime.datetime

    def events(self) -> QuerySet[OutboxMessage]:
        return OutboxMessage.objects.filter(discarded_at__gte=self.since, discarded_at__lte=self.until)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Selected(Events):
    """Events by their numbers; of these, those that the condition holds for."""

    ids: Sequence[int]
    condition: Q = dataclasses.field(default_factory=Q)

    def __str__(self) -> str:
        return f"{len(self.ids)} events, #{self.ids[0]} to #{self.ids[-1]}"

    def events(self) -> QuerySet[OutboxMessage]:
        return OutboxMessage.objects.filter(self.condition, pk__in=self.ids)


def carry_out(chosen: Events, *, service: Callable[..., int], by: str) -> Iterator[int]:
    """Call `service(ids=…, by=…)` for the events, a transaction per batch; yields how many each batch changed."""
    for ids in chosen.batches():
        yield service(ids=ids, by=by)


def first_id_since(moment: datetime.datetime) -> int:
    """An id that no event emitted since the moment is below. A bisection along the key, some thirty probes."""
    ((low, high),) = rows_of("SELECT coalesce(min(id), 0), coalesce(max(id), 0) + 1 FROM platform_outbox")
    while low < high:
        middle = (low + high) // 2
        found = rows_of("SELECT id, created_at FROM platform_outbox WHERE id >= %s ORDER BY id LIMIT 1", (middle,))
        if found and found[0][1] < moment - _OVERLAP:
            low = found[0][0] + 1
        else:
            high = middle
    return int(low)


def moment(text: str) -> datetime.datetime:
    """An option of a command: a day (its beginning) or a moment, in the installation's time zone."""
    try:
        day = parse_date(text)
        found = datetime.datetime.combine(day, datetime.time()) if day else parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise ArgumentTypeError(_("%s is neither a day (2026-03-15) nor a moment (2026-03-15T14:30).") % text)
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def known_by_now() -> list[int]:
    """Dead letters that came from a newer release than the worker's and that this code can read, oldest first."""
    early = OutboxMessage.objects.filter(
        status=Status.DEAD, discarded_at=None, error__startswith=f"{NotYetKnown.__name__}: "
    )
    kinds = early.order_by().values_list("event_type", "event_version").distinct()
    known = [Q(event_type=name, event_version=version) for name, version in kinds if is_known(name, version)]
    if not known:
        return []
    chosen = early.filter(reduce(or_, known))
    return list(chosen.order_by("id").values_list("id", flat=True)[:BATCH])
