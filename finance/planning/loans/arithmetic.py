"""Loans to the cent: a table of payments from the terms of a loan. Without a database, without float.

The level payment is rounded to the unit, the interest of each period too (half away from zero), and the last payment
clears what is left. Payments fall on nominal days; that a bank books them after a weekend changes no interest.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from core.texts import gettext as _
from finance.errors import Invalid
from finance.money import MAX_MINOR_UNITS, divided
from finance.periods import months_later
from finance.planning.loans.day_counts import DayCount, days_between, year_fraction
from finance.planning.recurrence import Recurrence, Unit

# A hundred years of months.
MOST_PAYMENTS = 1200
MOST_CHANGES = 500
MOST_YEARS = 200
_MOST_PERCENT = 1000
_PLACES = Decimal("0.000001")


class Method(StrEnum):
    """How a loan is paid back."""

    ANNUITY = "annuity"
    FIXED_PRINCIPAL = "fixed_principal"
    INTEREST_ONLY = "interest_only"


class Effect(StrEnum):
    """What an extra payment changes: how long the loan runs, or how much each later payment is."""

    SHORTEN = "shorten"
    LOWER = "lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChange:
    """From the day `since` on the loan bears `percent` a year. `payment`, if any, is agreed from then on."""

    since: datetime.date
    percent: Decimal
    payment: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Money beside the payments: an extra payment (above zero), or more of the loan paid out (below zero).

    `while_owed`: left out once nothing is owed any more, instead of refused.
    """

    date: datetime.date
    amount: int
    effect: Effect = Effect.SHORTEN
    while_owed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was agreed. Amounts are minor units, `percent` is a year's interest.

    `payments` is their number; where there is none, the loan runs until the agreed `payment` has cleared it. `payment`
    is interest and principal together, for an annuity; `fee` comes on top of each. The first `grace` payments are only
    interest. Payments come every `every` units from `first_payment` on; the first period may be shorter or longer than
    the others. Raises Invalid, which names the field.
    """

    principal: int
    percent: Decimal
    start: datetime.date
    first_payment: datetime.date
    method: Method = Method.ANNUITY
    payments: int | None = None
    payment: int | None = None
    unit: Unit = Unit.MONTH
    every: int = 1
    day_count: DayCount = DayCount.THIRTY_360
    grace: int = 0
    fee: int = 0
    rates: tuple[RateChange, ...] = ()
    movements: tuple[Movement, ...] = ()

    def __post_init__(self) -> None:
        payments = [("payment", self.payment), *(("rates", each.payment) for each in self.rates)]
        percents = [("percent", self.percent), *(("rates", each.percent) for each in self.rates)]
        checks = [
            (not 0 < self.principal <= MAX_MINOR_UNITS, "principal", _("A loan is more than zero.")),
            (
                self.first_payment <= self.start,
                "first_payment",
                _("The first payment is due after the loan is paid out."),
            ),
            (
                self.start.year < 1900 or self.first_payment.year > 2199,
                "start",
                _("A loan is from the years 1900 to 2199."),
            ),
            (
                self.payments is not None and not 1 <= self.payments <= MOST_PAYMENTS,
                "payments",
                _("The number of payments is from 1 to %(most)d.") % {"most": MOST_PAYMENTS},
            ),
            (
                self.payments is None and (self.payment is None or self.method is not Method.ANNUITY),
                "payments",
                _("Give the number of payments, or for an annuity the payment."),
            ),
            (
                self.payment is not None and self.method is not Method.ANNUITY,
                "payment",
                _("Only an annuity has an agreed payment; leave it out."),
            ),
            (
                not 0 <= self.grace < (self.payments or MOST_PAYMENTS),
                "grace",
                _("Payments of interest alone are fewer than all payments, and not less than 0."),
            ),
            (not 0 <= self.fee <= MAX_MINOR_UNITS, "fee", _("A fee is zero or more.")),
            (
                self.unit not in (Unit.WEEK, Unit.MONTH) or not 1 <= self.every <= 120,
                "every",
                _("Payments are 1 to 120 weeks or months apart."),
            ),
            (
                self.unit in (Unit.WEEK, Unit.MONTH)
                and (self.payments or 0) * self.every > MOST_YEARS * (12 if self.unit is Unit.MONTH else 52),
                "payments",
                _("A loan runs for at most %(most)d years.") % {"most": MOST_YEARS},
            ),
            (
                len(self.rates) > MOST_CHANGES or len(self.movements) > MOST_CHANGES,
                "rates",
                _("A loan has at most %(most)d changes of the rate, and as many extra payments.")
                % {"most": MOST_CHANGES},
            ),
            *(
                (each is not None and not 0 < each <= MAX_MINOR_UNITS, field, _("A payment is more than zero."))
                for field, each in payments
            ),
            *(
                (not is_rate(each), field, _("A rate is from 0 to 1000 per cent a year, with at most 6 decimals."))
                for field, each in percents
            ),
            (
                any(each.since <= self.start for each in self.rates),
                "rates",
                _("A rate changes after the loan is paid out."),
            ),
            (len({each.since for each in self.rates}) < len(self.rates), "rates", _("There is one rate for a day.")),
            (
                any(each.date <= self.start or not 0 < abs(each.amount) <= MAX_MINOR_UNITS for each in self.movements),
                "movements",
                _("An extra payment is later than the day on which the loan is paid out, and not zero."),
            ),
        ]
        for wrong, field, reason in checks:
            if wrong:
                raise Invalid(field=field, reason=reason)

    @property
    def rule(self) -> Recurrence:
        """The nominal days of the payments."""
        return Recurrence(anchor=self.first_payment, unit=self.unit, every=self.every)

    def period_rate(self, percent: Decimal) -> Fraction:
        """The interest of one regular period, as a part of the balance: what a level payment is computed with."""
        year = Fraction(self.every, 12) if self.unit is Unit.MONTH else Fraction(7 * self.every, 365)
        return Fraction(percent) / 100 * year


def is_rate(percent: Decimal) -> bool:
    """Whether it can be the interest of a year: 0 to 1000 per cent, with at most 6 decimals."""
    return percent.is_finite() and 0 <= percent <= _MOST_PERCENT and percent == percent.quantize(_PLACES)


class RowKind(StrEnum):
    """What a row of the table is."""

    PAYMENT = "payment"
    EXTRA = "extra"
    DRAWDOWN = "drawdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A payment, an extra payment or a drawdown, and what is owed after it. `payment` = `interest` + `principal`.

    `number` counts payments from 1; other rows have the number of the payment before them. `days` are the days of
    interest by the convention. `principal` of a drawdown is negative.
    """

    number: int
    kind: RowKind
    date: datetime.date
    days: int
    percent: Decimal
    interest: int
    principal: int
    fee: int
    balance: int

    @property
    def payment(self) -> int:
        """Interest and principal."""
        return self.interest + self.principal

    @property
    def total(self) -> int:
        """What leaves the account: the payment and its fee."""
        return self.payment + self.fee


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All rows of a loan in order of their days; the last balance is 0."""

    rows: tuple[Row, ...]

    @property
    def instalments(self) -> list[Row]:
        """The rows that are payments of the plan."""
        return [row for row in self.rows if row.kind is RowKind.PAYMENT]

    @property
    def interest(self) -> int:
        """All interest."""
        return sum(row.interest for row in self.rows)

    @property
    def fees(self) -> int:
        """All fees."""
        return sum(row.fee for row in self.rows)

    @property
    def level(self) -> int:
        """The first payment that pays back principal and is not the last: what people call the payment."""
        plan = self.instalments
        return next((row.payment for row in plan[:-1] if row.principal and row.number > 1), plan[0].payment)

    def balance_on(self, day: datetime.date, *, principal: int) -> int:
        """What is owed at the end of that day, where `principal` was paid out at first."""
        return next((row.balance for row in reversed(self.rows) if row.date <= day), principal)


def level_payment(*, balance: int, rate: Fraction, periods: int) -> int:
    """The equal payment that clears `balance` in `periods`, `rate` being the interest of one; rounded to the unit.

    The formula of the annuity, P·i·(1+i)ⁿ ÷ ((1+i)ⁿ − 1), in exact fractions.
    """
    if rate == 0:
        return divided(balance, periods)
    growth = (1 + rate) ** periods
    exact = balance * rate * growth / (growth - 1)
    return divided(exact.numerator, exact.denominator)


def amortise(terms: Terms) -> Table:
    """The table of the loan. Raises Invalid where an agreed payment does not cover the interest, or dates do not fit."""
    return Table(rows=tuple(_Run(terms).rows()))


class _Run:
    """The state of a loan while its table is computed, period by period."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.rule = terms.rule
        self.balance = terms.principal
        self.percent = terms.percent
        self.changes: list[RateChange | Movement] = sorted([*terms.rates, *terms.movements], key=_day_of)
        # The payment that is the last by the current plan, and the one that clears the balance whatever it is.
        self.planned = self.clearing = terms.payments
        self.level: int | None = None
        # Whether somebody agreed on the payment: then it stays, and may not cover the interest.
        self.agreed = terms.payment is not None
        self.index = 0
        self.moved: Movement | None = None

    def rows(self) -> Iterator[Row]:
        before = self.terms.start
        while self.balance or any(isinstance(each, Movement) and each.amount < 0 for each in self.changes):
            due = self.rule.at(self.index) if self.index < MOST_PAYMENTS else None
            if due is None or (self.clearing is not None and self.index >= self.clearing):
                raise self._unfit(next((each for each in self.changes if isinstance(each, Movement)), self.moved))
            yield from self._period(before, due)
            before = due
            self.index += 1
            yield from self._changes_until(due, days_before=0)
        for change in self.changes:
            if isinstance(change, Movement) and not change.while_owed:
                raise self._unfit(change)

    def _unfit(self, movement: Movement | None) -> Invalid:
        if movement is not None:
            day = movement.date.isoformat()
            return Invalid(field="movements", reason=_("The loan is paid back before %(day)s.") % {"day": day})
        return Invalid(
            field="payment", reason=_("The loan is not paid back after %(most)d payments.") % {"most": MOST_PAYMENTS}
        )

    def _period(self, before: datetime.date, due: datetime.date) -> Iterator[Row]:
        """Rows of the days after `before` up to the payment on `due`."""
        count, terms = self.terms.day_count, self.terms
        # A whole month is a twelfth of a year even where the 31st begins it and the 28th ends it.
        regular = terms.unit is Unit.MONTH and (
            self.index > 0 or months_later(before, terms.every) == due or months_later(due, -terms.every) == before
        )
        left = year_fraction(first=before, last=due, count=count)
        days = days_between(first=before, last=due, count=count)
        if regular and count.has_equal_months:
            left, days = Fraction(terms.every, 12), 30 * terms.every
        accrued, since = Fraction(0), before
        while self.changes and (day := _day_of(self.changes[0])) < due:
            part = year_fraction(first=since, last=day, count=count)
            accrued += self.balance * Fraction(self.percent) * part
            left, since = left - part, day
            yield from self._changes_until(day, days_before=days_between(first=before, last=day, count=count))
        accrued = (accrued + self.balance * Fraction(self.percent) * max(left, Fraction(0))) / 100
        interest = divided(accrued.numerator, accrued.denominator)
        if not self.balance and not interest:
            # An extra payment cleared it on the very first day of the period.
            return
        principal = self._principal(interest)
        self.balance -= principal
        yield Row(
            number=self.index + 1, kind=RowKind.PAYMENT, date=due, days=days, percent=self.percent, interest=interest,
            principal=principal, fee=terms.fee, balance=self.balance,
        )  # fmt: skip

    def _principal(self, interest: int) -> int:
        """What the payment that is due now takes off the balance."""
        terms = self.terms
        if self.clearing == self.index + 1:
            return self.balance
        if self.index < terms.grace or terms.method is Method.INTEREST_ONLY:
            return 0
        level = self._settled()
        if terms.method is Method.FIXED_PRINCIPAL:
            return min(self.balance, level)
        if level <= interest if self.clearing is None else self.agreed and level < interest:
            raise Invalid(
                field="payment",
                reason=_("Payment %(number)d does not cover its interest.") % {"number": self.index + 1},
            )
        # Where a long first period bears more interest than a payment, that is paid, and nothing of the principal.
        return min(self.balance, max(0, level - interest))

    def _settled(self) -> int:
        """The payment of the plan, computed when it is first needed."""
        if self.level is None:
            self.level = self.terms.payment if self.terms.payment is not None else self._spread()
        return self.level

    @property
    def _first(self) -> int:
        """Index of the next payment that pays back principal."""
        return max(self.index, self.terms.grace)

    def _spread(self) -> int:
        """The payment (of a fixed principal: its principal) for what is owed over the payments that are left."""
        assert self.planned is not None
        periods = self.planned - self._first
        if self.terms.method is Method.FIXED_PRINCIPAL:
            return divided(self.balance, periods)
        return level_payment(balance=self.balance, rate=self.terms.period_rate(self.percent), periods=periods)

    def _changes_until(self, day: datetime.date, *, days_before: int) -> Iterator[Row]:
        """Carry out what changes on or before `day`; on the day of a payment that is after it."""
        while self.changes and _day_of(self.changes[0]) <= day:
            change = self.changes.pop(0)
            if isinstance(change, RateChange):
                self.percent = change.percent
                if change.payment is not None and self.terms.method is Method.ANNUITY:
                    self.level, self.agreed = change.payment, True
                elif self.level is not None and not self.agreed and self.terms.method is Method.ANNUITY:
                    self._recompute()
                continue
            if not self.balance and change.while_owed:
                continue
            is_over = self.planned is not None and self._first >= self.planned
            if (not self.balance and change.amount > 0) or (is_over and change.amount < 0):
                raise self._unfit(change)
            self.moved = change
            # What is paid too much does not go below zero: it is what was owed.
            amount = min(change.amount, self.balance)
            if self.terms.method is not Method.INTEREST_ONLY and amount < self.balance:
                self._settled()
                if self.planned is None:
                    self.planned = self._first + self._payments_left()
                self.balance -= amount
                if change.effect is Effect.LOWER or amount < 0:
                    self._recompute(change)
                else:
                    self.planned = self._first + self._payments_left()
            else:
                self.balance -= amount
            yield Row(
                number=self.index, kind=RowKind.EXTRA if amount > 0 else RowKind.DRAWDOWN, date=change.date,
                days=days_before, percent=self.percent, interest=0, principal=amount, fee=0, balance=self.balance,
            )  # fmt: skip

    def _recompute(self, movement: Movement | None = None) -> None:
        """Spread what is owed over the payments that the plan has left."""
        if not self.balance:
            return
        if self.planned is None or self.planned <= self._first:
            raise self._unfit(movement)
        self.level, self.clearing = self._spread(), self.planned

    def _payments_left(self) -> int:
        """How many payments of the present size clear what is owed."""
        level = self.level or 0
        left = MOST_PAYMENTS if self.clearing is None else self.clearing - self._first
        if self.terms.method is Method.FIXED_PRINCIPAL:
            return min(left, -(-self.balance // level)) if level else left
        rate, balance = self.terms.period_rate(self.percent), self.balance
        for count in range(1, left + 1):
            exact = balance * rate
            balance -= level - divided(exact.numerator, exact.denominator)
            if balance <= 0:
                return count
        return left


def _day_of(change: RateChange | Movement) -> datetime.date:
    return change.since if isinstance(change, RateChange) else change.date
