"""YNAB's plan (budget) as CSV: for each month and category what was assigned, its activity, and what is available.

Columns: Month, Category Group/Category, Category Group, Category, Assigned (once Budgeted), Activity, Available. What is
available is carried over; what was overspent is not, it lessens what is to assign in the next month.
"""

import datetime
import re
from collections.abc import Callable, Iterable
from decimal import Decimal

from core.texts import gettext as _
from finance.book_import.model import MAX_ENTRIES, SourceBudget, SourceBudgetLine, Tally
from finance.book_import.readers.fields import rows_of
from finance.errors import BookUnreadable

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WORDS = re.compile(r"([A-Za-z]{3})[a-z]{0,6}\.? (\d{4})", re.ASCII)
_NUMBERS = re.compile(r"(\d{4})-(\d{2})(-01)?", re.ASCII)
_CARDS = ("credit card payments", "credit card payment")
_AMOUNTS = ("Assigned", "Budgeted", "Activity", "Available")
MOST_MONTHS = 1200


def budget_of(
    text: str, *, currency: str, key_of: Callable[[str, str], str], amount_of: Callable[[str, str], Decimal],
    own: Iterable[str], until: datetime.date, tally: Tally,
) -> tuple[SourceBudget | None, dict[str, tuple[str, str]], set[str]]:  # fmt: skip
    """The budget, its categories as key → (group, name), and the names of credit cards, which have a category each.

    `key_of` names the account of (group, category), `amount_of` reads (text, where). What the file says is available is
    taken of the latest month up to `until`, the day of the register's last row. Raises BookUnreadable.
    """
    assigned: dict[str, dict[datetime.date, Decimal]] = {}
    available: dict[str, dict[datetime.date, Decimal]] = {}
    categories: dict[str, tuple[str, str]] = {}
    cards: set[str] = set()
    for where, cells in rows_of(text, needs={"Category": _("This is not YNAB's plan.")}, limit=MAX_ENTRIES):
        group, category = cells.get("Category Group", "").strip(), cells["Category"].strip()
        given, left = cells.get("Assigned") or cells.get("Budgeted") or "", cells.get("Available") or ""
        month = _month(cells.get("Month", ""))
        amounts = amount_of(given, where), amount_of(left, where)
        name = f"{group}: {category}" if group else category
        if month is None:
            tally.add(
                _("month of a category in the plan"), _("its month is not known here"), example=cells.get("Month", "")
            )
        elif group.lower() in _CARDS or category.lower().startswith(_CARDS):
            cards.add(category)
            tally.add(
                _("month of a card's payment in the plan"), _("a card counts with what is owed on it"),
                example=f"{cells.get('Month', where)}, {name} "
                + " ".join(f"{title} {cells[title]}" for title in _AMOUNTS if cells.get(title)),
                count=any(amounts),
            )  # fmt: skip
        else:
            key = key_of(group, category)
            categories[key] = (group, category)
            assigned.setdefault(key, {})[month], available.setdefault(key, {})[month] = amounts
    months = sorted({month for by_month in assigned.values() for month in by_month})
    if len(months) > MOST_MONTHS:
        raise BookUnreadable(
            reason=_("The budget has more than %(most)s months, which is the limit.") % {"most": MOST_MONTHS}
        )
    kept = {key for key in categories if any(assigned[key].values()) or any(available[key].values())}
    if not kept:
        return None, {}, cards
    stated = max((month for month in months if month <= until), default=months[0])
    lines = tuple(
        SourceBudgetLine(
            name=": ".join(filter(None, categories[key])),
            account=key,
            amounts=tuple((month, amount) for month, amount in sorted(assigned[key].items()) if amount),
            carries=((None, "surplus"),),
            available=available[key].get(stated),
        )
        for key in categories
        if key in kept
    )
    budget = SourceBudget(
        name=_("Budget"), kind="envelope", currency=currency, lines=lines, starts_on=months[0], own=tuple(own),
        stated_on=stated,
    )  # fmt: skip
    return budget, {key: categories[key] for key in categories if key in kept}, cards


def _month(text: str) -> datetime.date | None:
    """The first day of a month such as "Mar 2026" or "2026-03"."""
    words, numbers = _WORDS.fullmatch(text.strip()), _NUMBERS.fullmatch(text.strip())
    if words and words[1].lower() in _MONTHS:
        year, month = int(words[2]), _MONTHS.index(words[1].lower()) + 1
    elif numbers:
        year, month = int(numbers[1]), int(numbers[2])
    else:
        return None
    return datetime.date(year, month, 1) if 1900 <= year <= 2199 and 1 <= month <= 12 else None
