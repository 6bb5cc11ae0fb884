"""Firefly III's recurring transactions, bills, budgets and piggy banks, each from its file of the export.

Columns are those of firefly-iii's ExportDataGenerator, the days of a repetition those of its RecurrenceRepetition
(daily; weekly with the number of the weekday; monthly with the day; ndom with "week,weekday"; yearly with a day).
"""

import calendar
import datetime
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from core.texts import gettext as _
from core.texts import gettext_noop
from finance import money
from finance.book_import.model import (
    MAX_ENTRIES,
    SourceBudget,
    SourceBudgetLine,
    SourceGoal,
    SourceLine,
    SourceSchedule,
    SourceSide,
    Tally,
)
from finance.book_import.readers.fields import day, decimal, reason_of, rows_of
from finance.errors import BookUnreadable

RECURRING, BILL = gettext_noop("recurring transaction"), gettext_noop("bill")
PIGGY, BUDGET = gettext_noop("piggy bank"), gettext_noop("budget")
_EVERY = {
    "daily": ("day", 1), "weekly": ("week", 1), "monthly": ("month", 1), "quarterly": ("month", 3),
    "half-year": ("month", 6), "yearly": ("year", 1),
}  # fmt: skip
# What Firefly III does about a weekend: nothing, leave the payment out, the Friday before, the Monday after.
_WEEKENDS = {"": "none", "1": "none", "2": "none", "3": "before", "4": "after"}
_LEFT_OUT_ON_WEEKENDS = "2"
Cells = dict[str, str]


