"""What a schedule says: its dates, its amounts and how they are split. Nothing here knows today or the database.

An occurrence is known by its nominal date. Bounds (first day, last day, count, total) are of nominal dates; weekends and
public holidays move only the day that is shown.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.texts import gettext as _
from finance.errors import Invalid
from finance.money import divided
from finance.periods import WeekendShift, shifted
from finance.planning.recurrence import Recurrence, Unit

MOST_EVERY = 1000
MOST_COUNT = 10_000
# From this day of the month on two days fall together in February.
_SHORTEST_MONTH = 28


class AmountKind(StrEnum):
    """How well the amount is known beforehand."""

    FIXED = "fixed"
    RANGE = "range"  # between two bounds
    LEARNED = "learned"  # the middle of the latest payments
    VARIABLE = "variable"  # any; the amount is a guess


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterLine:
    """The other side: minor units on that account, debit +. Without an amount it takes what the others leave."""

    account_id: int
    amount: int | None = None
    memo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A schedule as it is given. Amounts are minor units on the schedule's own account, negative when money leaves it.

    `total` is without sign: the schedule ends when so much has been due, and its last amount is what was left.
    """

    name: str
    account_id: int
    amount: int
    first: datetime.date
    unit: Unit
    lines: tuple[CounterLine, ...]
    every: int = 1
    days: tuple[int, ...] = ()
    weekday: tuple[int, int] | None = None
    weekdays: tuple[int, ...] = ()
    shift: WeekendShift = WeekendShift.NONE
    # Whose public holidays the shift keeps off as well, such as "DE-BY"; None: those of the book, once it is saved.
    holidays: str | None = None
    until: datetime.date | None = None
    count: int | None = None
    total: int | None = None
    amount_kind: AmountKind = AmountKind.FIXED
    least: int | None = None
    most: int | None = None
    payee: str = ""
    description: str = ""
    tag_ids: tuple[int, ...] = ()

    @property
    def rule(self) -> Recurrence:
        """Its dates without an end. Raises ValueError where they have no meaning."""
        return Recurrence(
            anchor=self.first, unit=self.unit, every=self.every, days=self.days, weekday=self.weekday,
            weekdays=self.weekdays,
        )  # fmt: skip

    @property
    def length(self) -> int | None:
        """How many occurrences count or total allow; None: any number."""
        by_total = -(-self.total // abs(self.amount)) if self.total is not None else None
        return min((each for each in (self.count, by_total) if each is not None), default=None)

    @property
    def last(self) -> datetime.date | None:
        """The last nominal date by `until`, count or total; None: it does not end."""
        length = self.length
        ends = [self.until, self.rule.at(length - 1) if length else None]
        return min((each for each in ends if each is not None), default=None)

    def occurrences(self, first: datetime.date, last: datetime.date) -> list[datetime.date]:
        """Nominal dates from `first` to `last`, both included: the whole series, cut to these days."""
        end = self.last
        return self.rule.occurrences(first, last if end is None else min(last, end))

    def has(self, nominal: datetime.date) -> bool:
        """Whether that is one of its nominal dates."""
        return bool(self.occurrences(nominal, nominal))

    def next_after(self, nominal: datetime.date) -> datetime.date | None:
        """The nominal date after that one; None behind its end."""
        following, end = self.rule.next_after(nominal), self.last
        return None if following is None or (end is not None and following > end) else following

    def shown(self, nominal: datetime.date) -> datetime.date:
        """The day on which that occurrence is expected: a working day where the schedule keeps off weekends."""
        return shifted(nominal, self.shift, self.holidays or "")

    def amount_at(self, nominal: datetime.date) -> int:
        """The expected amount; the last one of a total is what the others leave."""
        if self.total is None or (end := self.rule.at(-(-self.total // abs(self.amount)) - 1)) != nominal or not end:
            return self.amount
        left = self.total % abs(self.amount) or abs(self.amount)
        return left if self.amount > 0 else -left

    def bounds_at(self, nominal: datetime.date) -> tuple[int, int]:
        """Least and most that may be expected, least <= most; the amount twice where they are not known."""
        amount = self.amount_at(nominal)
        if self.least is None or self.most is None:
            return amount, amount
        return min(self.least, amount), max(self.most, amount)

    def counter_amounts(self, amount: int) -> list[int]:
        """What each counter line gets where `amount` moves on the account; with it they sum to zero.

        The line without an amount takes what the others leave. Without such a line all change in proportion.
        Raises Invalid (amount) where a line would get nothing, or the line that takes the rest the other sign.
        """
        given = [line.amount for line in self.lines]
        fixed = sum(each for each in given if each is not None)
        if None in given:
            parts = [-amount - fixed if each is None else each for each in given]
            if (-amount - fixed) * amount >= 0:
                reason = _("The other lines leave nothing of this amount for the line that takes the rest.")
                raise Invalid(field="amount", reason=reason)
            return parts
        parts, sum_before, given_before = [], 0, 0
        for each in given:
            given_before += each or 0
            upto = divided(-amount * given_before, fixed)
            parts.append(upto - sum_before)
            sum_before = upto
        if 0 in parts:
            raise Invalid(field="amount", reason=_("The amount is too small to be split over these lines."))
        return parts


def check_definition(definition: Definition) -> None:
    """Raise Invalid, which names the field, where the dates or the amounts have no meaning. Accounts are not looked at."""
    _check_rule(definition)
    _check_end(definition)
    _check_amounts(definition)
    _check_lines(definition)


def _check_rule(given: Definition) -> None:
    if not 1 <= given.every <= MOST_EVERY:
        reason = _("A schedule repeats every 1 to %(most)d units.") % {"most": MOST_EVERY}
        raise Invalid(field="every", reason=reason)
    if not 1900 <= given.first.year <= 2199:
        raise Invalid(field="first", reason=_("The first day is from 1900 to 2199."))
    is_monthly = given.unit in (Unit.MONTH, Unit.YEAR)
    if given.days and not is_monthly:
        raise Invalid(field="days", reason=_("Only months and years have days of the month."))
    if list(given.days) != sorted(set(given.days)) or not all(1 <= day <= 31 for day in given.days):
        reason = _("Days of the month are different numbers from 1 to 31, the lower one first.")
        raise Invalid(field="days", reason=reason)
    if sum(day >= _SHORTEST_MONTH for day in given.days) > 1:
        reason = _("Give only one of the days 28 to 31: two of them would fall on one day in February.")
        raise Invalid(field="days", reason=reason)
    _check_weekdays(given)


def _check_weekdays(given: Definition) -> None:
    is_monthly = given.unit in (Unit.MONTH, Unit.YEAR)
    if given.weekday and (given.days or not is_monthly):
        reason = _("A weekday of the month is for months and years without days of the month.")
        raise Invalid(field="weekday", reason=reason)
    if given.weekday and not (1 <= given.weekday[0] <= 5 and 0 <= given.weekday[1] <= 6):
        reason = _("A weekday of the month is a number from 1 to 5 and a weekday from 0 (Monday) to 6.")
        raise Invalid(field="weekday", reason=reason)
    if given.weekdays and given.unit is not Unit.WEEK:
        raise Invalid(field="weekdays", reason=_("Only weeks have several weekdays."))
    if list(given.weekdays) != sorted(set(given.weekdays)) or not all(0 <= day <= 6 for day in given.weekdays):
        reason = _("Weekdays are different numbers from 0 (Monday) to 6, the lower one first.")
        raise Invalid(field="weekdays", reason=reason)


def _check_end(given: Definition) -> None:
    if given.until is not None and given.until < given.first:
        raise Invalid(field="until", reason=_("The last day is before the first."))
    if given.count is not None and not 1 <= given.count <= MOST_COUNT:
        reason = _("A schedule has 1 to %(most)d occurrences.") % {"most": MOST_COUNT}
        raise Invalid(field="count", reason=reason)
    begins = given.rule.at(0)
    if given.until is not None and (begins is None or given.until < begins):
        raise Invalid(field="until", reason=_("No day of this rule lies before the last day."))


def _check_amounts(given: Definition) -> None:
    if given.amount == 0:
        raise Invalid(
            field="amount", reason=_("The amount is not zero: negative leaves the account, positive reaches it.")
        )
    bounds = [each for each in (given.least, given.most) if each is not None]
    if given.amount_kind is AmountKind.RANGE and len(bounds) < 2:
        raise Invalid(field="least", reason=_("A range has a lower and an upper bound."))
    if bounds and given.amount_kind not in (AmountKind.RANGE, AmountKind.LEARNED):
        raise Invalid(field="least", reason=_("Only a range has bounds."))
    if len(bounds) == 1:
        raise Invalid(field="most", reason=_("Give both bounds, or neither."))
    if bounds and not bounds[0] <= given.amount <= bounds[1]:
        reason = _("The amount lies between the bounds; of money that leaves, the larger payment is the lower bound.")
        raise Invalid(field="least", reason=reason)
    if bounds and bounds[0] * bounds[1] <= 0:
        raise Invalid(field="most", reason=_("Both bounds have one sign, and neither is zero."))
    if given.total is not None:
        if given.amount_kind is not AmountKind.FIXED:
            raise Invalid(field="total", reason=_("Only a schedule with a fixed amount ends by a total."))
        if not 1 <= given.total <= MOST_COUNT * abs(given.amount):
            reason = _("The total is positive, and reached by at most %(most)d payments.") % {"most": MOST_COUNT}
            raise Invalid(field="total", reason=reason)


def _check_lines(given: Definition) -> None:
    rests = sum(line.amount is None for line in given.lines)
    if not given.lines:
        raise Invalid(field="lines", reason=_("Say at least one account that the money goes to or comes from."))
    if rests > 1:
        raise Invalid(field="lines", reason=_("Only one line can take the rest; give the others an amount."))
    if any(line.amount == 0 for line in given.lines):
        raise Invalid(field="lines", reason=_("A line cannot be zero."))
    left = given.amount + sum(line.amount or 0 for line in given.lines)
    if rests and left * given.amount <= 0:
        raise Invalid(
            field="lines", reason=_("The lines leave nothing of the amount for the line that takes the rest.")
        )
    if not rests and left:
        raise Invalid(
            field="lines", reason=_("The lines do not add up to the amount; leave one amount out to take the rest.")
        )


def middle(amounts: Sequence[int]) -> int:
    """The median in whole minor units, halves away from zero. Raises ValueError for none."""
    if not amounts:
        raise ValueError("There is no middle of nothing.")
    ordered, half = sorted(amounts), len(amounts) // 2
    return ordered[half] if len(ordered) % 2 else divided(ordered[half - 1] + ordered[half], 2)
