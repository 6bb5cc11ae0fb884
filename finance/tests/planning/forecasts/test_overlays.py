"""Scenarios: what each kind of step does, and how courses are compared."""

import datetime
from datetime import date

import pytest

from finance.errors import Invalid
from finance.planning.forecast.projection import Holding
from finance.planning.recurrence import Recurrence, Unit
from finance.planning.scenarios.overlays import Flow, Overlay, Step, outcomes, overlaid
from finance.planning.upcoming import Layer, Upcoming

TODAY = date(2026, 1, 1)
LAST = date(2026, 6, 30)


def monthly(source: int, amount: int, *, account: int = 1, layer: Layer = Layer.SCHEDULE) -> list[Upcoming]:
    return [
        Upcoming(
            date=day, nominal=day, account_id=account, amount=amount, currency="EUR", layer=layer, label="x",
            source_id=source, least=amount * 2 if amount < 0 else None,
        )
        for day in Recurrence(anchor=date(2026, 1, 31), unit=Unit.MONTH).occurrences(TODAY, LAST)
    ]  # fmt: skip


def amounts(upcoming: list[Upcoming]) -> list[int]:
    return [each.amount for each in upcoming]


def course(*steps: Overlay, upcoming: list[Upcoming]) -> list[Upcoming]:
    return overlaid(upcoming, steps=steps, last=LAST)


def test_change_stop_and_delay_hold_from_a_day_on_for_one_plan():
    rent, other = monthly(1, -500), monthly(2, -7)
    march = date(2026, 3, 1)
    found = course(Overlay(step=Step.CHANGE, first=march, source_id=1, amount=-600), upcoming=[*rent, *other])
    assert amounts(found) == [-500, -500, -600, -600, -600, -600] + [-7] * 6
    assert found[2].least is None
    found = course(Overlay(step=Step.STOP, first=march, source_id=1), upcoming=[*rent, *other])
    assert amounts(found) == [-500, -500] + [-7] * 6
    [late] = course(Overlay(step=Step.DELAY, first=march, source_id=1, days=10, last=march + datetime.timedelta(days=30)),
                    upcoming=rent[2:3])  # fmt: skip
    assert (late.date, late.nominal) == (date(2026, 4, 10), date(2026, 3, 31))


def test_a_change_keeps_both_sides_of_a_transfer():
    pair = [*monthly(1, -100)[:1], *monthly(1, 100, account=2)[:1]]
    assert amounts(course(Overlay(step=Step.CHANGE, first=TODAY, source_id=1, amount=-80), upcoming=pair)) == [-80, 80]


def test_a_shock_strikes_one_direction_and_leaves_what_is_certain():
    both = [
        *monthly(1, 1001),
        *monthly(2, -500),
        *monthly(3, 50, layer=Layer.ENTERED),
        *monthly(4, 9, layer=Layer.CARD),
    ]
    shock = Overlay(step=Step.SHOCK, first=date(2026, 2, 1), last=date(2026, 4, 30), flow=Flow.INCOME, percent=50)
    found = amounts(course(shock, upcoming=both))
    assert found == [1001, 501, 501, 501, 1001, 1001] + [-500] * 6 + [50] * 6 + [9] * 6
    spending = Overlay(step=Step.SHOCK, first=TODAY, flow=Flow.SPENDING, percent=110)
    dearer = course(spending, upcoming=monthly(2, -500))[0]
    assert (dearer.amount, dearer.least) == (-550, -1100)


def test_additions():
    rule = Recurrence(anchor=date(2026, 1, 15), unit=Unit.MONTH)
    new = {"account_id": 1, "currency": "EUR", "amount": -40, "label": "Gym"}
    added = course(
        Overlay(step=Step.ADD, first=date(2026, 2, 1), last=date(2026, 4, 30), rule=rule, **new), upcoming=[]
    )
    assert [each.date for each in added] == [date(2026, 2, 15), date(2026, 3, 15), date(2026, 4, 15)]
    [once] = course(Overlay(step=Step.ONE_OFF, first=date(2026, 5, 5), **new), upcoming=[])
    assert (once.date, once.amount, once.label) == (date(2026, 5, 5), -40, "Gym")


def test_courses_are_compared_on_lowest_point_end_and_runway():
    holdings = [Holding(account_id=1, currency="EUR", balance=1_000), Holding(account_id=2, currency="USD", balance=5)]
    plain = {"holdings": holdings, "today": TODAY, "days": 180}
    base = outcomes(upcoming=monthly(1, -100), **plain)
    assert (base["EUR"].lowest.amount, base["EUR"].end.amount, base["EUR"].runway) == (400, 400, None)
    assert base["USD"].end.amount == 5
    worse = course(Overlay(step=Step.CHANGE, first=TODAY, source_id=1, percent=300), upcoming=monthly(1, -100))
    found = outcomes(upcoming=worse, **plain)["EUR"]
    assert (found.lowest.amount, found.runway) == (-800, (date(2026, 4, 30) - TODAY).days)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"step": Step.ADD, "amount": 1}, "account"),
        ({"step": Step.ONE_OFF, "account_id": 1, "amount": 0}, "amount"),
        ({"step": Step.ADD, "account_id": 1, "amount": 1}, "unit"),
        ({"step": Step.SHOCK, "percent": 1}, "flow"),
        ({"step": Step.SHOCK, "flow": Flow.INCOME}, "percent"),
        ({"step": Step.SHOCK, "flow": Flow.INCOME, "percent": 1001}, "percent"),
        ({"step": Step.STOP}, "schedule"),
        ({"step": Step.CHANGE, "source_id": 1}, "amount"),
        ({"step": Step.CHANGE, "source_id": 1, "amount": 1, "percent": 1}, "amount"),
        ({"step": Step.DELAY, "source_id": 1, "days": 0}, "days"),
        ({"step": Step.STOP, "source_id": 1, "last": date(2025, 1, 1)}, "last"),
    ],
)
def test_a_step_that_lacks_something_says_what(given, field):
    with pytest.raises(Invalid) as refused:
        Overlay(first=TODAY, **given)
    assert list(refused.value.fields) == [field]
