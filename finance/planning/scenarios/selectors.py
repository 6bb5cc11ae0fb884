"""Reading scenarios, and comparing them with the forecast as it stands."""

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet

from finance.errors import NotFound
from finance.ledger.models import Book
from finance.planning.forecast.selectors import BookForecast
from finance.planning.loans.selectors import LoanState, owed_in, with_extras
from finance.planning.loans.selectors import upcoming as loans_upcoming
from finance.planning.scenarios.models import Scenario, ScenarioStep
from finance.planning.scenarios.overlays import Outcome, Step, outcomes, overlaid
from finance.planning.upcoming import Layer, Upcoming


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One currency of a scenario beside the forecast; differences are the scenario's less the forecast's.

    `owed` is what loans owe on the last day, less what was lent; `interest_saved` is over the whole time of the loans.
    """

    currency: str
    base: Outcome
    changed: Outcome
    owed: int
    owed_changed: int
    interest_saved: int

    @property
    def net(self) -> int:
        """What is left at the end as forecast, less what loans owe by then."""
        return self.base.end.amount - self.owed

    @property
    def net_changed(self) -> int:
        """The same with the scenario."""
        return self.changed.end.amount - self.owed_changed

    @property
    def net_difference(self) -> int:
        return self.net_changed - self.net

    @property
    def lowest_difference(self) -> int:
        return self.changed.lowest.amount - self.base.lowest.amount

    @property
    def end_difference(self) -> int:
        return self.changed.end.amount - self.base.end.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A scenario laid over today's forecast: what is expected then, and what it comes to per currency.

    `without_effect` are steps that change nothing any more: their plan is gone, or their days are over.
    """

    currencies: list[Compared]
    upcoming: list[Upcoming]
    without_effect: list[ScenarioStep]


def scenarios_of(*, book: Book) -> QuerySet[Scenario]:
    """Scenarios of the book with their steps in order."""
    steps = ScenarioStep.objects.select_related("account", "category").order_by("pk")
    return Scenario.objects.filter(book=book).prefetch_related(Prefetch("steps", steps))


def scenario_for(*, book: Book, scenario_id: int) -> Scenario:
    """The book's scenario. Raises NotFound."""
    found = scenarios_of(book=book).filter(pk=scenario_id).first()
    if found is None:
        raise NotFound(thing="scenario")
    found.book = book
    return found


def step_for(*, scenario: Scenario, step_id: int) -> ScenarioStep:
    """A step of the scenario. Raises NotFound."""
    for step in scenario.steps.all():
        if step.pk == step_id:
            return step
    raise NotFound(thing="step")


def extended(*, states: Sequence[LoanState], steps: Sequence[ScenarioStep], today: datetime.date) -> list[LoanState]:
    """The loans as they are with what steps pay more on them from today on; those without such a step stay. Raises Invalid."""
    more: dict[int, list[tuple[datetime.date, int]]] = defaultdict(list)
    ends = {state.loan.pk: state.ends for state in states if not state.loan.is_lent}
    for step in steps:
        if step.kind == Step.EXTRA and step.source_id in ends:
            overlay = step.overlay()
            last = ends[step.source_id] if step.last is None else min(step.last, ends[step.source_id])
            days = overlay.rule.occurrences(max(step.first, today), last) if overlay.rule else []
            more[step.source_id] += [(day, overlay.amount or 0) for day in days]
    return [with_extras(state, more[state.loan.pk]) if more[state.loan.pk] else state for state in states]


def compare(*, steps: Sequence[ScenarioStep], base: BookForecast, loans: Sequence[LoanState]) -> Comparison:
    """The steps over the forecast. Sums are of accounts that have a floor, as those of the forecast are.

    What is paid more on loans comes first, by their tables; then the other steps in their order. Raises Invalid.
    """
    holdings = [each.projection.holding for each in base.accounts if each.projection.holding.floor is not None]
    last = base.today + datetime.timedelta(days=base.days)
    then = extended(states=loans, steps=steps, today=base.today)
    known = {each.account.pk for each in base.accounts}
    changed_loans = [state for state in then if state.extras]
    replaced = {state.loan.pk for state in changed_loans}
    upcoming = [each for each in base.upcoming if each.layer is not Layer.LOAN or each.source_id not in replaced]
    instalments = loans_upcoming(states=changed_loans, first=base.today, last=last)
    upcoming += [each for each in instalments if each.account_id in known]
    idle = [step for step in steps if step.kind == Step.EXTRA and step.source_id not in replaced]
    for step in steps:
        if step.kind == Step.EXTRA:
            continue
        changed = overlaid(upcoming, steps=[step.overlay()], last=last)
        if changed == upcoming:
            idle.append(step)
        upcoming = changed
    before = outcomes(holdings=holdings, upcoming=base.upcoming, today=base.today, days=base.days)
    after = outcomes(holdings=holdings, upcoming=upcoming, today=base.today, days=base.days)

    def of_loans(states: Sequence[LoanState], currency: str) -> tuple[int, int]:
        mine = [state for state in states if state.loan.currency == currency]
        return sum(owed_in(each, last) for each in mine), sum(each.interest_left for each in mine)

    currencies = []
    for currency in before:
        (owed, interest), (owed_then, interest_then) = (of_loans(states, currency) for states in (loans, then))
        currencies.append(
            Compared(
                currency=currency, base=before[currency], changed=after[currency], owed=owed, owed_changed=owed_then,
                interest_saved=interest - interest_then,
            )
        )  # fmt: skip
    return Comparison(currencies=currencies, upcoming=upcoming, without_effect=idle)
