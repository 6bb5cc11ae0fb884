"""Reading scenarios, and comparing them with the forecast as it stands."""

from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet

from finance.errors import NotFound
from finance.ledger.models import Book
from finance.planning.forecast.selectors import BookForecast
from finance.planning.scenarios.models import Scenario, ScenarioStep
from finance.planning.scenarios.overlays import Outcome, outcomes, overlaid
from finance.planning.upcoming import Upcoming


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One currency of a scenario beside the forecast; differences are the scenario's less the forecast's."""

    currency: str
    base: Outcome
    changed: Outcome

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

    scenario: Scenario
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


def compare(*, scenario: Scenario, base: BookForecast) -> Comparison:
    """The scenario over the forecast. Sums are of accounts that have a floor, as those of the forecast are."""
    steps = list(scenario.steps.all())
    holdings = [each.projection.holding for each in base.accounts if each.projection.holding.floor is not None]
    last = base.accounts[0].projection.date(base.days) if base.accounts else base.today
    upcoming = base.upcoming
    idle = []
    for step in steps:
        changed = overlaid(upcoming, steps=[step.overlay()], last=last)
        if changed == upcoming:
            idle.append(step)
        upcoming = changed
    before = outcomes(holdings=holdings, upcoming=base.upcoming, today=base.today, days=base.days)
    after = outcomes(holdings=holdings, upcoming=upcoming, today=base.today, days=base.days)
    return Comparison(
        scenario=scenario,
        currencies=[Compared(currency=currency, base=before[currency], changed=after[currency]) for currency in before],
        upcoming=upcoming,
        without_effect=idle,
    )
