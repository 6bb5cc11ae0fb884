"""Forecasts with what they take from all slices that plan: schedules, cards, loans, receivables, budgets, goals.

A slice that expects money to move adds a line to SOURCES. Nothing is expected twice: the terms of a loan or card win over
a schedule that pays it, and what schedules and loans will spend comes off the rest of the budget's lines for it.
"""

import datetime
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from core.clock import today_in
from finance.errors import Invalid
from finance.ledger.models import Book
from finance.ledger.revisions import current_of
from finance.planning.budgets.selectors import budgets_of, forecast_categories
from finance.planning.budgets.selectors import upcoming as budgets_upcoming
from finance.planning.cards.models import CardTerms
from finance.planning.cards.selectors import upcoming as cards_upcoming
from finance.planning.forecast.models import Forecast
from finance.planning.forecast.projection import DAYS
from finance.planning.forecast.selectors import HISTORY_DAYS, BookForecast, Payment, Planned, forecast_of
from finance.planning.forecast.services import keep_forecast, score_points
from finance.planning.goals.selectors import set_aside_of
from finance.planning.loans.models import Loan, LoanPayment
from finance.planning.loans.selectors import interest_to_come
from finance.planning.loans.selectors import upcoming as loans_upcoming
from finance.planning.scenarios.models import Scenario
from finance.planning.scenarios.selectors import Comparison, compare
from finance.planning.schedules.models import SchedulePayment
from finance.planning.schedules.selectors import open_occurrences, schedules_of
from finance.planning.schedules.selectors import upcoming as schedules_upcoming
from finance.planning.upcoming import Upcoming
from finance.receivables.selectors import upcoming as receivables_upcoming


