"""A month's spending on a category far above its own last months."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from finance.periods import months_later
from insights.rules.facts import CategoryHistory, Facts, Spending
from insights.rules.findings import (
    Evidence,
    EvidenceRole,
    Finding,
    Severity,
    account_scope,
    day,
    dedup_key,
    figure,
    month,
)
from insights.rules.history import median, spread
from insights.rules.thresholds import AmountPerCurrency, Thresholds, amounts, gettext_noop, whole

KIND = "category_above_usual"
VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Thresholds):
    # Six before, and the same month a year earlier, for the oldest month that is looked at.
    months_of_history: ClassVar[int] = 13

    months: int = whole(6, least=3, most=12, says=gettext_noop("months compared (at most)"))
    minimum_months: int = whole(3, least=2, most=12, says=gettext_noop("minimum months compared"))
    times_percent: int = whole(150, least=101, most=10_000, says=gettext_noop("minimum percentage of the usual month"))
    spread: int = whole(
        3, least=0, most=100, says=gettext_noop("minimum difference, in multiples of the usual variation")
    )
    minimum_difference: AmountPerCurrency = amounts(
        {"EUR": "50", "USD": "50", "GBP": "50", "CHF": "50", "JPY": "8000"},
        says=gettext_noop("minimum difference from the usual month"),
    )


def category_above_usual(facts: Facts, settings: Settings) -> list[Finding]:
    """Months whose spending is above the median of the months before.

    The current month is compared as it is and never projected: rent that is paid on the first would triple. So what
    is said of it is already true.
    """
    found = []
    for category in sorted(facts.categories, key=lambda each: each.account_id):
        for first_day in sorted(category.entries):
            spendings = category.entries[first_day]
            # Spending of the months before, latest first, from the category's first month on; months without any are
            # zero.
            earliest = min(category.months, default=first_day)
            months = [months_later(first_day, -back) for back in range(1, settings.months + 1)]
            before = {each: category.months.get(each, 0) for each in months if each >= earliest}
            if not any(each.amount > 0 for each in spendings) or len(before) < settings.minimum_months:
                continue
            newest = max(each.date for each in spendings if each.amount > 0)
            if facts.concerns(newest) and _is_far_above(first_day, list(before.values()), category, settings):
                found.append(_finding(facts, category, first_day, before, spendings))
    return found


def _is_far_above(
    first_day: datetime.date, before: Sequence[int], category: CategoryHistory, settings: Settings
) -> bool:
    spent = category.months.get(first_day, 0)
    usual = median(before)
    difference = spent - usual
    year_ago = category.months.get(months_later(first_day, -12), 0)
    return (
        usual > 0
        and spent * 100 >= usual * settings.times_percent
        and spent > max(before)
        and difference >= settings.amount("minimum_difference", category.currency)
        and difference >= settings.spread * spread(before, around=usual)
        # Insurance, holidays, presents: a month that was about as expensive last year is no news.
        and not (year_ago > 0 and spent * 100 < year_ago * settings.times_percent)
    )


def _finding(
    facts: Facts,
    category: CategoryHistory,
    first_day: datetime.date,
    before: Mapping[datetime.date, int],
    spendings: Sequence[Spending],
) -> Finding:
    spent, usual = category.months[first_day], median(list(before.values()))
    still_running = facts.on < months_later(first_day, 1)
    payments = [each for each in spendings if each.amount > 0]
    newest = max(each.date for each in payments)
    return Finding(
        kind=KIND,
        rule_version=VERSION,
        severity=Severity.NOTICE,
        template=f"{KIND}_{'so_far' if still_running else 'whole_month'}",
        params={
            "category": category.name,
            "amount": figure(spent, category.currency),
            "usual": figure(usual, category.currency),
            "month": month(first_day),
            "date": day(newest),
            "months": len(before),
            "payments": len(payments),
        },
        evidence=(
            *(
                Evidence(
                    role=EvidenceRole.SUBJECT, amount=each.amount, currency=category.currency, entry_id=each.entry_id
                )
                for each in sorted(spendings, key=lambda each: (-each.amount, each.date, each.entry_id))
            ),
            *(
                Evidence(role=EvidenceRole.MONTH, amount=amount, currency=category.currency, date=month_before)
                for month_before, amount in before.items()
            ),
        ),
        scope=account_scope(category.account_id),
        # Each further multiple of the usual month is news again, even after the first was dismissed.
        dedup_key=dedup_key(KIND, category.account_id, first_day, spent // usual),
        subject_date=newest,
    )
