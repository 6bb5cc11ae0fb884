"""Long operations on books, for operators: the admin, workers and `manage.py operation` call the same functions."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.clock import day_in, today_in
from finance import replica
from finance.book_archive.writing import as_archive, reader_of
from finance.book_import import report as reports
from finance.book_import.child import read_in_child
from finance.book_import.model import Question, SourceBook
from finance.book_import.reading import OPERATION as BOOK_IMPORT
from finance.book_import.reading import READERS, REPORT_FILE
from finance.book_import.services import BalancesDiffer, BookReport, import_book
from finance.demo.runs import DEMO, DEMO_MONTHS
from finance.demo.services import TIME_ZONE as DEMO_ZONE
from finance.demo.services import has_demo_book, seed_household
from finance.errors import Conflict, FinanceError
from finance.exports.formats import ARCHIVE, CHOICES, FORMATS, file_name
from finance.exports.formats import OPERATION as BOOK_EXPORT
from finance.forecasts import make_forecast, score_forecasts
from finance.imports.parsers.child import Limits
from finance.imports.selectors import counts_of
from finance.imports.services import OlderRows, confirm_import, stage_import
from finance.ledger.integrity import steps, verify_ledger
from finance.ledger.services import rebuild_months
from finance.models import Account, Book, JournalEntry, RuleApplication
from finance.planning.detection.services import look_through_books, payees_to_look_at
from finance.report_sources import pay_of, report_of
from finance.reports.definition import KINDS, read_definition
from finance.reports.keeping import packed
from finance.reports.runs import OPERATION as REPORT
from finance.reports.runs import REPORT_FILE as REPORT_MADE
from finance.reports.selectors import without_bound
from finance.rules.services import apply_step, cancel_application, entries_to_look_at, stop_application
from identity.languages import language_of
from identity.models import User
from platform_outbox.operations.registry import operation, parameter
from platform_outbox.operations.runs import OperationCancelled, Run

# Pieces of an export between two reports of progress.
PIECES_AT_ONCE = 500


class OperationFailed(Exception):
    """What the operator sees instead of a traceback's last line."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OneOrAllBooks:
    book: int | None = parameter(
        gettext_lazy("Book"), help_text=gettext_lazy("Number of the book; empty: all books."), default=None
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExportParameters:
    book: int = parameter(gettext_lazy("Book"), help_text=gettext_lazy("Number of the book."))
    format: str = parameter(gettext_lazy("Format"), choices=CHOICES)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ImportParameters:
    account: int = parameter(
        gettext_lazy("Account"), help_text=gettext_lazy("Number of the account the file belongs to.")
    )
    file: str = parameter(
        gettext_lazy("File"),
        help_text=gettext_lazy("CSV, Excel, OFX, QFX, CAMT, MT940 or QIF, as the bank provides it."),
        file=True,
    )
    opening_balance: bool = parameter(gettext_lazy("Start an empty account with the stated balance"), default=False)
    older_rows: str = parameter(
        gettext_lazy("Rows not newer than the opening balance"),
        help_text=gettext_lazy(
            "leave_out, correct_opening (today's balance stays) or import; empty: the file is refused."
        ),
        choices=[value for value in OlderRows.values if value],
        default="",
    )
    leave_undecided: bool = parameter(
        gettext_lazy("Leave out rows that may be known already"),
        help_text=gettext_lazy("Without it a file with such rows is refused; the household can answer on its page."),
        default=False,
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BookImportParameters:
    owner: int = parameter(gettext_lazy("Owner"), help_text=gettext_lazy("Number of the user who gets the new book."))
    format: str = parameter(gettext_lazy("Program that wrote the file"), choices=sorted(READERS))
    file: str = parameter(
        gettext_lazy("File"), help_text=gettext_lazy("The export of the whole book, 50 MB at most."), file=True
    )
    name: str = parameter(
        gettext_lazy("Name"), help_text=gettext_lazy("Of the new book; empty: as in the file."), default=""
    )
    base_currency: str = parameter(
        gettext_lazy("Main currency"), help_text=gettext_lazy("Such as EUR; empty: as in the file."), default=""
    )
    time_zone: str = parameter(
        gettext_lazy("Time zone"),
        help_text=gettext_lazy("Such as Europe/Berlin; empty: as in the file, or the owner's."),
        default="",
    )
    accept_differences: bool = parameter(
        gettext_lazy("Create the book although balances differ from the file's"), default=False
    )


def _scope(parameters: Any) -> str:
    return f"book:{parameters.book}" if parameters.book is not None else ""


@operation(
    "ledger.verify",
    title=gettext_lazy("Verify books"),
    help_text=gettext_lazy(
        "Proves every promise of the ledger again from the postings alone. Changes nothing; the result is kept as a verification."
    ),
    parameters=OneOrAllBooks,
    permission="finance.add_ledgercheck",
    scope=_scope,
)
def verify(parameters: OneOrAllBooks, run: Run) -> dict[str, Any]:
    """Verify one book or all; each check and each slice of the chain is a step. A stopped run continues with the next."""
    book = _book(parameters.book) if parameters.book is not None else None
    run.expect(steps(book=book), unit="steps")

    def on_step(found: dict[str, Any]) -> None:
        run.keep(found=found)
        run.advance()

    report = verify_ledger(book=book, now=timezone.now(), found=run.kept.get("found"), on_step=on_step)
    for problem in report.problems:
        run.say(f"{problem.promise} [{problem.code}, {problem.count} times]")
        for example in problem.examples:
            run.say(f"  {example}")
    for warning in report.warnings:
        run.say(f"Warning, not yet: {warning.promise} [{warning.code}, {warning.count} entries]")
        for example in warning.examples:
            run.say(f"  {example}")
    told = {"books": report.books, "entries": report.entries, "lines": report.lines, "sealed": report.seals}
    if report.warnings:
        told["not sealed in time"] = sum(warning.count for warning in report.warnings)
    return {**told, "broken promises": len(report.problems), "sound": report.sound}


@operation(
    "ledger.rebuild_months",
    title=gettext_lazy("Rebuild month totals"),
    help_text=gettext_lazy(
        "Computes all month totals again from the postings, book by book, and says how many were wrong. Postings to "
        "a book wait meanwhile."
    ),
    parameters=OneOrAllBooks,
    permission="finance.add_monthrebuild",
    scope=_scope,
)
def rebuild(parameters: OneOrAllBooks, run: Run) -> dict[str, Any]:
    """Rebuild book by book, each in a transaction of its own; a stopped run continues with the next book."""
    books = [_book(parameters.book)] if parameters.book is not None else list(Book.objects.in_use().order_by("pk"))
    run.expect(len(books), unit="books")
    wrong = int(run.kept.get("wrong", 0))
    for book in books:
        if book.pk <= run.kept.get("through", 0):
            continue
        made = rebuild_months(book=book, by=run.by)
        different = max(made.removed, made.written)
        if different:
            run.say(f"Book {book.pk}: {made.removed} totals removed, {made.written} written.")
        wrong += different
        run.keep(through=book.pk, wrong=wrong)
        run.advance()
    return {"books": len(books), "wrong totals": wrong}


@operation(
    "forecasts.recompute",
    title=gettext_lazy("Make forecasts"),
    help_text=gettext_lazy(
        "Learns habits and bands anew from the past of each book and keeps today's forecast, as happens each midnight."
    ),
    parameters=OneOrAllBooks,
    permission="finance.add_forecast",
    scope=_scope,
)
def recompute_forecasts(parameters: OneOrAllBooks, run: Run) -> dict[str, Any]:
    """Forecast book by book, each in a transaction of its own; a stopped run continues with the next book."""
    made = int(run.kept.get("made", 0))
    for book in _each_book(parameters, run):
        made += make_forecast(book=book, today=today_in(book)) is not None
        run.keep(through=book.pk, made=made)
        run.advance()
    return {"forecasts": made}


@operation(
    "forecasts.score",
    title=gettext_lazy("Score forecasts"),
    help_text=gettext_lazy("Compares earlier forecasts whose days are over with what came, as happens each midnight."),
    parameters=OneOrAllBooks,
    permission="finance.add_forecast",
    scope=_scope,
)
def score_all_forecasts(parameters: OneOrAllBooks, run: Run) -> dict[str, Any]:
    """Score book by book; a stopped run continues with the next book."""
    scored = int(run.kept.get("scored", 0))
    for book in _each_book(parameters, run):
        scored += score_forecasts(book=book, today=today_in(book))
        run.keep(through=book.pk, scored=scored)
        run.advance()
    return {"figures": scored}


def _each_book(parameters: OneOrAllBooks, run: Run) -> Iterator[Book]:
    """The books that the run has not done yet."""
    books = [_book(parameters.book)] if parameters.book is not None else list(Book.objects.in_use().order_by("pk"))
    run.expect(len(books), unit="books")
    for book in books:
        if book.pk > run.kept.get("through", 0):
            yield book


@operation(
    "recurring.detect",
    title=gettext_lazy("Find recurring payments"),
    help_text=gettext_lazy(
        "Looks for payments that come again, and offers them to the household as schedules. What was dismissed is not "
        "offered again; a second run finds nothing new."
    ),
    parameters=OneOrAllBooks,
    permission="finance.add_recurringfinding",
    scope=_scope,
)
def detect_recurring(parameters: OneOrAllBooks, run: Run) -> dict[str, Any]:
    """Look through book by book, a hundred payees at a time; a stopped run continues with the next ones."""
    books = [_book(parameters.book)] if parameters.book is not None else list(Book.objects.in_use().order_by("pk"))
    run.expect(payees_to_look_at(books=books), unit="payees")
    begin = (run.kept["book"], run.kept["after"]) if "book" in run.kept else None

    def between(book: Book, key: str, payees: int, new: int) -> None:
        run.keep(book=book.pk, after=key, found=run.kept.get("found", 0) + new)
        run.advance(payees)

    look_through_books(books=books, begin=begin, between=between)
    return {"books": len(books), "new": run.kept.get("found", 0)}


@operation(
    BOOK_EXPORT,
    title=gettext_lazy("Export a book"),
    help_text=gettext_lazy(
        "Exports a whole book: everything as an archive (zip), or its entries for hledger, beancount, as CSV or JSON. You "
        "can download the file from the run's page."
    ),
    parameters=ExportParameters,
    permission="finance.export_book",
    scope=_scope,
)
def export(parameters: ExportParameters, run: Run) -> dict[str, Any]:
    """Export one consistent state of the book; a stopped run leaves no file and starts again."""
    book = _book(parameters.book)
    run.expect(JournalEntry.objects.filter(book=book).count(), unit="entries")

    def pieces() -> Iterator[str | bytes]:
        if parameters.format == ARCHIVE:
            reader = reader_of(book=book, username=run.by)
            yield from as_archive(book, reader=reader, on_entry=counted.one)
        else:
            for piece in FORMATS[parameters.format](book):
                yield piece
                counted.one()
        # While it is being written: a cancellation now leaves no file.
        counted.tell()

    counted = _Counted(run)
    name = file_name(book, parameters.format)
    return {"file": replica.read(lambda: run.write(name, pieces()))}


class _Counted:
    """Reports pieces to the run as progress, some hundred at a time."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._since = 0

    def one(self) -> None:
        self._since += 1
        if self._since == PIECES_AT_ONCE:
            self.tell()

    def tell(self) -> None:
        self._run.advance(self._since)
        self._since = 0


@operation(
    "books.import",
    title=gettext_lazy("Import a bank file"),
    help_text=gettext_lazy(
        "Reads a bank file into an account and posts new rows in one transaction; rows imported before are skipped. "
        "The household can undo it under Import."
    ),
    parameters=ImportParameters,
    permission="finance.add_importbatch",
    scope=lambda parameters: f"account:{parameters.account}",
    dry_run=True,
    cancel=False,
)
def import_file(parameters: ImportParameters, run: Run) -> dict[str, Any]:
    """Stage and confirm, or with a dry run stage and discard."""
    account = Account.objects.select_related("book").filter(pk=parameters.account).first()
    if account is None or account.book.deleted_at is not None:
        raise OperationFailed(_("There is no account %s.") % parameters.account)

    def progress(done: int, total: int) -> None:
        run.expect(total, unit="rows")
        run.show(done)

    try:
        with transaction.atomic():
            batch = stage_import(
                book=account.book,
                account=account,
                actor=None,
                data=run.read(parameters.file),
                file_name=parameters.file.partition("-")[2] or parameters.file,
                on_progress=progress,
            )
            counts = counts_of(batch=batch)
            confirm_import(
                batch=batch,
                actor=None,
                opening_balance=parameters.opening_balance,
                older_rows=parameters.older_rows,
                leave_undecided=parameters.leave_undecided,
            )
            transaction.set_rollback(run.dry_run)
    except FinanceError as error:
        raise OperationFailed(error.detail) from error
    return {"rows": counts.total, **{name.replace("_", " "): number for name, number in counts.fates.items() if number}}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationParameters:
    application: int = parameter(
        gettext_lazy("Application"), help_text=gettext_lazy("Its number, from the list of applications of rules.")
    )


@operation(
    "rules.apply",
    title=gettext_lazy("Apply rules to the past"),
    help_text=gettext_lazy(
        "Corrects past entries by a book's rules. Households start it themselves, under Rules; here it can be continued."
    ),
    parameters=ApplicationParameters,
    permission="finance.change_ruleapplication",
    scope=lambda parameters: f"application:{parameters.application}",
)
def apply_rules(parameters: ApplicationParameters, run: Run) -> dict[str, Any]:
    """Step by step, each a transaction of its own; a stopped run continues where the last step ended."""
    application = RuleApplication.objects.select_related("book", "created_by").filter(pk=parameters.application).first()
    if application is None:
        raise OperationFailed(_("There is no application %s.") % parameters.application)
    run.expect(entries_to_look_at(application=application), unit="entries")
    try:
        # Between two steps the book may be deleted.
        with translation.override(language_of(application.created_by)):
            while _book(application.book_id) and (looked := apply_step(application_id=application.pk)):
                run.advance(looked)
    except OperationCancelled:
        with contextlib.suppress(Conflict):  # the household cancelled it
            cancel_application(application=application)
        raise
    except Exception:
        stop_application(application_id=application.pk)
        raise
    application.refresh_from_db()
    return {"looked at": application.looked, "corrected": application.changed, "left": application.left_count}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DemoParameters:
    owner: int = parameter(gettext_lazy("Owner"), help_text=gettext_lazy("Number of the user who gets the demo book."))


@operation(
    DEMO,
    title=gettext_lazy("Load a demo book"),
    help_text=gettext_lazy(
        "Creates a book of an invented household over two years, marked as demo. Its owner can remove it at once."
    ),
    parameters=DemoParameters,
    permission="finance.add_book",
    scope=lambda parameters: f"user:{parameters.owner}",
)
def load_demo(parameters: DemoParameters, run: Run) -> dict[str, Any]:
    """In one transaction; a stopped run leaves nothing and starts again."""
    if "book" in run.kept and Book.objects.filter(pk=run.kept["book"]).exists():
        # The last worker committed, and was gone before it could say so.
        return {"book": run.kept["book"]}
    owner = User.objects.filter(pk=parameters.owner, is_active=True).first()
    if owner is None:
        raise OperationFailed(_("There is no user %s.") % parameters.owner)
    if has_demo_book(owner=owner):
        raise OperationFailed(_("There is a demo book already."))

    def progress(done: int, total: int) -> None:
        run.expect(total, unit="entries")
        run.advance(done - run.done)

    with transaction.atomic():
        book = seed_household(
            owner=owner, months=DEMO_MONTHS, seed=1, today=day_in(DEMO_ZONE, at=timezone.now()), progress=progress
        )
        run.keep(book=book.pk)
    return {"book": book.pk}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportParameters:
    book: int = parameter(gettext_lazy("Book"), help_text=gettext_lazy("Number of the book."))
    kind: str = parameter(gettext_lazy("Report"), choices=KINDS)
    query: str = parameter(
        gettext_lazy("Parameters"),
        help_text=gettext_lazy("As in the report's address: period=2025&by=payee."),
        default="",
    )
    language: str = parameter(
        gettext_lazy("Language"), help_text=gettext_lazy("Of its texts, such as en."), default="en"
    )


@operation(
    REPORT,
    title=gettext_lazy("Make a report"),
    help_text=gettext_lazy(
        "Makes a report that reads too much for one answer. Households start it on the report's page, where it is shown "
        "for a day."
    ),
    parameters=ReportParameters,
    permission="finance.export_book",
    scope=_scope,
)
def make_report(parameters: ReportParameters, run: Run) -> dict[str, Any]:
    """Make it and leave it as a file; a stopped run leaves nothing and starts again."""
    book = _book(parameters.book)
    today, texts = today_in(book), dict(parse_qsl(parameters.query))
    run.expect(2, unit="steps")
    try:
        with translation.override(parameters.language), without_bound():
            definition = read_definition(parameters.kind, texts, time_zone=book.time_zone, today=today)
            made = replica.read(lambda: report_of(book=book, definition=definition, today=today, pay=pay_of(book)))
    except FinanceError as error:
        raise OperationFailed(error.detail) from error
    run.advance()
    kept = {"today": today.isoformat(), "report": packed(made)}
    run.write(REPORT_MADE, [json.dumps(kept, ensure_ascii=False)])
    run.advance()
    return {"rows": sum(len(section.rows) for section in made.sections)}


@operation(
    BOOK_IMPORT,
    title=gettext_lazy("Move in with a whole book"),
    help_text=gettext_lazy(
        "Creates a new book from another program's export, or from one of LifeOS, with a proof account by account. "
        "Refused where a balance differs, unless differences are accepted."
    ),
    parameters=BookImportParameters,
    permission="finance.add_book",
    scope=lambda parameters: f"user:{parameters.owner}",
    dry_run=True,
)
def move_in(parameters: BookImportParameters, run: Run) -> dict[str, Any]:
    """Read in a child process, then create the book in one transaction; a stopped run leaves nothing and starts again."""
    if "book" in run.kept and Book.objects.filter(pk=run.kept["book"]).exists():
        # The last worker committed, and was gone before it could say so.
        return dict(run.kept["result"])
    owner = User.objects.filter(pk=parameters.owner, is_active=True).first()
    if owner is None:
        raise OperationFailed(_("There is no user %s.") % parameters.owner)

    def progress(done: int, total: int) -> None:
        run.expect(total, unit="entries")
        run.show(done)

    def keep(report: BookReport) -> None:
        run.write(REPORT_FILE, [json.dumps(reports.as_dict(report), ensure_ascii=False)])
        if report.book is not None:
            run.keep(book=report.book, result=_figures(report))

    language = language_of(owner, otherwise=run.kept.get("language", ""))
    try:
        with translation.override(language):
            report = import_book(
                owner=owner,
                source=_source_book(parameters, run, owner),
                name=parameters.name,
                base_currency=parameters.base_currency,
                time_zone=parameters.time_zone,
                accept_differences=parameters.accept_differences,
                dry_run=run.dry_run,
                on_progress=progress,
                before_commit=keep,
            )
    except BalancesDiffer as error:
        run.write(REPORT_FILE, [json.dumps(reports.as_dict(error.report), ensure_ascii=False)])
        raise OperationFailed(error.detail) from error
    except FinanceError as error:
        raise OperationFailed(error.detail) from error
    return _figures(report)


def _source_book(parameters: BookImportParameters, run: Run, owner: User) -> SourceBook:
    def goes_on() -> bool:
        run.advance(0)  # raises where the run should end
        return True

    goes_on()  # a small file is read before anybody is asked
    try:
        data = run.read(parameters.file)
    except OSError as error:
        raise OperationFailed(_("The file is no longer kept. Please choose it again.")) from error
    return read_in_child(
        data,
        Question(
            format=parameters.format,
            base_currency=parameters.base_currency,
            time_zone=parameters.time_zone or owner.time_zone,
        ),
        limits=Limits(seconds=settings.IMPORT_READING_SECONDS, megabytes=settings.IMPORT_READING_MEMORY_MB),
        goes_on=goes_on,
    )


def _figures(report: BookReport) -> dict[str, Any]:
    told: dict[str, Any] = {"book": report.book} if report.book else {}
    return told | {
        "accounts": report.accounts,
        "entries": report.entries,
        "balances compared": len(report.proof),
        "differences": len(report.differences),
        "left out or changed": sum(left.count for left in report.left_out),
    }


def _book(book_id: int) -> Book:
    book = Book.objects.filter(pk=book_id).first()
    if book is None:
        raise OperationFailed(_("There is no book %s.") % book_id)
    if book.deleted_at is not None:
        raise OperationFailed(_("Book %s was deleted.") % book_id)
    return book
