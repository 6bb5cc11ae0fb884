"""Other currencies in reports: the field's cases by their letters, with their figures."""

import datetime

import pytest

from finance.ledger import services
from finance.valuation.services import choose_rates

pytestmark = pytest.mark.django_db


def category(book, owner, name, currency, type="expense"):
    return services.open_account(
        book=book, actor=owner, name=name, type=type, kind="category", currency=currency, parent=None
    )


def worth(made):
    return made.row("net_worth").cells[made.main].amount


def test_rep_02_what_has_no_price_is_listed_and_never_nothing(report, hold):
    hold("BTC", 15 * 10**8)
    hold("EUR", 228_93)
    made = report("balance-sheet")
    assert worth(made) == 228_93
    assert made.not_valued == {"BTC": 15 * 10**8}
    (row,) = [row for row in made.section("assets").rows if row.label == "BTC savings"]
    assert row.cells[0].unvalued == {"BTC": 15 * 10**8}


def test_rep_04_one_total_in_the_books_currency(report, hold, quote):
    hold("EUR", 100_00)
    hold("USD", 110_00)
    quote("EUR", "USD", "1.10")
    assert worth(report("net-worth")) == 200_00


def test_rep_06_no_price_after_the_day(report, hold, quote):
    hold("BTC", 4 * 10**8, on=datetime.date(2015, 12, 1))
    quote("BTC", "EUR", "250", on=datetime.date(2016, 1, 1))
    quote("BTC", "EUR", "500", on=datetime.date(2017, 1, 1))
    assert worth(report("balance-sheet", as_of="2016-12-31")) == 1000_00
    assert worth(report("balance-sheet", as_of="2017-12-31")) == 2000_00
    made = report("net-worth", period="2016-01-01..2017-12-31", columns="year")
    assert [cell.amount for cell in made.row("net_worth").cells] == [1000_00, 2000_00]


def test_rep_09_rates_and_their_dates_are_told(report, hold, quote):
    hold("RUB", 1_000_000_00)
    hold("USD", 1000_00)
    hold("EUR", 1000_00)
    quote("RUB", "EUR", "0.0110", on=datetime.date(2026, 3, 1))
    quote("USD", "EUR", "0.9200", on=datetime.date(2026, 3, 2))
    made = report("balance-sheet")
    assert worth(made) == 12_920_00
    assert {(rate.currency, rate.rate, rate.date.day) for rate in made.rates} == {
        ("RUB", "0.011", 1),
        ("USD", "0.92", 2),
    }


def test_rep_10_through_a_third_currency_or_not_at_all(report, hold, quote, book):
    hold("NZD", 117_00)
    quote("NZD", "USD", "0.5900")
    quote("USD", "EUR", "7.2000")
    made = report("balance-sheet")
    assert worth(made) == 497_02
    assert "USD" in made.rates[0].note
    choose_rates(book=book, own_exchanges=True, reference=True, crossing=False)
    made = report("balance-sheet")
    assert worth(made) == 0
    assert made.not_valued == {"NZD": 117_00}


def test_rep_12_spending_at_the_rate_of_its_day(report, book, owner, hold, quote, post):
    """The fifth days later, another rate: the day of the entry counts."""
    bolivar = hold("VES", 10_000_00, on=datetime.date(2026, 3, 1))
    food = category(book, owner, "Food there", "VES")
    quote("VES", "EUR", "0.025", on=datetime.date(2026, 3, 5))
    quote("VES", "EUR", "0.02", on=datetime.date(2026, 3, 10))
    post({food: 400_00, bolivar: -400_00}, on=datetime.date(2026, 3, 5))
    made = report("spending", compare="none")
    assert made.sections[0].total[0].amount == 10_00
    assert report("income-statement").section("expenses").total[0].amount == 10_00
    assert report("spending", by="payee", compare="none").sections[0].total[0].amount == 10_00