def _rows(text: str | None, needs: Mapping[str, str]) -> Iterator[tuple[str, Cells]]:
    """The rows of a file, if it is in the export; rows of recurring transactions end behind what they are about."""
    return rows_of(text, needs=needs, limit=MAX_ENTRIES, padded=True) if text else iter(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """The latest transaction of a bill: which account paid it, and where the money went."""

    account: str
    currency: str
    other: str
    payee: str


def recurring_of(
    tables: Mapping[str, str], *, lines_of: Callable[[Cells, str], list[SourceLine]], tally: Tally
) -> Iterator[SourceSchedule]:
    """A schedule for each repetition of a recurring transaction; what has no equal is told.

    `lines_of` makes the lines of a row as of a transaction, the account that pays or is paid first.
    """
    groups: dict[str, list[tuple[str, Cells]]] = defaultdict(list)
    needs = dict.fromkeys(
        ("recurrence_id", "row_contains", "type", "first_date", "type 2", "moment", "amount"),
        _("This is not Firefly III's recurring.csv."),
    )
    for where, cells in _rows(tables.get("recurring"), needs):
        groups[cells["recurrence_id"]].append((where, cells))
    for rows in groups.values():
        head: Cells = next((cells for _w, cells in rows if cells["row_contains"] == "recurrence"), {})
        title = head.get("title", "")
        try:
            yield from _recurring(head, title, rows, lines_of, tally)
        except (BookUnreadable, ValueError) as error:
            tally.add(RECURRING, reason_of(error), example=title)


def _recurring(
    head: Cells, title: str, rows: Sequence[tuple[str, Cells]], lines_of: Callable[[Cells, str], list[SourceLine]],
    tally: Tally,
) -> Iterator[SourceSchedule]:  # fmt: skip
    if head.get("active") in ("", "0"):
        raise BookUnreadable(reason=_("it is switched off"))
    first, until = day(head.get("first_date"), title), head.get("repeat_until")
    count = int(head.get("repetitions") or 0) or None
    repetitions = [cells for _where, cells in rows if cells["row_contains"] == "repetition"]
    parts = [(where, cells) for where, cells in rows if cells["row_contains"] == "transaction"]
    if not parts or not repetitions:
        raise BookUnreadable(reason=_("it has no days or no amounts"))
    if count and len(repetitions) > 1:
        raise BookUnreadable(reason=_("it has several rhythms and a number of times in all"))
    lines = [lines_of({**cells, "type": head["type"], "date": head["first_date"]}, where) for where, cells in parts]
    own = lines[0][0]
    if any(each[0].account != own.account or each[0].currency != own.currency for each in lines):
        raise BookUnreadable(reason=_("its parts are on several accounts"))
    if any(line.currency != own.currency for each in lines for line in each):
        raise BookUnreadable(reason=_("it moves more than one currency"))
    tags = {tag for _where, cells in parts for tag in cells.get("tags", "").split(",") if tag}
    for number, cells in enumerate(repetitions, 1):
        if cells.get("weekend") == _LEFT_OUT_ON_WEEKENDS:
            why = _("Firefly III makes none on a weekend, LifeOS expects it on its day")
            tally.add(_("recurring transaction that leaves out weekends"), why, example=title)
        yield SourceSchedule(
            name=title if len(repetitions) == 1 else f"{title} ({number})", account=own.account, currency=own.currency,
            amount=sum((each[0].amount for each in lines), Decimal(0)),
            sides=tuple(
                SourceSide(account=each[1].account, amount=each[1].amount, memo=each[1].memo) for each in lines
            ),
            until=day(until, title) if until else None, count=count, description=head.get("description", ""),
            tags=tuple(sorted(tags)), shift=_WEEKENDS.get(cells.get("weekend", ""), "none"),
            **_repetition(cells, first),
        )  # fmt: skip


def _repetition(cells: Cells, first: datetime.date) -> dict[str, Any]:
    """Its days, as fields of SourceSchedule; `first` is the earliest that it may be. Raises ValueError."""
    kind, moment = cells.get("type 2", ""), cells.get("moment", "")
    every = int(cells.get("skip") or 0) + 1
    if kind == "daily":
        return {"first": first, "unit": "day", "every": every}
    if kind == "weekly":
        later = (int(moment) - 1 - first.weekday()) % 7
        return {"first": first + datetime.timedelta(days=later), "unit": "week", "every": every}
    if kind == "monthly":
        return {"first": first, "unit": "month", "every": every, "days": (int(moment),)}
    if kind == "ndom":
        which, weekday = (int(part) for part in moment.split(","))
        return {"first": first, "unit": "month", "every": every, "weekday": (which, weekday - 1)}
    if kind == "yearly":
        on = day(moment, kind)
        begins = datetime.date(first.year, on.month, min(on.day, calendar.monthrange(first.year, on.month)[1]))
        if begins < first:
            begins = begins.replace(year=first.year + 1, day=min(begins.day, 28) if begins.month == 2 else begins.day)
        return {"first": begins, "unit": "year", "every": every, "days": (on.day,)}
    raise BookUnreadable(reason=_("its days are not known here"))


def bills_of(tables: Mapping[str, str], *, payments: Mapping[str, Payment], tally: Tally) -> Iterator[SourceSchedule]:
    """Bills as schedules: the account and the category are those of the latest transaction of the bill."""
    needs = dict.fromkeys(
        ("name", "amount_min", "amount_max", "date", "repeat_freq"), _("This is not Firefly III's bills.csv.")
    )
    for where, cells in _rows(tables.get("bills"), needs):
        name = cells["name"].strip()
        try:
            if cells.get("active", "1") in ("", "0", "false"):
                raise BookUnreadable(reason=_("it is switched off"))
            payment = payments.get(name)
            if payment is None:
                raise BookUnreadable(reason=_("no transaction in the file says from which account it is paid"))
            if cells.get("currency_code") not in (None, "", payment.currency):
                raise BookUnreadable(reason=_("it moves more than one currency"))
            unit, every = _EVERY.get(cells["repeat_freq"], ("", 0))
            if not unit:
                raise BookUnreadable(reason=_("its days are not known here"))
            most, least = (-abs(decimal(cells[each], where)) for each in ("amount_max", "amount_min"))
            middle = ((most + least) / 2).quantize(Decimal(1).scaleb(-money.exponent(payment.currency)))
            yield SourceSchedule(
                name=name, account=payment.account, currency=payment.currency, amount=middle,
                bounds=(most, least) if most != least else None, first=day(cells["date"], where), unit=unit,
                every=every * (int(cells.get("skip") or 0) + 1), payee=payment.payee,
                sides=(SourceSide(account=payment.other, amount=None),),
            )  # fmt: skip
        except (BookUnreadable, ValueError) as error:
            tally.add(BILL, reason_of(error), example=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    budget: str
    currency: str
    first: datetime.date
    unit: str
    every: int
    amount: Decimal


def budgets_of(tables: Mapping[str, str], *, tag_of: Callable[[str], str], tally: Tally) -> list[SourceBudget]:
    """A budget with limits for each currency and length of period; its lines are the tags that budgets became."""
    needs = dict.fromkeys(
        ("name", "start_date", "end_date", "currency_code", "amount"), _("This is not Firefly III's budgets.csv.")
    )
    limits: dict[tuple[str, str, int, datetime.date | None], list[_Limit]] = defaultdict(list)
    for where, cells in _rows(tables.get("budgets"), needs):
        name = cells["name"].strip()
        if not cells["start_date"]:
            tally.add(BUDGET, _("it has no amounts"), example=name)
            continue
        first, last = day(cells["start_date"], where), day(cells["end_date"], where)
        length = _length(first, last)
        if length is None:
            why = _("its days are no whole weeks, months or years")
            tally.add(_("amount of a budget"), why, example=f"{name}: {first} – {last}")
            continue
        unit, every = length
        # Weeks and quarters that begin on other days are other budgets.
        phase = None
        if unit == "week":
            phase = datetime.date(2024, 1, 1) + datetime.timedelta(days=first.weekday())
        elif every > 1:
            phase = datetime.date(2024, (first.month - 1) % every + 1, 1)
        amount = decimal(cells["amount"], where)
        limit = _Limit(budget=name, currency=cells["currency_code"], first=first, unit=unit, every=every, amount=amount)
        limits[limit.currency, unit, every, phase].append(limit)
    return [_budget(found, unit, every, phase, tag_of) for (_currency, unit, every, phase), found in limits.items()]


def _budget(
    found: Sequence[_Limit], unit: str, every: int, phase: datetime.date | None, tag_of: Callable[[str], str]
) -> SourceBudget:
    by_name: dict[str, list[tuple[datetime.date, Decimal]]] = defaultdict(list)
    for limit in found:
        by_name[limit.budget].append((limit.first, limit.amount))
    lengths = {
        ("week", 1): _("a week"),
        ("month", 1): _("a month"),
        ("month", 3): _("a quarter"),
        ("month", 6): _("half a year"),
    }
    return SourceBudget(
        name=_("Limits for %(length)s (%(currency)s)")
        % {"length": lengths.get((unit, every), _("a year")), "currency": found[0].currency},
        kind="tracking", currency=found[0].currency, unit=unit, every=every, anchor=phase,
        starts_on=min(limit.first for limit in found),
        lines=tuple(
            SourceBudgetLine(name=name, tag=tag_of(name), amounts=tuple(sorted(amounts)))
            for name, amounts in by_name.items()
        ),
    )  # fmt: skip


def _length(first: datetime.date, last: datetime.date) -> tuple[str, int] | None:
    """The unit and number of a period from `first` to `last`; None where it is none of ours."""
    if (last - first).days == 6:
        return "week", 1
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    whole = first.day == 1 and last.day == calendar.monthrange(last.year, last.month)[1]
    aligned = months > 0 and (first.month - 1) % months == 0
    return (
        {1: ("month", 1), 3: ("month", 3), 6: ("month", 6), 12: ("year", 1)}.get(months) if whole and aligned else None
    )


def goals_of(tables: Mapping[str, str], *, key_of: Callable[[str, str], str], tally: Tally) -> Iterator[SourceGoal]:
    """Piggy banks that are active; `key_of` names the account of (type, name)."""
    needs = dict.fromkeys(
        ("account_name", "account_type", "name", "target_amount", "current_amount"),
        _("This is not Firefly III's piggies.csv."),
    )
    for where, cells in _rows(tables.get("piggies"), needs):
        name = cells["name"].strip()
        if cells.get("active", "1") in ("", "0", "false"):
            tally.add(PIGGY, _("it is switched off"), example=name)
            continue
        target, saved = (decimal(cells[each] or "0", where) for each in ("target_amount", "current_amount"))
        by = cells.get("target_date", "")
        goal = SourceGoal(
            name=name, account=key_of(cells["account_type"].lower(), cells["account_name"].strip()),
            currency=cells.get("currency_code", ""), saved=saved, target=target or None,
        )  # fmt: skip
        yield replace(goal, by=day(by, where)) if by else goal
