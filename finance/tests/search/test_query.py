"""What is understood of a search, and where it is refused. SRC-01 and SRC-03 of the field's known faults are here."""

import datetime
from decimal import Decimal

import pytest

from finance.search.query import MOST_TERMS, QueryError, Term, parse_query, read_sizes

D = Decimal
day = datetime.date


def one(text, **options):
    (term,) = parse_query(text, **options)
    return term


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *((text, (D("1234.5"),)) for text in ("1234.5", "1234.50", "1.234,50", "1,234.50", "-1234.5", "−1234,5")),
        *((text, (D("1234.5"),)) for text in ("1'234.50", "1’234,5", "€1,234.50", "1 234.50", "+1234.5")),
        ("1.234", (D("1.234"), D(1234))),
        ("1,234", (D("1.234"), D(1234))),
        ("0.500", (D("0.5"),)),
        ("1.234.567", (D(1234567),)),
        ("1'234", (D(1234),)),
        ("12", (D(12),)),
        ("12345678,9", (D("12345678.9"),)),
        *((text, ()) for text in ("1.2.3", "1,23,456.7", "", "abc", "12a", ".", "1..2", "1234.567.8", "9" * 40)),
    ],
)
def test_an_amount_in_any_notation(text, meant):
    assert read_sizes(text) == meant


def test_words_all_hold_and_minus_excludes():
    assert [(each.field, each.text, each.negated) for each in parse_query('rewe -cash "corner shop"')] == [
        ("any", "rewe", False),
        ("any", "cash", True),
        ("any", "corner shop", False),
    ]
    assert parse_query("  ") == []


def test_a_number_may_be_an_amount_or_a_word():
    term = one("-1234.5")
    assert (term.field, term.amounts, term.negated) == ("any", (D("1234.5"),), False)
    assert one("2024").amounts == (D(2024),)
    assert one('"2024"').amounts == ()


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-03", day(2026, 3, 1), day(2026, 3, 31)),
        ("2024-2-29", day(2024, 2, 29), day(2024, 2, 29)),
        ("march 2026", day(2026, 3, 1), day(2026, 3, 31)),
        ("März 2026", day(2026, 3, 1), day(2026, 3, 31)),
        ("févr. 2026", day(2026, 2, 1), day(2026, 2, 28)),
        ("date:2026", day(2026, 1, 1), day(2026, 12, 31)),
        ('date:"march 2026"', day(2026, 3, 1), day(2026, 3, 31)),
        (">2026-01-01", day(2026, 1, 2), None),
        (">2026-01", day(2026, 2, 1), None),
        ("date:>=2026", day(2026, 1, 1), None),
        ("date:<2026-03", None, day(2026, 2, 28)),
        ("<=2026-03", None, day(2026, 3, 31)),
        ("date:2026-01..2026-03-15", day(2026, 1, 1), day(2026, 3, 15)),
    ],
)
def test_days_and_ranges(text, first, last):
    term = one(text)
    assert (term.field, term.first, term.last) == ("date", first, last)


def test_the_readers_own_months_are_known():
    assert one("marzec 2026", language="pl").first == day(2026, 3, 1)
    assert [each.text for each in parse_query("marzec 2026", language="xx")] == ["marzec", "2026"]
    assert [each.text for each in parse_query("march groceries")] == ["march", "groceries"]


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("amount:>100", Term(field="amount", low=D(100), exclusive=True)),
        (">=12,50", Term(field="amount", low=D("12.5"))),
        ("amount:<=5", Term(field="amount", high=D(5))),
        ("amount:100..200", Term(field="amount", low=D(100), high=D(200))),
        ("amount:1.234,50", Term(field="amount", amounts=(D("1234.5"),))),
        ("-amount:5", Term(field="amount", amounts=(D(5),), negated=True)),
        ("payee:rewe", Term(field="payee", text="rewe")),
        ('PAYEE:"corner shop"', Term(field="payee", text="corner shop", phrase=True)),
        ("-tag:holiday", Term(field="tag", text="holiday", negated=True)),
        ("has:receipt", Term(field="has", text="receipt")),
        ('"a:b"', Term(field="any", text="a:b", phrase=True)),
        ("12:30", Term(field="any", text="12:30")),
    ],
)
def test_operators(text, term):
    assert one(text) == term


@pytest.mark.parametrize(
    ("text", "place", "length", "said"),
    [
        ("food amount_more:10.00", 5, 12, "not an operator"),
        ("payee:", 0, 6, "after “payee:”"),
        ('payee:""', 0, 8, "after “payee:”"),
        ("rewe amount:abc", 12, 3, "not an amount"),
        ("amount:>1.234", 8, 5, "two ways"),
        ("amount:200..100", 7, 8, "ends before"),
        ("date:2026-13", 5, 7, "not a date"),
        ("date:2026-02-30", 5, 10, "not a date"),
        ("2026-02-30", 0, 10, "not a date"),
        ("date:2026-03..2026-01", 5, 16, "ends before"),
        ("has:money", 4, 5, "receipt, tag or note"),
        ('say "hello', 4, 1, "quotation mark"),
        ("x" * 201, 200, 1, "200 characters"),
        ("a\x00", 1, 1, "null"),
    ],
)
def test_what_is_malformed_is_an_error_with_its_place(text, place, length, said):
    with pytest.raises(QueryError) as refused:
        parse_query(text)
    assert (refused.value.place, refused.value.length) == (place, length)
    assert said in refused.value.message


def test_a_query_is_short():
    parse_query(" ".join(["a"] * MOST_TERMS))
    with pytest.raises(QueryError):
        parse_query(" ".join(["a"] * (MOST_TERMS + 1)))
