"""What a rule says: conditions and actions, read strictly from JSON. `docs/rules.md` describes the format.

{"match": "all",
 "conditions": [{"field": "payee", "test": "words", "value": "rewe markt"},
                {"match": "any", "conditions": [{"field": "direction", "test": "is", "value": "out"}, …]}],
 "actions": [{"do": "category", "account": 12}]}
"""

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import re2
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from finance.errors import Invalid
from finance.tags.names import checked_name

MOST_CONDITIONS = 50
MOST_PARTS = 20
LONGEST_TEXT = 200
# Of the automaton that a pattern becomes; a pattern that needs more is refused when it is saved.
PATTERN_MEMORY = 1 << 20

TEXT_FIELDS = ("any", "payee", "description", "note")
TEXT_TESTS = ("contains", "not_contains", "words", "equals", "starts", "ends", "empty", "not_empty", "matches")
TESTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(TEXT_FIELDS, TEXT_TESTS),
    "counterparty": ("equals", "starts", "empty", "not_empty"),
    "amount": ("is", "at_least", "at_most", "between"),
    "direction": ("is",),
    "account": ("is", "is_not"),
    "category": ("is", "is_not", "empty", "not_empty"),
    "date": ("after", "before", "between"),
    "day": ("is", "after", "before"),
    "weekday": ("is",),
}
ACTIONS = ("payee", "category", "transfer", "split", "note", "tags", "ignore")
# The key of an action's value, beside "do".
_TAKES = {
    "payee": "value", "note": "value", "tags": "value", "category": "account", "transfer": "account", "split": "parts",
}  # fmt: skip
MOST_TAGS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`value` is a text, a Decimal, a number, a date, a pair of these, or a tuple of weekdays, as field and test ask."""

    field: str
    test: str
    value: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """All of them, or any one of them, must hold; groups stand inside the outermost level only."""

    match: str
    each: tuple["Condition | Conditions", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a split: an amount, a percentage of the total or of what is left so far, or (neither) the rest."""

    account_id: int
    amount: Decimal | None = None
    percent: Decimal | None = None
    of_rest: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    do: str
    text: str = ""
    account_id: int = 0
    parts: tuple[Part, ...] = ()
    # Names, not ids: a tag is created when the rule first sets it, and the rule can move to another book.
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    conditions: Conditions
    actions: tuple[Action, ...]

    def accounts(self) -> Iterator[tuple[str, int]]:
        """(path in the JSON, id) of every account that the rule names."""
        for path, condition in _each_condition(self.conditions, "conditions"):
            if condition.field in ("account", "category") and condition.value is not None:
                yield f"{path}.value", condition.value
        for index, action in enumerate(self.actions):
            if action.account_id:
                yield f"actions.{index}.account", action.account_id
            for place, part in enumerate(action.parts):
                yield f"actions.{index}.parts.{place}.account", part.account_id


def _each_condition(conditions: Conditions, path: str) -> Iterator[tuple[str, Condition]]:
    for index, each in enumerate(conditions.each):
        if isinstance(each, Conditions):
            yield from _each_condition(each, f"{path}.{index}.conditions")
        else:
            yield f"{path}.{index}", each


def parse_definition(data: object, *, at: str = "") -> Definition:
    """A rule from JSON. Raises Invalid with every problem, each at its path such as "actions.0.parts.1.percent", below
    the field `at` where the definition stands in one."""
    problems: dict[str, str] = {}
    given = _object(data, {"match", "conditions", "actions"}, "definition", problems)
    conditions = _conditions(given, "", problems, nested=False)
    listed = given.get("actions")
    if not isinstance(listed, list) or not listed:
        problems["actions"] = _("A rule needs at least one action.")
        listed = []
    actions: list[Action] = []
    for index, one in enumerate(listed[: len(ACTIONS) + 1]):
        path = f"actions.{index}"
        do = one.get("do") if isinstance(one, Mapping) else None
        if do not in ACTIONS:
            problems[f"{path}.do"] = _("Choose one of: %(known)s.") % {"known": ", ".join(ACTIONS)}
            continue
        if any(do == each.do or {do, each.do} <= {"category", "transfer", "split"} for each in actions):
            problems[f"{path}.do"] = _("A rule sets each thing once, and one of category, transfer and split.")
        _object(one, {"do", _TAKES.get(do, "do")}, path, problems)
        try:
            if do in ("payee", "note"):
                actions.append(Action(do=do, text=_text(one.get("value")).strip()))
            elif do in ("category", "transfer"):
                actions.append(Action(do=do, account_id=_account(one.get("account"))))
            elif do == "tags":
                actions.append(Action(do=do, tags=_tags(one.get("value"))))
            else:
                parts = _parts(one.get("parts"), f"{path}.parts", problems) if do == "split" else ()
                actions.append(Action(do=do, parts=parts))
        except ValueError as error:
            problems[f"{path}.{_TAKES[do]}"] = str(error)
    if problems:
        fields = {f"{at}.{path}" if at and path != at else path: why for path, why in problems.items()}
        raise Invalid(fields=fields, reason=" ".join(dict.fromkeys(problems.values())))
    return Definition(conditions=conditions, actions=tuple(actions))


