"""Which events finance itself handles. Thin and idempotent: the services decide."""

from collections import defaultdict
from collections.abc import Sequence

from django.conf import settings
from django.utils import timezone, translation

from finance.attachments.services import make_thumbnail
from finance.bank_statements import clear_imported
from finance.events.base import BookEvent
from finance.events.books import BookDeletionNotice, BookErasureDue, InvitationIssued
from finance.events.journal import JournalCorrected, JournalPosted, JournalReversed
from finance.events.people import InvoiceReminderAsked
from finance.events.plans import (
    CardTermsSaved,
    DayBegan,
    LoanSaved,
    RecurringDue,
    ScheduleOccurrenceChanged,
    ScheduleSaved,
)
from finance.events.records import AttachmentAdded, ImportConfirmed, ImportReceived
from finance.events.reports import ReferenceRatesDue
from finance.events.webhooks import WebhookQueued
from finance.forecasts import begin_day
from finance.imports import services as imports
from finance.imports.models import ImportBatch
from finance.imports.parsers.child import ReadingStopped
from finance.ledger.models import Book
from finance.ledger.services.deletion import deletion_mail
from finance.ledger.services.erasing import erase_book
from finance.ledger.services.members import invitation_mail
from finance.ledger.services.sealing import seal_entries
from finance.planning.detection import services as detection
from finance.planning.goals.services import count_payments
from finance.planning.loans.linking import match_payments as match_loan_payments
from finance.planning.loans.models import Loan
from finance.planning.schedules.services import match_entries, match_schedule
from finance.receivables.models import RecurringInvoice
from finance.receivables.reminders import reminder_mail
from finance.receivables.services import make_due_drafts, match_payments
from finance.valuation.ecb import RatesUnreadable
from finance.valuation.services import RatesAway, fetch_reference_rates
from finance.webhooks import services
from finance.webhooks.bodies import Happened, announced_events
from identity import mail
from identity.languages import language_of
from platform_outbox.registry import Context, DestinationUnavailable, Interrupted, PermanentError, is_outage, on


@on(JournalPosted, JournalReversed, JournalCorrected, name="finance.seal", batch=True)
def seal(events: Sequence[JournalPosted | JournalReversed | JournalCorrected], contexts: Sequence[Context]) -> None:
    """Seal what was posted into the chains of the books, with three statements; what is sealed already is left alone."""
    posted: dict[int, list[int]] = defaultdict(list)
    for event in events:
        posted[event.book_id] += event.recorded
    seal_entries(posted=posted)


@on(JournalPosted, JournalReversed, JournalCorrected, name="finance.learn", batch=True)
def learn(events: Sequence[JournalPosted | JournalReversed | JournalCorrected], contexts: Sequence[Context]) -> None:
    """Teach suggestions what was posted, and take out what was reversed; nothing where ENABLE_ML is off."""
    posted: dict[int, list[int]] = defaultdict(list)
    taken_back: dict[int, list[int]] = defaultdict(list)
    for event in events:
        posted[event.book_id] += event.recorded
        if not isinstance(event, JournalPosted):
            taken_back[event.book_id].append(event.entry_id)
    for book_id in sorted(posted):
        imports.learn(book_id=book_id, posted=posted[book_id], taken_back=taken_back[book_id])


@on(ImportConfirmed, name="finance.learn_linked")
def learn_linked(event: ImportConfirmed, context: Context) -> None:
    """Teach suggestions what the bank calls the entries that its rows were linked to."""
    batch = ImportBatch.objects.without_content().filter(pk=event.import_id).first()
    if batch is not None:
        imports.learn_linked(batch=batch)


@on(ImportConfirmed, name="finance.clear_imported")
def mark_imported(event: ImportConfirmed, context: Context) -> None:
    """Mark the rows of a bank file as cleared: the bank has booked them."""
    clear_imported(import_id=event.import_id)


@on(JournalPosted, JournalCorrected, name="finance.match_invoices", batch=True)
def match_invoices(events: Sequence[JournalPosted | JournalCorrected], contexts: Sequence[Context]) -> None:
    """Link money that came in to the invoice that it pays, where number or amount leave no doubt; linked again it does nothing."""
    posted: dict[int, list[int]] = defaultdict(list)
    for event in events:
        posted[event.book_id] += event.recorded
    for book in Book.objects.in_use().filter(pk__in=posted).order_by("pk"):
        match_payments(book=book, entry_ids=posted[book.pk])


