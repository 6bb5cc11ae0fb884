"""Rebuilding the month totals from the lines, in case they ever differ."""

from django.db import transaction
from django.utils import timezone

from finance.ledger import plans
from finance.ledger.models import Book, MonthRebuild


@transaction.atomic
def rebuild_months(*, book: Book, by: str) -> MonthRebuild:
    """Compute the totals of all months of the book again, and return how many were wrong.

    A trigger does the work, as it does for every posting: nobody else may write totals. Postings to the book wait
    until it is done; readers do not.
    """
    rebuild = MonthRebuild.objects.create(book=book, by=by[:254], at=timezone.now())
    rebuild.refresh_from_db(fields=["removed", "written"])
    plans.take_statistics(loaded=rebuild.removed + rebuild.written)
    return rebuild
