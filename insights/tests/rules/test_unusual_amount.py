"""Unusual amount: far above what the payee usually takes."""

import datetime
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.rules.catalogue import RULES, find_with
from insights.rules.facts import Facts, Movement
from insights.rules.unusual_amount import Settings, unusual_amount
from insights.sentences import sentence
from insights.tests.rules.conftest import facts_of

USUAL = [78_00, 80_00, 82_00, 79_00, 81_00, 80_00]


@pytest.fixture
def history(pay):
    """Six usual electricity bills, October to March."""
    dates = ["2025-10-03", "2025-11-03", "2025-12-03", "01-03", "02-03", "03-03"]
    return [pay(date, amount, "Stadtwerke") for date, amount in zip(dates, USUAL, strict=True)]


def test_a_bill_of_four_times_the_usual_is_raised_with_its_history(history, pay):
    bill = pay("04-03", 320_00, "Stadtwerke")

    [finding] = unusual_amount(facts_of(*history, bill), Settings())

    assert sentence(finding.template, finding.params) == (
        "Stadtwerke took €320.00 on Apr 3, 2026; usually about €80 (median of 6 payments)."
    )
    assert [(each.entry_id, each.role, each.amount) for each in finding.evidence] == [
        (7, "subject", 320_00),
        (6, "compared", 80_00),
        (5, "compared", 81_00),
        (4, "compared", 79_00),
        (3, "compared", 82_00),
        (2, "compared", 80_00),
        (1, "compared", 78_00),
    ]
    assert (finding.severity, finding.subject_date, finding.scope) == (
        "notice",
        datetime.date(2026, 4, 3),
        "payee:stadtwerke",
    )


def test_five_payments_are_too_few_to_call_the_sixth_unusual(history, pay):
    assert unusual_amount(facts_of(*history[1:], pay("04-03", 320_00, "Stadtwerke")), Settings()) == []


def test_a_difference_below_the_minimum_is_left_alone(pay):
    coffees = [pay(f"03-{day:02}", 3_00, "Cafe") for day in range(1, 9)]
    assert unusual_amount(facts_of(*coffees, pay("04-03", 22_00, "Cafe")), Settings()) == []
    assert len(unusual_amount(facts_of(*coffees, pay("04-03", 23_00, "Cafe")), Settings())) == 1


def test_what_varies_widely_is_not_unusual_when_it_varies_once_more(pay):
    shopping = [
        pay(f"03-{day:02}", amount, "Aldi")
        for day, amount in enumerate([20_00, 90_00, 35_00, 70_00, 50_00, 110_00, 15_00], start=1)
    ]
    assert unusual_amount(facts_of(*shopping, pay("04-03", 130_00, "Aldi")), Settings()) == []


def test_a_third_payment_as_high_is_no_news(history, pay):
    high = [pay(f"{month}-03", 320_00, "Stadtwerke") for month in ("04", "05", "06")]
    found = unusual_amount(facts_of(*history, *high), Settings())
    assert [finding.evidence[0].entry_id for finding in found] == [high[0].entry_id, high[1].entry_id]


def test_a_payment_that_was_refunded_is_neither_unusual_nor_history(history, pay):
    bill, refund = pay("04-03", 320_00, "Stadtwerke"), pay("04-20", -320_00, "Stadtwerke")
    assert unusual_amount(facts_of(*history, bill, refund), Settings()) == []


def test_currencies_are_never_compared_with_each_other(history, pay):
    assert unusual_amount(facts_of(*history, pay("04-03", 320_00, "Stadtwerke", currency="USD")), Settings()) == []


def test_transfers_are_no_payments(history, pay):
    assert unusual_amount(facts_of(*history, pay("04-03", 900_00, "Stadtwerke", transfer=True)), Settings()) == []


def test_what_happened_later_is_no_history(history, pay):
    """A back-dated bill is judged by what was before it, however late it is written down."""
    bill = pay("2025-10-01", 320_00, "Stadtwerke")
    assert unusual_amount(facts_of(*history, bill, since=datetime.date(2025, 9, 1)), Settings()) == []


def test_payments_older_than_the_history_do_not_count(pay):
    old = [pay(f"2024-{month:02}-03", 80_00, "Stadtwerke") for month in range(1, 8)]
    assert unusual_amount(facts_of(*old, pay("04-03", 320_00, "Stadtwerke")), Settings()) == []


@given(
    amounts=st.lists(st.integers(1, 10**9), min_size=6, max_size=40),
    last=st.integers(1, 10**9),
    factor=st.integers(2, 1000),
)
def test_the_answer_does_not_depend_on_the_size_of_the_unit(amounts, last, factor):
    """Without a minimum in that currency, a thousand times finer units give the same answer."""

    def found(scale):
        return [each.subject_date for each in unusual_amount(_facts([*amounts, last], scale), Settings())]

    # The median of an even number of whole amounts is rounded; scaling by itself is exact for odd ones.
    if len(amounts) % 2:
        assert found(1) == found(factor)


@given(amounts=st.lists(st.integers(1, 10**7), max_size=40), seed=st.integers())
def test_no_rule_about_payees_cares_for_the_order_of_its_input(amounts, seed):
    facts = _facts(amounts, 1)
    shuffled = [*facts.payees["p"]]
    random.Random(seed).shuffle(shuffled)
    other = Facts(on=facts.on, since=facts.since, until=facts.until, payees={"p": shuffled})
    for kind in ("unusual_amount", "possible_duplicate", "subscription_price_rise"):
        rule = RULES[kind]
        assert find_with(rule, facts, rule.settings()) == find_with(rule, other, rule.settings())


def _facts(amounts, scale) -> Facts:
    first = datetime.date(2026, 1, 1)
    movements = [
        Movement(
            entry_id=index,
            date=first + datetime.timedelta(days=index // 2),
            payee="P",
            payee_key="p",
            account_id=1,
            account="Checking",
            currency="CAD",  # no minimum is set for it
            amount=-amount * scale,
        )
        for index, amount in enumerate(amounts)
    ]
    until = first + datetime.timedelta(days=400)
    return Facts(on=until, since=first, until=until, payees={"p": movements})
