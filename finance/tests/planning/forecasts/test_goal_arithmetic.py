"""Goals: field cases GOL-03 and GOL-04, pace and date."""

import datetime
from datetime import date

from finance.planning.goals.arithmetic import (
    Contribution,
    Kind,
    contributions,
    month_ends,
    pace,
    paid_through,
    proposal,
    reached_on,
    shared_out,
    should_have,
)

START = date(2026, 12, 1)
BY = date(2027, 3, 31)


def plan(saved: int, *, today: date, contributed: tuple[date, ...] = ()) -> list[Contribution]:
    rule = month_ends(START)
    after = paid_through(rule=rule, today=today, contributed=contributed)
    return contributions(missing=1_200_00 - saved, rule=rule, after=after, by=BY)


def test_gol_03_one_contribution_per_month_end():
    found = plan(200_00, today=START)
    assert [each.date for each in found] == [date(2026, 12, 31), date(2027, 1, 31), date(2027, 2, 28), BY]
    assert [each.amount for each in found] == [250_00] * 4
    after = plan(500_00, today=date(2026, 12, 20), contributed=(date(2026, 12, 20),))
    assert [each.amount for each in after] == [233_33, 233_33, 233_34]
    assert after[0].date == date(2027, 1, 31)


def test_a_payment_of_an_earlier_month_pays_for_that_month():
    assert len(plan(450_00, today=date(2027, 1, 4), contributed=(date(2026, 12, 31),))) == 3
    assert len(plan(450_00, today=date(2027, 1, 4), contributed=(date(2027, 1, 2),))) == 2
    assert plan(1_200_00, today=START) == []
    assert plan(1_100_00, today=BY, contributed=(BY,)) == [Contribution(date=BY, amount=100_00)]


def test_gol_04_keep_up_to():
    keep = {"kind": Kind.KEEP, "target": 100_00, "planned": []}
    assert proposal(saved=100_00, **keep) == 0
    assert proposal(saved=65_00, **keep) == 35_00
    assert proposal(kind=Kind.SAVE, target=None, saved=290_00, planned=[]) == 0
    assert proposal(kind=Kind.SAVE, target=10, saved=0, planned=[Contribution(date=BY, amount=4)]) == 4


def test_shares_sum():
    assert shared_out(700_00, 3) == [233_33, 233_33, 233_34]
    assert shared_out(2, 3) == [0, 1, 1]


def test_pace_and_the_day_it_leads_to():
    moves = [(date(2026, 6, 1), 500), (date(2026, 8, 1), 100), (date(2026, 9, 1), 100), (date(2026, 9, 9), -50)]
    today = date(2026, 9, 29)
    found = pace(saved=650, moves=moves, today=today)
    assert found == (150, 120)  # what it began with is no pace
    assert reached_on(target=800, saved=650, pace=found, today=today) == today + datetime.timedelta(days=120)
    assert reached_on(target=600, saved=650, pace=None, today=today) == today
    assert reached_on(target=800, saved=650, pace=(0, 90), today=today) is None
    assert reached_on(target=10**15, saved=650, pace=found, today=today) is None
    assert pace(saved=0, moves=[(today, 1)], today=today) is None


def test_what_an_even_pace_comes_to():
    even = {"target": 1_000, "start": date(2026, 1, 1), "opening": 200, "by": date(2026, 1, 11)}
    assert should_have(today=date(2026, 1, 6), **even) == 600
    assert should_have(today=date(2026, 2, 1), **even) == 1_000