def test_rep_14_a_rate_in_the_entry_wins(report, book, owner, accounts, exchange, quote):
    """Four purchases of 1.99 USD, paid in euros by their own rates; holdings take the last rate."""
    abroad = category(book, owner, "Abroad", "USD")
    quote("USD", "EUR", "5", on=datetime.date(2026, 3, 1))
    for paid in (25_00, 28_01, 25_00, 25_00):
        exchange(accounts.checking, paid, abroad, 1_99)
    assert report("spending", compare="none").sections[0].total[0].amount == 103_01
    cash = report("cash-flow")
    assert cash.section("expenses").total[0].amount == -103_01
    assert cash.row("closing").cells[0].amount == -103_01
    assert [row.key for row in cash.summary] == ["change", "opening", "closing"]


def test_rep_15_each_account_in_its_own_currency(report, book, owner, accounts, hold, exchange, quote, post):
    pounds = hold("GBP")
    shop = category(book, owner, "Shop", "GBP")
    exchange(accounts.checking, 120_00, pounds, 100_00)
    post({shop: 94_32, pounds: -94_32})
    made = report("trial-balance").section("GBP")
    assert {row.label.split(":")[-1]: row.cells[3].amount for row in made.rows if row.account.kind == "savings"} == {
        "GBP savings": 5_68
    }


def test_rep_16_a_debt_paid_from_another_currency(report, hold, exchange, post, quote):
    debt = hold("USD", -100_00, type="liability", kind="loan")
    euros, dollars = hold("EUR", 200_00), hold("USD", name="Dollars")
    exchange(euros, 92_00, debt, 100_00)
    post({dollars: 100_00, debt: -100_00})
    quote("USD", "EUR", "0.92")
    made = report("balance-sheet")
    assert made.section("liabilities").total[0].amount == -92_00
    assert worth(made) == 200_00 - 92_00 + 92_00 - 92_00


def test_the_two_sides_of_the_balance_sheet_are_equal_when_rates_change(report, accounts, hold, exchange, quote):
    euros, dollars = hold("EUR", 1000_00, on=datetime.date(2026, 1, 2)), hold("USD", name="Dollars")
    exchange(euros, 500_00, dollars, 600_00, on=datetime.date(2026, 1, 5))
    quote("USD", "EUR", "0.90", on=datetime.date(2026, 3, 1))
    made = report("balance-sheet")
    assert worth(made) == 500_00 + 540_00 == made.section("equity").total[0].amount
    assert {row.label: row.cells[0].amount for row in made.section("equity").rows} == {
        "Opening balances": 1000_00,
        "Income less spending, to this day": 0,
        "Exchange rates": 40_00,
    }


def test_money_abroad_explains_itself(report, hold, quote):
    """The balance moved with the rate, and not by money: that is a line of its own in the cash flow."""
    hold("USD", 100_00, on=datetime.date(2026, 1, 2), kind="checking")
    quote("USD", "EUR", "0.90", on=datetime.date(2026, 1, 1))
    quote("USD", "EUR", "1.00", on=datetime.date(2026, 3, 3))
    made = report("cash-flow")
    assert {row.key: row.cells[0].amount for row in made.summary} == {
        "change": 0,
        "opening": 90_00,
        "drift": 10_00,
        "closing": 100_00,
    }


def test_what_could_not_be_valued_is_beside_the_total_of_every_report(report, book, owner, hold, post):
    dollars = hold("USD", 100_00, kind="checking")
    abroad = category(book, owner, "Abroad", "USD")
    post({abroad: 30_00, dollars: -30_00}, payee="Diner")
    for by in ("category", "payee", "tag", "member"):
        made = report("spending", by=by, compare="none")
        assert made.sections[0].total[0] == (0, {"USD": 30_00}), by
        assert made.not_valued == {"USD": 30_00}
    assert report("income-statement").not_valued == {"USD": -30_00}
    assert report("cash-flow").not_valued == {"USD": 70_00}


def test_a_book_of_one_currency_asks_for_no_rates(report, spend, django_assert_max_num_queries):
    spend(12_00)
    with django_assert_max_num_queries(8):  # five of them, and a savepoint
        report("income-statement", compare="none")
