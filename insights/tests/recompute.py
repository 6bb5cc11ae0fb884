"""Computes the figures of an insight again from its evidence alone, without the rules' own code.

The calendar of finance.planning is used for rhythms; it has tests of its own.
"""

import datetime
import statistics
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from itertools import count

from finance import money
from finance.planning.recurrence import detect

# How often a year, by the last words of the sentence's name.
PER_YEAR = {
    "day": 365,
    "week": 52,
    "fortnight": 26,
    "twice_a_month": 24,
    "four_weeks": 13,
    "month": 12,
    "two_months": 6,
    "quarter": 4,
    "four_months": 3,
    "half_year": 2,
    "year": 1,
    "two_years": Fraction(1, 2),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of evidence as the API or the page gives it; `amount` in minor units."""

    role: str
    date: datetime.date
    amount: int
    currency: str
    name: str
    expected_on: datetime.date | None = None


def recomputed(kind, template, rows, *, floor=0):
    """The figures by name, as the API gives them. `floor` is the threshold in force."""
    return globals()[f"_{kind}"](template, rows, floor=floor)


def _of(rows, role):
    return [row for row in rows if row.role == role]


def _money(amount, row):
    return {"amount": money.format_amount(int(amount), currency=row.currency), "currency": row.currency}


def _day(date):
    return {"day": date.isoformat()}


def _median(amounts):
    return int(statistics.median([Fraction(amount) for amount in amounts]) // 1)


def _unusual_amount(template, rows, **_):
    [charge] = _of(rows, "subject")
    before = _of(rows, "compared")
    return {
        "amount": _money(charge.amount, charge),
        "usual": _money(_median([row.amount for row in before]), charge),
        "payments": len(before),
        "date": _day(charge.date),
        "payee": charge.name,
    }


def _possible_duplicate(template, rows, **_):
    [amount] = {row.amount for row in rows}
    dates = [row.date for row in rows]
    assert template.endswith("same_day") == (min(dates) == max(dates))
    return {
        "amount": _money(amount, rows[0]),
        "times": len(rows),
        "first_date": _day(min(dates)),
        "date": _day(max(dates)),
        "payee": max(rows, key=lambda row: row.date).name,
    }


def _subscription_price_rise(template, rows, **_):
    [charge] = _of(rows, "subject")
    before = _of(rows, "compared")
    [old] = {row.amount for row in before}
    rise = charge.amount - old
    rhythm = detect(row.date for row in before)
    assert template == f"subscription_price_rise_{rhythm.cadence.name}"
    return {
        "old": _money(old, charge),
        "new": _money(charge.amount, charge),
        "percent": int(Fraction(rise * 100, old) + Fraction(1, 2)),
        "yearly": _money(rise * PER_YEAR[rhythm.cadence.name], charge),
        "date": _day(charge.date),
        "payee": charge.name,
    }


def _category_above_usual(template, rows, **_):
    spendings, months = _of(rows, "subject"), _of(rows, "month")
    [month] = {row.date.strftime("%Y-%m") for row in spendings}
    paid = [row for row in spendings if row.amount > 0]
    return {
        "amount": _money(sum(row.amount for row in spendings), rows[0]),
        "usual": _money(_median([row.amount for row in months]), rows[0]),
        "months": len(months),
        "payments": len(paid),
        "month": {"month": month},
        "date": _day(max(row.date for row in paid)),
        "category": months[0].name,
    }


def _low_balance_ahead(template, rows, *, floor):
    balance, *others = rows
    assert balance.role == "balance"
    expected = [item for group in _groups(others) for item in _items(*group, on=balance.date)]
    changes = defaultdict(int)
    for row in expected:
        changes[row.expected_on] -= row.amount
    then, date = balance.amount, None
    for date in sorted(changes):
        then += changes[date]
        if then < floor:
            break
    assert then < floor <= balance.amount
    assert date == max(changes), "nothing is cited that comes later"
    payments = [row for row in expected if row.amount > 0]
    named = sorted(payments, key=lambda row: (-row.amount, row.expected_on, row.name))[:3]
    return {
        "account": balance.name,
        "balance": _money(balance.amount, balance),
        "balance_then": _money(then, balance),
        "floor": _money(floor, balance),
        "date": _day(date),
        "items": [
            {"name": row.name, "amount": _money(row.amount, row), "date": _day(row.expected_on)}
            for row in sorted(named, key=lambda row: (row.expected_on, row.name))
        ],
        "more": len(payments) - len(named),
    }


def _groups(rows):
    """Each expected item with the earlier payments below it: (expected rows, earlier rows)."""
    groups = []
    for row in rows:
        if row.role == "expected" and (not groups or groups[-1][1]):
            groups.append(([], []))
        elif row.role == "expected" and row.name != groups[-1][0][-1].name:
            groups.append(([], []))  # the one before is written down for its day: nothing is below it
        groups[-1][row.role == "compared"].append(row)
    return groups


def _items(expected, earlier, *, on):
    """The expected rows, after their days and amounts were computed again from the earlier ones."""
    written = [row for row in expected if row.expected_on == row.date]
    assert all(row.expected_on > on for row in written)
    rhythmic = [row for row in expected if row not in written]
    if rhythmic:
        days = defaultdict(int)
        for row in earlier:
            days[row.date] += row.amount
        rhythm = detect(days)
        latest = [days[date] for date in sorted(days)][-max(rhythm.cadence.minimum, 2) :]
        middle = _median(latest)
        steady = all(abs(amount - middle) * 100 <= abs(middle) * 25 for amount in latest)
        amount = latest[-1] if steady else max(latest)  # of income (negative) the least
        tomorrow = on + datetime.timedelta(days=1)
        due = (max(rhythm.expected(step), tomorrow) for step in count(1))
        assert [(row.expected_on, row.amount) for row in sorted(rhythmic, key=lambda row: row.expected_on)] == [
            (date, amount) for _row, date in zip(rhythmic, due, strict=False)
        ]
    return expected
