"""Valuing a book's amounts by its rates, published ones and its own exchanges."""

import datetime

import pytest

from finance.ledger import services as ledger
from finance.tests.conftest import TODAY
from finance.tests.valuation.conftest import days_before
from finance.valuation import services
from finance.valuation.rates import Source
from finance.valuation.valuer import valuer_at, valuer_between

pytestmark = pytest.mark.django_db


def test_what_has_no_rate_is_not_valued_and_is_never_one_or_zero(book):
    found = valuer_at(book=book, days=[TODAY]).value(117_00, "NZD", on=TODAY)
    assert (found.value, found.quote, found.only_later) == (None, None, False)
    assert valuer_at(book=book, days=[TODAY]).value(0, "NZD", on=TODAY).value == 0


def test_a_sum_of_several_currencies_names_its_rates_and_their_dates(book, quote):
    """REP-09: 1,000,000.00 RUB, 1,000.00 USD and 1,000.00 EUR are 12,920.00 EUR."""
    quote("RUB", "EUR", "0.0110", on=days_before(2))
    quote("USD", "EUR", "0.9200")
    total = valuer_at(book=book, days=[TODAY]).total({"RUB": 1_000_000_00, "USD": 1_000_00, "EUR": 1_000_00}, on=TODAY)
    assert (total.value, total.unvalued) == (12_920_00, {})
    assert [(part.currency, part.quote.date) for part in total.converted] == [("RUB", days_before(2)), ("USD", TODAY)]


def test_what_could_not_be_valued_stands_beside_the_sum(book, quote):
    quote("USD", "EUR", "0.5", on=TODAY)
    on = days_before(1)
    total = valuer_at(book=book, days=[on]).total({"EUR": 5_00, "USD": 10_00, "JPY": 7}, on=on)
    assert (total.value, total.unvalued, total.complete) == (5_00, {"USD": 10_00, "JPY": 7}, False)


def test_a_rate_of_a_later_day_only_is_said(book, quote, hold):
    quote("USD", "EUR", "0.5", on=TODAY)
    valuer = valuer_between(book=book, first=days_before(2), last=TODAY)
    assert valuer.value(1, "USD", on=days_before(1)).only_later
    assert valuer.value(10_00, "USD", on=TODAY).value == 5_00


def test_spending_takes_the_rate_of_its_day(book, quote):
    """REP-12: 400.00 VES spent at 40, typed in five days later at 50."""
    quote("USD", "VES", "40", on=days_before(5))
    quote("USD", "VES", "50", on=TODAY)
    valuer = valuer_between(book=book, first=days_before(9), last=TODAY, target="USD")
    assert valuer.value(400_00, "VES", on=days_before(5)).value == 10_00
    assert valuer.value(400_00, "VES", on=TODAY).value == 8_00


def test_own_exchanges_give_rates(book, accounts, hold, exchange):
    dollars = hold("USD")
    exchange(accounts.checking, 92_00, dollars, 100_00, on=days_before(3))
    found = valuer_at(book=book, days=[TODAY]).value(200_00, "USD", on=TODAY)
    assert (found.value, found.quote.sources, found.quote.date) == (184_00, (Source.EXCHANGE,), days_before(3))


def test_an_exchange_that_was_reversed_gives_no_rate(book, owner, accounts, hold, exchange):
    dollars = hold("USD")
    exchange(accounts.checking, 80_00, dollars, 100_00, on=days_before(5))
    mistyped = exchange(accounts.checking, 9_00, dollars, 100_00, on=days_before(1))
    ledger.reverse_entry(entry=mistyped, actor=owner, on=TODAY)
    for valuer in (valuer_at(book=book, days=[TODAY]), valuer_between(book=book, first=days_before(9), last=TODAY)):
        assert valuer.value(100_00, "USD", on=TODAY).value == 80_00


