"""Actual's schedules and budgets (loot-core: shared/schedules.ts, server/budget/envelope.ts and report.ts).

A schedule is a rule that links to it: conditions on payee, account, amount and date (a day, or a recurrence), and
actions that set the category. Budgets are months of categories in hundredths; what is left of an envelope is carried
over, what was overspent only where its carryover flag is set.
"""

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core.texts import gettext as _
from core.texts import gettext_noop
from finance.book_import.model import SourceBudget, SourceBudgetLine, SourceSchedule, SourceSide, Tally
from finance.book_import.readers.fields import day, reason_of
from finance.book_import.readers.sqlite import Tables
from finance.errors import BookUnreadable
from finance.imports.parsers.limits import believable_day
from finance.planning.recurrence import LAST_DAY, LAST_WEEKDAY

SCHEDULE, RULE = gettext_noop("schedule"), gettext_noop("rule")
# Months that no person plans for; each costs a few statements.
MOST_MONTHS = 1200
_UNITS = {"daily": "day", "weekly": "week", "monthly": "month", "yearly": "year"}
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# The days that some months do not have.
_SHORTEST_MONTH = 28
# getApproxNumberThreshold of loot-core's shared/rules.ts.
_ABOUT = Decimal("0.075")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What ids of the database are here: merged categories and payees resolved."""

    category: Mapping[str, str]  # id → key of its account
    payee: Mapping[str, str]  # id → name
    transfer: Mapping[str, str]  # id of a payee → key of the account that it stands for
    uncategorised: Mapping[bool, str]  # whether money comes in → key


def schedules_of(tables: Tables, *, names: Names, currency: str, tally: Tally) -> Iterator[SourceSchedule]:
    """The live schedules; what has no equal is told."""
    rules = {row["id"]: row for row in tables.rows("rules", "id conditions actions tombstone")}
    for row in tables.rows("schedules", "id name rule completed tombstone"):
        if row["tombstone"]:
            continue
        rule = rules.get(row["rule"])
        name = str(row["name"] or "")
        try:
            if row["completed"]:
                raise BookUnreadable(reason=_("it is completed"))
            if rule is None or rule["tombstone"]:
                raise BookUnreadable(reason=_("its rule is not in the file"))
            yield from _schedules(
                name, listed(rule["conditions"]), listed(rule["actions"]), names=names, currency=currency, tally=tally
            )
        except BookUnreadable as error:
            tally.add(SCHEDULE, reason_of(error), example=name or str(row["id"]))


def listed(text: Any) -> list[dict[str, Any]]:
    """The conditions or actions of a rule. Raises BookUnreadable with a reason for the report."""
    try:
        found = json.loads(text, parse_float=Decimal) if isinstance(text, str) else []
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(
        isinstance(each, dict) and all(isinstance(each.get(name), str | None) for name in ("field", "op"))
        for each in found
    ):
        raise BookUnreadable(reason=_("its rule cannot be read"))
    return found


def _schedules(
    name: str, conditions: list[dict[str, Any]], actions: list[dict[str, Any]], *, names: Names, currency: str,
    tally: Tally,
) -> Iterator[SourceSchedule]:  # fmt: skip
    def told(*fields: str) -> dict[str, Any]:
        return next((each for each in conditions if each.get("field") in fields and "value" in each), {})

    payee, account = str(told("description", "payee").get("value")), told("acct", "account").get("value")
    if not isinstance(account, str):
        raise BookUnreadable(reason=_("it names no account"))
    amount, bounds = _amount(told("amount"))
    sides = _sides(actions, payee, amount, names)
    rhythms = list(_rhythms(told("date").get("value"), name, tally))
    title = name or names.payee.get(payee, "") or _("Schedule")
    for number, rhythm in enumerate(rhythms, 1):
        yield SourceSchedule(
            name=title if len(rhythms) == 1 else f"{title} ({number})", account=f"a:{account}", currency=currency,
            amount=amount, bounds=bounds, sides=sides, payee=names.payee.get(payee, ""), **rhythm,
        )  # fmt: skip


def _amount(condition: dict[str, Any]) -> tuple[Decimal, tuple[Decimal, Decimal] | None]:
    """The amount, and its bounds where it is only about that much."""
    value = condition.get("value")
    if isinstance(value, dict):
        ends = sorted((_cents(value.get("num1")), _cents(value.get("num2"))))
        return ((ends[0] + ends[1]) / 2).quantize(Decimal("0.01")), (ends[0], ends[1])
    amount = _cents(value)
    about = (abs(amount) * _ABOUT).quantize(Decimal("0.01"))
    if condition.get("op") == "isapprox" and about:
        return amount, (amount - about, amount + about)
    return amount, None


def _cents(value: Any) -> Decimal:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 10**15:
        raise BookUnreadable(reason=_("it says no amount"))
    return Decimal(value).scaleb(-2)


def _sides(actions: list[dict[str, Any]], payee: str, amount: Decimal, names: Names) -> tuple[SourceSide, ...]:
    """The other sides: the account of a transfer, else the category that its rule sets, or the parts of a split."""
    if payee in names.transfer:
        return (SourceSide(account=names.transfer[payee], amount=None),)
    categories: dict[int, str] = {}
    parts: dict[int, Decimal | None] = {}
    for action in actions:
        options = action.get("options")
        place = (options.get("splitIndex") if isinstance(options, dict) else None) or 0
        if not isinstance(place, int):
            raise BookUnreadable(reason=_("its rule cannot be read"))
        if action.get("op") == "set" and action.get("field") == "category":
            categories[place] = names.category.get(str(action.get("value")), "")
        if action.get("op") == "set-split-amount" and isinstance(options, dict):
            if options.get("method") not in ("fixed-amount", "remainder"):
                raise BookUnreadable(reason=_("it is split by percentages or a formula"))
            parts[place] = _cents(action.get("value")) if options["method"] == "fixed-amount" else None
    usual = names.uncategorised[amount > 0]
    if not parts:
        return (SourceSide(account=categories.get(0) or usual, amount=None),)
    return tuple(
        SourceSide(account=categories.get(place) or usual, amount=None if part is None else -part)
        for place, part in sorted(parts.items())
    )


def _rhythms(value: Any, name: str, tally: Tally) -> Iterator[dict[str, Any]]:
    """When it comes, as fields of SourceSchedule; one schedule cannot have days of the month and weekdays at once."""
    if isinstance(value, str):
        yield {"first": day(value, name), "unit": "day", "count": 1}
        return
    if not isinstance(value, dict) or str(value.get("frequency")) not in _UNITS:
        raise BookUnreadable(reason=_("its days are not known here"))
    first = day(value.get("start"), name)
    shift = str(value.get("weekendSolveMode")) if value.get("skipWeekend") else "none"
    every = value.get("interval") or 1
    if not isinstance(every, int) or shift not in ("none", "before", "after"):
        raise BookUnreadable(reason=_("its days are not known here"))
    rhythm: dict[str, Any] = {"first": first, "unit": _UNITS[value["frequency"]], "every": every, "shift": shift}
    if value.get("endMode") == "after_n_occurrences":
        rhythm["count"] = value.get("endOccurrences")
        if not isinstance(rhythm["count"], int):
            raise BookUnreadable(reason=_("its days are not known here"))
    elif value.get("endMode") == "on_date":
        rhythm["until"] = day(value.get("endDate"), name)
    days, weekdays = _patterns(value.get("patterns") if value["frequency"] == "monthly" else None)
    late = {each for each in days or [first.day] if each > _SHORTEST_MONTH}
    if rhythm["unit"] in ("month", "year") and late - {LAST_DAY if days else 0} and not weekdays:
        tally.add(
            _("schedule on a day that some months do not have"),
            _("Actual leaves those months out, LifeOS takes their last day"),
            example=name,
        )
    # Two days that may both be a month's last are two schedules.
    apart = sum(each >= _SHORTEST_MONTH for each in days) > 1
    by_day = [(each,) for each in days] if apart else [tuple(days)] if days else []
    choices: list[dict[str, Any]] = [{"days": each} for each in by_day]
    choices += [{"weekday": each} for each in weekdays]
    if len(choices) > 1 and "count" in rhythm:
        raise BookUnreadable(reason=_("it has several rhythms and a number of times in all"))
    for choice in choices or [{}]:
        yield rhythm | choice


def _patterns(patterns: Any) -> tuple[list[int], list[tuple[int, int]]]:
    """Days of the month (31 is the last), and (which, weekday) as a rule of ours has them."""
    days, weekdays = set(), []
    for each in patterns if isinstance(patterns, list) else []:
        kind, number = (each.get("type"), each.get("value")) if isinstance(each, dict) else (None, None)
        if not isinstance(number, int) or not -1 <= number <= LAST_DAY or not number:
            raise BookUnreadable(reason=_("its days are not known here"))
        if kind == "day":
            days.add(LAST_DAY if number == -1 else number)
        elif kind in _WEEKDAYS:
            weekdays.append((LAST_WEEKDAY if number == -1 else number, _WEEKDAYS.index(kind)))
        else:
            raise BookUnreadable(reason=_("its days are not known here"))
    return sorted(days), weekdays


def budget_of(
    tables: Tables, table: str, *, name: str, titles: Mapping[str, str], currency: str, income: frozenset[str],
    own: Iterable[str], begins: datetime.date | None, tally: Tally,
) -> SourceBudget | None:  # fmt: skip
    """The budget in that table; None where nothing was ever assigned.

    `titles` are the live categories by id: what a deleted one had was given to another one when it was deleted. `income`
    are the ids of those of income.
    """
    envelope = table == "zero_budgets"
    months = _months_of(tables, table, titles, income if envelope else frozenset(), tally)
    every = {month for by_month in months.values() for month in by_month}
    if len(every) > MOST_MONTHS:
        raise BookUnreadable(
            reason=_("The budget has more than %(most)s months, which is the limit.") % {"most": MOST_MONTHS}
        )
    lines = []
    usual = "surplus" if envelope else "none"
    for key, by_month in months.items():
        if not any(amount or flag for amount, flag in by_month.values()):
            continue
        carries: list[tuple[datetime.date | None, str]] = [(None, usual)]
        for month, (_sum, flag) in sorted(by_month.items()):
            carry = "both" if flag else usual
            if carry != carries[-1][1]:
                carries.append((month, carry))
        amounts = tuple((month, amount) for month, (amount, _flag) in sorted(by_month.items()) if amount)
        lines.append(SourceBudgetLine(name=titles[key], account=f"c:{key}", amounts=amounts, carries=tuple(carries)))
    if not lines:
        return None
    starts = min(every) if begins is None else min(min(every), begins.replace(day=1))
    return SourceBudget(
        name=name, kind="envelope" if envelope else "tracking", currency=currency, lines=tuple(lines),
        starts_on=starts, own=tuple(own) if envelope else (),
    )  # fmt: skip


def _months_of(
    tables: Tables, table: str, titles: Mapping[str, str], income: frozenset[str], tally: Tally
) -> dict[str, dict[datetime.date, tuple[Decimal, bool]]]:
    """(amount, whether all of it is carried over) by category and month; `income` has no envelopes."""
    months: dict[str, dict[datetime.date, tuple[Decimal, bool]]] = {}
    for row in tables.rows(table, "month category amount carryover") if table in tables else ():
        key = str(row["category"])
        month = _month(row["month"])
        if key not in titles or month is None or not isinstance(row["amount"], int | None):
            kind = _("month of a category in the budget")
            tally.add(kind, _("its category was deleted, or its month is none"), count=bool(row["amount"]))
        elif key not in income:
            months.setdefault(key, {})[month] = (Decimal(row["amount"] or 0).scaleb(-2), bool(row["carryover"]))
        elif row["carryover"]:
            tally.add(_("income held for next month"), _("it is free at once here"), example=str(row["month"]))
    return months


def _month(value: Any) -> datetime.date | None:
    try:
        return believable_day(int(value) // 100, int(value) % 100, 1)
    except (ValueError, TypeError):
        return None
