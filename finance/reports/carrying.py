"""Saved reports and the cards of one's overview in an export of the whole book, and back."""

import datetime
from typing import Any

from django.utils.translation import gettext as _

from core.clock import today_in
from finance.errors import BookUnreadable, FinanceError, Invalid
from finance.events.reports import DashboardChanged, ReportSaved
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book
from finance.reports.dashboard import REPORT, checked_cards, known_cards
from finance.reports.definition import read_definition
from finance.reports.kept import saved_reports
from finance.reports.models import Dashboard, SavedReport
from identity.models import User
from platform_outbox.emit import emit, emit_many

VERSION = 1


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """All saved reports, and the cards of the reader's overview, if they were chosen.

    `own`: the reader saved the report.
    """
    reports = sorted(saved_reports(book=book), key=lambda report: report.pk)
    chosen = Dashboard.objects.filter(book=book, user=reader).values_list("cards", flat=True).first()
    return {
        "version": VERSION,
        "reports": [
            {
                "id": each.pk,
                "name": each.name,
                "kind": each.kind,
                "parameters": each.parameters,
                "own": reader is not None and each.saved_by_id == reader.pk,
            }
            for each in reports
        ],
        "cards": None if chosen is None else known_cards(chosen, reports=[each.pk for each in reports]),
    }


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; returns a sentence for each report that cannot show the same there.

    Raises BookUnreadable.
    """
    left: list[str] = []
    made: dict[int, SavedReport] = {}
    today = today_in(arrival.book)
    try:
        if document["version"] != VERSION:
            reason = _("Reports of version %(version)s are not known here.") % {
                "version": str(document["version"])[:20]
            }
            raise BookUnreadable(reason=reason)
        for given in document["reports"]:
            try:
                made[given["id"]] = _report(arrival, given, today=today)
            except FinanceError as error:
                text = _("The report “%(name)s” was not imported: %(why)s")
                left.append(text % {"name": given["name"][:80], "why": error.detail})
        SavedReport.objects.bulk_create(made.values())
        cards = document["cards"]
        if cards is not None:
            renamed = {f"{REPORT}{number}": f"{REPORT}{report.pk}" for number, report in made.items()}
            lost = {f"{REPORT}{given['id']}" for given in document["reports"]} - set(renamed)
            cards = [renamed.get(card, card) for card in cards if card not in lost]
            cards = checked_cards(cards, reports=[report.pk for report in made.values()])
            Dashboard.objects.create(book=arrival.book, user=arrival.owner, cards=cards)
            emit(DashboardChanged(book_id=arrival.book.pk, user_id=arrival.owner.pk))
    except (Invalid, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = _("The reports of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        raise BookUnreadable(reason=reason) from error
    emit_many([ReportSaved(book_id=arrival.book.pk, report_id=report.pk) for report in made.values()])
    return left


def _report(arrival: Arrival, given: Any, *, today: datetime.date) -> SavedReport:
    """Raises FinanceError for a report that cannot show the same in the new book."""
    texts = {name: str(text) for name, text in given["parameters"].items()}
    if "account" in texts:
        texts["account"] = str(arrival.account(texts["account"]).pk)
    definition = read_definition(given["kind"], texts, time_zone=arrival.book.time_zone, today=today)
    if definition.known_at is not None:
        # In the new book nothing was known before it was imported.
        raise Invalid(field="known_at", reason=_("It shows what was known at a moment, which no export holds."))
    name = given["name"]
    if not name or len(name) > 80 or "\x00" in name:
        raise ValueError("a report has no name, or a very long one")
    return SavedReport(
        book=arrival.book, name=name, kind=definition.kind.value, parameters=definition.parameters(),
        saved_by=arrival.owner if given["own"] is True else None,
    )  # fmt: skip
