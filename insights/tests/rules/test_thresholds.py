"""Thresholds are read strictly; what is wrong is told by field."""

import pytest

from insights.models import Kind
from insights.rules.catalogue import RULES
from insights.rules.history import median, spread
from insights.rules.thresholds import ThresholdsInvalid
from insights.rules.unusual_amount import Settings
from insights.sentences import TEMPLATES, reasons, told_figure


def test_stored_values_replace_defaults():
    read = Settings.read({"times_percent": 300, "minimum_difference": {"EUR": "99.50"}})
    assert (read.times_percent, read.minimum_history, read.amount("minimum_difference", "EUR")) == (300, 6, 99_50)
    assert read.amount("minimum_difference", "USD") == 0


@pytest.mark.parametrize(
    ("stored", "problems"),
    [
        ({"times_percnt": 300}, {"times_percnt": "There is no such threshold."}),
        ({"times_percent": "300"}, {"times_percent": "It must be a whole number."}),
        ({"times_percent": True}, {"times_percent": "It must be a whole number."}),
        ({"times_percent": 100}, {"times_percent": "It must be from 101 to 10000."}),
        (
            {"minimum_difference": 20},
            {"minimum_difference": 'It must be amounts by currency, such as {"EUR": "20.00"}.'},
        ),
        ({"minimum_difference": {"EUR": "-1"}}, {"minimum_difference": "The amount for EUR must not be negative."}),
        ({"minimum_difference": {"XX": "1"}}, {"minimum_difference": "XX is not a known currency code."}),
        (
            {"minimum_difference": {"JPY": "1.5"}},
            {"minimum_difference": "The amount 1.5 has more than the 0 decimals of JPY."},
        ),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(stored, problems):
    with pytest.raises(ThresholdsInvalid) as refused:
        Settings.read(stored)
    assert refused.value.problems == problems


def test_every_rule_reads_back_its_own_thresholds_and_tells_them_in_words():
    for kind, rule in RULES.items():
        stored = rule.settings().as_json()
        assert rule.settings.read(stored) == rule.settings()
        assert [value for _, value in reasons(kind, stored)] == [value for _, value in reasons(kind, stored) if value]
        assert len(reasons(kind, stored)) == len(stored)


def test_every_rule_has_a_name_and_its_sentences():
    assert set(Kind.values) == set(RULES)
    assert all(any(name.startswith(kind) for kind in RULES) for name in TEMPLATES)


def test_the_middle_is_not_moved_by_one_wild_value():
    assert median([80, 80, 80, 80, 10_000]) == 80
    assert spread([78, 80, 82, 79, 10_000], around=80) == 2 * 14826 // 10000


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("52.49", "EUR", "€52"),
        ("52.50", "EUR", "€53"),
        ("-52.50", "EUR", "−€53"),
        ("1243.00", "EUR", "€1,243"),
        ("9.99", "EUR", "€9.99"),
        ("3040", "JPY", "¥3,040"),
    ],
)
def test_what_is_about_an_amount_is_rounded_to_whole_units(amount, currency, shown):
    assert told_figure({"amount": amount, "currency": currency}, rounded=True) == shown


def test_amounts_without_an_iso_currency_keep_all_their_places():
    assert told_figure({"amount": "-0.00012000", "currency": "BTC"}) == "−BTC0.00012000"
    assert told_figure({"amount": "-1234.50", "currency": "EUR"}) == "−€1,234.50"
    assert told_figure({"amount": "1234", "currency": "JPY"}) == "¥1,234"
