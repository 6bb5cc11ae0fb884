"""docs/insights.md tells every rule with the thresholds and defaults that the code has."""

import dataclasses
import re

from django.conf import settings

from insights.models import Kind
from insights.rules.catalogue import RULES

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