def pattern(text: str) -> Any:
    """The compiled regular expression: linear in the text whatever it is, and blind to case. Raises ValueError."""
    options = re2.Options()
    options.max_mem, options.log_errors, options.case_sensitive = PATTERN_MEMORY, False, False
    try:
        return re2.compile(text, options)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        raise ValueError(said.decode(errors="replace") if isinstance(said, bytes) else str(said)) from error


def _object(data: object, known: set[str], path: str, problems: dict[str, str]) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        problems[path] = _("This must be an object.")
        return {}
    for name in data:
        if name not in known:
            problems[f"{path}.{str(name)[:40]}".removeprefix("definition.")] = _("This field is unknown.")
    return data


def _conditions(given: Mapping[str, Any], path: str, problems: dict[str, str], *, nested: bool) -> Conditions:
    match = given.get("match", "all")
    if match not in ("all", "any"):
        problems[f"{path}match"] = _("Choose all or any.")
    listed = given.get("conditions")
    if not isinstance(listed, list) or not listed:
        problems[f"{path}conditions"] = _("A rule needs at least one condition.")
        return Conditions(match="all", each=())
    if len(listed) > MOST_CONDITIONS:
        problems[f"{path}conditions"] = _("At most %(most)d conditions.") % {"most": MOST_CONDITIONS}
        return Conditions(match="all", each=())
    each: list[Condition | Conditions] = []
    for index, one in enumerate(listed):
        place = f"{path}conditions.{index}"
        if isinstance(one, Mapping) and "conditions" in one:
            if nested:
                problems[place] = _("Groups of conditions cannot hold further groups.")
                continue
            _object(one, {"match", "conditions"}, place, problems)
            each.append(_conditions(one, f"{place}.", problems, nested=True))
        else:
            each.append(_condition(one, place, problems))
    return Conditions(match=match if match in ("all", "any") else "all", each=tuple(each))


def _condition(data: object, path: str, problems: dict[str, str]) -> Condition:
    given = _object(data, {"field", "test", "value"}, path, problems)
    field, test, value = given.get("field"), given.get("test"), given.get("value")
    nothing = Condition(field="any", test="empty")
    if not isinstance(field, str) or field not in TESTS:
        problems[f"{path}.field"] = _("Choose one of: %(known)s.") % {"known": ", ".join(TESTS)}
        return nothing
    if test not in TESTS[field]:
        problems[f"{path}.test"] = _("Choose one of: %(known)s.") % {"known": ", ".join(TESTS[field])}
        return nothing
    if test in ("empty", "not_empty"):
        return Condition(field=field, test=test)
    try:
        read: Callable[[object], Any] = _READERS.get(field, _text)
        if test == "between":
            if not isinstance(value, Mapping) or value.keys() != {"from", "to"}:
                raise ValueError(_("Give both ends, “from” and “to”."))
            checked: Any = (read(value["from"]), read(value["to"]))
            if checked[0] > checked[1]:
                raise ValueError(_("“From” must not be after “to”."))
        else:
            checked = read(value)
        if test == "matches":
            try:
                pattern(checked)
            except ValueError as error:
                raise ValueError(_("This regular expression cannot be read: %(why)s.") % {"why": error}) from error
    except ValueError as error:
        problems[f"{path}.value"] = str(error)
        return nothing
    return Condition(field=field, test=test, value=checked)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(_("Enter a text."))
    if len(value) > LONGEST_TEXT or "\x00" in value:
        raise ValueError(_("At most %(most)d characters, and no null character.") % {"most": LONGEST_TEXT})
    return value


