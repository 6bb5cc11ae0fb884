"""Reading rules: lists, the engine of a book, versions, log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _

from core.keyset import keyset_page
from finance.errors import Invalid, NotFound
from finance.ledger.models import Account, Book
from finance.rules.definition import parse_definition
from finance.rules.engine import CompiledRule, Engine
from finance.rules.models import Rule, RuleApplication, RuleGroup, RuleLog, RuleVersion
from platform_outbox.operations.models import OPEN_RUNS, OperationRun


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """What a rule did, newest first; `next_id` is where the next page begins, None on the last one."""

    rows: list[RuleLog]
    next_id: int | None


def groups_of(*, book: Book) -> list[RuleGroup]:
    """The book's groups in their order, each with its rules in `listed`: two queries."""
    groups = list(RuleGroup.objects.filter(book=book).order_by("position", "pk"))
    rules = list(Rule.objects.filter(book=book).in_order())
    for group in groups:
        group.listed = [rule for rule in rules if rule.group_id == group.pk]  # type: ignore[attr-defined]
    return groups


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesPage:
    """Groups in their order, each with its rules of this page in `listed`; `next_id` is the rule after which the
    next page begins, None on the last one."""

    groups: list[RuleGroup]
    next_id: int | None


def rules_page(*, book: Book, after: int | None = None, limit: int = 100) -> RulesPage:
    """The book's rules in the order in which they run, after the rule `after`. Empty groups are on the first page.

    Raises NotFound for an `after` that is no rule of the book.
    """
    place = None
    if after is not None:
        edge = rule_for(book=book, rule_id=after)
        place = (edge.group.position, edge.group_id, edge.position, edge.pk)
    found = Rule.objects.filter(book=book, removed_at=None).annotate(group_position=F("group__position"))
    page = keyset_page(found, ordering=("group_position", "group_id", "position", "pk"), after=place, limit=limit)
    filled = set(Rule.objects.filter(book=book, removed_at=None).values_list("group_id", flat=True).distinct())
    groups = []
    for group in RuleGroup.objects.filter(book=book).order_by("position", "pk"):
        group.listed = [rule for rule in page.rows if rule.group_id == group.pk]  # type: ignore[attr-defined]
        group.is_empty = group.pk not in filled  # type: ignore[attr-defined]
        if group.listed or (group.is_empty and after is None):  # type: ignore[attr-defined]
            groups.append(group)
    return RulesPage(groups=groups, next_id=page.edge.pk if page.edge else None)


def group_for(*, book: Book, group_id: int) -> RuleGroup:
    """The book's group. Raises NotFound."""
    found = RuleGroup.objects.filter(book=book, pk=group_id).first()
    if found is None:
        raise NotFound(thing="group")
    found.book = book
    return found


def rule_for(*, book: Book, rule_id: int, removed_too: bool = False) -> Rule:
    """The book's rule; one that was removed only where that is asked for. Raises NotFound."""
    found = Rule.objects.select_related("group").filter(book=book, pk=rule_id).first()
    if found is None or (found.removed_at is not None and not removed_too):
        raise NotFound(thing="rule")
    found.book = book
    return found


def engine_of(*, book: Book, rule: Rule | None = None) -> Engine:
    """The book's active rules, or one of them alone, ready to run; without any rule it costs one query."""
    rules = [rule] if rule else list(Rule.objects.filter(book=book, active=True, group__active=True).in_order())
    return engine_for(book=book, rules=[compiled(each) for each in rules])


def engine_for(*, book: Book, rules: Sequence[CompiledRule]) -> Engine:
    """An engine with the book's accounts that take postings."""
    currencies = Account.objects.postable().filter(book=book).values_list("pk", "currency") if rules else ()
    return Engine(rules, currencies=dict(currencies))


def compiled(rule: Rule | RuleVersion) -> CompiledRule:
    """A stored rule, read again."""
    is_rule = isinstance(rule, Rule)
    return CompiledRule(
        rule_id=rule.pk if is_rule else rule.rule_id,  # type: ignore[union-attr]
        version=rule.version if is_rule else rule.number,  # type: ignore[union-attr]
        name=rule.name,
        definition=parse_definition(rule.definition),
        stop=rule.stop,
        override=rule.override,
    )


def draft_engine(*, book: Book, definition: Any, override: bool = False) -> Engine:
    """An engine of one rule that is not saved. Raises Invalid at places below "definition"."""
    rule = CompiledRule(
        rule_id=0, version=0, name="", definition=parse_definition(definition, at="definition"), override=override
    )
    return engine_for(book=book, rules=[rule])


def versions_of(*, rule: Rule, limit: int = 50) -> list[RuleVersion]:
    """The latest versions, newest first."""
    return list(rule.versions.select_related("saved_by").order_by("-number")[:limit])


def log_page(*, rule: Rule, before: int | None = None, limit: int = 50) -> LogPage:
    """What the rule did, newest first, by keyset on the id."""
    found = RuleLog.objects.filter(rule=rule).select_related("row", "entry")
    page = keyset_page(found, ordering=("-pk",), after=None if before is None else (before,), limit=limit)
    return LogPage(rows=page.rows, next_id=page.edge.pk if page.edge else None)


def application_for(*, book: Book, application_id: int) -> RuleApplication:
    """An application of rules to the past. Raises NotFound."""
    found = RuleApplication.objects.select_related("rule").filter(book=book, pk=application_id).first()
    if found is None:
        raise NotFound(thing="application")
    found.book = book
    found.stalled = is_stalled(application=found)  # type: ignore[attr-defined]
    return found


def is_stalled(*, application: RuleApplication) -> bool:
    """Whether it counts as under way although its run is over: an operator ended it, or its worker could not say so."""
    if application.state not in (RuleApplication.State.WAITING, RuleApplication.State.RUNNING):
        return False
    return not OperationRun.objects.filter(pk=application.run_id or 0, state__in=OPEN_RUNS).exists()


def applications_of(*, book: Book, limit: int = 10) -> list[RuleApplication]:
    """The latest applications, newest first."""
    return list(RuleApplication.objects.filter(book=book).select_related("rule", "created_by").order_by("-pk")[:limit])


def read_cursor(text: str | None) -> int | None:
    """An id from an address; raises Invalid for what no page of ours has named."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid(field="cursor", reason=_("This cursor is not from this list."))
    return int(text)