@on(JournalPosted, JournalCorrected, name="finance.match_schedules", batch=True)
def match_schedules(events: Sequence[JournalPosted | JournalCorrected], contexts: Sequence[Context]) -> None:
    """Link new entries to the occurrences of schedules that they pay; what is in doubt is asked on the plan."""
    posted: dict[int, list[int]] = defaultdict(list)
    for event in events:
        posted[event.book_id] += event.recorded
    for book in Book.objects.in_use().filter(pk__in=posted, schedules__isnull=False).distinct().order_by("pk"):
        match_entries(book=book, entry_ids=posted[book.pk])


@on(JournalPosted, JournalCorrected, name="finance.match_loans", batch=True)
def match_loans(events: Sequence[JournalPosted | JournalCorrected], contexts: Sequence[Context]) -> None:
    """Link new entries that are split as an instalment of a loan; one query where no book has any."""
    posted: dict[int, list[int]] = defaultdict(list)
    for event in events:
        posted[event.book_id] += event.recorded
    with_loans = Loan.objects.filter(book__in=posted).values("book")
    for book in Book.objects.in_use().filter(pk__in=with_loans).order_by("pk"):
        match_loan_payments(book=book, entry_ids=posted[book.pk])


@on(ScheduleSaved, name="finance.match_schedule")
def match_saved_schedule(event: ScheduleSaved, context: Context) -> None:
    """Link entries that were there before their schedule."""
    book = Book.objects.in_use().filter(pk=event.book_id).first()
    if book is not None:
        match_schedule(book=book, schedule_id=event.schedule_id)


@on(ScheduleOccurrenceChanged, name="finance.feed_goals")
def feed_goals(event: ScheduleOccurrenceChanged, context: Context) -> None:
    """Count payments of a schedule for the goals that it feeds."""
    book = Book.objects.in_use().filter(pk=event.book_id).first()
    if book is not None:
        count_payments(book=book, schedule_id=event.schedule_id, nominal=event.nominal)


# Outside of the batch's transaction: a thousand books would hold their events for minutes, and one that fails the others.
@on(DayBegan, name="finance.forecast_days", io=True)
def forecast_day(event: DayBegan, context: Context) -> None:
    """Score what was forecast for days that are over, then make the day's forecast: one transaction for each book.

    Called again, as after a crash, it changes nothing.
    """
    book = Book.objects.in_use().filter(pk=event.book_id).first()
    if book is not None:
        begin_day(book=book, today=event.date)


@on(DayBegan, name="finance.recurring_invoices", batch=True)
def write_recurring_invoices(events: Sequence[DayBegan], contexts: Sequence[Context]) -> None:
    """Write the drafts of recurring invoices that are due; one query where no book has any."""
    days = {event.book_id: event.date for event in events}
    due = RecurringInvoice.objects.filter(book__in=days, next_on__lte=max(days.values())).values("book")
    for book in Book.objects.in_use().filter(pk__in=due).order_by("pk"):
        make_due_drafts(book=book, today=days[book.pk])


@on(JournalPosted, JournalReversed, JournalCorrected, name="finance.find_recurring", batch=True)
def find_recurring(
    events: Sequence[JournalPosted | JournalReversed | JournalCorrected], contexts: Sequence[Context]
) -> None:
    """Look again at the payees that the batch touched: at a hundred of a book here, of more at the whole book later."""
    touched: dict[int, set[int]] = defaultdict(set)
    for event in events:
        taken_back = () if isinstance(event, JournalPosted) else (event.entry_id,)
        touched[event.book_id].update(event.recorded, taken_back)
    for book in Book.objects.in_use().filter(pk__in=touched).order_by("pk"):
        detection.look_after(book=book, entry_ids=touched[book.pk])


@on(ScheduleSaved, name="finance.cover_recurring")
def cover_recurring(event: ScheduleSaved, context: Context) -> None:
    """What a schedule expects is no longer offered."""
    book = Book.objects.in_use().filter(pk=event.book_id).first()
    if book is not None:
        detection.cover(book=book, schedule_id=event.schedule_id)


@on(LoanSaved, CardTermsSaved, name="finance.cover_repaid")
def cover_repaid(event: LoanSaved | CardTermsSaved, context: Context) -> None:
    """What pays a loan or a card by its own terms is no longer offered."""
    book = Book.objects.in_use().filter(pk=event.book_id).first()
    if book is not None:
        detection.look_at_offered(book=book)


# Minutes, for a book of a million lines.
LOOKING_SECONDS = 3600


@on(RecurringDue, name="finance.look_for_recurring", io=True, longest_seconds=LOOKING_SECONDS)
def look_for_recurring(event: RecurringDue, context: Context) -> None:
    """Look at all of a book, a hundred payees in a transaction. A worker that ends hands it on."""

    def between(_key: str, _done: int, _new: int) -> None:
        if context.stopping() or not context.still_mine():
            raise Interrupted

    book = Book.objects.in_use().filter(pk=event.look_id).first()
    if book is not None:
        detection.look_through(book=book, between=between)


