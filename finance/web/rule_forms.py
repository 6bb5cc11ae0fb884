"""The form of a rule: rows of conditions, what to do, parts of a split. It reads and writes the rule's JSON."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from finance.models import AccountType, Book, ImportRow, JournalEntry, JournalLine, RuleGroup
from finance.rules.definition import MOST_CONDITIONS, MOST_PARTS
from finance.rules.engine import key_words
from finance.web.account_choices import AccountField
from finance.web.import_rows import Categories
from finance.web.rule_words import tests_by_group

ALL_TYPES = tuple(AccountType)
FIRST_CONDITIONS, FIRST_PARTS = 2, 3
_HOW = [
    ("rest", gettext_lazy("the rest")),
    ("amount", gettext_lazy("an amount")),
    ("total", gettext_lazy("% of the total")),
    ("of_rest", gettext_lazy("% of the rest so far")),
]
_LETTERS = "abcdef"
_BRACKETS = [("", "—"), *((letter, letter.upper()) for letter in _LETTERS)]


class RuleForm(forms.Form):
    """`definition` is the rule's JSON once the form is valid; the services look at it more closely."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    match = forms.ChoiceField(
        label=gettext_lazy("If"),
        choices=[("all", gettext_lazy("all of these are true")), ("any", gettext_lazy("any of these is true"))],
    )
    payee = forms.CharField(label=gettext_lazy("Set the payee to"), max_length=200, required=False)
    note = forms.CharField(label=gettext_lazy("Set the note to"), max_length=200, required=False)
    tags = forms.CharField(
        label=gettext_lazy("Add the tags"), max_length=700, required=False,
        help_text=gettext_lazy("Separated by commas. New tags are created."),
    )  # fmt: skip
    ignore = forms.BooleanField(
        label=gettext_lazy("Ignore the row of the bank file"), required=False,
    )  # fmt: skip
    stop = forms.BooleanField(
        label=gettext_lazy("Stop here"), required=False,
        help_text=gettext_lazy("Later rules are not tried on rows that this rule matches."),
    )  # fmt: skip
    override = forms.BooleanField(
        label=gettext_lazy("Also change what people chose themselves"), required=False,
        help_text=gettext_lazy("Otherwise categories, payees and notes that people gave to past entries stay."),
    )  # fmt: skip

    def __init__(self, data: Any = None, *, book: Book, categories: Categories, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self._categories = categories
        groups = RuleGroup.objects.filter(book=book).order_by("position").values_list("pk", "name")
        if len(groups) > 1:
            options = [(str(pk), name) for pk, name in groups]
            self.fields["group"] = forms.ChoiceField(label=_("Group"), choices=options)
        self._count("conditions", FIRST_CONDITIONS, MOST_CONDITIONS)
        self._count("parts", 0, MOST_PARTS)
        self.fields["account"] = self._account(_("Category, or account of a transfer"))
        self.conditions = [self._condition(index) for index in range(self.counts["conditions"])]
        self.parts = [self._part(index) for index in range(self.counts["parts"])]
        self.places: dict[str, str] = {"definition.match": "match"}

    counts: dict[str, int]

    def _count(self, name: str, usual: int, most: int) -> None:
        """How many rows there are, kept in a hidden field; `more-…` adds some."""
        given = self.data.get(f"{name}-count", "") if self.is_bound else self.initial.get(f"{name}-count", usual)
        number = int(given) if str(given).isascii() and str(given).isdigit() and len(str(given)) < 4 else usual
        if self.is_bound and f"more-{name}" in self.data:
            number += FIRST_PARTS if name == "parts" and not number else 2
        self.counts = {**getattr(self, "counts", {}), name: min(number, most)}

    def _account(self, label: str) -> AccountField:
        return AccountField(tree=self._categories.accounts_in_order, types=ALL_TYPES, label=label, required=False)

    def _condition(self, index: int) -> dict[str, Any]:
        what = [("", "—"), *((group, options) for group, options in tests_by_group())]
        self.fields[f"c{index}-what"] = forms.ChoiceField(label=_("Condition"), choices=what, required=False)
        for part, label in (("value", _("Value")), ("to", _("to"))):
            self.fields[f"c{index}-{part}"] = forms.CharField(
                label=label, max_length=200, required=False,
                widget=forms.TextInput(attrs={"autocomplete": "off", **({"list": "rule-accounts"} if part == "value" else {})}),
            )  # fmt: skip
        self.fields[f"c{index}-bracket"] = forms.ChoiceField(label=_("Bracket"), choices=_BRACKETS, required=False)
        return {name: self[f"c{index}-{name}"] for name in ("what", "value", "to", "bracket")}

    def _part(self, index: int) -> dict[str, Any]:
        self.fields[f"p{index}-account"] = self._account(_("Category"))
        self.fields[f"p{index}-how"] = forms.ChoiceField(label=_("Takes"), choices=_HOW, required=False)
        for part, label in (("number", _("How much")), ("note", _("Note"))):
            self.fields[f"p{index}-{part}"] = forms.CharField(label=label, max_length=200, required=False)
        return {name: self[f"p{index}-{name}"] for name in ("account", "how", "number", "note")}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            self.definition = {
                "match": cleaned["match"], "conditions": self._said_conditions(), "actions": self._said_actions(),
            }  # fmt: skip
        return cleaned

    def _said_conditions(self) -> list[Any]:
        """Conditions in the form's order; those of one bracket become a group that asks the other way round."""
        said: list[Any] = []
        brackets: dict[str, dict[str, Any]] = {}
        other = "all" if self.cleaned_data["match"] == "any" else "any"
        for index in range(self.counts["conditions"]):
            condition = self._said_condition(index)
            if condition is None:
                continue
            if letter := self.cleaned_data[f"c{index}-bracket"]:
                if letter not in brackets:
                    brackets[letter] = {"match": other, "conditions": []}
                    said.append(brackets[letter])
                place = f"{said.index(brackets[letter])}.conditions.{len(brackets[letter]['conditions'])}"
                brackets[letter]["conditions"].append(condition)
            else:
                place = str(len(said))
                said.append(condition)
            self.places |= {
                f"definition.conditions.{place}{tail}": f"c{index}-{to}"
                for tail, to in (("", "what"), (".field", "what"), (".test", "what"), (".value", "value"))
            }
        return said

    def _said_condition(self, index: int) -> dict[str, Any] | None:
        what, typed = self.cleaned_data[f"c{index}-what"], self.cleaned_data[f"c{index}-value"].strip()
        if not what:
            if typed:
                self.add_error(f"c{index}-what", _("Choose what the value is compared with."))
            return None
        field, test = what.split(":")
        if field == "direction":
            return {"field": field, "test": "is", "value": test}
        if test in ("empty", "not_empty"):
            return {"field": field, "test": test}
        value: Any = typed
        if field == "amount":
            value = _plain_number(typed)
        elif field in ("account", "category"):
            value = self._account_named(typed, at=f"c{index}-value")
        elif field == "day":
            value = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 3 else typed
        elif field == "weekday":
            value = [int(day) if len(day) == 1 and day in "1234567" else day for day in typed.replace(",", " ").split()]
        if test == "between":
            upper = self.cleaned_data[f"c{index}-to"].strip()
            value = {"from": value, "to": _plain_number(upper) if field == "amount" else upper}
        return {"field": field, "test": test, "value": value}

    def _account_named(self, typed: str, *, at: str) -> int | None:
        wanted = " ".join(typed.split()).casefold()
        names = self._categories.names
        for account in self._categories.accounts:
            if wanted in (names[account.pk].casefold(), account.name.casefold()):
                return account.pk
        self.add_error(at, _("There is no account or category “%(name)s”.") % {"name": typed[:60]})
        return None

    def _said_actions(self) -> list[dict[str, Any]]:
        data = self.cleaned_data
        actions: list[dict[str, Any]] = []
        names = [name.strip() for name in data["tags"].split(",") if name.strip()]
        for do, value in (("payee", data["payee"].strip()), ("note", data["note"].strip()), ("tags", names)):
            if value:
                self.places[f"definition.actions.{len(actions)}.value"] = do
                actions.append({"do": do, "value": value})
        parts: list[dict[str, Any]] = []
        for index in range(self.counts["parts"]):
            account, how, number = (data[f"p{index}-{name}"] for name in ("account", "how", "number"))
            if account is None:
                if number:
                    self.add_error(f"p{index}-account", _("Choose a category for this part."))
                continue
            amounts: dict[str, dict[str, Any]] = {
                "rest": {"rest": True}, "amount": {"amount": _plain_number(number)},
                "total": {"percent": _plain_number(number), "of": "total"},
                "of_rest": {"percent": _plain_number(number), "of": "rest"},
            }  # fmt: skip
            path = f"definition.actions.{len(actions)}.parts.{len(parts)}"
            self.places |= {path: f"p{index}-number", f"{path}.account": f"p{index}-account"}
            self.places |= {f"{path}.{name}": f"p{index}-number" for name in ("amount", "percent", "of")}
            parts.append(
                {
                    "account": account.pk,
                    **amounts[how or "rest"],
                    **({"note": data[f"p{index}-note"]} if data[f"p{index}-note"] else {}),
                }
            )
        if parts:
            if data["account"]:
                self.add_error("account", _("Choose a category or a split, not both."))
            self.places[f"definition.actions.{len(actions)}.parts"] = f"p{self.counts['parts'] - 1}-account"
            actions.append({"do": "split", "parts": parts})
        elif data["account"]:
            held = data["account"].type in (AccountType.ASSET, AccountType.LIABILITY)
            self.places[f"definition.actions.{len(actions)}.account"] = "account"
            actions.append({"do": "transfer" if held else "category", "account": data["account"].pk})
        if data["ignore"]:
            actions.append({"do": "ignore"})
        return actions


def _plain_number(typed: str) -> str:
    """A number as people type it, with a decimal comma or point."""
    typed = "".join(typed.split()).rstrip("%")
    return typed.replace(",", ".") if typed.count(",") == 1 and "." not in typed else typed


def values_of(definition: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    """The form's values for a stored definition that it can show."""
    values: dict[str, Any] = {"match": definition.get("match", "all")}
    rows: list[tuple[Mapping[str, Any], str]] = []
    letters = iter(_LETTERS)
    for each in definition["conditions"]:
        if "conditions" in each:
            # "All" inside of "all" needs no bracket.
            letter = "" if each.get("match", "all") == values["match"] else next(letters)
            rows += [(inner, letter) for inner in each["conditions"]]
        else:
            rows.append((each, ""))
    for index, (condition, letter) in enumerate(rows):
        field, test, value = condition["field"], condition["test"], condition.get("value", "")
        if field == "direction":
            test, value = value, ""
        elif field in ("account", "category"):
            value = names.get(value, "")
        elif field == "weekday":
            value = ", ".join(str(day) for day in value)
        elif test == "between":
            values[f"c{index}-to"], value = value["to"], value["from"]
        values |= {f"c{index}-what": f"{field}:{test}", f"c{index}-value": value, f"c{index}-bracket": letter}
    values["conditions-count"] = max(len(rows) + 1, FIRST_CONDITIONS)
    return values | _values_of_actions(definition["actions"])


def _values_of_actions(actions: list[Mapping[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for action in actions:
        match action["do"]:
            case "payee" | "note":
                values[action["do"]] = action["value"]
            case "tags":
                values["tags"] = ", ".join(action["value"])
            case "category" | "transfer":
                values["account"] = action["account"]
            case "ignore":
                values["ignore"] = True
        for index, part in enumerate(action.get("parts", ())):
            how = "amount" if part.get("amount") else "rest"
            if part.get("percent"):
                how = "total" if part["of"] == "total" else "of_rest"
            values |= {
                "parts-count": index + 1, f"p{index}-account": part["account"], f"p{index}-how": how,
                f"p{index}-number": part.get("amount") or part.get("percent") or "",
                f"p{index}-note": part.get("note", ""),
            }  # fmt: skip
    return values


def representable(definition: Mapping[str, Any]) -> bool:
    """Whether the form has brackets enough for the rule's groups."""
    match = definition.get("match", "all")
    return len(
        [1 for each in definition["conditions"] if "conditions" in each and each.get("match", "all") != match]
    ) <= len(_LETTERS)


def example_of_row(row: ImportRow) -> dict[str, Any]:
    """A rule made from a row of a bank file, as the form's values."""
    return _example(
        row.payee or row.description, field="payee" if row.payee else "description", account_id=row.counter_account_id,
        payee=row.new_payee, outgoing=(row.amount or 0) < 0,
    )  # fmt: skip


def example_of_entry(entry: JournalEntry, lines: list[JournalLine]) -> dict[str, Any]:
    """A rule made from an entry, as the form's values."""
    others = [line for line in lines if line.account.type in (AccountType.INCOME, AccountType.EXPENSE)]
    other = others[0] if len(others) == 1 else None
    return _example(
        entry.payee or entry.description, field="payee" if entry.payee else "description",
        account_id=other.account_id if other else None, payee="", outgoing=other is None or other.amount > 0,
    )  # fmt: skip


def _example(text: str, *, field: str, account_id: int | None, payee: str, outgoing: bool) -> dict[str, Any]:
    words = key_words(text)
    return {
        "name": (payee or text or _("New rule"))[:80], "match": "all", "account": account_id or "", "payee": payee,
        "c0-what": f"{field}:words" if words else f"{field}:equals", "c0-value": words or text[:200],
        "c1-what": f"direction:{'out' if outgoing else 'in'}", "conditions-count": 3,
    }  # fmt: skip
