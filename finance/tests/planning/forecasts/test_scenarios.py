"""Scenarios of a book: compared with the forecast as it stands, and promoted to schedules."""

import datetime
from datetime import date

import pytest

from finance.errors import Conflict, Invalid, NotFound
from finance.events.plans import ScenarioPromoted, ScenarioRemoved, ScenarioSaved
from finance.forecasts import Outlook, book_forecast, compare_scenario, schedules_beside_terms
from finance.models import Scenario, Schedule, ScheduleOccurrence
from finance.planning.scenarios import selectors, services
from finance.tests.planning.forecasts.conftest import TODAY
from finance.tests.planning.schedules.conftest import plan  # noqa: F401 (a fixture)

pytestmark = pytest.mark.django_db


@pytest.fixture
def scenario(book, owner):
    return services.save_scenario(book=book, actor=owner, name="New flat")


@pytest.fixture
def rent(plan):  # noqa: F811
    return plan(-700_00, "2026-03-31", today="2026-03-15")


def compared(scenario, **more):
    fresh = selectors.scenario_for(book=scenario.book, scenario_id=scenario.pk)
    return compare_scenario(scenario=fresh, today=TODAY, **more)


def test_a_scenario_is_compared_and_changes_nothing(scenario, rent, fund, owner, accounts, book):
    fund(3_000_00)
    add(scenario, owner, "change", date(2026, 5, 1), source_id=rent.pk, amount=-900_00)
    add(scenario, owner, "one_off", date(2026, 5, 2), account=accounts.checking, amount=-500_00, label="Deposit")
    [euros] = compared(scenario, days=90).currencies
    assert (euros.base.end.amount, euros.changed.end.amount) == (900_00, 200_00)
    assert (euros.lowest_difference, euros.end_difference) == (-700_00, -700_00)
    assert (euros.base.runway, euros.changed.runway) == (None, None)
    [longer] = compared(scenario, days=200).currencies
    assert (longer.base.runway, longer.changed.runway) == (138, 107)  # 31 July, 30 June
    assert book_forecast(book=book, today=TODAY, days=90).totals()["EUR"].expected[90] == 900_00


def add(scenario, owner, kind, first, *, account=None, category=None, **values):
    fresh = selectors.scenario_for(book=scenario.book, scenario_id=scenario.pk)
    return services.save_step(
        scenario=fresh, actor=owner, account=account, category=category, kind=kind, first=first, **values
    )


def test_steps_without_effect_are_named(scenario, rent, fund, owner):
    gone = add(scenario, owner, "stop", date(2026, 5, 1), source_id=rent.pk + 1)
    add(scenario, owner, "stop", date(2026, 5, 1), source_id=rent.pk)
    assert compared(scenario).without_effect == [gone]


def test_promoting_makes_and_changes_schedules(scenario, rent, fund, owner, accounts, book, outbox):
    fund(3_000_00)
    add(scenario, owner, "change", date(2026, 5, 1), source_id=rent.pk, amount=-900_00)
    add(scenario, owner, "add", date(2026, 4, 10), account=accounts.checking, category=accounts.groceries,
        amount=-40_00, unit="week", every=2, label="Box")  # fmt: skip
    add(scenario, owner, "one_off", date(2026, 5, 2), account=accounts.checking, category=accounts.rent, amount=-500_00)
    shock = add(scenario, owner, "shock", date(2026, 5, 1), flow="income", percent=70)
    before = [(each.date, each.amount) for each in compared(scenario, days=120).upcoming]
    fresh = selectors.scenario_for(book=book, scenario_id=scenario.pk)
    done = services.promote(scenario=fresh, actor=owner, today=TODAY)
    assert (len(done.schedules), done.left) == (3, [shock])
    last = TODAY + datetime.timedelta(days=120)
    real = schedules_beside_terms(Outlook(book=book, today=TODAY, days=(last - TODAY).days))
    assert sorted(before) == sorted((each.date, each.amount) for each in real)
    assert len(outbox.of(ScenarioPromoted)) == 1
    with pytest.raises(Conflict, match="in the plan already"):
        services.promote(scenario=selectors.scenario_for(book=book, scenario_id=scenario.pk), actor=owner, today=TODAY)
    copied = services.copy_scenario(scenario=fresh, actor=owner, name="Again")
    assert (copied.steps.count(), copied.promoted_at) == (4, None)


def test_promoting_ends_delays_and_skips(scenario, rent, plan, owner, book):  # noqa: F811
    gym = plan(-30_00, "2026-04-01", name="Gym")
    add(scenario, owner, "stop", date(2026, 6, 1), source_id=rent.pk)
    add(scenario, owner, "stop", date(2026, 5, 1), last=date(2026, 5, 31), source_id=gym.pk)
    fresh = selectors.scenario_for(book=book, scenario_id=scenario.pk)
    services.promote(scenario=fresh, actor=owner, today=TODAY)
    assert Schedule.objects.get(pk=rent.pk).until == date(2026, 5, 31)
    assert ScheduleOccurrence.objects.get().nominal == date(2026, 5, 1)


def test_all_steps_or_none_are_promoted(scenario, rent, owner, accounts, book):
    add(scenario, owner, "stop", date(2026, 6, 1), source_id=rent.pk)
    add(scenario, owner, "one_off", date(2026, 5, 2), account=accounts.checking, amount=-500_00, label="Deposit")
    fresh = selectors.scenario_for(book=book, scenario_id=scenario.pk)
    with pytest.raises(Conflict, match=r"Deposit.*category"):
        services.promote(scenario=fresh, actor=owner, today=TODAY)
    assert Schedule.objects.get(pk=rent.pk).until is None
    assert Scenario.objects.get().promoted_at is None


def test_refusals_and_events(scenario, owner, accounts, book, outbox):
    with pytest.raises(Invalid, match="not a category"):
        add(scenario, owner, "one_off", TODAY, account=accounts.rent, amount=1)
    with pytest.raises(Invalid, match="name of at most"):
        services.save_scenario(book=book, actor=owner, name=" ")
    step = add(scenario, owner, "one_off", TODAY, account=accounts.checking, amount=1)
    services.remove_step(step=step, actor=owner)
    with pytest.raises(NotFound):
        selectors.step_for(scenario=scenario, step_id=step.pk or 1)
    services.remove_scenario(scenario=scenario, actor=owner)
    assert (len(outbox.of(ScenarioSaved)), len(outbox.of(ScenarioRemoved))) == (3, 1)
