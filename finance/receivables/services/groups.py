"""Groups of people who share costs."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from finance.errors import Conflict, Invalid
from finance.events.people import CostGroupRemoved, CostGroupSaved
from finance.ledger.models import Book
from finance.receivables.models import BillShare, CostGroup, GroupMember
from finance.receivables.services.keeping import checked_text, lock
from finance.receivables.services.sharing import MOST_PARTIES, people_of_book
from platform_outbox.emit import emit


@transaction.atomic
def save_group(
    *,
    book: Book,
    group: CostGroup | None = None,
    name: str | None = None,
    people: Sequence[int] | None = None,
    simplify: bool | None = None,
    archived: bool | None = None,
) -> CostGroup:
    """A new cost group, or `group` with what is given. `people` are ids; the household always belongs to it.

    Raises Invalid (name, people), NotFound (people), and Conflict where somebody who shares its bills would leave.
    """
    lock(book)
    if group is None:
        group = CostGroup(book=book)
    if group.pk is None or name is not None:
        group.name = checked_text(name or "", most=120, field="name", needed=True)
    if simplify is not None:
        group.simplify = simplify
    if archived is not None:
        group.archived_at = (group.archived_at or timezone.now()) if archived else None
    group.save()
    if people is not None:
        wanted = set(people_of_book(book, people, field="people"))
        if len(wanted) >= MOST_PARTIES:
            raise Invalid(field="people", reason=_("At most %(most)d take part.") % {"most": MOST_PARTIES})
        there = set(GroupMember.objects.filter(book=book, group=group).values_list("person_id", flat=True))
        leaving = there - wanted
        if BillShare.objects.filter(book=book, bill__group=group, person__in=leaving).exists():
            raise Conflict(field="people", reason=_("Somebody who shares bills of the group cannot leave it."))
        GroupMember.objects.filter(book=book, group=group, person__in=leaving).delete()
        GroupMember.objects.bulk_create(
            [GroupMember(book=book, group=group, person_id=each) for each in sorted(wanted - there)]
        )
    emit(CostGroupSaved(book_id=book.pk, group_id=group.pk))
    return group


@transaction.atomic
def remove_group(*, group: CostGroup) -> None:
    """Remove a group without bills and settlements. Raises Conflict otherwise: archive it instead."""
    lock(group.book)
    if group.bills.exists() or group.settlements.exists():
        raise Conflict(reason=_("The group has bills or settlements; archive it instead."))
    pk, book_id = group.pk, group.book_id
    group.delete()
    emit(CostGroupRemoved(book_id=book_id, group_id=pk))
