"""What all services of receivables share: one change of a book at a time, and entries that stay as their bill says."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from finance.errors import Conflict, Invalid
from finance.events.people import InvoicePaymentsChanged
from finance.ledger.models import Book, JournalEntry, JournalLine
from finance.ledger.replacements import Replaced
from finance.ledger.revisions import current_of, roots_of
from finance.receivables.models import Invoice, InvoicePayment, PersonAccount, Settlement, SharedBill
from platform_outbox.emit import emit

# In a book with people: corrected entries, whose first version is not looked for here, and entries that something of
# theirs names (ledger.replacements).
CONCERNS = """
EXISTS (SELECT FROM finance_personaccount WHERE book_id = %(book)s)
AND (entry.corrects_id IS NOT NULL
     OR EXISTS (SELECT FROM finance_sharedbill WHERE book_id = %(book)s AND entry_id = entry.id)
     OR EXISTS (SELECT FROM finance_settlement WHERE book_id = %(book)s AND entry_id = entry.id)
     OR EXISTS (SELECT FROM finance_invoice WHERE book_id = %(book)s AND entry.id IN (entry_id, closing_entry_id))
     OR EXISTS (SELECT FROM finance_invoicepayment WHERE book_id = %(book)s AND entry_id = entry.id))"""

_changing: ContextVar[bool] = ContextVar("receivables_changing", default=False)


def lock(book: Book) -> None:
    """One change of what a book is owed at a time; read it after this."""
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)


def checked_text(text: str, *, most: int, field: str, needed: bool = False) -> str:
    """The text with single spaces. Raises Invalid, which names `field`."""
    text = " ".join(text.split())
    if (needed and not text) or len(text) > most or "\x00" in text:
        reason = _("Enter at most %(most)d characters.") if text else _("Enter a text of at most %(most)d characters.")
        raise Invalid(field=field, reason=reason % {"most": most})
    return text


@contextmanager
def changing() -> Iterator[None]:
    """Inside, entries of bills, settlements and invoices may be reversed and replaced."""
    token = _changing.set(True)
    try:
        yield
    finally:
        _changing.reset(token)


def current_entry(*, book: Book, root: JournalEntry) -> JournalEntry:
    """The version of the entry that counts now. Raises Conflict where there is none."""
    current = current_of(book=book, root_ids=[root.pk]).get(root.pk)
    if current is None:
        raise Conflict(reason=_("The entry was deleted."))
    entry = JournalEntry.objects.get(pk=current)
    entry.book = book
    return entry


def follow(book: Book, replaced: Sequence[Replaced]) -> None:
    """Keep entries as their bill, settlement or invoice says, when somebody changes them elsewhere.

    Category, payee, note and tags may change; date and what is owed may not: Conflict says where to change them. A payment
    of an invoice that is deleted, or lowered, is no longer linked.
    """
    own = set(PersonAccount.objects.filter(book=book).values_list("account_id", flat=True))
    if _changing.get() or not own:
        return
    roots = roots_of(book=book, entry_ids=[each.entry_id for each in replaced])
    ids = set(roots.values())
    named = {
        root: text
        for model, text in (
            (SharedBill, _("a shared bill")),
            (Settlement, _("a settlement")),
            (Invoice, _("an invoice")),
        )
        for root in model._default_manager.filter(book=book, entry__in=ids).values_list("entry_id", flat=True)
    }
    closing = Invoice.objects.filter(book=book, closing_entry__in=ids).values_list("closing_entry_id", flat=True)
    named |= dict.fromkeys(closing, _("an invoice"))
    payments: dict[int, list[InvoicePayment]] = defaultdict(list)
    for payment in InvoicePayment.objects.filter(book=book, entry__in=ids).select_related("invoice"):
        payments[payment.entry_id].append(payment)
    if not named and not payments:
        return
    before_and_after = {each.entry_id for each in replaced} | {each.replacement_id or 0 for each in replaced}
    owed = _owed_by(before_and_after, own)
    dates = dict(JournalEntry.objects.filter(pk__in=before_and_after).values_list("pk", "date"))
    for each in replaced:
        root, after = roots[each.entry_id], each.replacement_id
        if root in named:
            same = after is not None and owed[after] == owed[each.entry_id] and dates[after] == dates[each.entry_id]
            if not same:
                reason = _("This entry belongs to %(thing)s; change or remove it on the page People.")
                raise Conflict(reason=reason % {"thing": named[root]})
        linked = payments.get(root, [])
        still = 0 if after is None else -sum(amount for amount in owed[after].values() if amount < 0)
        if linked and still < sum(payment.amount for payment in linked):
            unlink(payments=linked)


def _owed_by(entry_ids: Collection[int], accounts: Collection[int]) -> dict[int, dict[int, int]]:
    """Entry → account of a person → what the entry did there."""
    found: dict[int, dict[int, int]] = defaultdict(dict)
    lines = JournalLine.objects.filter(Q(entry__in=entry_ids), account__in=accounts)
    for entry_id, account_id, amount in lines.values_list("entry_id", "account_id").annotate(sum=Sum("amount")):
        found[entry_id][account_id] = amount
    return found


def unlink(*, payments: Sequence[InvoicePayment]) -> None:
    """Take payments off their invoices, which are then open by that much more."""
    for payment in payments:
        invoice = payment.invoice
        payment.delete()
        sum_up(invoice=invoice)


def sum_up(*, invoice: Invoice) -> None:
    """Write down what is paid of the invoice, and announce it."""
    paid = InvoicePayment.objects.filter(book_id=invoice.book_id, invoice=invoice).aggregate(sum=Sum("amount"))["sum"]
    invoice.paid = paid or 0
    Invoice.objects.filter(pk=invoice.pk).update(paid=invoice.paid)
    emit(InvoicePaymentsChanged(book_id=invoice.book_id, invoice_id=invoice.pk))
