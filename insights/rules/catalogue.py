from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from insights.rules import (
    category_above_usual,
    low_balance_ahead,
    possible_duplicate,
    subscription_price_rise,
    unusual_amount,
)
from insights.rules.facts import Facts
from insights.rules.findings import MAX_EVIDENCE, Finding
from insights.rules.thresholds import Thresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule, its settings and what it looks at: "payees", "categories" or "accounts"."""

    kind: str
    version: int
    looks_at: str
    settings: type[Thresholds]
    find: Callable[[Facts, Any], list[Finding]]


RULES: dict[str, Rule] = {
    rule.kind: rule
    for rule in (
        Rule(
            kind=unusual_amount.KIND,
            version=unusual_amount.VERSION,
            looks_at="payees",
            settings=unusual_amount.Settings,
            find=unusual_amount.unusual_amount,
        ),
        Rule(
            kind=possible_duplicate.KIND,
            version=possible_duplicate.VERSION,
            looks_at="payees",
            settings=possible_duplicate.Settings,
            find=possible_duplicate.possible_duplicate,
        ),
        Rule(
            kind=subscription_price_rise.KIND,
            version=subscription_price_rise.VERSION,
            looks_at="payees",
            settings=subscription_price_rise.Settings,
            find=subscription_price_rise.subscription_price_rise,
        ),
        Rule(
            kind=category_above_usual.KIND,
            version=category_above_usual.VERSION,
            looks_at="categories",
            settings=category_above_usual.Settings,
            find=category_above_usual.category_above_usual,
        ),
        Rule(
            kind=low_balance_ahead.KIND,
            version=low_balance_ahead.VERSION,
            looks_at="accounts",
            settings=low_balance_ahead.Settings,
            find=low_balance_ahead.low_balance_ahead,
        ),
    )
}


def find_with(rule: Rule, facts: Facts, settings: Thresholds) -> list[Finding]:
    """The rule's findings that can be cited whole, each once, oldest subject first."""
    once: dict[str, Finding] = {}
    for finding in rule.find(facts, settings):
        if len(finding.evidence) <= MAX_EVIDENCE:
            once.setdefault(finding.dedup_key, finding)
    return sorted(once.values(), key=lambda finding: (finding.subject_date, finding.dedup_key))
