"""The cycle of a credit card: closing days, due days, and what of a statement is paid. Without a database."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from core.texts import gettext as _
from finance.errors import Invalid
from finance.money import MAX_MINOR_UNITS, divided
from finance.periods import WeekendShift, day_in_month, months_later, shifted


class Mode(StrEnum):
    """What of a statement is paid when it is due."""

    FULL = "full"
    MINIMUM = "minimum"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """A statement closes on a day of each month, and is due on the first `due_day` after that.

    Days that a month does not have are its last. A minimum is `percent` of the statement, and at least `amount`; a fixed
    payment is `amount`; none of them is more than the statement. Raises Invalid, which names the field.
    """

    closing_day: int
    due_day: int
    shift: WeekendShift = WeekendShift.NONE
    mode: Mode = Mode.FULL
    percent: Decimal | None = None
    amount: int | None = None
    holidays: str = ""

    def __post_init__(self) -> None:
        for field, day in (("closing_day", self.closing_day), ("due_day", self.due_day)):
            if not 1 <= day <= 31:
                raise Invalid(field=field, reason=_("A day of the month is a number from 1 to 31."))
        if self.percent is not None and not (self.percent.is_finite() and 0 < self.percent <= 100):
            raise Invalid(field="percent", reason=_("A minimum is more than 0 and at most 100 per cent."))
        if self.amount is not None and not 0 < self.amount <= MAX_MINOR_UNITS:
            raise Invalid(field="amount", reason=_("An amount that is paid is more than zero."))
        if self.mode is Mode.FIXED and self.amount is None:
            raise Invalid(field="amount", reason=_("A fixed payment needs its amount."))
        if self.mode is Mode.MINIMUM and self.percent is None and self.amount is None:
            raise Invalid(field="percent", reason=_("A minimum needs a percentage, an amount, or both."))
        if self.mode is not Mode.MINIMUM and self.percent is not None:
            raise Invalid(field="percent", reason=_("Only a minimum has a percentage; leave it out."))
        if self.mode is Mode.FULL and self.amount is not None:
            raise Invalid(field="amount", reason=_("The whole statement is paid; leave the amount out."))

    def closing_before(self, day: datetime.date) -> datetime.date:
        """The latest closing day on or before `day`."""
        closing = day_in_month(day.year, day.month, self.closing_day)
        return closing if closing <= day else self._month(day, -1)

    def next_closing(self, closing: datetime.date) -> datetime.date:
        """The closing day of the month after."""
        return self._month(closing, 1)

    def closings_back(self, day: datetime.date) -> Iterator[datetime.date]:
        """Closing days on or before `day`, the latest first."""
        closing = self.closing_before(day)
        while closing.year > 1900:
            yield closing
            closing = self._month(closing, -1)

    def due(self, closing: datetime.date) -> datetime.date:
        """The nominal day on which the statement of `closing` is due, later than its closing."""
        day = day_in_month(closing.year, closing.month, self.due_day)
        if day <= closing:
            after = months_later(closing.replace(day=1), 1)
            day = day_in_month(after.year, after.month, self.due_day)
        return day

    def paid_on(self, closing: datetime.date) -> datetime.date:
        """The day on which the bank takes it: the due day, moved off weekends and the public holidays of the region."""
        return shifted(self.due(closing), self.shift, self.holidays)

    def payment(self, balance: int) -> int:
        """What of a statement that owes `balance` (minor units) is paid; nothing where nothing is owed."""
        if balance <= 0:
            return 0
        if self.mode is Mode.FULL:
            return balance
        part = Fraction(self.percent or 0) * balance / 100
        least = divided(part.numerator, part.denominator) if self.mode is Mode.MINIMUM else 0
        return min(balance, max(least, self.amount or 0))

    def _month(self, day: datetime.date, months: int) -> datetime.date:
        month = months_later(day.replace(day=1), months)
        return day_in_month(month.year, month.month, self.closing_day)
