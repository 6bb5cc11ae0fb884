"""Forecasts with what they take from all slices that plan: schedules, cards, loans, receivables, budgets, goals.

A slice that expects money to move adds a line to SOURCES. Nothing is expected twice: the terms of a loan or card win over
a schedule that pays it, and what schedules and loans will spend comes off the rest of the budget's lines for it.
"""

import datetime
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db import transaction

from finance.errors import Invalid
from finance.ledger.models import Book
from finance.ledger.revisions import current_of
from finance.planning.budgets.selectors import budgets_of, forecast_categories
from finance.planning.budgets.selectors import upcoming as budgets_upcoming
from finance.planning.cards.models import CardTerms
from finance.planning.cards.selectors import cards_of
from finance.planning.cards.selectors import upcoming as cards_upcoming
from finance.planning.forecast.models import Forecast
from finance.planning.forecast.projection import DAYS
from finance.planning.forecast.selectors import HISTORY_DAYS, BookForecast, Payment, Planned, forecast_of
from finance.planning.forecast.services import keep_forecast, score_points
from finance.planning.goals.selectors import set_aside_of
from finance.planning.loans.models import LoanPayment
from finance.planning.loans.payoff import Strategy
from finance.planning.loans.selectors import LoanState, interest_to_come, loans_of, states_of
from finance.planning.loans.selectors import upcoming as loans_upcoming
from finance.planning.scenarios.models import Scenario
from finance.planning.scenarios.repaying import Repayment, repayment
from finance.planning.scenarios.selectors import Compared, Comparison, compare
from finance.planning.schedules.models import Schedule, SchedulePayment
from finance.planning.schedules.selectors import Occurrence, movements_of, open_occurrences, schedules_of
from finance.planning.upcoming import Upcoming
from finance.receivables.selectors import upcoming as receivables_upcoming


