"""Rules as JSON, to keep them or to take them to another book. Accounts are named by their paths."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Invalid
from finance.ledger.models import Book
from finance.ledger.selectors import account_paths
from finance.rules.models import Rule, RuleGroup
from finance.rules.selectors import groups_of
from finance.rules.services.groups import add_group, change_group, locked_book
from finance.rules.services.rules import MOST_RULES, save_rule, switch_rule
from identity.models import User

FORMAT = "lifeos-rules-1"


def export_rules(*, book: Book) -> dict[str, Any]:
    """All rules of the book in their order, as `import_rules` reads them."""
    paths = account_paths(book=book)
    groups = [
        {
            "name": group.name,
            "active": group.active,
            "rules": [
                {
                    "name": rule.name, "active": rule.active, "stop": rule.stop, "override": rule.override,
                    "definition": _with_accounts(rule.definition, lambda pk, _path: paths.get(pk, pk)),
                }
                for rule in group.listed  # type: ignore[attr-defined]
            ],
        }
        for group in groups_of(book=book)
    ]  # fmt: skip
    return {"format": FORMAT, "groups": groups}


@transaction.atomic
def import_rules(*, book: Book, actor: User | None, document: Any) -> list[Rule]:
    """Add rules from an export, all or none; a rule of a known name becomes that rule's next version.

    Raises Invalid that names the places of all rules that cannot come, such as
    "groups.0.rules.3.definition.actions.0.account".
    """
    locked_book(book)
    if (
        not isinstance(document, dict)
        or document.get("format") != FORMAT
        or not isinstance(document.get("groups"), list)
    ):
        raise Invalid(
            field="format", reason=_("This is no export of rules: its format must be %(known)s.") % {"known": FORMAT}
        )
    ids = {path.casefold(): pk for pk, path in account_paths(book=book).items()}
    known = {
        rule.name: rule for rule in Rule.objects.filter(book=book, removed_at=None).select_related("group", "book")
    }
    groups = {group.name: group for group in RuleGroup.objects.filter(book=book)}
    saved: list[Rule] = []
    problems: dict[str, str] = {}
    for index, given in enumerate(document["groups"]):
        place = f"groups.{index}"
        if not isinstance(given, dict) or not isinstance(given.get("rules"), list) or len(given["rules"]) > MOST_RULES:
            raise Invalid(field=place, reason=_("A group has a name and a list of rules."))
        name = " ".join(str(given.get("name", "")).split())
        if name not in groups:
            groups[name] = add_group(book=book, name=name)
        if groups[name].active != (given.get("active") is not False):
            change_group(group=groups[name], active=given.get("active") is not False)
        for number, one in enumerate(given["rules"]):
            path = f"{place}.rules.{number}"
            if not isinstance(one, dict):
                raise Invalid(field=path, reason=_("A rule is an object."))
            try:
                rule = save_rule(
                    book=book, actor=actor, rule=known.get(" ".join(str(one.get("name", "")).split())), group=groups[name],
                    name=str(one.get("name", "")), stop=one.get("stop") is True, override=one.get("override") is True,
                    definition=_with_accounts(one.get("definition"), lambda path, at: _id_of(path, at, ids)),
                )  # fmt: skip
            except Invalid as error:
                problems |= {f"{path}.{field}": why for field, why in error.fields.items()} or {path: error.detail}
                continue
            known[rule.name] = switch_rule(rule=rule, active=one.get("active") is not False)
            saved.append(rule)
    if problems:
        raise Invalid(fields=problems, reason=next(iter(problems.values())))
    return saved


def _id_of(path: Any, at: str, ids: dict[str, int]) -> int:
    found = ids.get(path.casefold()) if isinstance(path, str) else None
    if found is None:
        raise Invalid(
            field=f"definition.{at}", reason=_("This book has no account “%(path)s”.") % {"path": str(path)[:120]}
        )
    return found


def _with_accounts(definition: Any, named: Callable[[Any, str], Any], path: str = "") -> Any:
    """The definition with each account replaced by what `named(account, path)` answers."""
    if isinstance(definition, list):
        return [_with_accounts(each, named, f"{path}.{index}") for index, each in enumerate(definition)]
    if not isinstance(definition, dict) or path.count(".") > 8:
        return definition
    asks = definition.get("field") in ("account", "category")
    return {
        key: named(value, f"{path}.{key}".lstrip("."))
        if key == "account" or (asks and key == "value" and value is not None)
        else _with_accounts(value, named, f"{path}.{key}".lstrip("."))
        for key, value in definition.items()
    }
