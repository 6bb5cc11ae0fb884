"""Low balance ahead: what is known to come would take the account below zero."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.rules.facts import AccountOutlook, Facts
from insights.rules.low_balance_ahead import Settings, expected, low_balance_ahead
from insights.sentences import sentence
from insights.tests.rules.conftest import ON, day


def _outlook(balance, *movements, on=ON, currency="EUR"):
    ordered = sorted(movements, key=lambda each: each.order)
    return AccountOutlook(account_id=1, name="Checking", currency=currency, on=on, balance=balance, movements=ordered)


def _find(outlook, settings=None):
    facts = Facts(on=outlook.on, since=day("03-15"), until=day("12-31"), accounts=[outlook])
    return low_balance_ahead(facts, settings or Settings())


@pytest.fixture
def rent(pay):
    return [pay(f"{month:02}-01", 900_00, "Rent") for month in range(1, 7)]


@pytest.fixture
def power(pay):
    return [pay(f"{month:02}-20", 90_00, "Power") for month in range(1, 6)]


@pytest.fixture
def salary(pay):
    return [pay(f"{month:02}-28", -2_500_00, "Employer") for month in range(1, 6)]


def test_rent_before_salary_takes_the_account_below_zero_on_a_named_day(rent, power):
    [finding] = _find(_outlook(950_00, *rent, *power))

    assert sentence(finding.template, finding.params) == (
        "Checking is set to drop below zero on Jul 1, 2026: it holds €950.00, with "
        "Power (€90.00, Jun 20, 2026) and Rent (€900.00, Jul 1, 2026) due by then."
    )
    assert [(each.entry_id, each.role, each.amount, each.expected_on) for each in finding.evidence] == [
        (None, "balance", 950_00, None),
        (rent[-1].entry_id, "expected", 900_00, day("07-01")),
        *((each.entry_id, "compared", 900_00, None) for each in reversed(rent)),
        (power[-1].entry_id, "expected", 90_00, day("06-20")),
        *((each.entry_id, "compared", 90_00, None) for each in reversed(power)),
    ]
    assert finding.evidence[0].date == ON
    assert finding.params["balance_then"] == {"amount": "-40.00", "currency": "EUR"}
    assert (finding.subject_date, finding.expires_on) == (ON, day("07-01"))


def test_salary_that_comes_in_time_keeps_the_account_above_zero(rent, power, salary):
    assert _find(_outlook(950_00, *rent, *power, *salary)) == []


def test_exactly_zero_is_not_below(rent, power):
    assert _find(_outlook(990_00, *rent, *power)) == []
    assert len(_find(_outlook(989_99, *rent, *power))) == 1


def test_beyond_the_days_ahead_nothing_is_said(pay):
    rent = [pay(f"{month:02}-14", 900_00, "Rent") for month in range(1, 7)]
    on = day("06-15")
    assert len(_find(_outlook(100_00, *rent, on=on))) == 1  # 14 July is 29 days ahead
    assert _find(_outlook(100_00, *rent, on=on), Settings(days=28)) == []


def test_an_account_that_is_below_zero_already_is_not_about_to_be(rent):
    assert _find(_outlook(-1_00, *rent)) == []


def test_what_has_stopped_is_not_expected_any_more(pay):
    rent = [pay(f"{month:02}-01", 900_00, "Rent") for month in range(1, 5)]  # the last one in April
    assert _find(_outlook(100_00, *rent)) == []


def test_what_is_a_few_days_late_is_expected_tomorrow(pay):
    power = [pay(f"{month:02}-12", 90_00, "Power") for month in range(1, 6)]  # June's was due three days ago
    [finding] = _find(_outlook(50_00, *power))
    assert finding.expires_on == day("06-16")


def test_irregular_shopping_is_not_known_to_come(pay):
    shopping = [
        pay(date, amount, "Aldi")
        for date, amount in [("05-02", 41_20), ("05-09", 18_99), ("05-13", 63_00), ("05-27", 41_20), ("06-03", 12_00)]
    ]
    assert _find(_outlook(5_00, *shopping)) == []


def test_regular_payments_of_wildly_different_amounts_are_not_known(pay):
    card = [pay(f"{month:02}-05", amount, "Card bill") for month, amount in [(4, 100_00), (5, 900_00), (6, 300_00)]]
    assert _find(_outlook(5_00, *card)) == []


def test_the_least_of_varying_income_is_counted_on(pay, rent):
    wages = [pay(f"{month:02}-28", -amount, "Shifts") for month, amount in [(3, 900_00), (4, 300_00), (5, 1_500_00)]]
    [item] = [each for each in expected(_outlook(0, *wages), Settings()) if each.amount > 0]
    assert item.amount == 300_00


def test_a_payment_written_down_for_a_later_day_counts_and_is_not_doubled(pay, rent):
    july = pay("07-01", 950_00, "Rent")
    items = expected(_outlook(2_000_00, *rent, july), Settings())
    assert [(item.date, item.amount) for item in items] == [(day("07-01"), -950_00)]


def test_transfers_to_savings_leave_the_account_like_any_payment(pay):
    saving = [pay(f"{month:02}-20", 300_00, "", transfer=True, counter=(3,)) for month in range(1, 6)]
    assert len(_find(_outlook(200_00, *saving))) == 1


def test_two_contracts_with_one_payee_are_each_known(pay):
    apps = [pay(f"{month:02}-20", 10_00, "Apple") for month in range(1, 6)]
    more = [pay(f"{month:02}-28", 20_00, "Apple") for month in range(1, 6)]
    items = expected(_outlook(0, *apps, *more), Settings())
    assert [(item.date, item.amount) for item in items] == [(day("06-20"), -10_00), (day("06-28"), -20_00)]


def test_a_floor_above_zero_warns_earlier(rent):
    assert _find(_outlook(1_000_00, *rent)) == []
    [finding] = _find(_outlook(1_000_00, *rent), Settings(floor={"EUR": "200.00"}))
    assert sentence(finding.template, finding.params) == (
        "Checking is set to drop below €200.00 on Jul 1, 2026: it holds €1,000.00, with "
        "Rent (€900.00, Jul 1, 2026) due by then."
    )


def test_more_than_three_payments_are_counted_not_listed(pay):
    bills = [pay(f"{month:02}-20", 100_00, f"Bill {name}") for month in range(1, 6) for name in "abcde"]
    [finding] = _find(_outlook(450_00, *bills))
    assert sentence(finding.template, finding.params).endswith(
        "with Bill a (€100.00, Jun 20, 2026), Bill b (€100.00, Jun 20, 2026), "
        "Bill c (€100.00, Jun 20, 2026) and 2 more payments due by then."
    )


@given(
    monthly=st.lists(st.tuples(st.integers(1, 28), st.integers(1, 100_000)), min_size=1, max_size=6),
    balance=st.integers(0, 500_000),
)
def test_it_warns_exactly_when_the_known_payments_exceed_the_balance(monthly, balance):
    """Without income the balance only falls: below zero if and only if all that is known is more than there is."""
    from insights.rules.facts import Movement

    movements = [
        Movement(
            entry_id=100 * number + month,
            date=datetime.date(2026, month, on),
            payee=f"Payee {number}",
            payee_key=f"payee {number}",
            account_id=1,
            account="Checking",
            currency="EUR",
            amount=-amount,
        )
        for number, (on, amount) in enumerate(monthly)
        for month in range(1, 7)
        if datetime.date(2026, month, on) <= ON
    ]
    outlook = _outlook(balance, *movements)
    total = -sum(item.amount for item in expected(outlook, Settings()))
    assert len(expected(outlook, Settings())) >= len(monthly)
    assert bool(_find(outlook)) == (total > balance)


@pytest.mark.parametrize(
    ("dates", "on", "due"),
    [
        (["2025-12-31", "01-31", "02-28"], "03-15", "03-31"),
        (["01-15", "01-31", "02-15", "02-28", "03-15", "03-31"], "04-01", "04-15"),
        (["01-09", "02-06", "03-06", "04-03", "05-01"], "05-15", "05-29"),
        (["2025-10-10", "2025-12-10", "02-10"], "03-20", "04-10"),
        (["2025-01-05", "2025-07-05", "01-05"], "06-20", "07-05"),
    ],
)
def test_bills_are_expected_by_their_own_rhythm(pay, dates, on, due):
    bills = [pay(date, 90_00, "Bill") for date in dates]
    item = expected(_outlook(500_00, *bills, on=day(on)), Settings(days=21))[0]
    assert item.date == day(due)