class Outlook:
    """What the slices ask of a book from today through `days` days later, each read when first asked for, and once."""

    def __init__(self, *, book: Book, today: datetime.date, days: int = DAYS) -> None:
        self.book, self.today, self.last = book, today, today + datetime.timedelta(days=days)

    @cached_property
    def schedules(self) -> list[Schedule]:
        """All schedules with their accounts."""
        return list(schedules_of(book=self.book))

    @cached_property
    def occurrences(self) -> list[Occurrence]:
        """What schedules still expect, late ones included."""
        return open_occurrences(book=self.book, last=self.last, today=self.today, schedules=self.schedules)

    @cached_property
    def loans(self) -> list[LoanState]:
        """The loans with their tables."""
        return states_of(book=self.book, loans=loans_of(book=self.book), today=self.today)

    @cached_property
    def cards(self) -> list[CardTerms]:
        """The cards that have terms."""
        return cards_of(book=self.book)

    @cached_property
    def repaid(self) -> set[int]:
        """Schedules that pay a loan or a card whose own terms say what is paid from where: these win."""
        if not self.schedules:
            return set()
        by_terms = {state.loan.account_id for state in self.loans if state.loan.pays_from_id}
        by_terms.update(terms.account_id for terms in self.cards if terms.pays_from_id)
        return {each.pk for each in self.schedules if by_terms.intersection(line["account"] for line in each.lines)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A slice that expects money to move; `covers` says what of the past belonged to its plans, so that it is no habit."""

    name: str
    upcoming: Callable[[Outlook], list[Upcoming]]
    covers: Callable[[Outlook], Planned] | None = None


# A payment that is this close to what a schedule expects was probably one before the schedule was written down.
_NEAR_PERCENT = 10


def covered_by_schedules(outlook: Outlook) -> Planned:
    """Entries that paid occurrences, payees of schedules, and payments about the amount of one for its category."""
    book, since = outlook.book, outlook.today - datetime.timedelta(days=HISTORY_DAYS)
    paid = SchedulePayment.objects.filter(book=book, date__gte=since).values_list("entry_id", flat=True)
    payments = []
    payees = set()
    for schedule in outlook.schedules:
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


def covered_by_loans(outlook: Outlook) -> Planned:
    """Entries that paid instalments."""
    since = outlook.today - datetime.timedelta(days=HISTORY_DAYS)
    paid = LoanPayment.objects.filter(book=outlook.book, entry__date__gte=since).values_list("entry_id", flat=True)
    return Planned(entries=frozenset(current_of(book=outlook.book, root_ids=set(paid)).values()))


def covered_by_budgets(outlook: Outlook) -> Planned:
    """Categories of lines whose rest is in the forecast."""
    return Planned(categories=forecast_categories(book=outlook.book))


def schedules_beside_terms(outlook: Outlook) -> list[Upcoming]:
    """What schedules expect, without those that pay a loan or card by its terms."""
    found = [each for each in outlook.occurrences if each.schedule.pk not in outlook.repaid]
    if not found:
        return []
    days = {"first": outlook.today, "last": outlook.last, "today": outlook.today}
    return movements_of(book=outlook.book, occurrences=found, **days)


def cards_in_days(outlook: Outlook) -> list[Upcoming]:
    """What leaves the bank for cards, and reaches them."""
    return cards_upcoming(cards=outlook.cards, first=outlook.today, last=outlook.last, today=outlook.today)


def loans_in_days(outlook: Outlook) -> list[Upcoming]:
    """Instalments, planned extra payments and drawdowns."""
    return loans_upcoming(states=outlook.loans, first=outlook.today, last=outlook.last)


def receivables_in_days(outlook: Outlook) -> list[Upcoming]:
    """Open invoices and dated claims."""
    return receivables_upcoming(book=outlook.book, first=outlook.today, last=outlook.last, today=outlook.today)


def budgets_beside_plans(outlook: Outlook) -> list[Upcoming]:
    """The rest of budgets, less what schedules and loans will spend on the same categories in the same periods."""
    budgets = list(budgets_of(book=outlook.book).exclude(pays_from=None))
    if not budgets:
        return []
    coming: dict[tuple[int, str], list[tuple[datetime.date, int]]] = defaultdict(list)
    for each in outlook.occurrences:
        terms = each.schedule.definition
        try:
            parts = terms.counter_amounts(each.left)
        except Invalid:  # the rest of a part payment is less than the other lines
            continue
        for line, part in zip(terms.lines, parts, strict=True):
            coming[line.account_id, each.schedule.account.currency].append((max(each.date, outlook.today), part))
    for day, category_id, currency, interest in interest_to_come(states=outlook.loans, last=outlook.last):
        coming[category_id, currency].append((day, interest))
    return budgets_upcoming(
        book=outlook.book, budgets=budgets, first=outlook.today, last=outlook.last, today=outlook.today, coming=coming
    )


SOURCES: tuple[Source, ...] = (
    Source(name="schedules", upcoming=schedules_beside_terms, covers=covered_by_schedules),
    Source(name="cards", upcoming=cards_in_days),
    Source(name="loans", upcoming=loans_in_days, covers=covered_by_loans),
    Source(name="receivables", upcoming=receivables_in_days),
    Source(name="budgets", upcoming=budgets_beside_plans, covers=covered_by_budgets),
)


# Sources with days of their own beside schedules, for lists of what is coming.
WITH_DAYS = tuple(source for source in SOURCES if source.name in ("cards", "loans", "receivables"))


def expected_in(outlook: Outlook, *, sources: tuple[Source, ...] | None = None) -> list[Upcoming]:
    """What all slices, or these, expect in the days of the outlook, overdue included."""
    return [each for source in (SOURCES if sources is None else sources) for each in source.upcoming(outlook)]


def expected(*, book: Book, today: datetime.date, days: int = DAYS) -> list[Upcoming]:
    """What all slices expect from today through `days` days later, overdue included."""
    return expected_in(Outlook(book=book, today=today, days=days))


def planned(outlook: Outlook) -> Planned:
    """What all slices cover."""
    found = [source.covers(outlook) for source in SOURCES if source.covers is not None]
    return Planned(
        entries=frozenset().union(*(each.entries for each in found)),
        payees=frozenset().union(*(each.payees for each in found)),
        categories=frozenset().union(*(each.categories for each in found)),
        payments=tuple(payment for each in found for payment in each.payments),
    )


def book_forecast(
    *, book: Book, today: datetime.date, days: int = DAYS, learn: bool = True, outlook: Outlook | None = None
) -> BookForecast:
    """The forecast as it stands now; cheap where a forecast was made in the last days.

    With `learn` false always so: habits that no forecast has learned are left out. `outlook` is one of the same days
    that was read already.
    """
    plans = outlook or Outlook(book=book, today=today, days=days)
    return forecast_of(
        book=book,
        today=today,
        days=days,
        expected=expected_in(plans),
        planned=lambda: planned(plans),
        set_aside=set_aside_of(book=book),
        learn=learn,
    )


def make_forecast(*, book: Book, today: datetime.date) -> Forecast | None:
    """Learn from the past anew, and keep today's forecast; None for a book without accounts to forecast."""
    plans = Outlook(book=book, today=today)
    made = forecast_of(
        book=book,
        today=today,
        expected=expected_in(plans),
        planned=lambda: planned(plans),
        set_aside=set_aside_of(book=book),
        anew=True,
    )
    return keep_forecast(book=book, made=made) if made.accounts else None


def score_forecasts(*, book: Book, today: datetime.date) -> int:
    """Compare what was forecast for days that are over with what came; returns how many figures."""
    plans = Outlook(book=book, today=today)
    return score_points(book=book, today=today, linked=lambda: planned(plans).entries)


@transaction.atomic
def begin_day(*, book: Book, today: datetime.date) -> None:
    """Score what is over and make the forecast of the day that begins; one transaction.

    Begun again, as after a crash, it changes nothing: what was scored is not scored again, and the forecast is there.
    """
    score_forecasts(book=book, today=today)
    if not Forecast.objects.filter(book=book, made_on=today).exists():
        make_forecast(book=book, today=today)


def compare_scenario(*, scenario: Scenario, today: datetime.date, days: int = DAYS) -> Comparison:
    """The scenario beside the forecast as it stands. Raises Invalid."""
    plans = Outlook(book=scenario.book, today=today, days=days)
    base = book_forecast(book=scenario.book, today=today, days=days, outlook=plans)
    return compare(steps=list(scenario.steps.all()), base=base, loans=plans.loans)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyOutcome:
    """An order to pay loans back beside the forecast, in which only instalments are paid; `compared` is in its currency.

    It is None where it was not asked for, and for a book without accounts to forecast in that currency.
    """

    made: Repayment
    compared: Compared | None


def compare_strategies(
    *, book: Book, today: datetime.date, currency: str, extra: int, order: Sequence[int] = (), plans: bool = True
) -> list[StrategyOutcome]:
    """Each strategy with `extra` (minor units) a month; an order of your own where ids of loans are given.

    Without `plans` they are not laid over the forecast, which saves reading it. Raises Invalid.
    """
    outlook = Outlook(book=book, today=today)
    base = book_forecast(book=book, today=today, learn=False, outlook=outlook) if plans else None
    found = []
    for strategy in (each for each in Strategy if order or each is not Strategy.CUSTOM):
        made = repayment(
            book=book, states=outlook.loans, currency=currency, strategy=strategy, extra=extra, today=today, order=order
        )  # fmt: skip
        comparison = compare(steps=made.steps, base=base, loans=outlook.loans) if base else None
        currencies = comparison.currencies if comparison else []
        compared = next((each for each in currencies if each.currency == currency), None)
        found.append(StrategyOutcome(made=made, compared=compared))
    return found