class Expecting(Protocol):
    """What a slice expects from `first` to `last`, and what is overdue; dates are days of the book."""

    def __call__(
        self, *, book: Book, first: datetime.date, last: datetime.date, today: datetime.date
    ) -> list[Upcoming]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A slice that expects money to move; `covers` says what of the past belonged to its plans, so that it is no habit."""

    name: str
    upcoming: Expecting
    covers: Callable[[Book], Planned] | None = None


# A payment that is this close to what a schedule expects was probably one before the schedule was written down.
_NEAR_PERCENT = 10


def covered_by_schedules(book: Book) -> Planned:
    """Entries that paid occurrences, payees of schedules, and payments about the amount of one for its category."""
    since = today_in(book) - datetime.timedelta(days=HISTORY_DAYS)
    paid = SchedulePayment.objects.filter(book=book, date__gte=since).values_list("entry_id", flat=True)
    payments = []
    payees = set()
    for schedule in schedules_of(book=book):
        if schedule.payee:
            payees.add(schedule.payee.lower())
        near = abs(schedule.amount) * _NEAR_PERCENT // 100
        payments += [
            Payment(
                account_id=schedule.account_id,
                category_id=line["account"],
                least=min(schedule.amount - near, schedule.amount if schedule.least is None else schedule.least),
                most=max(schedule.amount + near, schedule.amount if schedule.most is None else schedule.most),
            )
            for line in schedule.lines
        ]
    entries = current_of(book=book, root_ids=set(paid)).values()
    return Planned(entries=frozenset(entries), payees=frozenset(payees), payments=tuple(payments))


def covered_by_loans(book: Book) -> Planned:
    """Entries that paid instalments."""
    paid = LoanPayment.objects.filter(
        book=book, entry__date__gte=today_in(book) - datetime.timedelta(days=HISTORY_DAYS)
    )
    return Planned(
        entries=frozenset(current_of(book=book, root_ids=set(paid.values_list("entry_id", flat=True))).values())
    )


def covered_by_budgets(book: Book) -> Planned:
    """Categories of lines whose rest is in the forecast."""
    return Planned(categories=forecast_categories(book=book))


def repaid_by_terms(*, book: Book) -> set[int]:
    """Schedules that pay a loan or a card whose own terms say what is paid from where: these win."""
    by_terms = set(Loan.objects.filter(book=book, pays_from__isnull=False).values_list("account", flat=True))
    by_terms.update(CardTerms.objects.filter(book=book, pays_from__isnull=False).values_list("account", flat=True))
    if not by_terms:
        return set()
    schedules = schedules_of(book=book)
    return {each.pk for each in schedules if by_terms.intersection(line["account"] for line in each.lines)}


def schedules_beside_terms(
    *, book: Book, first: datetime.date, last: datetime.date, today: datetime.date
) -> list[Upcoming]:
    """What schedules expect, without those that `repaid_by_terms` names."""
    found = schedules_upcoming(book=book, first=first, last=last, today=today)
    repaid = repaid_by_terms(book=book) if found else set()
    return [each for each in found if each.source_id not in repaid]


def budgets_beside_plans(
    *, book: Book, first: datetime.date, last: datetime.date, today: datetime.date
) -> list[Upcoming]:
    """The rest of budgets, less what schedules and loans will spend on the same categories in the same periods."""
    if not budgets_of(book=book).exclude(pays_from=None).exists():
        return []
    coming: dict[tuple[int, str], list[tuple[datetime.date, int]]] = defaultdict(list)
    for each in open_occurrences(book=book, last=last, today=today):
        try:
            parts = each.schedule.definition.counter_amounts(each.left)
        except Invalid:  # the rest of a part payment is less than the other lines
            continue
        for line, part in zip(each.schedule.definition.lines, parts, strict=True):
            coming[line.account_id, each.schedule.account.currency].append((max(each.date, today), part))
    for day, category_id, currency, interest in interest_to_come(book=book, last=last, today=today):
        coming[category_id, currency].append((day, interest))
    return budgets_upcoming(book=book, first=first, last=last, today=today, coming=coming)


SOURCES: tuple[Source, ...] = (
    Source(name="schedules", upcoming=schedules_beside_terms, covers=covered_by_schedules),
    Source(name="cards", upcoming=cards_upcoming),
    Source(name="loans", upcoming=loans_upcoming, covers=covered_by_loans),
    Source(name="receivables", upcoming=receivables_upcoming),
    Source(name="budgets", upcoming=budgets_beside_plans, covers=covered_by_budgets),
)


# Sources with days of their own beside schedules, for lists of what is coming.
WITH_DAYS = tuple(source for source in SOURCES if source.name in ("cards", "loans", "receivables"))


def expected(
    *, book: Book, today: datetime.date, days: int = DAYS, sources: tuple[Source, ...] | None = None
) -> list[Upcoming]:
    """What all slices expect from today through `days` days later, overdue included."""
    last = today + datetime.timedelta(days=days)
    found: list[Upcoming] = []
    for source in SOURCES if sources is None else sources:
        found += source.upcoming(book=book, first=today, last=last, today=today)
    return found


def planned(*, book: Book) -> Planned:
    """What all slices cover."""
    found = [source.covers(book) for source in SOURCES if source.covers is not None]
    return Planned(
        entries=frozenset().union(*(each.entries for each in found)),
        payees=frozenset().union(*(each.payees for each in found)),
        categories=frozenset().union(*(each.categories for each in found)),
        payments=tuple(payment for each in found for payment in each.payments),
    )


def book_forecast(*, book: Book, today: datetime.date, days: int = DAYS, learn: bool = True) -> BookForecast:
    """The forecast as it stands now; cheap where a forecast was made in the last days.

    With `learn` false always so: habits that no forecast has learned are left out.
    """
    return forecast_of(
        book=book,
        today=today,
        days=days,
        expected=expected(book=book, today=today, days=days),
        planned=lambda: planned(book=book),
        set_aside=set_aside_of(book=book),
        learn=learn,
    )


def make_forecast(*, book: Book, today: datetime.date) -> Forecast | None:
    """Learn from the past anew, and keep today's forecast; None for a book without accounts to forecast."""
    made = forecast_of(
        book=book,
        today=today,
        expected=expected(book=book, today=today),
        planned=lambda: planned(book=book),
        set_aside=set_aside_of(book=book),
        anew=True,
    )
    return keep_forecast(book=book, made=made) if made.accounts else None


def score_forecasts(*, book: Book, today: datetime.date) -> int:
    """Compare what was forecast for days that are over with what came; returns how many figures."""
    return score_points(book=book, today=today, linked=lambda: planned(book=book).entries)


def compare_scenario(*, scenario: Scenario, today: datetime.date, days: int = DAYS) -> Comparison:
    """The scenario beside the forecast as it stands."""
    return compare(scenario=scenario, base=book_forecast(book=scenario.book, today=today, days=days))
