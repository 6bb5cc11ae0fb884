"""Groups of rules, and their order."""

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from finance.errors import Conflict, Invalid
from finance.events.records import RulesReordered
from finance.ledger.models import Book
from finance.rules.models import Rule, RuleGroup
from platform_outbox.emit import emit

MOST_GROUPS = 50


@transaction.atomic
def add_group(*, book: Book, name: str) -> RuleGroup:
    """A new group behind the others. Raises Invalid (name), Conflict (too many)."""
    locked_book(book)
    name = checked_name(name)
    groups = RuleGroup.objects.filter(book=book)
    if groups.count() >= MOST_GROUPS:
        raise Conflict(reason=_("A book has at most %(most)d groups of rules.") % {"most": MOST_GROUPS})
    _refuse_namesake(book, name)
    last = groups.aggregate(last=Max("position"))["last"] or 0
    return RuleGroup.objects.create(book=book, name=name, position=last + 1)


@transaction.atomic
def change_group(*, group: RuleGroup, name: str | None = None, active: bool | None = None) -> RuleGroup:
    """Rename the group, or switch its rules off or on together. Raises Invalid."""
    locked_book(group.book)
    if name is not None and checked_name(name) != group.name:
        group.name = checked_name(name)
        _refuse_namesake(group.book, group.name)
    if active is not None and active != group.active:
        group.active = active
        emit(RulesReordered(book_id=group.book_id))
    group.save(update_fields=["name", "active"])
    return group


@transaction.atomic
def move_group(*, group: RuleGroup, up: bool) -> None:
    """Change places with the group before or after it; nothing happens at the end of the list."""
    locked_book(group.book)
    swap_neighbours(list(RuleGroup.objects.filter(book=group.book).order_by("position", "pk")), group, up=up)
    emit(RulesReordered(book_id=group.book_id))


@transaction.atomic
def remove_group(*, group: RuleGroup) -> None:
    """Remove a group without rules. Raises Conflict while it has some, or is the last one that removed rules are in."""
    locked_book(group.book)
    if Rule.objects.filter(group=group, removed_at=None).exists():
        raise Conflict(reason=_("Move or remove the rules of this group first."))
    removed = Rule.objects.filter(group=group)
    if removed.exists():
        other = RuleGroup.objects.filter(book=group.book).exclude(pk=group.pk).order_by("position").first()
        if other is None:
            raise Conflict(reason=_("The last group stays: the log still names rules that were in it."))
        removed.update(group=other)
    group.delete()


def locked_book(book: Book) -> None:
    """One change of the rules of a book at a time; posting is not held up."""
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)


def checked_name(name: str) -> str:
    """The name with single spaces. Raises Invalid."""
    name = " ".join(name.split())
    if not name or len(name) > 80 or "\x00" in name:
        raise Invalid(field="name", reason=_("Enter a name of at most 80 characters."))
    return name


def swap_neighbours(listed: list[Rule] | list[RuleGroup], moved: Rule | RuleGroup, *, up: bool) -> None:
    """Swap the moved one with the one next to it; positions become 1, 2, 3, …"""
    order = [each.pk for each in listed]
    here = order.index(moved.pk)
    there = here + (-1 if up else 1)
    if 0 <= there < len(order):
        order[here], order[there] = order[there], order[here]
    for each in listed:
        place = order.index(each.pk) + 1
        if each.position != place:
            each.position = place
            each.save(update_fields=["position"])


def _refuse_namesake(book: Book, name: str) -> None:
    if RuleGroup.objects.filter(book=book, name=name).exists():
        raise Invalid(field="name", reason=_("There is a group of this name already."))
