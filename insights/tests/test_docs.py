"""docs/insights.md tells every rule with the thresholds and defaults that the code has."""

import dataclasses
import re

from django.conf import settings

from finance.planning.recurrence import CADENCES
from insights.models import Kind
from insights.rules.catalogue import RULES
from insights.sentences import TEMPLATES

TEXT = (settings.BASE_DIR / "docs" / "insights.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)


def test_every_threshold_is_told_with_its_default():
    for kind, rule in RULES.items():
        heading = f"### {Kind(kind).label.capitalize()}"
        told = {name: default for name, default, _says in ROW.findall(TEXT.partition(heading)[2].partition("\n##")[0])}
        assert told == {
            field.name: _default(getattr(rule.settings(), field.name)) for field in dataclasses.fields(rule.settings)
        }


def _default(value):
    if isinstance(value, dict):
        return ", ".join(f"{currency} {amount}" for currency, amount in value.items()) or "not set (zero)"
    return str(value)


def test_the_history_of_each_rule_is_told():
    for kind, months in (
        ("unusual_amount", 18),
        ("possible_duplicate", 12),
        ("subscription_price_rise", 26),
        ("low_balance_ahead", 25),
    ):
        assert RULES[kind].settings.months_of_history == months
        label = Kind(kind).label.capitalize()
        [row] = [line for line in TEXT.splitlines() if line.startswith(f"| [{label}]")]
        assert f"of {months} months" in row


def test_every_rhythm_is_told_with_its_figures():
    rows = {
        name: (int(needed), int(days))
        for name, needed, days in re.findall(r"^\| ([a-z0-9, ]+) \| (\d+) \| (\d+) \|$", TEXT, re.MULTILINE)
    }
    names = {
        "daily": ["day"],
        "weekly": ["week"],
        "every two or four weeks": ["fortnight", "four_weeks"],
        "twice a month": ["twice_a_month"],
        "monthly": ["month"],
        "every 2, 3, 4 or 6 months": ["two_months", "quarter", "four_months", "half_year"],
        "yearly": ["year"],
    }
    told = {name: rows[words] for words, same in names.items() for name in same}
    # Two years are longer than any rule looks back.
    assert told == {each.name: (each.minimum, each.tolerance) for each in CADENCES if each.name != "two_years"}


def test_every_rhythm_has_its_sentence():
    assert {f"subscription_price_rise_{each.name}" for each in CADENCES} <= set(TEMPLATES)
