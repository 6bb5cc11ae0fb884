"""An order in which loans are paid back, as the steps of a scenario: what each loan gets beside its instalments, and when."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Conflict, Invalid
from finance.ledger.models import Book
from finance.periods import months_later
from finance.planning.loans.payoff import Payoff, Strategy, ordered, pay_off, stretches
from finance.planning.loans.selectors import LoanState, debts_of, indebted
from finance.planning.recurrence import Unit
from finance.planning.scenarios.models import Scenario, ScenarioStep
from finance.planning.scenarios.overlays import Step
from finance.planning.scenarios.services import save_scenario, save_step
from finance.planning.upcoming import Layer
from identity.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Repayment:
    """One order: the loans in it, how it ends by the simple months of `pay_off`, and its steps, which are not saved."""

    strategy: Strategy
    loans: list[LoanState]
    payoff: Payoff
    steps: list[ScenarioStep]


def repayment(
    *,
    book: Book,
    states: Sequence[LoanState],
    currency: str,
    strategy: Strategy,
    extra: int,
    today: datetime.date,
    order: Sequence[int] = (),
) -> Repayment:
    """Pay `extra` (minor units) more each month from the next month on, in the strategy's order.

    `order` are ids of loans, of an order of your own. Raises Invalid (debts, extra, order).
    """
    owing = indebted(states=states, currency=currency)
    if not owing:
        raise Invalid(field="debts", reason=_("Nothing is owed on a loan in %(currency)s.") % {"currency": currency})
    debts = debts_of(states=owing, currency=currency)
    places = {state.loan.pk: place for place, state in enumerate(owing)}
    # Of a loan that is none of these the order names no place, which `ordered` refuses.
    asked = ordered(debts, strategy, [places.get(pk, -1) for pk in order])
    found = pay_off(debts, extra=extra, order=asked)
    first = months_later(today.replace(day=1), 1)
    steps = [
        ScenarioStep(
            book=book, kind=Step.EXTRA, layer=Layer.LOAN, source_id=owing[place].loan.pk, amount=amount, unit=Unit.MONTH,
            first=months_later(first, begins), last=months_later(first, ends), label=owing[place].loan.name[:120],
        )
        for place, begins, ends, amount in stretches(found.extras)
    ]  # fmt: skip
    return Repayment(strategy=strategy, loans=[owing[place] for place in asked], payoff=found, steps=steps)


@transaction.atomic
def make_scenario(*, book: Book, actor: User | None, made: Repayment, name: str, note: str = "") -> Scenario:
    """Keep the order as a scenario. Raises as `save_scenario` and `save_step`, and Conflict where nothing is paid more."""
    if not made.steps:
        raise Conflict(field="extra", reason=_("Nothing is paid more than agreed: give an amount for each month."))
    scenario = save_scenario(book=book, actor=actor, name=name, note=note)
    for step in made.steps:
        fields = ("kind", "layer", "source_id", "amount", "unit", "first", "last", "label")
        save_step(scenario=scenario, actor=actor, **{field: getattr(step, field) for field in fields})
    return scenario