def test_an_exchange_among_three_currencies_says_nothing(book, accounts, hold, exchange, post, trading):
    dollars, pounds = hold("USD"), hold("GBP")
    exchange(accounts.checking, 90_00, dollars, 100_00, on=days_before(5))
    exchange(accounts.checking, 60_00, pounds, 50_00, on=days_before(5))
    post(
        {
            accounts.checking: -50_00, trading("EUR"): 50_00, dollars: 30_00, trading("USD"): -30_00,
            pounds: 10_00, trading("GBP"): -10_00,
        }
    )  # fmt: skip
    assert valuer_at(book=book, days=[TODAY]).quote("USD", on=TODAY).date == days_before(5)


def test_published_rates_cross_through_the_euro(book, owner, hold, publish):
    hold("USD"), hold("GBP")
    publish("USD", "1.2500", on=days_before(1))
    publish("GBP", "0.8000", on=days_before(1))
    publish("GBP", "9.0000", on=TODAY + datetime.timedelta(days=1))
    found = valuer_at(book=book, days=[TODAY], target="USD").value(80_00, "GBP", on=TODAY)
    assert (found.value, found.quote.via, found.quote.sources) == (125_00, "EUR", (Source.ECB,))


def test_a_book_chooses_what_it_uses(book, accounts, hold, exchange, publish):
    exchange(accounts.checking, 92_00, hold("USD"), 100_00)
    publish("GBP", "0.8000")
    hold("GBP")

    def sources(**chosen):
        choice = {"own_exchanges": True, "reference": True, "crossing": True, **chosen}
        services.choose_rates(book=book, **choice)
        valuer = valuer_at(book=book, days=[TODAY])
        return valuer.quote("USD", on=TODAY), valuer.quote("GBP", on=TODAY), valuer.quote("USD", target="GBP", on=TODAY)

    assert None not in sources()
    assert [found is None for found in sources(own_exchanges=False)] == [True, False, True]
    assert [found is None for found in sources(reference=False)] == [False, True, True]
    assert [found is None for found in sources(crossing=False)] == [False, False, True]


def test_the_same_figures_for_single_days_and_for_a_range(book, accounts, hold, exchange, quote, publish):
    dollars = hold("USD")
    for back in range(0, 60, 7):
        exchange(accounts.checking, 100_00 + back, dollars, 100_00, on=days_before(back))
        quote("GBP", "USD", f"1.{back:02}1", on=days_before(back + 2))
        publish("USD", f"1.{back:02}", on=days_before(back + 4))
    days = [days_before(back) for back in range(0, 70, 3)]
    ranged = valuer_between(book=book, first=days[-1], last=TODAY)
    single = valuer_at(book=book, days=days)
    for currency in ("USD", "GBP"):
        assert [ranged.quote(currency, on=day) for day in days] == [single.quote(currency, on=day) for day in days]


def test_a_day_that_was_not_read_is_no_day_without_a_rate(book):
    with pytest.raises(LookupError):
        valuer_at(book=book, days=[TODAY]).quote("USD", on=days_before(1))
    with pytest.raises(LookupError):
        valuer_between(book=book, first=TODAY, last=TODAY).quote("USD", on=days_before(1))


def test_rates_are_read_with_two_queries(book, accounts, hold, exchange, quote, django_assert_max_num_queries):
    for currency in ("USD", "GBP", "CHF"):
        exchange(accounts.checking, 92_00, hold(currency), 100_00)
        quote(currency, "EUR", "0.5")
    with django_assert_max_num_queries(2):
        valuer = valuer_at(book=book, days=[days_before(30 * month) for month in range(12)])
        assert valuer.total({"USD": 1, "GBP": 1, "CHF": 1}, on=days_before(0)).complete


def test_rates_of_another_book_are_not_used(book, stranger, foreign):
    services.save_rate(book=foreign[0], actor=stranger, base="USD", quote="EUR", date=TODAY, rate="0.5")
    assert valuer_at(book=book, days=[TODAY]).quote("USD", on=TODAY) is None
