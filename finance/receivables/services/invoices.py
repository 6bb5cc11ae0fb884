"""Invoices: drafts, numbers without gaps, what they post, payments, reminders and what is never paid."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from finance import money
from finance.errors import Conflict, Invalid
from finance.events.people import (
    InvoiceClosed,
    InvoiceReminded,
    InvoiceReminderAsked,
    InvoiceRemoved,
    InvoiceSaved,
    InvoiceSent,
)
from finance.ledger import services as ledger
from finance.ledger.models import Account, AccountType, Book, JournalEntry, JournalLine
from finance.ledger.posting import EntryDraft, LineDraft, merged
from finance.ledger.revisions import root_of, roots_of
from finance.ledger.services.drafts import FIRST_YEAR, LAST_YEAR
from finance.receivables.invoicing import names_number
from finance.receivables.models import Invoice, InvoicePayment, PersonAccount
from finance.receivables.selectors import invoice_for
from finance.receivables.services.contents import fill
from finance.receivables.services.keeping import lock, sum_up, unlink
from finance.receivables.services.people import account_with, check_account
from finance.receivables.services.sharing import reverse_of
from identity.models import User
from platform_outbox.emit import emit

LONGEST_TERM = 3650
_MONEY = (AccountType.ASSET, AccountType.LIABILITY)


@transaction.atomic
def save_draft(
    *, book: Book, actor: User | None, invoice: Invoice | None = None, changes: Mapping[str, Any]
) -> Invoice:
    """A new draft, or a draft with these changes: person, currency, lines (LineGiven), income, tax_account, money_account,
    issued_on, due_on, sender, note.

    Raises Invalid (the member's name), and Conflict for an invoice that was sent: its figures stay.
    """
    lock(book)
    if invoice is None:
        invoice = Invoice(book=book, created_by=actor, currency=changes.get("currency") or book.base_currency)
    else:
        invoice = invoice_for(book=book, invoice_id=invoice.pk)
        if invoice.state != Invoice.State.DRAFT:
            raise Conflict(reason=_("An invoice that was sent stays as it is; cancel it and write another one."))
    for name in ("issued_on", "due_on"):
        if name in changes:
            setattr(invoice, name, changes[name])
    sums = fill(invoice, changes)
    invoice.net, invoice.tax, invoice.gross = sums.net, sums.tax, sums.gross
    _check_dates(invoice)
    invoice.save()
    emit(InvoiceSaved(book_id=book.pk, invoice_id=invoice.pk))
    return invoice


def _check_dates(invoice: Invoice) -> None:
    for name in ("issued_on", "due_on"):
        day: datetime.date | None = getattr(invoice, name)
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            years = {"first": FIRST_YEAR, "last": LAST_YEAR}
            raise Invalid(field=name, reason=_("Enter a day from %(first)d to %(last)d.") % years)
    if invoice.issued_on and invoice.due_on:
        days = (invoice.due_on - invoice.issued_on).days
        if not 0 <= days <= LONGEST_TERM:
            raise Invalid(
                field="due_on", reason=_("The due day is not before the day of the invoice, and within ten years.")
            )


@transaction.atomic
def remove_draft(*, invoice: Invoice) -> None:
    """Remove a draft. Raises Conflict for what has a number: the sequence has no gaps."""
    lock(invoice.book)
    invoice = invoice_for(book=invoice.book, invoice_id=invoice.pk)
    if invoice.state != Invoice.State.DRAFT:
        raise Conflict(reason=_("An invoice with a number stays; cancel it instead."))
    pk, book_id = invoice.pk, invoice.book_id
    invoice.delete()
    emit(InvoiceRemoved(book_id=book_id, invoice_id=pk))


@transaction.atomic
def send(
    *,
    invoice: Invoice,
    actor: User | None,
    on: datetime.date | None,
    due_on: datetime.date | None,
    today: datetime.date,
) -> Invoice:
    """Give the invoice its number and post it: the client owes the total, net is income, tax is owed to the tax office.

    It is dated `on`, or as the draft says, or today, and due as said, or 14 days later. Raises Invalid (tax_account, due_on),
    Conflict for what is no draft, and as post_entry.
    """
    book = invoice.book
    lock(book)
    invoice = invoice_for(book=invoice.book, invoice_id=invoice.pk)
    if invoice.state != Invoice.State.DRAFT:
        raise Conflict(reason=_("The invoice was sent already."))
    invoice.issued_on = on or invoice.issued_on or today
    invoice.due_on = due_on or invoice.due_on
    _check_dates(invoice)
    invoice.due_on = invoice.due_on or invoice.issued_on + datetime.timedelta(days=14)
    if invoice.tax and invoice.tax_account_id is None:
        raise Invalid(field="tax_account", reason=_("Say which account the tax is kept on until you pay it."))
    numbered = Invoice.objects.filter(book=book, year=invoice.issued_on.year)
    invoice.year = invoice.issued_on.year
    invoice.sequence = (numbered.aggregate(last=Max("sequence"))["last"] or 0) + 1
    invoice.number = f"{invoice.year}-{invoice.sequence:04d}"
    invoice.claim_account = account_with(person=invoice.person, currency=invoice.currency, actor=actor)
    lines = [
        LineDraft(account_id=invoice.claim_account.pk, amount=invoice.gross),
        LineDraft(account_id=invoice.income_id, amount=-invoice.net),
        LineDraft(account_id=invoice.tax_account_id or 0, amount=-invoice.tax),
    ]
    invoice.entry = ledger.post_entry(
        book=book, actor=actor, date=invoice.issued_on, payee=invoice.person.name,
        description=_("Invoice %(number)s") % {"number": invoice.number}, lines=[line for line in lines if line.amount],
    )  # fmt: skip
    invoice.state = Invoice.State.SENT
    invoice.save()
    emit(InvoiceSent(book_id=book.pk, invoice_id=invoice.pk))
    return invoice


@transaction.atomic
def cancel(*, invoice: Invoice, actor: User | None, today: datetime.date) -> Invoice:
    """Take the invoice back: its entry is reversed, its number stays. Raises Conflict where something was paid."""
    lock(invoice.book)
    invoice = invoice_for(book=invoice.book, invoice_id=invoice.pk)
    if invoice.state != Invoice.State.SENT or invoice.paid:
        raise Conflict(reason=_("Only an invoice that was sent, and of which nothing is paid, can be cancelled."))
    reverse_of(book=invoice.book, actor=actor, root=invoice.entry, today=today)
    return _close(invoice, Invoice.State.CANCELLED)


@transaction.atomic
def write_off(
    *, invoice: Invoice, actor: User | None, date: datetime.date, category: Account, with_tax: bool = False
) -> Invoice:
    """Give up what is still open: it becomes spending of the category. With `with_tax`, its part of the tax is taken back.

    Raises Invalid (category) and Conflict where nothing is open.
    """
    book = invoice.book
    lock(book)
    invoice = invoice_for(book=invoice.book, invoice_id=invoice.pk)
    if not invoice.open or invoice.claim_account_id is None:
        raise Conflict(reason=_("Nothing of the invoice is open."))
    check_account(category, types=(AccountType.EXPENSE,), field="category", currency=invoice.currency)
    tax = money.divided(invoice.tax * invoice.open, invoice.gross) if with_tax else 0
    lines = [
        LineDraft(account_id=category.pk, amount=invoice.open - tax),
        LineDraft(account_id=invoice.tax_account_id or 0, amount=tax),
        LineDraft(account_id=invoice.claim_account_id, amount=-invoice.open),
    ]
    invoice.closing_entry = ledger.post_entry(
        book=book, actor=actor, date=date, payee=invoice.person.name,
        description=_("Invoice %(number)s written off") % {"number": invoice.number},
        lines=[line for line in lines if line.amount],
    )  # fmt: skip
    return _close(invoice, Invoice.State.WRITTEN_OFF)


def _close(invoice: Invoice, state: Invoice.State) -> Invoice:
    invoice.state = state
    invoice.save()
    emit(InvoiceClosed(book_id=invoice.book_id, invoice_id=invoice.pk, state=str(state)))
    return invoice


@transaction.atomic
def pay(*, invoice: Invoice, actor: User | None, date: datetime.date, amount: int, account: Account) -> InvoicePayment:
    """Post a payment that came in on `account`, and link it. Raises Invalid (amount, account) and Conflict."""
    lock(invoice.book)
    invoice = invoice_for(book=invoice.book, invoice_id=invoice.pk)
    claim = _check_open(invoice, amount)
    check_account(account, types=_MONEY, field="account", currency=invoice.currency)
    entry = ledger.post_entry(
        book=invoice.book, actor=actor, date=date, payee=invoice.person.name,
        description=_("Invoice %(number)s") % {"number": invoice.number},
        lines=[LineDraft(account_id=account.pk, amount=amount), LineDraft(account_id=claim, amount=-amount)],
    )  # fmt: skip
    return _link(invoice, entry, amount, actor=actor)


@transaction.atomic
def link(
    *, invoice: Invoice, actor: User | None, entry: JournalEntry, amount: int | None, today: datetime.date
) -> InvoicePayment:
    """Link an entry that is there already as a payment of the invoice, of `amount` or of all that fits.

    Where the entry was booked as income, it is corrected: the money pays the claim, whose income the invoice already is.
    Raises Invalid (entry, amount) and Conflict.
    """
    book = invoice.book
    lock(book)
    invoice = invoice_for(book=invoice.book, invoice_id=invoice.pk)
    if entry.reverses_id is not None or JournalEntry.objects.filter(reverses=entry).exists():
        raise Invalid(field="entry", reason=_("This entry was taken back or corrected; name its latest version."))
    claim = _check_open(invoice, amount if amount is not None else 1)
    root_id = root_of(entry=entry)
    if InvoicePayment.objects.filter(book=book, invoice=invoice, entry=root_id).exists():
        raise Conflict(field="entry", reason=_("This entry is linked to the invoice already."))
    lines = list(JournalLine.objects.filter(entry=entry).select_related("account").order_by("position"))
    settled = -sum(line.amount for line in lines if line.account_id == claim)
    if settled <= 0:
        own = set(PersonAccount.objects.filter(book=book).values_list("account_id", flat=True))
        kept = [line for line in lines if line.account.type in _MONEY and line.account_id not in own]
        settled = sum(line.amount for line in kept)
        others = [line for line in lines if line not in kept]
        fits = settled > 0 and all(
            line.account.type == AccountType.INCOME and line.currency == invoice.currency for line in others
        )
        if not fits:
            reason = _("This entry brings in no money for the invoice: it must be booked to income or to the client.")
            raise Invalid(field="entry", reason=reason)
        drafts = [LineDraft(account_id=line.account_id, amount=line.amount, memo=line.memo) for line in kept]
        drafts.append(LineDraft(account_id=claim, amount=-settled))
        draft = EntryDraft(date=entry.date, lines=merged(drafts), payee=entry.payee, description=entry.description)
        ledger.replace_entry(entry=entry, actor=actor, draft=draft, today=today)
    used = sum(InvoicePayment.objects.filter(book=book, entry=root_id).values_list("amount", flat=True))
    free = settled - used
    wanted = min(free, invoice.open) if amount is None else amount
    if not 0 < wanted <= free:
        told = {"amount": money.format_amount(max(free, 0), currency=invoice.currency)}
        raise Invalid(field="amount", reason=_("Only %(amount)s of the entry is not linked yet.") % told)
    return _link(invoice, JournalEntry.objects.get(pk=root_id), wanted, actor=actor)


def _check_open(invoice: Invoice, amount: int) -> int:
    """The client's account. Raises Conflict where nothing is open, Invalid (amount) for more than that."""
    if not invoice.open or invoice.claim_account_id is None:
        raise Conflict(reason=_("Nothing of the invoice is open."))
    if not 0 < amount <= invoice.open:
        told = {"amount": money.format_amount(invoice.open, currency=invoice.currency)}
        raise Invalid(field="amount", reason=_("Enter a positive amount; %(amount)s is open.") % told)
    return int(invoice.claim_account_id)


def _link(
    invoice: Invoice, entry: JournalEntry, amount: int, *, actor: User | None, matched: bool = False
) -> InvoicePayment:
    payment = InvoicePayment.objects.create(
        book=invoice.book, invoice=invoice, entry=entry, amount=amount, matched=matched, created_by=actor
    )
    sum_up(invoice=invoice)
    return payment


@transaction.atomic
def unlink_payment(*, payment: InvoicePayment) -> None:
    """Take the payment off the invoice; the entry stays, and what it paid is a credit of the client."""
    lock(payment.book)
    if invoice_for(book=payment.book, invoice_id=payment.invoice_id).state != Invoice.State.SENT:
        raise Conflict(reason=_("The invoice is closed."))
    unlink(payments=[payment])


@transaction.atomic
def match_payments(*, book: Book, entry_ids: Collection[int]) -> int:
    """Link new entries on clients' accounts to the open invoice whose number they name, or to the only one of that amount.

    What fits none, or several, is left to people. Called again for the same entries it does nothing. Returns how many.
    """
    open_ones = Invoice.objects.open().filter(book=book, claim_account__isnull=False)
    accounts = set(open_ones.values_list("claim_account_id", flat=True))
    lines = JournalLine.objects.filter(book=book, entry__in=entry_ids, account__in=accounts, amount__lt=0)
    lines = lines.filter(entry__reverses=None, entry__reversed_by=None).select_related("entry").order_by("pk")
    if not accounts or not (found := list(lines)):
        return 0
    lock(book)
    invoices: dict[int, list[Invoice]] = defaultdict(list)
    for invoice in open_ones.select_related("person").order_by("due_on", "pk"):
        invoices[invoice.claim_account_id or 0].append(invoice)
    roots = roots_of(book=book, entry_ids=[line.entry_id for line in found])
    first_versions = JournalEntry.objects.in_bulk(roots.values())
    linked = set(InvoicePayment.objects.filter(book=book, entry__in=first_versions).values_list("entry_id", flat=True))
    made = 0
    for line in found:
        root_id = roots[line.entry_id]
        if root_id in linked:
            continue
        text = f"{line.entry.payee} {line.entry.description} {line.memo}"
        candidates = [each for each in invoices[line.account_id] if each.open]
        fitting = [each for each in candidates if names_number(text, each.number)]
        fitting = fitting or [each for each in candidates if each.open == -line.amount]
        if len(fitting) == 1 and -line.amount <= fitting[0].open:
            fitting[0].book = book
            _link(fitting[0], first_versions[root_id], -line.amount, actor=None, matched=True)
            linked.add(root_id)
            made += 1
    return made


@transaction.atomic
def remind(*, invoice: Invoice, actor: User | None, today: datetime.date) -> Invoice:
    """Remind the client by mail of what is open, with the invoice as PDF; sent by the outbox. Raises Conflict."""
    lock(invoice.book)
    invoice = invoice_for(book=invoice.book, invoice_id=invoice.pk)
    if not invoice.open:
        raise Conflict(reason=_("Nothing of the invoice is open."))
    if not invoice.person.email:
        raise Conflict(reason=_("%(name)s has no e-mail address.") % {"name": invoice.person.name})
    if invoice.reminded_at is not None and timezone.now() - invoice.reminded_at < datetime.timedelta(days=1):
        raise Conflict(reason=_("A reminder was sent within the last day."))
    invoice.reminders, invoice.reminded_at = invoice.reminders + 1, timezone.now()
    invoice.save(update_fields=["reminders", "reminded_at"])
    emit(InvoiceReminded(book_id=invoice.book_id, invoice_id=invoice.pk))
    language = get_language() or ""
    emit(InvoiceReminderAsked(book_id=invoice.book_id, invoice_id=invoice.pk, today=today, language=language))
    return invoice
