"""Price rise: a steady payment in a steady rhythm went up."""

import pytest

from insights.rules.subscription_price_rise import Settings, subscription_price_rise
from insights.sentences import sentence
from insights.tests.rules.conftest import facts_of


def test_a_monthly_subscription_that_rose_is_raised_at_its_first_dearer_payment(pay):
    old = [pay(date, 12_99) for date in ("02-05", "03-05", "04-06", "05-05")]
    new = [pay("06-05", 13_99), pay("07-06", 13_99)]

    [finding] = subscription_price_rise(facts_of(*old, *new), Settings())

    assert sentence(finding.template, finding.params) == (
        "Netflix costs €13.99 a month instead of €12.99 since Jun 5, 2026: 8% more, or €12.00 a year."
    )
    assert [(each.entry_id, each.role, each.amount) for each in finding.evidence] == [
        (5, "subject", 13_99),
        (4, "compared", 12_99),
        (3, "compared", 12_99),
        (2, "compared", 12_99),
        (1, "compared", 12_99),
    ]


def test_a_yearly_fee_is_believed_after_two_years(pay):
    fees = [pay("2024-05-02", 80_00, "Club"), pay("2025-05-05", 80_00, "Club"), pay("05-04", 95_00, "Club")]
    [finding] = subscription_price_rise(facts_of(*fees), Settings())
    assert sentence(finding.template, finding.params) == (
        "Club costs €95.00 a year instead of €80.00 since May 4, 2026: 19% more."
    )


def test_a_weekly_box_is_told_by_the_week(pay):
    box = [pay(date, 20_00, "Veg") for date in ("05-01", "05-08", "05-15", "05-22")]
    [finding] = subscription_price_rise(facts_of(*box, pay("05-29", 22_00, "Veg")), Settings())
    assert sentence(finding.template, finding.params) == (
        "Veg costs €22.00 a week instead of €20.00 since May 29, 2026: 10% more, or €104.00 a year."
    )


@pytest.mark.parametrize(
    ("last", "why"),
    [
        (("06-05", 12_99), "the same price"),
        (("06-05", 11_99), "cheaper"),
        (("06-05", 13_19), "less than two percent more"),
        (("06-05", 29_99), "more than double is no price rise"),
        (("06-20", 13_99), "not when it was due"),
    ],
)
def test_near_misses_are_left_alone(pay, last, why):
    old = [pay(date, 12_99) for date in ("02-05", "03-05", "04-05", "05-05")]
    assert subscription_price_rise(facts_of(*old, pay(*last)), Settings()) == [], why


def test_two_payments_are_no_subscription_yet(pay):
    assert (
        subscription_price_rise(facts_of(pay("04-05", 12_99), pay("05-05", 12_99), pay("06-05", 13_99)), Settings())
        == []
    )


def test_groceries_have_no_rhythm_to_rise_from(pay):
    dates = ["04-02", "04-09", "04-13", "04-27", "05-03", "05-04", "05-18", "06-05"]
    amounts = [41_20, 18_99, 63_00, 41_20, 12_00, 41_20, 77_10, 45_00]
    shopping = [pay(date, amount, "Aldi") for date, amount in zip(dates, amounts, strict=True)]
    assert subscription_price_rise(facts_of(*shopping), Settings()) == []


def test_a_second_contract_with_the_same_payee_is_no_rise(pay):
    """Storage at 2.99 and music at 9.99 on the same day; then music starts in May beside storage, nothing rose."""
    storage = [pay(f"{month:02}-05", 2_99, "Apple") for month in range(1, 7)]
    other = [pay(f"{month:02}-05", 4_99, "Apple") for month in (5, 6)]
    assert subscription_price_rise(facts_of(*storage, *other), Settings()) == []


def test_the_contract_that_rose_is_told_from_the_one_that_did_not(pay):
    music = [pay(f"{month:02}-05", 9_99, "Apple") for month in range(1, 7)]
    storage = [pay(f"{month:02}-05", 2_99, "Apple") for month in range(1, 6)]
    [finding] = subscription_price_rise(facts_of(*music, *storage, pay("06-05", 3_99, "Apple")), Settings())
    assert finding.params["old"] == {"amount": "2.99", "currency": "EUR"}
    assert finding.params["new"] == {"amount": "3.99", "currency": "EUR"}


def test_another_card_does_not_break_a_subscription(pay):
    old = [pay(date, 12_99, account="Card") for date in ("03-05", "04-05", "05-05")]
    assert len(subscription_price_rise(facts_of(*old, pay("06-05", 13_99)), Settings())) == 1


def test_a_rise_in_another_currency_is_no_rise(pay):
    old = [pay(date, 12_99) for date in ("03-05", "04-05", "05-05")]
    assert subscription_price_rise(facts_of(*old, pay("06-05", 13_99, currency="USD")), Settings()) == []


def test_a_monthly_rise_is_not_told_again_as_a_quarterly_one(pay):
    old = [pay(f"2025-{month:02}-05", 12_99) for month in range(5, 13)]
    old += [pay(date, 12_99) for date in ("01-05", "02-05", "03-05")]
    new = [pay(date, 13_99) for date in ("04-05", "05-05", "06-05", "07-05")]

    findings = subscription_price_rise(facts_of(*old, *new), Settings())

    assert [finding.template for finding in findings] == ["subscription_price_rise_month"]


@pytest.mark.parametrize(
    ("dates", "rose", "told"),
    [
        (
            ["2025-12-31", "01-31", "02-28"],
            "03-31",
            "a month instead of €30.00 since Mar 31, 2026: 10% more, or €36.00",
        ),
        (["01-15", "01-31", "02-15", "02-28", "03-15"], "03-31", "twice a month instead of €30.00 since Mar 31"),
        (["2025-12-12", "01-09", "02-06", "03-06"], "04-03", "every four weeks instead of €30.00 since Apr 3, 2026"),
        (["2025-10-10", "2025-12-10", "02-10"], "04-10", "every two months instead of €30.00 since Apr 10, 2026"),
        (["2024-10-05", "2025-04-05", "2025-10-05"], "04-05", "every six months instead of €30.00 since Apr 5, 2026"),
    ],
)
def test_a_rise_is_told_in_the_rhythm_of_the_payments(pay, dates, rose, told):
    old = [pay(date, 30_00, "Club") for date in dates]
    [finding] = subscription_price_rise(facts_of(*old, pay(rose, 33_00, "Club")), Settings())
    assert told in sentence(finding.template, finding.params)
