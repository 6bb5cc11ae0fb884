"""Changes laid over what is expected, and the comparison with what they are laid over; without a database."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from core.texts import gettext as _
from finance.errors import Invalid
from finance.planning.forecast.projection import Holding, Point, project, together
from finance.planning.recurrence import Recurrence
from finance.planning.upcoming import Layer, Upcoming

# An amount never changes by more than tenfold: 1000 % is more likely a slip of the keyboard than a plan.
MAX_PERCENT = 1000
MAX_DELAY = 3660


class Step(StrEnum):
    """What a step of a scenario does."""

    ADD = "add"  # something new that repeats
    ONE_OFF = "one_off"  # something new, once
    CHANGE = "change"  # another amount for a plan
    STOP = "stop"  # a plan ends
    DELAY = "delay"  # a plan comes later
    EXTRA = "extra"  # more is paid on a loan, again and again
    SHOCK = "shock"  # all income or all spending changes by a percentage


class Flow(StrEnum):
    """What a shock strikes."""

    INCOME = "income"
    SPENDING = "spending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """One step of a scenario.

    It holds from `first` through `last` (None: for good). CHANGE, STOP and DELAY are about the plan `source_id` of
    `layer`, EXTRA about a loan. `amount` is signed minor units; `percent` is what a CHANGE or a SHOCK leaves of each
    amount, 70 for 30 % less.
    Raises Invalid for a step that lacks what it needs.
    """

    step: Step
    first: datetime.date
    last: datetime.date | None = None
    layer: Layer = Layer.SCHEDULE
    source_id: int | None = None
    account_id: int | None = None
    currency: str = ""
    amount: int | None = None
    percent: int | None = None
    days: int | None = None
    flow: Flow | None = None
    rule: Recurrence | None = None
    label: str = ""

    def __post_init__(self) -> None:
        step = self.step
        adds = step in (Step.ADD, Step.ONE_OFF)
        changes = step in (Step.CHANGE, Step.STOP, Step.DELAY)
        more = step is Step.EXTRA
        one_amount = (self.amount is None) != (self.percent is None)
        most = {"most": MAX_PERCENT}
        checks = [
            (self.last is not None and self.last < self.first, "last", _("The last day is before the first.")),
            (
                self.percent is not None and not 0 <= self.percent <= MAX_PERCENT,
                "percent",
                _("Give a percentage from 0 to %(most)d.") % most,
            ),
            (adds and self.account_id is None, "account", _("Choose the account that it moves.")),
            (adds and not self.amount, "amount", _("Give an amount that is not zero.")),
            (step is Step.ADD and self.rule is None, "unit", _("Say how often it comes.")),
            (step is Step.SHOCK and self.flow is None, "flow", _("Say whether it strikes income or spending.")),
            (step is Step.SHOCK and self.percent is None, "percent", _("Say what percentage is left.")),
            (changes and self.source_id is None, "schedule", _("Choose the schedule that changes.")),
            (more and (self.layer is not Layer.LOAN or self.source_id is None), "loan", _("Choose the loan.")),
            (more and (self.amount or 0) <= 0, "amount", _("Give what is paid more each time, above zero.")),
            (more and self.rule is None, "unit", _("Say how often it comes.")),
            (step is Step.CHANGE and not one_amount, "amount", _("Give a new amount or a percentage, not both.")),
            (
                step is Step.DELAY and not (self.days and 1 <= self.days <= MAX_DELAY),
                "days",
                _("Give a number of days from 1 to %(most)d.") % {"most": MAX_DELAY},
            ),
        ]
        for wrong, field, reason in checks:
            if wrong:
                raise Invalid(field=field, reason=reason)

    def covers(self, each: Upcoming) -> bool:
        """Whether the step is about that movement: by its nominal day, its plan or its direction."""
        if each.nominal < self.first or (self.last is not None and each.nominal > self.last):
            return False
        if self.step is Step.SHOCK:
            # Entries that are dated ahead are made; cards and loans move money between own accounts.
            planned = each.layer in (Layer.SCHEDULE, Layer.RECEIVABLE, Layer.BUDGET, Layer.HABIT)
            return planned and (each.amount > 0) is (self.flow is Flow.INCOME)
        return each.layer is self.layer and each.source_id == self.source_id

    def apply(self, upcoming: Sequence[Upcoming], *, last: datetime.date) -> list[Upcoming]:
        """What is expected with this step, through the day `last`."""
        match self.step:
            case Step.ADD | Step.ONE_OFF:
                return [*upcoming, *self._added(last)]
            case Step.EXTRA:  # the loan's own table says what it changes (scenarios.selectors)
                return list(upcoming)
            case Step.STOP:
                return [each for each in upcoming if not self.covers(each)]
            case Step.DELAY:
                later = datetime.timedelta(days=self.days or 0)
                return [replace(each, date=each.date + later) if self.covers(each) else each for each in upcoming]
        return [self._changed(each) if self.covers(each) else each for each in upcoming]

    def _added(self, last: datetime.date) -> list[Upcoming]:
        until = last if self.last is None else min(self.last, last)
        dates = self.rule.occurrences(self.first, until) if self.rule else [self.first]
        return [
            Upcoming(
                date=date,
                nominal=date,
                account_id=self.account_id or 0,
                amount=self.amount or 0,
                currency=self.currency,
                layer=Layer.SCHEDULE,
                label=self.label,
            )
            for date in dates
        ]

    def new_amount(self, amount: int) -> int:
        """What the step makes of an amount, in the amount's own direction: a transfer has two, of opposite signs."""
        if self.amount is not None:
            return abs(self.amount) if amount > 0 else -abs(self.amount)
        return _part(amount, 100 if self.percent is None else self.percent)

    def _changed(self, each: Upcoming) -> Upcoming:
        bounds = [
            None if bound is None or self.amount is not None else self.new_amount(bound)
            for bound in (each.least, each.most)
        ]
        return replace(each, amount=self.new_amount(each.amount), least=bounds[0], most=bounds[1])


def _part(amount: int, percent: int) -> int:
    """That percentage of the amount, rounded half away from zero."""
    part = (2 * abs(amount) * percent + 100) // 200
    return part if amount >= 0 else -part


def overlaid(upcoming: Iterable[Upcoming], *, steps: Iterable[Overlay], last: datetime.date) -> list[Upcoming]:
    """What is expected once all steps are taken, in their order."""
    found = list(upcoming)
    for step in steps:
        found = step.apply(found, last=last)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a course comes to in one currency: its lowest point, what is left at the end, and how long money lasts.

    `runway` is the number of days until the accounts together fall below their floors; None where they never do.
    """

    currency: str
    lowest: Point
    end: Point
    runway: int | None
    expected: Sequence[int]


def outcomes(
    *, holdings: Sequence[Holding], upcoming: Sequence[Upcoming], today: datetime.date, days: int
) -> dict[str, Outcome]:
    """The outcome per currency of all accounts together."""
    projections = project(holdings=holdings, upcoming=upcoming, today=today, days=days)
    found: dict[str, Outcome] = {}
    for currency in sorted({each.currency for each in holdings}):
        total = together([each for each in projections if each.holding.currency == currency])
        below = total.below_floor()
        found[currency] = Outcome(
            currency=currency,
            lowest=total.lowest(),
            end=total.point(days),
            runway=(below.date - today).days if below else None,
            expected=total.expected,
        )
    return found
