"""Numbers, days and names in the reader's language, from one place."""

import datetime
from decimal import Decimal

import pytest
from django.utils import timezone, translation

from core.formatting import currency_name, date_text, decimal_mark, moment_text, month_text, number_text


@pytest.mark.parametrize(
    ("language", "plain", "money"),
    [
        ("en", "−1,234.50", "−€1,234.50"),
        ("de", "−1.234,50", "−1.234,50\N{NO-BREAK SPACE}€"),
        ("fr", "−1\N{NARROW NO-BREAK SPACE}234,50", "−1\N{NARROW NO-BREAK SPACE}234,50\N{NO-BREAK SPACE}€"),
        # Babel knows no such language.
        ("tlh", "−1,234.50", "−€1,234.50"),
    ],
)
def test_a_number_follows_the_language(language, plain, money):
    with translation.override(language):
        assert number_text(Decimal("-1234.5"), places=2) == plain
        assert number_text(Decimal("-1234.5"), places=2, currency="EUR") == money


def test_a_plus_is_shown_where_it_is_asked_for_and_never_before_nothing():
    with translation.override("en"):
        assert number_text(Decimal(5), places=0, plus=True) == "+5"
        assert number_text(Decimal(0), places=2, plus=True) == "0.00"
        assert number_text(Decimal(5), places=0) == "5"


def test_days_months_moments_and_names_follow_the_language():
    moment = datetime.datetime(2026, 11, 23, 23, 30, tzinfo=datetime.UTC)
    with translation.override("en"), timezone.override("Europe/Berlin"):
        told = (date_text(moment), month_text(moment.date()), moment_text(moment), currency_name("CHF"), decimal_mark())
    assert told == ("Nov 24, 2026", "November 2026", "Nov 24, 2026, 00:30", "Swiss Franc", ".")
    with translation.override("de"), timezone.override("UTC"):
        told = (date_text(moment), month_text(moment.date()), moment_text(moment), currency_name("CHF"), decimal_mark())
    assert told == ("23.11.2026", "November 2026", "23.11.2026, 23:30", "Schweizer Franken", ",")
