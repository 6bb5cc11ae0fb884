"""The region whose public holidays a book's schedules keep off."""

from django.db import transaction

from finance.events.books import BookHolidaysChanged
from finance.events.plans import ScheduleSaved
from finance.ledger.models import Book
from finance.periods import WeekendShift
from finance.planning.schedules.models import Schedule
from finance.public_holidays import checked_region
from identity.models import User
from platform_outbox.emit import emit, emit_many


@transaction.atomic
def change_holidays(*, book: Book, actor: User | None, region: str) -> Book:
    """Give the book a region such as "DE-BY" (finance.public_holidays), or none: "". Raises Invalid (holidays).

    Schedules that had the book's former region follow it, and show their days accordingly; cards and loans always have
    the book's. Nothing that was recorded changes: nominal dates stay.
    """
    region = checked_region(region, field="holidays")
    former = Book.objects.select_for_update(no_key=True).values_list("holidays", flat=True).get(pk=book.pk)
    book.holidays = region
    if region == former:
        return book
    book.save(update_fields=["holidays"])
    followers = Schedule.objects.filter(book=book, holidays=former)
    moved = list(followers.exclude(shift=WeekendShift.NONE.value).order_by("pk").values_list("pk", flat=True))
    followers.update(holidays=region)
    emit(BookHolidaysChanged(book_id=book.pk, holidays=region))
    emit_many([ScheduleSaved(book_id=book.pk, schedule_id=pk) for pk in moved])
    return book
