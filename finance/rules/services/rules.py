"""Rules: saved with every version, ordered, switched, removed."""

from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from finance.errors import Conflict, Invalid
from finance.events.records import RuleRemoved, RuleSaved, RulesReordered
from finance.ledger.models import Account, AccountKind, AccountType, Book
from finance.rules.definition import Definition, parse_definition
from finance.rules.models import Rule, RuleGroup, RuleVersion
from finance.rules.services.groups import add_group, checked_name, locked_book, swap_neighbours
from identity.models import User
from platform_outbox.emit import emit

MOST_RULES = 500
_MONEY = (AccountType.ASSET, AccountType.LIABILITY)


@transaction.atomic
def save_rule(
    *,
    book: Book,
    actor: User | None,
    rule: Rule | None = None,
    name: str,
    definition: Any,
    group: RuleGroup | None = None,
    stop: bool = False,
    override: bool = False,
) -> Rule:
    """Save a new rule, or the next version of `rule`; a save that changes nothing makes no version.

    Without a group a new rule goes to the last one, an old rule stays where it is. Raises Invalid with every problem at
    its field ("name", "definition.actions.0.account"), Conflict for too many rules.
    """
    locked_book(book)
    name = checked_name(name)
    parsed = parse_definition(definition, at="definition")
    _check_accounts(book, parsed)
    namesakes = Rule.objects.filter(book=book, name=name, removed_at=None)
    if (namesakes.exclude(pk=rule.pk) if rule else namesakes).exists():
        raise Invalid(field="name", reason=_("There is a rule of this name already."))
    if rule is None:
        if Rule.objects.filter(book=book, removed_at=None).count() >= MOST_RULES:
            raise Conflict(reason=_("A book has at most %(most)d rules.") % {"most": MOST_RULES})
        group = group or RuleGroup.objects.filter(book=book).order_by("-position").first()
        rule = Rule(book=book, group=group or add_group(book=book, name=_("Rules")), version=0)
        rule.position = _last_place(rule.group) + 1
    elif group is not None and group.pk != rule.group_id:
        rule.group, rule.position = group, _last_place(group) + 1
        rule.save(update_fields=["group", "position"])
        emit(RulesReordered(book_id=book.pk))
    wanted = {"name": name, "definition": definition, "stop": stop, "override": override}
    if rule.pk and all(getattr(rule, field) == value for field, value in wanted.items()):
        return rule
    for field, value in wanted.items():
        setattr(rule, field, value)
    rule.version += 1
    rule.save()
    RuleVersion.objects.create(book=book, rule=rule, number=rule.version, saved_by=actor, **wanted)
    emit(RuleSaved(book_id=book.pk, rule_id=rule.pk, rule_version=rule.version))
    return rule


def _last_place(group: RuleGroup) -> int:
    return Rule.objects.filter(group=group, removed_at=None).aggregate(last=Max("position"))["last"] or 0


def _check_accounts(book: Book, definition: Definition) -> None:
    """Every account must be the book's, and one that is posted to must take postings."""
    named = list(definition.accounts())
    found = {account.pk: account for account in Account.objects.filter(book=book, pk__in={pk for _path, pk in named})}
    problems: dict[str, str] = {}
    for path, pk in named:
        account = found.get(pk)
        if account is None:
            problems[f"definition.{path}"] = _("This book has no such account.")
        elif path.startswith("conditions"):
            continue
        elif account.kind in (AccountKind.GROUP, AccountKind.OPENING, AccountKind.TRADING, AccountKind.VALUATION):
            problems[f"definition.{path}"] = _("%(name)s takes no such postings.") % {"name": account.name}
        elif account.closed_on is not None:
            problems[f"definition.{path}"] = _("%(name)s is closed.") % {"name": account.name}
    for index, action in enumerate(definition.actions):
        if action.do == "transfer" and action.account_id in found and found[action.account_id].type not in _MONEY:
            problems.setdefault(
                f"definition.actions.{index}.account", _("A transfer goes to an account that holds money or a card.")
            )
        if len({found[part.account_id].currency for part in action.parts if part.account_id in found}) > 1:
            problems.setdefault(
                f"definition.actions.{index}.parts", _("The parts of a split are accounts of one currency.")
            )
    if problems:
        raise Invalid(fields=problems, reason=" ".join(dict.fromkeys(problems.values())))


@transaction.atomic
def move_rule(*, rule: Rule, up: bool) -> None:
    """Change places with the rule before or after it in its group; at the end of the list nothing happens."""
    locked_book(rule.book)
    listed = list(Rule.objects.filter(group_id=rule.group_id, removed_at=None).order_by("position", "pk"))
    swap_neighbours(listed, rule, up=up)
    emit(RulesReordered(book_id=rule.book_id))


@transaction.atomic
def switch_rule(*, rule: Rule, active: bool) -> Rule:
    """Switch the rule off or on; off, it is kept and does nothing."""
    locked_book(rule.book)
    if rule.active != active:
        rule.active = active
        rule.save(update_fields=["active"])
        emit(RulesReordered(book_id=rule.book_id))
    return rule


@transaction.atomic
def remove_rule(*, rule: Rule) -> None:
    """Remove the rule; what it did stays, in the books and in its log."""
    locked_book(rule.book)
    if Rule.objects.filter(pk=rule.pk, removed_at=None).update(removed_at=timezone.now()):
        emit(RuleRemoved(book_id=rule.book_id, rule_id=rule.pk))
