"""Rules carried out on one row after another, without a database.

One pass in a fixed order: each rule sees the row as the rules before it left it. A rule with "stop" that holds ends the
pass for that row, whether or not it changed anything.
"""

import datetime
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from core.texts import gettext as _
from core.words import plain
from finance import money
from finance.errors import AmountInvalid
from finance.rules.definition import Action, Condition, Conditions, Definition, Part, pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of a split row: minor units with the sign of the row."""

    account_id: int
    amount: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A row of a bank file or an entry, as rules see it: `amount` is what it does to `account_id`, in minor units.

    `original` is what the bank wrote, where that is known. What is in `chosen` ("payee", "category", "note") was said by
    people, or by a program for them: only a rule that overrides changes it.
    """

    account_id: int
    amount: int
    currency: str
    date: datetime.date
    payee: str = ""
    description: str = ""
    note: str = ""
    original: str = ""
    counterparty: str = ""
    category_id: int | None = None
    shares: tuple[Share, ...] = ()
    tags: tuple[str, ...] = ()
    ignored: bool = False
    chosen: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRule:
    rule_id: int
    version: int
    name: str
    definition: Definition
    stop: bool = False
    override: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one rule did to a row: field → (before, after) as JSON values, what it had to leave, and why it failed."""

    rule_id: int
    version: int
    name: str
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    subject: Subject
    steps: tuple[Step, ...] = ()

    def decider(self, *names: str) -> Step | None:
        """The last rule that changed one of these fields."""
        return next((step for step in reversed(self.steps) if step.changes.keys() & set(names)), None)


class SplitImpossible(ValueError):
    """The parts do not fit the amount; the message says why in a sentence."""


class Engine:
    """Compiled rules. `currencies` are the accounts that take postings, with the currency of each."""

    def __init__(self, rules: Sequence[CompiledRule], *, currencies: Mapping[int, str]) -> None:
        self._rules = [(rule, _compiled(rule.definition.conditions)) for rule in rules]
        self._currencies = currencies

    def __bool__(self) -> bool:
        return bool(self._rules)

    def run(self, subject: Subject) -> Outcome:
        seen = Seen(subject)
        steps = []
        for rule, holds in self._rules:
            if not holds(seen):
                continue
            step, after = self._apply(rule, seen.subject)
            if step.changes or step.kept or step.problem:
                steps.append(step)
            if after is not seen.subject:
                seen = Seen(after)
            if rule.stop:
                break
        return Outcome(subject=seen.subject, steps=tuple(steps))

    def matches(self, subject: Subject) -> bool:
        """Whether one of the rules holds for the row as it is."""
        seen = Seen(subject)
        return any(holds(seen) for _rule, holds in self._rules)

    def _apply(self, rule: CompiledRule, subject: Subject) -> tuple[Step, Subject]:
        after, kept, problem = subject, [], ""
        for action in rule.definition.actions:
            touched = {"transfer": "category", "split": "category"}.get(action.do, action.do)
            if touched in subject.chosen and not rule.override:
                # It was kept from changing something; saying what is there already does not count.
                if (
                    action.do == "split"
                    or (action.do in ("payee", "note") and getattr(subject, action.do) != action.text)
                    or (action.do in ("category", "transfer") and subject.category_id != action.account_id)
                ):
                    kept.append(touched)
                continue
            try:
                after = self._acted(action, after)
            except SplitImpossible as error:
                problem = str(error)
        changes = {
            name: (_json(getattr(subject, name)), _json(getattr(after, name)))
            for name in ("payee", "category_id", "note", "shares", "tags", "ignored")
            if getattr(subject, name) != getattr(after, name)
        }
        step = Step(
            rule_id=rule.rule_id, version=rule.version, name=rule.name, changes=changes, problem=problem, kept=tuple(kept)
        )  # fmt: skip
        return step, after if changes else subject

    def _acted(self, action: Action, subject: Subject) -> Subject:
        match action.do:
            case "payee":
                return replace(subject, payee=action.text)
            case "note":
                return replace(subject, note=action.text)
            case "tags":
                # Added to the tags that are there; a rule removes none.
                known = {name.casefold() for name in subject.tags}
                return replace(
                    subject, tags=(*subject.tags, *(name for name in action.tags if name.casefold() not in known))
                )
            case "ignore":
                return replace(subject, ignored=True)
            case "split":
                for part in action.parts:
                    self._check(part.account_id, subject)
                amounts = share_out(subject.amount, action.parts, currency=subject.currency)
                shares = tuple(
                    Share(account_id=part.account_id, amount=amount, note=part.note)
                    for part, amount in zip(action.parts, amounts, strict=True)
                )
                return replace(subject, shares=shares, category_id=None)
        self._check(action.account_id, subject)
        return replace(subject, category_id=action.account_id, shares=())

    def _check(self, account_id: int, subject: Subject) -> None:
        if account_id not in self._currencies:
            raise SplitImpossible(_("an account that it names is closed"))
        if self._currencies[account_id] != subject.currency:
            raise SplitImpossible(
                _("it posts to %(other)s, the row is in %(currency)s")
                % {"other": self._currencies[account_id], "currency": subject.currency}
            )
        if account_id == subject.account_id:
            raise SplitImpossible(_("it posts to the account of the row itself"))


def _json(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    return [each if isinstance(each, str) else [each.account_id, each.amount, each.note] for each in value]


def share_out(amount: int, parts: Sequence[Part], *, currency: str) -> list[int]:
    """Minor units for each part, with the sign of `amount` and exactly its sum.

    Fixed amounts and percentages are taken in order, a percentage rounded half up. Parts that take the rest share it
    equally, the earlier ones taking one unit more where it does not divide; without such a part the last one takes what
    is left. Raises SplitImpossible where a part would get nothing or less.
    """
    total = left = abs(amount)
    shares: list[int] = []
    waiting = sum(1 for part in parts if part.amount is None and part.percent is None)
    for index, part in enumerate(parts):
        if part.amount is not None:
            try:
                share = money.to_minor_units(part.amount, currency=currency)
            except AmountInvalid as error:
                raise SplitImpossible(
                    _("the amount of part %(index)s %(reason)s") % {"index": index + 1, "reason": error.facts["reason"]}
                ) from error
        elif part.percent is not None:
            base = left if part.of_rest else total
            share = int((Decimal(base) * part.percent / 100).to_integral_value(rounding=ROUND_HALF_UP))
            if index == len(parts) - 1:
                share = left
        else:
            share = -(-left // waiting)
            waiting -= 1
        left -= share
        if share <= 0 or left < 0:
            whole = money.format_amount(total, currency=currency)
            raise SplitImpossible(
                _("%(amount)s %(currency)s is too little for part %(index)s")
                % {"amount": whole, "currency": currency, "index": index + 1}
            )
        shares.append(share)
    if left:
        raise SplitImpossible(
            _("%(amount)s %(currency)s would be left over")
            % {"amount": money.format_amount(left, currency=currency), "currency": currency}
        )
    return [share if amount > 0 else -share for share in shares]


class Seen:
    """A row with its texts in the forms that conditions ask for, each made once."""

    __slots__ = ("_folded", "_words", "subject")

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._folded: dict[str, str] = {}
        self._words: dict[str, frozenset[str]] = {}

    def raw(self, name: str) -> str:
        subject = self.subject
        if name == "any":
            return "\n".join(filter(None, (subject.payee, subject.description, subject.note, subject.original)))
        text: str = getattr(subject, name)
        return text

    def folded(self, name: str) -> str:
        if name not in self._folded:
            self._folded[name] = "\n".join(fold(line) for line in self.raw(name).split("\n"))
        return self._folded[name]

    def words(self, name: str) -> frozenset[str]:
        if name not in self._words:
            self._words[name] = frozenset(plain(self.raw(name)).split())
        return self._words[name]


def fold(text: str) -> str:
    """Without case, and with single spaces."""
    return " ".join(text.casefold().split())


Predicate = Callable[[Seen], bool]


_MEASURES: dict[str, Callable[[Seen], Any]] = {
    "amount": lambda seen: abs(money.to_decimal(seen.subject.amount, currency=seen.subject.currency)),
    "date": lambda seen: seen.subject.date,
    "day": lambda seen: seen.subject.date.day,
}
# "after" and "before" leave out the day itself, "between" includes both ends.
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "is": operator.eq, "after": operator.gt, "before": operator.lt, "at_least": operator.ge, "at_most": operator.le,
    "between": lambda found, ends: bool(ends[0] <= found <= ends[1]),
}  # fmt: skip


def _compiled(condition: Condition | Conditions) -> Predicate:
    if isinstance(condition, Conditions):
        each = [_compiled(one) for one in condition.each]
        if condition.match == "any":
            return lambda seen: any(holds(seen) for holds in each)
        return lambda seen: all(holds(seen) for holds in each)
    name, test, value = condition.field, condition.test, condition.value
    if name in _MEASURES:
        measure, compare = _MEASURES[name], _COMPARISONS[test]
        return lambda seen: compare(measure(seen), value)
    match name:
        case "direction":
            return lambda seen: (seen.subject.amount > 0) == (value == "in")
        case "account":
            return lambda seen: (seen.subject.account_id == value) == (test == "is")
        case "category":
            if test in ("empty", "not_empty"):
                return lambda seen: (not (seen.subject.category_id or seen.subject.shares)) == (test == "empty")
            return lambda seen: (seen.subject.category_id == value) == (test == "is")
        case "weekday":
            return lambda seen: seen.subject.date.isoweekday() in value
        case "counterparty":
            return _of_text(name, test, value.replace(" ", "") if value else value)
    return _of_text(name, test, value)


def _of_text(name: str, test: str, value: Any) -> Predicate:
    match test:
        case "empty":
            return lambda seen: not seen.raw(name).strip()
        case "not_empty":
            return lambda seen: bool(seen.raw(name).strip())
        case "words":
            wanted = frozenset(plain(value).split())
            return lambda seen: bool(wanted) and wanted <= seen.words(name)
        case "matches":
            search = pattern(value).search
            return lambda seen: search(seen.raw(name)) is not None
    folded = fold(value)
    match test:
        case "contains":
            return lambda seen: folded in seen.folded(name)
        case "not_contains":
            return lambda seen: folded not in seen.folded(name)
        case "starts":
            return lambda seen: any(line.startswith(folded) for line in seen.folded(name).split("\n"))
        case "ends":
            return lambda seen: any(line.endswith(folded) for line in seen.folded(name).split("\n"))
    return lambda seen: folded in seen.folded(name).split("\n")


def key_words(text: str) -> str:
    """The words of a payee without branch numbers, card numbers and dates."""
    return " ".join([word for word in plain(text).split() if len(word) > 1 and word.isalpha()])
