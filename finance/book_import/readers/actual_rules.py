"""Actual's rules that say what LifeOS's can say (loot-core: server/rules and shared/rules.ts).

A rule has conditions, all or any of which must hold, and actions. Those of a stage run from the least to the most
specific, and the last one wins; so they come in that order. Fields are named as the database names them: `description`
is a payee's id, `acct` an account's, `imported_description` the bank's own text.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from core.texts import gettext as _
from finance.book_import.model import SourceRule, Tally
from finance.book_import.readers.actual_plans import RULE, Names, listed
from finance.book_import.readers.fields import reason_of
from finance.book_import.readers.sqlite import Tables
from finance.errors import BookUnreadable

_STAGES = {"pre": 0, "": 1, "post": 2}
# How specific each test is (OP_SCORES of loot-core); rules that only ask for equality count twice.
_SCORES = {"is": 10, "isNot": 10, "oneOf": 9, "notOneOf": 9, "isapprox": 5, "isbetween": 5}
_LEAST_SCORES = {"gt": 1, "gte": 1, "lt": 1, "lte": 1}
_EQUALITY = frozenset(["is", "isNot", "isapprox", "oneOf", "notOneOf"])
_TEXTS = {"contains": "contains", "doesNotContain": "not_contains", "matches": "matches", "is": "equals"}
_TEXT_FIELDS = {"imported_description": "any", "imported_payee": "any", "notes": "description"}
_PAYEE, _ACCOUNT = ("description", "payee"), ("acct", "account")
# What an action may set without any effect here.
_IGNORED = frozenset(["cleared"])
Json = dict[str, Any]


def rules_of(tables: Tables, *, names: Names, tally: Tally) -> Iterator[SourceRule]:
    """The live rules that are not those of schedules; what has no equal is told."""
    of_schedules = {row["rule"] for row in tables.rows("schedules", "rule")} if "schedules" in tables else set()
    found: list[tuple[int, int, int, SourceRule]] = []
    for row in tables.rows("rules", "id stage conditions actions conditions_op tombstone"):
        if row["tombstone"] or row["id"] in of_schedules:
            continue
        try:
            conditions, actions = listed(row["conditions"]), listed(row["actions"])
            stage = _STAGES.get(str(row["stage"] or ""), 1)
            found.append((stage, _score(conditions), len(found), _rule(row, conditions, actions, names)))
        except BookUnreadable as error:
            tally.add(RULE, reason_of(error), example=str(row["id"]))
    for _stage, _specific, _place, rule in sorted(found, key=lambda each: each[:3]):
        yield rule


def _score(conditions: list[Json]) -> int:
    ops = [str(each.get("op")) for each in conditions]
    score = sum(_SCORES.get(op, _LEAST_SCORES.get(op, 0)) for op in ops)
    return score * 2 if ops and _EQUALITY.issuperset(ops) else score


def _rule(row: Json, conditions: list[Json], actions: list[Json], names: Names) -> SourceRule:
    asked = [_condition(each, names) for each in conditions]
    done = [action for each in actions if (action := _action(each, names)) is not None]
    if not asked or not done:
        raise BookUnreadable(reason=_("it has no condition or no action that LifeOS knows"))
    joined = "any" if row["conditions_op"] == "or" else "all"
    if joined == "all":
        asked = [part for each in asked for part in (each["conditions"] if each.get("match") == "all" else [each])]
    return SourceRule(name=_title(asked), match=joined, conditions=tuple(asked), actions=tuple(done))


def _title(asked: list[Json]) -> str:
    """The first text or amount that a rule asks for: Actual's rules have no names."""
    for each in asked:
        value = each.get("value")
        if each.get("field") in ("payee", "any", "description") and isinstance(value, str):
            return value[:100]
        if each.get("field") == "amount":
            return f"{value['from']} – {value['to']}" if isinstance(value, dict) else str(value)
    return _("Rule")


def _condition(given: Json, names: Names) -> Json:
    field, op, value = given.get("field"), given.get("op"), given.get("value")
    if op == "oneOf" and isinstance(value, list) and value:
        each = [_condition({**given, "op": "is", "value": one}, names) for one in value[:50]]
        return {"match": "any", "conditions": each} if len(value) <= 50 else _refused(field)
    if field in _PAYEE and op == "is" and names.payee.get(str(value)):
        return {"field": "payee", "test": "equals", "value": names.payee[str(value)]}
    if field in _ACCOUNT and op in ("is", "isNot") and isinstance(value, str):
        return {"field": "account", "test": "is" if op == "is" else "is_not", "value": f"a:{value}"}
    if field == "category" and op in ("is", "isNot") and str(value) in names.category:
        return {"field": "category", "test": "is" if op == "is" else "is_not", "value": names.category[str(value)]}
    if field in _TEXT_FIELDS and op in _TEXTS and isinstance(value, str) and value.strip():
        return {"field": _TEXT_FIELDS[field], "test": _TEXTS[op], "value": value}
    if field == "amount":
        return _amount(given)
    return _refused(field)


def _amount(given: Json) -> Json:
    """An amount with its sign as a range without one, and a direction."""
    options = given.get("options")
    value, op = given.get("value"), given.get("op")
    ends = [value.get("num1"), value.get("num2")] if isinstance(value, dict) else [value, value]
    numbers = [end for end in ends if isinstance(end, int) and abs(end) < 10**15]
    if op not in ("is", "isbetween") or len(numbers) < len(ends):
        return _refused("amount")
    low, high = sorted(abs(end) for end in numbers)
    signs = {end > 0 for end in numbers}
    if isinstance(options, dict) and (options.get("inflow") or options.get("outflow")):
        signs = {bool(options.get("inflow"))}
    if len(signs) != 1 or not low:
        return _refused("amount")
    low_text, high_text = (f"{Decimal(each).scaleb(-2):f}" for each in (low, high))
    test: Json = {"test": "is", "value": low_text}
    if low != high:
        test = {"test": "between", "value": {"from": low_text, "to": high_text}}
    direction = {"field": "direction", "test": "is", "value": "in" if True in signs else "out"}
    return {"match": "all", "conditions": [{"field": "amount", **test}, direction]}


def _refused(field: Any) -> Json:
    raise BookUnreadable(reason=_("a condition on “%(field)s” has no equal") % {"field": str(field)[:40]})


def _action(given: Json, names: Names) -> Json | None:
    """What is done; None for what has no effect here."""
    field, value = str(given.get("field")), given.get("value")
    if given.get("op") == "set" and not given.get("options"):
        if field in _IGNORED:
            return None
        if field == "category" and str(value) in names.category:
            return {"do": "category", "account": names.category[str(value)]}
        if field in _PAYEE and str(value) in names.transfer:
            return {"do": "transfer", "account": names.transfer[str(value)]}
        if field in _PAYEE and names.payee.get(str(value)):
            return {"do": "payee", "value": names.payee[str(value)]}
        if field == "notes" and isinstance(value, str) and value.strip():
            return {"do": "note", "value": value}
    raise BookUnreadable(
        reason=_("its action “%(action)s” has no equal") % {"action": f"{given.get('op')} {field}".strip()[:40]}
    )
