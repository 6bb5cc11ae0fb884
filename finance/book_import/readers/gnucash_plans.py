"""GnuCash's scheduled transactions and budgets.

A scheduled transaction has rhythms (Recurrence.h: libgnucash/engine) and template transactions, whose splits name the
real account and their amounts in slots (SX-ttinfo). A budget has an amount for an account and the number of a period;
since version 3.8 with the sign of a debit, which a feature of the book says (gnc-features.h).
"""

import datetime
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.texts import gettext as _
from core.texts import gettext_noop
from finance.book_import.model import (
    ASSET,
    INCOME,
    LIABILITY,
    SourceAccount,
    SourceBudget,
    SourceBudgetLine,
    SourceSchedule,
    SourceSide,
    Tally,
)
from finance.planning.recurrence import LAST_DAY, LAST_WEEKDAY, Recurrence, Unit

NATURAL_SIGNS = "Use natural signs in budget amounts"
SCHEDULED, BUDGET = gettext_noop("scheduled transaction"), gettext_noop("budget")
MOST_PERIODS = 2000
_SHIFTS = {"": "none", "none": "none", "back": "before", "forward": "after"}
_UNITS = {"day": Unit.DAY, "week": Unit.WEEK, "month": Unit.MONTH, "year": Unit.YEAR}
# From this day on a month may not have it, and of two such days both may be its last.
_LATE = 28
_PLAIN = re.compile(r"(\d{1,15}(\.\d{1,6})?)?", re.ASCII)
_NAMES = re.compile(r"[^\W\d]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """Every `every` periods (GnuCash's word) from `start`; `adjust` moves days that fall on a weekend."""

    period: str
    every: int
    start: datetime.date
    adjust: str = ""

    def rule(self) -> Recurrence | None:
        """The same as a rule of ours; None for a period that GnuCash does not have. Raises ValueError."""
        if self.period in _UNITS:
            return Recurrence(anchor=self.start, unit=_UNITS[self.period], every=self.every)
        if self.period == "end of month":
            return Recurrence(anchor=self.start, unit=Unit.MONTH, every=self.every, days=(LAST_DAY,))
        if self.period in ("nth weekday", "last weekday"):
            place = LAST_WEEKDAY if self.period == "last weekday" else (self.start.day - 1) // 7 + 1
            weekday = (place, self.start.weekday())
            return Recurrence(anchor=self.start, unit=Unit.MONTH, every=self.every, weekday=weekday)
        return Recurrence(anchor=self.start, unit=Unit.DAY) if self.period == "once" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSplit:
    """The real account and its amount, debit positive; None where it is a formula."""

    account: str
    amount: Decimal | None
    memo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    description: str
    splits: tuple[TemplateSplit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """`total` and `left` are numbers of occurrences, None where it does not end by one; `last` is the latest entry."""

    name: str
    enabled: bool
    rhythms: tuple[Rhythm, ...]
    templates: tuple[Template, ...]
    last: datetime.date | None = None
    end: datetime.date | None = None
    total: int | None = None
    left: int | None = None


def template_amount(*, debit: Decimal, credit: Decimal, formulas: Sequence[str]) -> Decimal | None:
    """The amount of a template's split from its numbers; old files have only the formulas (debit, credit).

    None where a formula has more than digits, which only GnuCash computes.
    """
    plain = [Decimal(each.strip() or 0) if _PLAIN.fullmatch(each.strip()) else None for each in formulas]
    if debit or credit:
        # Digits with any marks were computed already; a name may stand for something else each time.
        return debit - credit if not any(_NAMES.search(each) for each in formulas) else None
    return None if None in plain else (plain[0] or Decimal(0)) - (plain[1] or Decimal(0))


def schedules_of(
    given: Scheduled, *, accounts: Mapping[str, SourceAccount], commodities: Mapping[str, str], tally: Tally
) -> list[SourceSchedule]:
    """A schedule for each template and rhythm; what has no equal is told. Raises ValueError for a rule without meaning."""
    if not given.enabled:
        tally.add(SCHEDULED, _("it is switched off"), example=given.name)
        return []
    if given.total is not None and not given.left:
        tally.add(SCHEDULED, _("it has ended"), example=given.name)
        return []
    found: list[SourceSchedule] = []
    for rhythm, rule in _rules(given, tally):
        until = given.end
        if given.total is not None and given.left:
            # Counted from what was entered last: occurrences that were left out there do not come later here.
            after = rule.count_before(given.last + datetime.timedelta(days=1)) if given.last else 0
            until = rule.at(after + given.left - 1)
        for template in given.templates:
            sides = _sides(template, accounts, commodities)
            if isinstance(sides, str):
                tally.add(SCHEDULED, sides, example=given.name)
                continue
            own, amount, others = sides
            name = given.name if len(given.templates) == 1 else f"{given.name}: {template.description}"
            found.append(
                SourceSchedule(
                    name=f"{name} ({len(found) + 1})" if any(name == each.name for each in found) else name,
                    account=own, currency=commodities[own], amount=amount, first=rule.anchor, unit=rule.unit.value,
                    sides=others, every=rule.every, days=rule.days, weekday=rule.weekday,
                    shift=_SHIFTS.get(rhythm.adjust, "none"), until=until,
                    count=1 if rhythm.period == "once" else None, payee=template.description,
                )
            )  # fmt: skip
    if not given.templates:
        tally.add(SCHEDULED, _("it has no template of what to enter"), example=given.name)
    return found


def _rules(given: Scheduled, tally: Tally) -> list[tuple[Rhythm, Recurrence]]:
    """Each rhythm with its rule; two of the same months are one rule with two days, such as the 1st and the 15th."""
    rules = [(rhythm, rhythm.rule()) for rhythm in given.rhythms]
    known = [(rhythm, rule) for rhythm, rule in rules if rule is not None]
    if not known or len(known) < len(rules):
        tally.add(SCHEDULED, _("its rhythm is not known here"), example=given.name)
        return []
    if len(known) == 1:
        return known
    if given.total is not None:
        tally.add(SCHEDULED, _("it has several rhythms and a number of times in all"), example=given.name)
        return []
    days = [rule.days or (rule.anchor.day,) for _rhythm, rule in known]
    merged = tuple(sorted({day for each in days for day in each}))
    plain = all(rule.unit is Unit.MONTH and rule.every == 1 and rule.weekday is None for _rhythm, rule in known)
    if plain and len({rhythm.adjust for rhythm, _rule in known}) == 1 and sum(day >= _LATE for day in merged) < 2:
        anchor = min(rule.anchor for _rhythm, rule in known)
        return [(known[0][0], Recurrence(anchor=anchor, unit=Unit.MONTH, days=merged))]
    return known


def _sides(
    template: Template, accounts: Mapping[str, SourceAccount], commodities: Mapping[str, str]
) -> tuple[str, Decimal, tuple[SourceSide, ...]] | str:
    """The account that pays or is paid, its amount, and the other sides; or why there are none."""
    if any(split.amount is None for split in template.splits):
        return _("its amount is a formula")
    sums: dict[str, Decimal] = {}
    for split in template.splits:
        if split.account not in accounts:
            return _("it names an account that is not in the file")
        sums[split.account] = sums.get(split.account, Decimal(0)) + (split.amount or 0)
    money = [key for key in sums if accounts[key].type in (ASSET, LIABILITY) and sums[key]]
    if not money:
        return _("no account of money has an amount in it")
    if len({commodities[key] for key in sums}) > 1:
        return _("it moves more than one currency")
    if sum(sums.values()):
        return _("its amounts do not sum to zero")
    # Of several the one that most leaves: a transfer is the payer's.
    own = min(money, key=lambda key: sums[key])
    others = tuple(
        SourceSide(account=split.account, amount=split.amount, memo=split.memo)
        for split in template.splits
        if split.account != own and split.amount
    )
    return own, sums[own], others


def budget_of(
    *, name: str, rhythm: Rhythm, periods: int, amounts: Sequence[tuple[str, int, Decimal]], natural: bool,
    accounts: Mapping[str, SourceAccount], commodities: Mapping[str, str], tally: Tally,
) -> SourceBudget | None:  # fmt: skip
    """The budget; amounts are (account, number of the period from 0, amount). Raises ValueError as `Rhythm.rule`."""
    if rhythm.period not in _UNITS or not 0 < periods <= MOST_PERIODS:
        tally.add(BUDGET, _("its periods are not known here"), example=name)
        return None
    rule = Recurrence(anchor=rhythm.start, unit=_UNITS[rhythm.period], every=rhythm.every)
    by_account: dict[str, dict[int, Decimal]] = {}
    for account, number, amount in amounts:
        if account not in accounts:
            tally.add(_("amount of a budget"), _("it names an account that is not in the file"), example=name)
        elif not 0 <= number < periods:
            tally.add(_("amount of a budget"), _("its period is behind the budget's last one"), example=name)
        elif amount:
            by_account.setdefault(account, {})[number] = amount
    counted = Counter(commodities[account] for account in by_account)
    if not counted:
        tally.add(BUDGET, _("it has no amounts"), example=name)
        return None
    currency = counted.most_common(1)[0][0]
    lines = []
    for key, by_period in by_account.items():
        if commodities[key] != currency:
            why = _("it is in %(own)s, the budget in %(currency)s") % {"own": commodities[key], "currency": currency}
            tally.add(_("line of a budget"), why, example=f"{name}: {accounts[key].name}")
            continue
        # Without the feature the sign is as the account shows its balance; what is planned is then positive.
        debit = accounts[key].type != INCOME
        turned = not debit if natural else all(amount < 0 for amount in by_period.values())
        days = [(rule.at(number), -amount if turned else amount) for number, amount in sorted(by_period.items())]
        lines.append(
            SourceBudgetLine(
                name=accounts[key].name,
                account=key,
                amounts=tuple((day, amount) for day, amount in days if day is not None),
            )
        )
    return SourceBudget(
        name=name, kind="tracking", currency=currency, unit=rule.unit.value, every=rule.every, anchor=rhythm.start,
        starts_on=rhythm.start, lines=tuple(lines),
    )  # fmt: skip