class WebhookRefused(Exception):
    """The receiver refused this message; it is retried as often as any event."""


@on(*announced_events(), name="finance.webhooks", batch=True)
def queue_webhooks(events: Sequence[BookEvent], contexts: Sequence[Context]) -> None:
    """Write the messages to the webhooks of the books; one query where no book has any."""
    services.queue_deliveries(
        happened=[
            Happened(event=event, event_id=context.event_id, at=context.emitted_at, trace=context.trace)
            for event, context in zip(events, contexts, strict=True)
        ]
    )


# One book's trouble with a host is not another's: many households may share the host and not its answer.
@on(
    WebhookQueued,
    name="finance.send_webhook",
    io=True,
    destination=lambda event: f"{event.host} for book {event.book_id}",
)
def send_webhook(event: WebhookQueued, context: Context) -> None:
    """Make one attempt. After the last one the message is marked as failed, in the book's log and for its owners to
    replay; it is no dead letter, for the operator can do nothing about it."""
    outcome = services.deliver(
        delivery_id=event.delivery_id, last=context.attempt >= settings.WORKER_MAX_ATTEMPTS, now=timezone.now()
    )
    if outcome.down:
        raise DestinationUnavailable(outcome.said, retry_after=outcome.retry_after)
    if outcome.again:
        raise WebhookRefused(outcome.said)


@on(InvitationIssued, name="finance.invitation_mail", io=True, ordered=False, destination=mail.server)
def mail_invitation(event: InvitationIssued, context: Context) -> None:
    """Mail the invitation's link. Sent twice, the mail has the same Message-ID."""
    message = invitation_mail(event, now=timezone.now())
    if message is not None:
        mail.deliver(message, context)


@on(BookDeletionNotice, name="finance.deletion_mail", io=True, ordered=False, destination=mail.server)
def mail_deletion(event: BookDeletionNotice, context: Context) -> None:
    """Tell a member by mail that a book was deleted, or is back."""
    with translation.override(event.language):
        message = deletion_mail(event)
    if message is not None:
        mail.deliver(message, context)


@on(InvoiceReminderAsked, name="finance.invoice_mail", io=True, ordered=False, destination=mail.server)
def mail_reminder(event: InvoiceReminderAsked, context: Context) -> None:
    """Remind a client of an invoice by mail. Sent twice, the mail has the same Message-ID."""
    message = reminder_mail(event)
    if message is not None:
        mail.deliver(message, context)


# A book of a million lines takes minutes.
ERASING_SECONDS = 3600


@on(BookErasureDue, name="finance.erase_book", io=True, longest_seconds=ERASING_SECONDS)
def erase_demo(event: BookErasureDue, context: Context) -> None:
    """Erase a book that has no grace, in steps. A worker that ends hands the rest on."""

    def between() -> None:
        if context.stopping() or not context.still_mine():
            raise Interrupted

    erase_book(book_id=event.erase_id, between=between)


@on(ReferenceRatesDue, name="finance.fetch_rates", io=True, destination=lambda event: event.host)
def fetch_rates(event: ReferenceRatesDue, context: Context) -> None:
    """Fetch the published exchange rates. A file that is none becomes a dead letter: the operator has to look at it."""
    try:
        fetch_reference_rates()
    except RatesAway as error:
        raise DestinationUnavailable(str(error)) from error
    except RatesUnreadable as error:
        raise PermanentError(str(error)) from error


# A file of 50 MB takes a minute to read and some more to be written down, which must not look like hanging.
READING_SECONDS = 1800


@on(ImportReceived, name="finance.read_import", io=True, longest_seconds=READING_SECONDS)
def read_import(event: ImportReceived, context: Context) -> None:
    """Read a bank file, outside of any transaction that would hold up others. A worker that ends hands it on."""
    batch = ImportBatch.objects.without_content().filter(pk=event.import_id).first()
    if batch is None:
        return
    language = language_of(batch.created_by, otherwise=batch.question.get("language", ""))
    try:
        with translation.override(language):
            imports.read_received(batch=batch, stopping=lambda: context.stopping() or not context.still_mine())
    except ReadingStopped as error:
        raise Interrupted from error
    except Exception as error:
        if context.attempt >= settings.WORKER_MAX_ATTEMPTS and not is_outage(error):
            imports.give_up(batch_id=batch.pk)
        raise


@on(AttachmentAdded, name="finance.thumbnail", io=True, ordered=False)
def draw_thumbnail(event: AttachmentAdded, context: Context) -> None:
    """Make the small picture of a receipt, outside of any transaction; what cannot be drawn has none."""
    make_thumbnail(attachment_id=event.attachment_id)
