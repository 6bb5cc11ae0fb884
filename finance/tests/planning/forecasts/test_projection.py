"""The daily projection: field cases FCT-04, FCT-05 and FCT-08, and its figures."""

import datetime

import pytest

from finance.planning.forecast.projection import Holding, Point, Turnover, project, together, turnovers
from finance.planning.recurrence import Recurrence, Unit
from finance.planning.upcoming import Layer, Upcoming

TODAY = datetime.date(2026, 1, 1)


def day(number: int) -> datetime.date:
    return TODAY + datetime.timedelta(days=number)


def move(
    date: datetime.date, amount: int, *, account: int = 1, layer: Layer = Layer.SCHEDULE, **more: object
) -> Upcoming:
    given = {"nominal": date, "currency": "EUR", "label": "x", **more}
    return Upcoming(date=date, account_id=account, amount=amount, layer=layer, **given)


def held(balance: int, **more: object) -> Holding:
    return Holding(**{"account_id": 1, "currency": "EUR", "balance": balance, **more})


def test_fct_04_today_and_with_future_entries_are_two_figures():
    ahead = [move(day(3 * n), -100_00, layer=Layer.ENTERED) for n in range(1, 11)]
    [found] = project(holdings=[held(1_000_00)], upcoming=ahead, today=TODAY)
    assert (found.holding.balance, found.expected[0]) == (1_000_00, 1_000_00)
    assert (found.expected[29], found.expected[30]) == (100_00, 0)
    assert found.holding.balance + found.layer(Layer.ENTERED, day=400) == 0


def test_fct_05_planned_income_is_not_planned_spending():
    planned = [move(day(5), -15_000_00, layer=Layer.BUDGET), move(day(5), 18_000_00, layer=Layer.BUDGET)]
    found = turnovers(planned, first=TODAY, last=day(30))["EUR"][Layer.BUDGET]
    assert found == Turnover(received=18_000_00, spent=-15_000_00)
    assert found.net == 3_000_00


def test_fct_08_the_lowest_future_point_is_safe_to_spend():
    ends = Recurrence(anchor=datetime.date(2026, 1, 31), unit=Unit.MONTH).occurrences(TODAY, day(400))
    expected = [move(date, amount) for date in ends for amount in (300_00, -200_00)]
    expected.append(move(ends[3], -600_00))
    [found] = project(holdings=[held(400_00)], upcoming=expected, today=TODAY)
    at_ends = [found.expected[(date - TODAY).days] for date in ends[:5]]
    assert at_ends == [500_00, 600_00, 700_00, 200_00, 300_00]
    assert found.safe_to_spend() == 200_00
    assert found.lowest() == Point(date=ends[3], amount=200_00)


def test_what_is_overdue_counts_today_and_what_comes_in_today_is_not_there_yet():
    [found] = project(holdings=[held(50_00)], upcoming=[move(day(-9), 70_00), move(day(2), -10_00)], today=TODAY)
    assert list(found.expected[:3]) == [120_00, 120_00, 110_00]
    assert found.safe_to_spend() == 50_00


def test_floor_and_goals_are_kept_back():
    account = held(500_00, floor=100_00, set_aside=150_00)
    [found] = project(holdings=[account], upcoming=[move(day(4), -420_00), move(day(9), 300_00)], today=TODAY)
    assert found.below_floor() == Point(date=day(4), amount=80_00)
    assert found.safe_to_spend() == 0
    assert found.first_below(0) is None
    [card] = project(holdings=[held(-80_00, floor=None)], upcoming=[], today=TODAY)
    assert (card.below_floor(), card.safe_to_spend()) == (None, 0)


def test_a_transfer_between_own_accounts_leaves_the_total():
    pair = [move(day(1), -30_00), move(day(1), 30_00, account=2)]
    found = project(holdings=[held(40_00), held(5_00, account_id=2)], upcoming=pair, today=TODAY, days=2)
    assert [list(each.expected) for each in found] == [[40_00, 10_00, 10_00], [5_00, 35_00, 35_00]]
    assert list(together(found).expected) == [45_00] * 3


def test_the_last_day_counts_and_nothing_behind_it():
    ahead = [move(day(10), -1), move(day(11), -2), move(day(3), -4, account=9)]
    [found] = project(holdings=[held(0)], upcoming=ahead, today=TODAY, days=10)
    assert found.expected[-1] == -1
    assert found.lowest(last=9).amount == 0


def test_currencies_are_never_mixed():
    with pytest.raises(ValueError, match="USD on an account in EUR"):
        project(holdings=[held(0)], upcoming=[move(day(1), -1, currency="USD")], today=TODAY)
    mixed = project(holdings=[held(0), held(0, account_id=2, currency="USD")], upcoming=[], today=TODAY)
    with pytest.raises(ValueError, match="one currency"):
        together(mixed)
