"""Everything that changes scenarios. Nothing of a scenario touches the plan or the books before it is promoted."""

import datetime
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from finance.errors import Conflict, FinanceError, Invalid
from finance.events.plans import ScenarioPromoted, ScenarioRemoved, ScenarioSaved
from finance.ledger.models import Account, AccountType, Book
from finance.planning.loans.models import Loan
from finance.planning.loans.selectors import loan_for, loans_of
from finance.planning.loans.selectors import states_of as loan_states
from finance.planning.loans.services import plan_extras
from finance.planning.recurrence import Unit
from finance.planning.scenarios.models import Scenario, ScenarioStep
from finance.planning.scenarios.overlays import Step
from finance.planning.scenarios.selectors import extended
from finance.planning.schedules import services as schedules
from finance.planning.schedules.definition import AmountKind, CounterLine, Definition
from finance.planning.schedules.models import Schedule
from finance.planning.schedules.selectors import schedule_for
from finance.planning.upcoming import Layer
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
    if step.kind == Step.EXTRA:
        step.layer, step.unit = Layer.LOAN, step.unit or Unit.MONTH
        if step.source_id is not None:
            loan_for(book=scenario.book, loan_id=step.source_id)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """What became of a scenario: the schedules that were made or changed, loans that got extra payments, and steps that
    no plan can express.
    """

    schedules: list[Schedule]
    loans: list[Loan]
    left: list[ScenarioStep]


@transaction.atomic
def promote(*, scenario: Scenario, actor: User | None, today: datetime.date) -> Promoted:
    """Put the steps into the plan, all or none: additions become schedules, changes, ends and delays change schedules,
    and what is paid more on loans becomes planned extra payments.

    A shock, and steps about plans that are no schedules, are left as they are and named. Raises Invalid and Conflict,
    which name the step ("steps.<id>"), where a schedule cannot be made or changed like that.
    """
    _refuse_promoted(scenario)
    Scenario.objects.select_for_update().get(pk=scenario.pk)
    made, left = [], []
    steps = list(scenario.steps.all())
    loans = _planned_extras(scenario.book, [step for step in steps if step.kind == Step.EXTRA], actor, today)
    for step in steps:
        if step.kind == Step.EXTRA:
            if step.source_id not in {loan.pk for loan in loans}:
                left.append(step)
            continue
        is_new = step.kind in (Step.ADD, Step.ONE_OFF)
        if step.kind == Step.SHOCK or not (is_new or step.layer == Layer.SCHEDULE):
            left.append(step)
            continue
        try:
            made.append(_new_schedule(step, actor, today) if is_new else _changed_schedule(step, actor, today))
        except FinanceError as error:
            reason = _("Step “%(step)s”: %(why)s") % {
                "step": step.label or step.get_kind_display(),
                "why": error.detail,
            }
            raise Conflict(field=f"steps.{step.pk}", reason=reason) from error
    if not (made or loans):
        raise Conflict(reason=_("No step of this scenario can become a schedule."))
    scenario.promoted_at, scenario.promoted_by = timezone.now(), actor
    scenario.save(update_fields=["promoted_at", "promoted_by"])
    emit(ScenarioPromoted(book_id=scenario.book_id, scenario_id=scenario.pk))
    return Promoted(schedules=made, loans=loans, left=left)


def _planned_extras(book: Book, steps: list[ScenarioStep], actor: User | None, today: datetime.date) -> list[Loan]:
    found = []
    wanted = {step.source_id for step in steps}
    states = loan_states(book=book, loans=[each for each in loans_of(book=book) if each.pk in wanted], today=today)
    for state in extended(states=states, steps=steps, today=today):
        if state.extras:
            plan_extras(loan=state.loan, actor=actor, extras=state.extras)
            found.append(state.loan)
    return found


def _new_schedule(step: ScenarioStep, actor: User | None, today: datetime.date) -> Schedule:
    if step.category is None:
        raise Invalid(field="category", reason=_("Choose a category first; a schedule needs one."))
    once = step.kind == Step.ONE_OFF
    definition = Definition(
        name=step.label or step.category.name,
        account_id=step.account_id or 0,
        amount=step.amount or 0,
        first=step.first,
        unit=Unit.MONTH if once else Unit(step.unit),
        every=1 if once else step.every,
        count=1 if once else None,
        until=None if once else step.last,
        lines=(CounterLine(account_id=step.category.pk),),
    )
    return schedules.create_schedule(book=step.scenario.book, actor=actor, definition=definition, today=today)


def _changed_schedule(step: ScenarioStep, actor: User | None, today: datetime.date) -> Schedule:
    schedule = schedule_for(book=step.scenario.book, schedule_id=step.source_id or 0)
    before = schedule.definition
    if step.kind == Step.STOP and step.last is None:
        return schedules.end_schedule(schedule=schedule, last=step.first - datetime.timedelta(days=1))
    if step.last is not None:
        # Only some occurrences: each of them is skipped or moved by itself, and has no amount of its own.
        nominals = before.occurrences(max(step.first, today), step.last)
        if step.kind == Step.CHANGE:
            raise Invalid(field="last", reason=_("A schedule cannot have another amount for some days only."))
        for nominal in nominals:
            if step.kind == Step.STOP:
                schedules.skip_occurrence(schedule=schedule, nominal=nominal, actor=actor)
            else:
                to = before.shown(nominal) + datetime.timedelta(days=step.days or 0)
                schedules.move_occurrence(schedule=schedule, nominal=nominal, to=to, actor=actor)
        return schedule
    if step.kind == Step.DELAY:
        following = before.rule.next_after(step.first - datetime.timedelta(days=1))
        if following is None:
            raise Invalid(field="first", reason=_("The schedule has no such day."))
        schedules.end_schedule(schedule=schedule, last=following - datetime.timedelta(days=1))
        later = replace(before, first=following + datetime.timedelta(days=step.days or 0), days=(), weekday=None)
        return schedules.create_schedule(book=schedule.book, actor=actor, definition=later, today=today)
    overlay = step.overlay()
    definition = replace(
        before,
        amount=overlay.new_amount(before.amount),
        least=None if before.least is None or overlay.amount is not None else overlay.new_amount(before.least),
        most=None if before.most is None or overlay.amount is not None else overlay.new_amount(before.most),
        amount_kind=before.amount_kind if overlay.amount is None else AmountKind.FIXED,
        lines=before.lines if len(before.lines) > 1 else (replace(before.lines[0], amount=None),),
    )
    return schedules.change_schedule(schedule=schedule, actor=actor, definition=definition, from_date=step.first)
