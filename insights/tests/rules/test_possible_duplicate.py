"""Possible duplicate: the same payee, amount and account within a few days."""

import pytest

from insights.rules.possible_duplicate import Settings, possible_duplicate
from insights.sentences import sentence
from insights.tests.rules.conftest import facts_of


def test_the_same_charge_two_days_later_is_raised_citing_both(pay):
    first, second = pay("06-01", 49_90, "Gym"), pay("06-03", 49_90, "Gym")

    [finding] = possible_duplicate(facts_of(first, second), Settings())

    assert sentence(finding.template, finding.params) == (
        "Gym took 2 × €49.90 between Jun 1, 2026 and Jun 3, 2026 from Checking."
    )
    assert [(each.entry_id, each.role, each.amount) for each in finding.evidence] == [
        (1, "compared", 49_90),
        (2, "subject", 49_90),
    ]
    assert finding.severity == "warning"


def test_twins_of_one_statement_are_raised(pay):
    [finding] = possible_duplicate(facts_of(pay("06-01", 49_90, "Gym"), pay("06-01", 49_90, "Gym")), Settings())
    assert sentence(finding.template, finding.params) == "Gym took 2 × €49.90 on Jun 1, 2026 from Checking."


def test_three_equal_charges_are_one_finding(pay):
    [finding] = possible_duplicate(facts_of(*(pay(date, 49_90) for date in ("06-01", "06-03", "06-06"))), Settings())
    assert [each.entry_id for each in finding.evidence] == [1, 2, 3]


@pytest.mark.parametrize(
    "second",
    [
        ("06-05", 49_90, {}),  # four days later
        ("06-02", 49_91, {}),
        ("06-02", 49_90, {"account": "Card"}),
        ("06-02", 49_90, {"currency": "USD", "account": "Card"}),
        ("06-02", 49_90, {"payee": "Another gym"}),
        ("06-02", 49_90, {"transfer": True}),
    ],
)
def test_what_differs_is_no_duplicate(pay, second):
    date, amount, how = second
    first = pay("06-01", 49_90, "Gym")
    other = pay(date, amount, **{"payee": "Gym", **how})
    assert possible_duplicate(facts_of(first, other), Settings()) == []


def test_small_payments_are_left_alone(pay):
    assert possible_duplicate(facts_of(pay("06-01", 4_99), pay("06-01", 4_99)), Settings()) == []


def test_a_doubled_charge_that_was_paid_back_is_settled(pay):
    movements = [pay("06-01", 49_90, "Gym"), pay("06-01", 49_90, "Gym"), pay("06-10", -49_90, "Gym")]
    assert possible_duplicate(facts_of(*movements), Settings()) == []


def test_each_refund_settles_one_charge(pay):
    """Three charges and two refunds leave one; a refund that comes too late settles nothing."""
    charges = [pay("04-01", 49_90, "Gym") for _ in range(3)]
    soon = [pay("04-10", -49_90, "Gym") for _ in range(2)]
    late = [pay("06-10", -49_90, "Gym") for _ in range(2)]
    assert possible_duplicate(facts_of(*charges, *soon), Settings()) == []
    assert len(possible_duplicate(facts_of(*charges, soon[0]), Settings())) == 1
    assert len(possible_duplicate(facts_of(*charges, *late), Settings())) == 1


def test_two_contracts_at_the_same_price_become_a_habit(pay):
    """Two phones are paid on the same day every month: the first two months ask, then it is known."""
    bills = [pay(f"{month:02}-05", 9_99, "Phone") for month in range(1, 7) for _ in range(2)]
    found = possible_duplicate(facts_of(*bills), Settings())
    assert found == []

    found = possible_duplicate(facts_of(*bills, since=bills[0].date), Settings())
    assert [finding.subject_date.month for finding in found] == [1, 2]


def test_a_wider_window_finds_more(pay):
    pair = [pay("06-01", 49_90), pay("06-06", 49_90)]
    assert possible_duplicate(facts_of(*pair), Settings()) == []
    assert len(possible_duplicate(facts_of(*pair), Settings(days=5))) == 1


def test_the_name_of_a_finding_survives_a_correction_of_its_entry(pay):
    first, second, replacement = (pay("06-01", 49_90, "Gym") for _ in range(3))
    [before] = possible_duplicate(facts_of(first, second), Settings())
    [after] = possible_duplicate(facts_of(first, replacement), Settings())
    assert before.dedup_key == after.dedup_key
