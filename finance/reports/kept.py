"""Reading saved reports and dashboards."""

import datetime

from finance.errors import NotFound
from finance.ledger.models import Book
from finance.reports.dashboard import known_cards, usual_cards
from finance.reports.definition import Definition, read_definition
from finance.reports.models import Dashboard, SavedReport
from identity.models import User


def saved_reports(*, book: Book) -> list[SavedReport]:
    """The book's reports by name; a book has at most services.MOST_REPORTS."""
    return list(SavedReport.objects.filter(book=book).order_by("name"))


def saved_report_for(*, book: Book, report_id: int) -> SavedReport:
    """The book's saved report. Raises NotFound."""
    found = SavedReport.objects.filter(book=book, pk=report_id).first()
    if found is None:
        raise NotFound(thing="report")
    found.book = book
    return found


def definition_of(report: SavedReport, *, book: Book, today: datetime.date) -> Definition:
    """What the saved report asks for. Raises Invalid where a newer release no longer reads it."""
    return read_definition(report.kind, report.parameters, time_zone=book.time_zone, today=today)


def cards_of(*, book: Book, user: User, reports: list[SavedReport]) -> list[str]:
    """The cards of the user's overview, in order; saved reports that are gone are left out."""
    chosen = Dashboard.objects.filter(book=book, user=user).values_list("cards", flat=True).first()
    return usual_cards() if chosen is None else known_cards(chosen, reports=[report.pk for report in reports])
