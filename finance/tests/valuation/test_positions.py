"""Holdings in other currencies, with entries in the books."""

import datetime

import pytest

from finance.ledger import services as ledger
from finance.ledger.models import Account
from finance.ledger.selectors import accounts_of, balances_of
from finance.tests.conftest import TODAY
from finance.tests.valuation.conftest import days_before
from finance.valuation import services
from finance.valuation.changes import changes_of_accounts, sums_by_month
from finance.valuation.positions import holdings_report
from finance.valuation.valuer import valuer_between

pytestmark = pytest.mark.django_db
COIN = 10**8


def report(book, *, first=datetime.date(2000, 1, 1), last=TODAY):
    tree = accounts_of(book=book)
    own = [a.pk for a in tree if a.type in ("asset", "liability") and a.currency == book.base_currency]
    held = sum(balances_of(account_ids=own, as_of=last).values())
    return holdings_report(book=book, accounts=tree, first=first, last=last, base_amount=held)


def only(found):
    (row,) = found.rows
    return row


def test_at_cost_at_market_and_what_is_not_realised(book, accounts, owner, hold, exchange, quote):
    """REP-01, in euros: 10 at 100 and 10 at 150, cash 2,500 left, price 200 later."""
    ledger.post_opening_balance(account=accounts.checking, actor=owner, amount=5_000_00, on=days_before(90))
    coins = hold("BTC")
    exchange(accounts.checking, 1_000_00, coins, 10 * COIN, on=days_before(60))
    exchange(accounts.checking, 1_500_00, coins, 10 * COIN, on=days_before(30))
    quote("BTC", "EUR", "200")
    found = report(book)
    assert (found.at_cost, found.at_market, found.unrealised) == (5_000_00, 6_500_00, 1_500_00)
    assert (only(found).cost, only(found).value, only(found).gain) == (2_500_00, 4_000_00, 1_500_00)


def test_units_without_a_price_are_named_and_not_left_out_in_silence(book, accounts, owner, hold, exchange):
    """REP-02: 15 units bought at 223.99, cash 228.93."""
    ledger.post_opening_balance(account=accounts.checking, actor=owner, amount=3_588_78, on=days_before(90))
    exchange(accounts.checking, 3_359_85, hold("BTC"), 15 * COIN, on=days_before(60))
    assert report(book).at_cost == 3_588_78
    services.choose_rates(book=book, own_exchanges=False, reference=True, crossing=True)
    found = report(book)
    assert (found.at_market, found.open, only(found).value, only(found).quote) == (228_93, ["BTC"], None, None)
    services.choose_rates(book=book, own_exchanges=True, reference=True, crossing=True)
    assert report(book).at_market == 3_588_78


def test_change_of_value_in_a_year_counts_all_that_was_held(book, accounts, hold, exchange, quote):
    """REP-07: 200 bought in 2019 (4.957 at its end), 103 at 5.033 in January, 4.938 at the end."""
    fund = hold("ETH")
    exchange(accounts.checking, 995_70, fund, 200 * COIN, on=datetime.date(2019, 6, 3))
    exchange(accounts.checking, 518_40, fund, 103 * COIN, on=datetime.date(2020, 1, 22))
    quote("ETH", "EUR", "4.957", on=datetime.date(2019, 12, 30))
    quote("ETH", "EUR", "4.938", on=datetime.date(2020, 12, 30))
    year = only(report(book, first=datetime.date(2020, 1, 1), last=datetime.date(2020, 12, 31)))
    assert (year.gain, year.gains.opening, year.gains.came_in) == (-13_59, 200 * COIN, 103 * COIN)


