"""Rules in words: what a condition asks and what an action does, as lists and forms show them."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django_stubs_ext import StrOrPromise

from finance.rules.definition import TEXT_FIELDS

_TEXTS: dict[str, StrOrPromise] = {
    "any": gettext_lazy("Any text"),
    "payee": gettext_lazy("Payee"),
    "description": gettext_lazy("Description"),
    "note": gettext_lazy("Note"),
    "counterparty": gettext_lazy("Other side's account number"),
}
_TEXT_TESTS: dict[str, StrOrPromise] = {
    "words": gettext_lazy("%(field)s has the words"),
    "contains": gettext_lazy("%(field)s contains"),
    "not_contains": gettext_lazy("%(field)s does not contain"),
    "equals": gettext_lazy("%(field)s is exactly"),
    "starts": gettext_lazy("%(field)s begins with"),
    "ends": gettext_lazy("%(field)s ends with"),
    "matches": gettext_lazy("%(field)s matches the pattern"),
    "empty": gettext_lazy("%(field)s is empty"),
    "not_empty": gettext_lazy("%(field)s is not empty"),
}
_OTHERS: dict[str, dict[str, StrOrPromise]] = {
    "amount": {
        "between": gettext_lazy("Amount from … to"),
        "is": gettext_lazy("Amount is"),
        "at_least": gettext_lazy("Amount at least"),
        "at_most": gettext_lazy("Amount at most"),
    },
    "direction": {"out": gettext_lazy("Money goes out"), "in": gettext_lazy("Money comes in")},
    "account": {"is": gettext_lazy("Account is"), "is_not": gettext_lazy("Account is not")},
    "category": {
        "is": gettext_lazy("Category is"),
        "is_not": gettext_lazy("Category is not"),
        "empty": gettext_lazy("Without a category"),
        "not_empty": gettext_lazy("With a category"),
    },
    "date": {
        "between": gettext_lazy("Date from … to"),
        "after": gettext_lazy("After the date"),
        "before": gettext_lazy("Before the date"),
    },
    "day": {
        "is": gettext_lazy("On day of the month"),
        "after": gettext_lazy("After day of the month"),
        "before": gettext_lazy("Before day of the month"),
    },
    "weekday": {"is": gettext_lazy("On weekdays (1 = Monday)")},
}
_GROUPS: dict[str, StrOrPromise] = {
    "amount": gettext_lazy("Amount"),
    "direction": gettext_lazy("Direction"),
    "account": gettext_lazy("Account"),
    "category": gettext_lazy("Category"),
    "date": gettext_lazy("Date"),
    "day": gettext_lazy("Day of the month"),
    "weekday": gettext_lazy("Weekday"),
}


def tests_by_group() -> Iterator[tuple[StrOrPromise, list[tuple[str, str]]]]:
    """What a condition can ask, as groups of options "payee:words"."""
    for field in ("payee", "any", "description", "note", "counterparty"):
        tests = [
            test for test in _TEXT_TESTS if field in TEXT_FIELDS or test in ("equals", "starts", "empty", "not_empty")
        ]
        yield _TEXTS[field], [(f"{field}:{test}", said(field, test)) for test in tests]
    for field, tests_of in _OTHERS.items():
        yield _GROUPS[field], [(f"{field}:{test}", str(words)) for test, words in tests_of.items()]


def said(field: str, test: str) -> str:
    """The condition without its value: "Payee contains"."""
    if field in _TEXTS:
        return str(_TEXT_TESTS[test]) % {"field": _TEXTS[field]}
    return str(_OTHERS[field][test])


def condition_words(condition: Mapping[str, Any], names: Mapping[int, str]) -> str:
    """A condition as stored, as a phrase; a group in brackets."""
    if "conditions" in condition:
        joint = _(" or ") if condition.get("match") == "any" else _(" and ")
        return "(" + joint.join(condition_words(each, names) for each in condition["conditions"]) + ")"
    field, test = condition["field"], condition["test"]
    value: Any = condition.get("value")
    if field == "direction":
        return said(field, value)
    if test in ("empty", "not_empty"):
        return said(field, test)
    if test == "between":
        what = said(field, test).partition("…")[0].strip()
        return f"{what} {value['from']} {_('to')} {value['to']}"
    if field in ("account", "category"):
        value = names.get(value, value)
    elif field == "weekday":
        value = ", ".join(str(day) for day in value)
    return f"{said(field, test)} “{value}”" if field in _TEXTS else f"{said(field, test)} {value}"


def conditions_words(definition: Mapping[str, Any], names: Mapping[int, str]) -> str:
    """All conditions of a stored rule in one phrase."""
    joint = _(" or ") if definition.get("match") == "any" else _(" and ")
    return joint.join(condition_words(each, names) for each in definition["conditions"])


def action_words(action: Mapping[str, Any], names: Mapping[int, str]) -> str:
    """What an action as stored does, as a phrase."""
    match action["do"]:
        case "payee":
            return _("payee “%(value)s”") % action
        case "note":
            return _("note “%(value)s”") % action
        case "tags":
            return _("tags: %(names)s") % {"names": ", ".join(action["value"])}
        case "ignore":
            return _("ignore the row")
        case "split":
            parts = "; ".join(f"{names.get(part['account'], '—')} {part_words(part)}" for part in action["parts"])
            return _("split: %(parts)s") % {"parts": parts}
        case "transfer":
            return _("transfer with %(name)s") % {"name": names.get(action["account"], "—")}
    return str(names.get(action["account"], "—"))


def part_words(part: Mapping[str, Any]) -> str:
    """How much a part of a split takes."""
    if part.get("amount"):
        return str(part["amount"])
    if part.get("percent"):
        of = _("of the total") if part["of"] == "total" else _("of the rest")
        return f"{part['percent']} % {of}"
    return _("the rest")


def actions_words(definition: Mapping[str, Any], names: Mapping[int, str]) -> list[str]:
    """All actions of a stored rule, a phrase each."""
    return [action_words(each, names) for each in definition["actions"]]


def share_words(count: int, looked: int) -> str:
    """ "23 of the last 1,000 entries match": what a draft of a rule would have caught."""
    told = ngettext(
        "%(count)d of the latest %(looked)d entries matches.",
        "%(count)d of the latest %(looked)d entries match.",
        count,
    )
    return told % {"count": count, "looked": looked}
