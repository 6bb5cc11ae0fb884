"""Category above usual: this month against the category's own last six."""

import datetime

import pytest

from insights.rules.category_above_usual import Settings, category_above_usual
from insights.rules.facts import CategoryHistory, Facts, Spending
from insights.sentences import sentence
from insights.tests.rules.conftest import day

ON = day("06-15")


def _month(number, year=2026):
    return datetime.date(year, number, 1)


def _facts(months, spendings, *, on=ON, since=None, currency="EUR", name="Restaurants"):
    entries: dict = {}
    for entry_id, date, amount in spendings:
        month = day(date).replace(day=1)
        entries.setdefault(month, []).append(Spending(entry_id=entry_id, date=day(date), amount=amount))
    history = CategoryHistory(account_id=7, name=name, currency=currency, months=months, entries=entries)
    return Facts(on=on, since=since or day("03-15"), until=on + datetime.timedelta(days=366), categories=[history])


USUAL = {
    _month(12, 2025): 190_00,
    _month(1): 210_00,
    _month(2): 200_00,
    _month(3): 200_00,
    _month(4): 180_00,
    _month(5): 220_00,
}


def test_a_running_month_that_is_above_already_is_raised_as_it_stands():
    facts = _facts({**USUAL, _month(6): 480_00}, [(11, "06-02", 150_00), (12, "06-09", 300_00), (13, "06-10", 30_00)])

    [finding] = category_above_usual(facts, Settings())

    assert sentence(finding.template, finding.params) == (
        "Restaurants: €480.00 so far in June 2026; usually about €200 in a whole month (median of 6 months)."
    )
    assert [(each.entry_id or each.date, each.amount) for each in finding.evidence] == [
        (12, 300_00),
        (11, 150_00),
        (13, 30_00),
        *((month, USUAL[month]) for month in sorted(USUAL, reverse=True)),
    ]
    assert finding.subject_date == day("06-10")


def test_a_month_that_is_over_is_told_as_a_whole():
    facts = _facts({**USUAL, _month(6): 480_00}, [(11, "06-02", 480_00)], on=day("07-01"))
    [finding] = category_above_usual(facts, Settings())
    assert (
        sentence(finding.template, finding.params)
        == "Restaurants: €480.00 in June 2026; usually about €200 a month (median of 6 months)."
    )


def test_a_running_month_is_never_projected():
    """Rent is paid on the first; on the second it is not thirty times as high."""
    rent = dict.fromkeys([_month(12, 2025), *map(_month, range(1, 7))], 900_00)
    facts = _facts(rent, [(11, "06-01", 900_00)], on=day("06-02"), name="Rent")
    assert category_above_usual(facts, Settings()) == []


@pytest.mark.parametrize(
    ("months", "spent", "why"),
    [
        (USUAL, 290_00, "below one and a half times"),
        ({_month(4): 200_00, _month(5): 200_00}, 480_00, "two months are no usual"),
        ({**USUAL, _month(2): 500_00}, 480_00, "a month before was as high"),
        ({_month(12, 2025): 600_00, _month(5): 0, _month(4): 0}, 480_00, "most months have none"),
        ({**USUAL, _month(6, 2025): 450_00}, 480_00, "June was as dear last year"),
    ],
)
def test_near_misses_are_left_alone(months, spent, why):
    facts = _facts({**months, _month(6): spent}, [(11, "06-02", spent)])
    assert category_above_usual(facts, Settings()) == [], why


def test_a_small_category_may_double():
    months = dict.fromkeys(USUAL, 20_00)
    assert category_above_usual(_facts({**months, _month(6): 60_00}, [(11, "06-02", 60_00)]), Settings()) == []


def test_refunds_count_against_the_month():
    facts = _facts({**USUAL, _month(6): 180_00}, [(11, "06-02", 480_00), (12, "06-08", -300_00)])
    assert category_above_usual(facts, Settings()) == []


def test_a_further_multiple_is_another_finding():
    [double] = category_above_usual(_facts({**USUAL, _month(6): 480_00}, [(11, "06-02", 480_00)]), Settings())
    [same] = category_above_usual(_facts({**USUAL, _month(6): 500_00}, [(11, "06-02", 500_00)]), Settings())
    [triple] = category_above_usual(_facts({**USUAL, _month(6): 680_00}, [(11, "06-02", 680_00)]), Settings())
    assert double.dedup_key == same.dedup_key != triple.dedup_key


def test_only_months_that_are_asked_for_are_judged():
    facts = _facts({**USUAL, _month(6): 480_00}, [(11, "06-02", 480_00)], since=day("06-03"))
    assert category_above_usual(facts, Settings()) == []
