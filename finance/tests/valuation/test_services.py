"""Saving, removing and reading in rates."""

import datetime
from decimal import Decimal

import pytest

from finance.errors import CurrencyUnknown, Invalid
from finance.tests.conftest import TODAY
from finance.tests.valuation.conftest import days_before
from finance.valuation import services
from finance.valuation.models import ExchangeRate
from platform_outbox.models import OutboxMessage

pytestmark = pytest.mark.django_db


def stored(book):
    return {(r.base, r.quote, r.date.isoformat()): (r.rate, r.source) for r in ExchangeRate.objects.filter(book=book)}


def events():
    return [
        event.event_type for event in OutboxMessage.objects.filter(event_type__startswith="finance.rate").order_by("pk")
    ]


def test_a_pair_has_one_rate_a_day_and_the_last_word_counts(book, quote):
    quote("EUR", "USD", "1.10")
    quote("EUR", "USD", "1.1012345678901234")
    assert stored(book) == {("EUR", "USD", "2026-03-15"): (Decimal("1.1012345678901234"), "hand")}
    assert events() == ["finance.rate.saved", "finance.rate.saved"]


def test_a_changed_rate_leaves_its_old_day(book, owner, quote):
    saved = quote("EUR", "USD", "1.10")
    services.save_rate(book=book, actor=owner, base="EUR", quote="GBP", date=days_before(1), rate="0.8", replaces=saved)
    assert stored(book) == {("EUR", "GBP", "2026-03-14"): (Decimal("0.8"), "hand")}


def test_a_removed_rate_is_gone(book, quote):
    services.remove_rate(rate=quote("EUR", "USD", "1.10"))
    assert (stored(book), events()[-1]) == ({}, "finance.rate.removed")


@pytest.mark.parametrize(
    ("change", "error", "field"),
    [
        ({"rate": "0"}, Invalid, "rate"),
        ({"rate": "-1.1"}, Invalid, "rate"),
        ({"rate": "1e3"}, Invalid, "rate"),
        ({"rate": "NaN"}, Invalid, "rate"),
        ({"rate": "1,1"}, Invalid, "rate"),
        ({"rate": "0.0000000000000000001"}, Invalid, "rate"),
        ({"rate": "1" * 21}, Invalid, "rate"),
        ({"base": "XXQ"}, CurrencyUnknown, "base"),
        ({"quote": "EUR"}, Invalid, "quote"),
        ({"base": "GBX", "quote": "GBP"}, Invalid, "quote"),
        ({"date": TODAY + datetime.timedelta(days=1)}, Invalid, "date"),
        ({"date": datetime.date(1899, 12, 31)}, Invalid, "date"),
    ],
)
def test_a_rate_that_cannot_be_is_refused_by_field(book, owner, change, error, field):
    given = {"base": "EUR", "quote": "USD", "date": TODAY, "rate": "1.1", **change}
    with pytest.raises(error) as caught:
        services.save_rate(book=book, actor=owner, **given)
    assert set(caught.value.fields) == {field}
    assert not stored(book)


def test_a_file_replaces_what_it_names_and_leaves_the_rest(book, owner, quote):
    quote("EUR", "USD", "1.05")
    quote("EUR", "USD", "1.04", on=days_before(1))
    quote("EUR", "USD", "1.03", on=days_before(2))
    data = "date,from,to,rate\n2026-03-15,EUR,USD,1.10\n2026-03-14,EUR,USD,1.04\n\n2026-03-15,GBP,EUR,1.17\n"
    found = services.import_rates(book=book, actor=owner, data=data.encode())
    assert (found.added, found.changed, found.same) == (1, 1, 1)
    assert stored(book) == {
        ("EUR", "USD", "2026-03-15"): (Decimal("1.10"), "file"),
        ("EUR", "USD", "2026-03-14"): (Decimal("1.04"), "hand"),
        ("EUR", "USD", "2026-03-13"): (Decimal("1.03"), "hand"),
        ("GBP", "EUR", "2026-03-15"): (Decimal("1.17"), "file"),
    }
    assert events()[-1] == "finance.rates.imported"


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_decimal_comma_is_read_where_it_separates_no_fields(book, owner, delimiter):
    rows = [["To", "From", "Date", "Rate"], ["USD", "EUR", "2026-03-14", "1,0812"]]
    data = "\r\n".join(delimiter.join(row) for row in rows).encode("utf-8-sig")
    services.import_rates(book=book, actor=owner, data=data)
    assert stored(book) == {("EUR", "USD", "2026-03-14"): (Decimal("1.0812"), "file")}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no rates"),
        (b"date,from,to,rate\n", "no rates"),
        (b"date,from,rate\n2026-03-14,EUR,1\n", "date, from, to and rate"),
        (b"date,from,to,rate\n2026-03-14,EUR,USD,1.1\n14.3.2026,EUR,USD,1.1\n", "Row 3, date: “14.3.2026” is not a day"),
        (b"date,from,to,rate\n2026-03-14,EUR,USD,0\n", "Row 2, rate: A rate is greater than zero"),
        (b"date,from,to,rate\n2026-03-14,EUR\n", "Row 2, quote"),
        (b"date,from,to,rate\n2026-03-14,EUR,USD,1.1\n2026-03-14,EUR,USD,1.2\n", "Row 3, rate: The file has two rates"),
        (b'date,from,to,rate\n2026-03-14,"EUR"x,USD,1.1\n', "Row 2 is not CSV"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
        (b"x" * (5 * 1024 * 1024 + 1), "larger than 5 MB"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_changes_nothing(book, owner, data, says):
    with pytest.raises(Invalid, match=says) as caught:
        services.import_rates(book=book, actor=owner, data=data)
    assert set(caught.value.fields) == {"file"}
    assert (stored(book), events()) == ({}, [])
