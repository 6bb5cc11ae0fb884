"""The summary over a register: what its rows add up to, per month, next to the period before, and as a chart."""

import datetime
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from core.formatting import decimal_mark
from finance import figures, money
from finance.ledger.movements import natural
from finance.ledger.register_sums import RegisterSums, Sums, first_month_of, register_sums
from finance.models import Account, AccountType
from finance.period_texts import period_text
from finance.periods import Period, month_end, months_in, period_token, whole_months
from finance.web.register_filters import FilterForm, with_query

# A chart of days for a few weeks, of months for a few years, of years beyond.
DAYS_SHOWN = 45
MONTHS_SHOWN = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What the rows in one currency come to, as people count it (income and spending positive); minor units.

    `plus` and `minus` (both ≥ 0) make `net`. `average` is per month of `months`, `before` what the rows of the period
    before came to, each None where there is none.
    """

    currency: str
    rows: int
    plus: int
    minus: int
    net: int
    average: int | None = None
    before: int | None = None

    @property
    def change(self) -> int | None:
        """Since the period before."""
        return None if self.before is None else self.net - self.before

    @property
    def percent(self) -> int | None:
        """The change in whole percents of the period before; None where that says nothing."""
        if not self.before or self.change is None or (self.before > 0) != (self.net > 0):
            return None
        percent = _rounded(Fraction(100 * self.change, abs(self.before)))
        return percent if abs(percent) < 1000 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One day, month or year of the chart; `address` shows its rows."""

    text: str
    net: int
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """An account of the register with what its rows come to; `address` shows them."""

    account: Account
    name: str
    net: int
    rows: int
    balance: int | None
    address: str


@dataclass(slots=True, kw_only=True)
class Summary:
    """Everything above the rows. `newest` is set where only that many lines were looked at, back to `read_to`."""

    totals: list[Total]
    words: tuple[str, str, str]
    rows: int = 0
    months_text: str = ""
    before_text: str = ""
    before_address: str = ""
    bars: list[Bar] = field(default_factory=list)
    chart_currency: str = ""
    newest: int | None = None
    read_to: datetime.date | None = None
    sums: RegisterSums = field(default_factory=RegisterSums)

    def chart(self) -> dict[str, Any]:
        """What the chart draws: plain decimals for positions, finished texts for people."""
        return {
            "labels": [bar.text for bar in self.bars],
            "values": [money.format_amount(bar.net, currency=self.chart_currency) for bar in self.bars],
            "texts": [figures.money_text(bar.net, currency=self.chart_currency) for bar in self.bars],
        }


def words_of(type_: AccountType) -> tuple[str, str, str]:
    """What the two directions and the sum are called."""
    if type_ == AccountType.EXPENSE:
        return _("Spent"), _("Paid back"), _("Spending")
    if type_ == AccountType.INCOME:
        return _("Received"), _("Taken back"), _("Income")
    return _("In"), _("Out"), pgettext("of a balance", "Change")


def summary_of(form: FilterForm) -> Summary:
    """The summary of what the form asks for; its sums are those of the rows."""
    scope, days, accounts = form.scope, form.days, form.chosen_accounts()
    by_day = days.is_bounded and days.days() <= DAYS_SHOWN
    sums = register_sums(accounts=accounts, filters=form.filters(), by_day=by_day)
    summary = Summary(
        totals=[],
        words=words_of(scope.type),
        rows=sum(each.rows for each in sums.by_account.values()),
        newest=sums.newest,
        read_to=sums.read_to,
        sums=sums,
    )
    before: dict[str, int] | None = None
    months: Fraction | None = None
    if sums.newest is None and accounts:
        before = _before(form, accounts, summary)
        months = _months(form, accounts, summary)
    for currency, each in sums.totals().items():
        net = natural(each.net, scope.type)
        plus, minus = (each.credit, each.debit) if natural(1, scope.type) < 0 else (each.debit, each.credit)
        summary.totals.append(
            Total(
                currency=currency,
                rows=each.rows,
                plus=plus,
                minus=minus,
                net=net,
                average=None if months is None else _rounded(net / months),
                before=None if before is None else before.get(currency, 0),
            )
        )
    if not summary.totals and len(scope.currencies) == 1:
        known = None if before is None else before.get(scope.currencies[0], 0)
        summary.totals.append(Total(currency=scope.currencies[0], rows=0, plus=0, minus=0, net=0, before=known))
    if sums.newest is None:
        _draw(form, summary, by_day=by_day)
    return summary