def _tags(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_TAGS or not all(isinstance(n, str) for n in value):
        raise ValueError(_("Name 1 to %(most)d tags.") % {"most": MOST_TAGS})
    try:
        return tuple({name.casefold(): name for name in map(checked_name, value)}.values())
    except Invalid as error:
        raise ValueError(error.detail) from error


def _decimal(value: object) -> Decimal:
    try:
        number = Decimal(value) if isinstance(value, str) and len(value) <= 30 else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or number < 0 or abs(number.adjusted()) > 20:
        raise ValueError(_("Enter a plain decimal such as 12.34, without a sign; direction is a condition of its own."))
    return number


def _day(value: object) -> datetime.date:
    try:
        return datetime.date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(_("Enter a day such as 2026-03-31.")) from None


def _number(highest: int, sentence: str) -> Callable[[object], int]:
    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= highest:
            raise ValueError(_(sentence))
        return value

    return read


def _direction(value: object) -> str:
    if value not in ("in", "out"):
        raise ValueError(_("Choose money in or money out."))
    return str(value)


def _weekdays(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not value or any(day not in range(1, 8) or day is True for day in value):
        raise ValueError(_("Choose weekdays, 1 (Monday) to 7 (Sunday)."))
    return tuple(sorted(set(value)))


_account = _number(2**63 - 1, gettext_noop("Choose an account."))
_READERS: dict[str, Callable[[object], Any]] = {
    "amount": _decimal,
    "direction": _direction,
    "account": _account,
    "category": _account,
    "date": _day,
    "day": _number(31, gettext_noop("Enter a day of the month, 1 to 31.")),
    "weekday": _weekdays,
}


def _parts(listed: object, path: str, problems: dict[str, str]) -> tuple[Part, ...]:
    if not isinstance(listed, list) or not 2 <= len(listed) <= MOST_PARTS:
        problems[path] = _("A split has 2 to %(most)d parts.") % {"most": MOST_PARTS}
        return ()
    parts: list[Part] = []
    for index, one in enumerate(listed):
        place = f"{path}.{index}"
        given = _object(one, {"account", "amount", "percent", "of", "rest", "note"}, place, problems)
        ways = [name for name in ("amount", "percent", "rest") if given.get(name) not in (None, False)]
        if len(ways) != 1:
            problems[place] = _("Give each part an amount, a percentage, or the rest.")
            continue
        field = "account"
        try:
            account_id = _account(given.get("account"))
            field = ways[0]
            number = None if field == "rest" else _decimal(given[field])
            if number == 0 or (field == "percent" and number is not None and number > 100):
                raise ValueError(_("A part must be more than nothing, and at most 100 %."))
            if field == "percent" and given.get("of") not in ("total", "rest"):
                field = "of"
                raise ValueError(_("Say what the percentage is of: the total, or the rest so far."))
            if field == "rest" and given["rest"] is not True:
                raise ValueError(_("This must be true."))
            field = "note"
            note = _text(given["note"]) if given.get("note") else ""
        except ValueError as error:
            problems[f"{place}.{field}"] = str(error)
            continue
        parts.append(
            Part(
                account_id=account_id, note=note, of_rest=given.get("of") == "rest",
                amount=number if ways[0] == "amount" else None, percent=number if ways[0] == "percent" else None,
            )
        )  # fmt: skip
    if len(parts) == len(listed) and (why := _never_whole(parts)):
        problems[path] = why
    return tuple(parts)


def _never_whole(parts: list[Part]) -> str:
    """Why the parts cannot make up every amount, or "". Fixed amounts alone fit one amount only."""
    if any(part.amount is None and part.percent is None for part in parts):
        first_rest = next(i for i, part in enumerate(parts) if part.amount is None and part.percent is None)
        if any(part.amount is not None or part.percent is not None for part in parts[first_rest:]):
            return _("What takes the rest comes last.")
        if all(part.amount is None for part in parts) and sum(_of_total(parts)) >= 100:
            return _("The percentages leave nothing for the rest.")
        return ""
    if parts[-1].of_rest and parts[-1].percent == 100:
        return ""
    if all(part.percent is not None and not part.of_rest for part in parts):
        total = sum(_of_total(parts))
        return "" if total == 100 else _("The percentages add up to %(sum)s, not 100.") % {"sum": f"{total:f}"}
    return _("Let the last part take the rest; otherwise something is left over.")


def _of_total(parts: list[Part]) -> list[Decimal]:
    return [part.percent for part in parts if part.percent is not None and not part.of_rest] or [Decimal(0)]
