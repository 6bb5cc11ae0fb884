"""Saving reports and dashboards. Each function is one transaction and emits its event."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Conflict, Invalid
from finance.events.reports import DashboardChanged, ReportRemoved, ReportSaved
from finance.ledger.models import Book
from finance.reports.dashboard import checked_cards
from finance.reports.definition import Definition
from finance.reports.models import Dashboard, SavedReport
from identity.models import User
from platform_outbox.emit import emit

MOST_REPORTS = 100


@transaction.atomic
def save_report(*, book: Book, actor: User, name: str, definition: Definition) -> SavedReport:
    """Save a report under a name; one that has the name already is replaced. Raises Invalid (name), Conflict (too many)."""
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)
    name = _checked_name(name)
    kept = {"kind": definition.kind.value, "parameters": definition.parameters(), "saved_by": actor}
    known = SavedReport.objects.filter(book=book)
    if not known.filter(name=name).exists() and known.count() >= MOST_REPORTS:
        raise Conflict(reason=_("A book has at most %(most)d saved reports.") % {"most": MOST_REPORTS})
    report, _created = SavedReport.objects.update_or_create(book=book, name=name, defaults=kept)
    emit(ReportSaved(book_id=book.pk, report_id=report.pk))
    return report


@transaction.atomic
def rename_report(*, report: SavedReport, name: str) -> SavedReport:
    """Give a saved report another name. Raises Invalid (name), also where another report has it."""
    Book.objects.select_for_update(no_key=True).get(pk=report.book_id)
    name = _checked_name(name)
    if SavedReport.objects.filter(book=report.book_id, name=name).exclude(pk=report.pk).exists():
        raise Invalid(field="name", reason=_("There is already a report named %(name)s.") % {"name": name})
    report.name = name
    report.save(update_fields=["name", "saved_at"])
    emit(ReportSaved(book_id=report.book_id, report_id=report.pk))
    return report


@transaction.atomic
def remove_report(*, report: SavedReport) -> None:
    """Remove a saved report, also from the overviews that show it."""
    emit(ReportRemoved(book_id=report.book_id, report_id=report.pk))
    report.delete()


@transaction.atomic
def set_cards(*, book: Book, user: User, cards: Sequence[str]) -> Dashboard:
    """Choose and order the cards of the user's overview. Raises Invalid (cards)."""
    reports = SavedReport.objects.filter(book=book).values_list("pk", flat=True)
    kept = checked_cards(cards, reports=reports)
    dashboard, _created = Dashboard.objects.update_or_create(book=book, user=user, defaults={"cards": kept})
    emit(DashboardChanged(book_id=book.pk, user_id=user.pk))
    return dashboard


@transaction.atomic
def reset_cards(*, book: Book, user: User) -> None:
    """Show the usual cards again."""
    if Dashboard.objects.filter(book=book, user=user).delete()[0]:
        emit(DashboardChanged(book_id=book.pk, user_id=user.pk))


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 80 or "\x00" in name:
        raise Invalid(field="name", reason=_("Enter a name of at most 80 characters."))
    return name