def _before(form: FilterForm, accounts: list[Account], summary: Summary) -> dict[str, int] | None:
    """What the same filters find in the period before, of a running period in its same stretch; per currency."""
    earlier = form.days.before()
    if earlier is None:
        return None
    days = form.days.same_stretch(earlier, today=form.today)
    found = register_sums(accounts=accounts, filters=form.filters(days))
    if found.newest is not None:
        return None
    summary.before_text = period_text(days)
    summary.before_address = with_query(form.query, period=period_token(days), start=None, end=None)
    return {currency: natural(each.net, form.scope.type) for currency, each in found.totals().items()}


def _months(form: FilterForm, accounts: list[Account], summary: Summary) -> Fraction | None:
    """Over how many months the average goes: from the first entry or the period's first day to its last or today.

    A month that is cut counts by its days. None for a month or less: its average would be no news.
    """
    oldest = first_month_of(accounts=accounts)
    if form.book.visible_ids is not None:  # lines that are not seen do not count
        oldest = min((day for _currency, day in summary.sums.by_day), default=None)
    if oldest is None:
        return None
    days = form.days
    first = max(days.first, oldest) if days.first else oldest
    latest = month_end(max((day for _currency, day in summary.sums.by_day), default=oldest))
    # Rows of the future count, and so do their months.
    last = latest if latest > month_end(form.today) else form.today
    months = months_in(first, min(days.last, last) if days.last else last)
    if months <= 1:
        return None
    tenths = _rounded(months * 10)
    whole, part = divmod(tenths, 10)
    text = f"{whole}{decimal_mark()}{part}" if part else str(whole)
    summary.months_text = _("over %(months)s months") % {"months": text}
    return months


def _draw(form: FilterForm, summary: Summary, *, by_day: bool) -> None:
    """The bars of the currency with the most rows, without gaps from the first to the last."""
    currency = max(summary.totals, key=lambda total: total.rows).currency if summary.totals else ""
    nets = {day: each.net for (code, day), each in summary.sums.by_day.items() if code == currency}
    if not nets:
        return
    first, last = min(nets), max(nets)
    months = 0 if by_day else 1
    if (last.year - first.year) * 12 + last.month - first.month >= MONTHS_SHOWN:
        months = 12
    periods: dict[datetime.date, int] = {}
    for day, net in nets.items():
        first_day = day.replace(month=1) if months == 12 else day
        periods[first_day] = periods.get(first_day, 0) + net
    summary.chart_currency = currency
    start = min(periods)
    period: Period | None = whole_months(start, months) if months else Period(first=start, last=start)
    while period and period.first and period.first <= max(periods):
        summary.bars.append(
            Bar(
                text=period_text(period),
                net=natural(periods.get(period.first, 0), form.scope.type),
                address=with_query(form.query, **_cut(period, form.days), period=None),
            )
        )
        period = period.after()


def _cut(period: Period, days: Period) -> dict[str, str | None]:
    """The days of a bar that the register shows: its first and last month may be cut."""
    first = max(filter(None, (period.first, days.first)))
    last = min(filter(None, (period.last, days.last)))
    return {"start": first.isoformat(), "end": last.isoformat()}


def inside_of(form: FilterForm, summary: Summary, *, held: dict[int, int] | None) -> list[Inside]:
    """The accounts that make the sums, the largest first; `held` are balances where the accounts have some."""
    base = form.scope.account.name if form.scope.account else ""
    found = []
    for account in form.chosen_accounts():
        sums = summary.sums.by_account.get(account.pk, Sums())
        balance = None if held is None else natural(held.get(account.pk, 0), account.type)
        if not sums.rows and (account.closed_on is not None or not balance):
            continue
        path = form.paths[account.pk]
        name = path.rpartition(f"{base} › ")[2] if base else path
        found.append(
            Inside(
                account=account,
                name=name,
                net=natural(sums.net, account.type),
                rows=sums.rows,
                balance=balance,
                address=with_query(form.query, account=str(account.pk)),
            )
        )
    return sorted(found, key=lambda each: (-abs(each.net), -abs(each.balance or 0), each.name.casefold()))


def _rounded(value: Fraction | int) -> int:
    """To the nearest whole, halves away from zero."""
    value = Fraction(value)
    size = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return size if value >= 0 else -size
