"""Everything that changes scenarios. Nothing of a scenario touches the plan or the books before it is promoted."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Conflict, Invalid
from finance.events import ScenarioRemoved, ScenarioSaved
from finance.ledger.models import Account, AccountType, Book
from finance.planning.scenarios.models import Scenario, ScenarioStep
from identity.models import User
from platform_outbox.emit import emit

MOST_SCENARIOS = 100
MOST_STEPS = 50
LONGEST_NAME = 120


@transaction.atomic
def save_scenario(
    *,
    book: Book,
    actor: User | None,
    scenario: Scenario | None = None,
    name: str | None = None,
    note: str | None = None,
) -> Scenario:
    """A new scenario, or `scenario` with another name or note. Raises Invalid (name, note) and Conflict."""
    if scenario is None:
        if Scenario.objects.filter(book=book).count() >= MOST_SCENARIOS:
            raise Conflict(reason=_("A book has at most %(most)d scenarios.") % {"most": MOST_SCENARIOS})
        scenario = Scenario(book=book, created_by=actor)
    scenario.name = scenario.name if name is None else name.strip()
    scenario.note = scenario.note if note is None else note.strip()
    if not scenario.name or len(scenario.name) > LONGEST_NAME or "\x00" in scenario.name:
        reason = _("A scenario needs a name of at most %(most)d characters.") % {"most": LONGEST_NAME}
        raise Invalid(field="name", reason=reason)
    if len(scenario.note) > 500 or "\x00" in scenario.note:
        raise Invalid(field="note", reason=_("A note has at most 500 characters."))
    scenario.save()
    emit(ScenarioSaved(book_id=book.pk, scenario_id=scenario.pk))
    return scenario


@transaction.atomic
def remove_scenario(*, scenario: Scenario, actor: User | None) -> None:
    """Remove a scenario with its steps; schedules that it was promoted to stay."""
    event = ScenarioRemoved(book_id=scenario.book_id, scenario_id=scenario.pk)
    scenario.delete()
    emit(event)


@transaction.atomic
def save_step(
    *,
    scenario: Scenario,
    actor: User | None,
    step: ScenarioStep | None = None,
    account: Account | None = None,
    category: Account | None = None,
    **values: Any,
) -> ScenarioStep:
    """A new step at the end, or `step` with other values (fields of ScenarioStep; amounts in minor units of `account`).

    Raises Invalid, which names the field, and Conflict for a promoted scenario or too many steps.
    """
    _refuse_promoted(scenario)
    if step is None:
        if scenario.steps.count() >= MOST_STEPS:
            raise Conflict(reason=_("A scenario has at most %(most)d steps.") % {"most": MOST_STEPS})
        step = ScenarioStep(book_id=scenario.book_id, scenario=scenario)
    step.account, step.category = account, category
    for name, value in values.items():
        setattr(step, name, value)
    if account is not None and account.type not in (AccountType.ASSET, AccountType.LIABILITY):
        raise Invalid(field="account", reason=_("Choose an account of yours, not a category."))
    if category is not None and category.type not in (AccountType.INCOME, AccountType.EXPENSE):
        raise Invalid(field="category", reason=_("Choose a category of income or spending."))
    if "\x00" in step.label or len(step.label) > LONGEST_NAME:
        reason = _("A label has at most %(most)d characters.") % {"most": LONGEST_NAME}
        raise Invalid(field="label", reason=reason)
    if not 1 <= step.every <= 1000:
        raise Invalid(field="every", reason=_("It repeats every 1 to 1,000 units."))
    step.overlay()
    step.save()
    emit(ScenarioSaved(book_id=scenario.book_id, scenario_id=scenario.pk))
    return step


@transaction.atomic
def remove_step(*, step: ScenarioStep, actor: User | None) -> None:
    """Remove a step. Raises Conflict for a promoted scenario."""
    _refuse_promoted(step.scenario)
    event = ScenarioSaved(book_id=step.book_id, scenario_id=step.scenario_id)
    step.delete()
    emit(event)


def _refuse_promoted(scenario: Scenario) -> None:
    if scenario.promoted_at is not None:
        raise Conflict(reason=_("This scenario is in the plan already. Copy it to change it."))


@transaction.atomic
def copy_scenario(*, scenario: Scenario, actor: User | None, name: str) -> Scenario:
    """A new scenario with the same steps, which is not promoted. Raises as `save_scenario`."""
    copied = save_scenario(book=scenario.book, actor=actor, name=name, note=scenario.note)
    for step in scenario.steps.all():
        step.pk, step.scenario = None, copied
        step._state.adding = True
        step.save()
    return copied