def test_spending_is_worth_what_was_paid_for_it_and_holdings_what_they_are_now(
    book, owner, hold, post, exchange, quote
):
    """REP-14: four purchases of 1.99 EUR paid with 2,500, 2,801, 2,500 and 2,500 HUF."""
    home = ledger.create_book(owner=owner, name="Buda", base_currency="HUF", time_zone="Europe/Budapest")
    checking = Account.objects.get(book=home, kind="checking")
    books = ledger.open_account(book=home, actor=owner, name="Books", type="expense", kind="category", currency="EUR")
    for back, paid in enumerate([2_500_00, 2_801_00, 2_500_00, 2_500_00]):
        ledger.exchange(
            book=home, actor=owner, date=days_before(back), source_account=checking, source_amount=paid,
            target_account=books, target_amount=1_99,
        )  # fmt: skip
    services.save_rate(book=home, actor=owner, base="EUR", quote="HUF", date=days_before(5), rate="1000")
    services.save_rate(book=home, actor=owner, base="EUR", quote="HUF", date=TODAY, rate="1256.2814")
    first = TODAY.replace(day=1)
    valuer = valuer_between(book=home, first=first, last=TODAY)
    changes = changes_of_accounts(book=home, account_ids=[books.pk], target="HUF", first=first, last=TODAY)
    (spent,) = sums_by_month(changes, valuer=valuer).values()
    assert (spent.value, spent.unvalued) == (10_301_00, 0)
    assert valuer.value(7_96, "EUR", on=TODAY).value == 10_000_00


def test_an_account_counts_its_own_side_of_a_transfer(book, accounts, hold, exchange, post, quote):
    """REP-15: 100.00 GBP arrive from euros, 94.32 are spent."""
    pounds = hold("GBP")
    food = hold("GBP", kind="category", type="expense", name="Food in London")
    exchange(accounts.checking, 117_00, pounds, 100_00, on=days_before(9))
    post({food: 94_32, pounds: -94_32}, on=days_before(3))
    row = only(report(book))
    assert (row.gains.closing, row.gains.came_in, row.gains.went_out) == (5_68, 100_00, 94_32)


def test_a_debt_that_was_paid_from_another_currency_and_drawn_again(book, accounts, hold, exchange, post, quote):
    """REP-16: 100.00 USD owed, paid with 92.00 EUR, then 100.00 USD drawn to a dollar account."""
    debt = hold("USD", -100_00, kind="loan", type="liability", on=days_before(20))
    dollars = hold("USD", name="Dollars")
    quote("USD", "EUR", "0.90", on=days_before(20))
    exchange(accounts.checking, 92_00, debt, 100_00, on=days_before(10))
    assert report(book).rows[0].gains.closing == 0
    assert report(book).rows[0].realised == -2_00
    post({debt: -100_00, dollars: 100_00}, on=days_before(5))
    assert balances_of(account_ids=[debt.pk], as_of=TODAY) == {debt.pk: -100_00}
    assert only(report(book)).gains.closing == 0


def test_one_foreign_currency_for_another_gains_nothing_by_itself(book, accounts, hold, exchange, quote):
    dollars, pounds = hold("USD"), hold("GBP")
    exchange(accounts.checking, 90_00, dollars, 100_00, on=days_before(20))
    quote("USD", "EUR", "0.95", on=days_before(10))
    exchange(dollars, 100_00, pounds, 80_00, on=days_before(10))
    quote("GBP", "EUR", "1.25", on=days_before(1))
    rows = {row.currency: row for row in report(book).rows}
    assert (rows["USD"].realised, rows["GBP"].cost, rows["GBP"].unrealised) == (5_00, 95_00, 5_00)


def test_net_worth_changes_by_income_spending_and_gains(book, accounts, hold, exchange, post, quote):
    """No figure is lost: 100 in, 10 spent, the rest is the rates."""
    dollars = hold("USD", 50_00, on=days_before(30))
    food = hold("USD", kind="category", type="expense", name="Food")
    for back, rate in ((30, "0.80"), (20, "0.90"), (10, "0.85"), (0, "0.70")):
        quote("USD", "EUR", rate, on=days_before(back))
    post({accounts.checking: 100_00, accounts.salary: -100_00}, on=days_before(29))
    exchange(accounts.checking, 45_00, dollars, 50_00, on=days_before(20))
    post({food: 10_00, dollars: -10_00}, on=days_before(10))
    found = report(book, first=days_before(29))
    assert found.at_market == 55_00 + 63_00  # 90 dollars at 0.70
    before = 40_00  # 50 dollars at 0.80
    assert found.at_market == before + 100_00 - 8_50 + found.gain


def test_a_report_asks_three_questions(book, accounts, hold, exchange, django_assert_max_num_queries):
    for currency in ("USD", "GBP", "CHF"):
        exchange(accounts.checking, 92_00, hold(currency), 100_00)
    tree = accounts_of(book=book)
    with django_assert_max_num_queries(3):
        found = holdings_report(book=book, accounts=tree, first=days_before(9), last=TODAY, base_amount=0)
    assert len(found.rows) == 3
