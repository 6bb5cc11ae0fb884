"""Mails that remind a client of an invoice."""

from django.core.mail import EmailMultiAlternatives

from core.formatting import date_text
from finance.events.people import InvoiceReminderAsked
from finance.figures import money_text
from finance.ledger.models import Book
from finance.receivables.paper import invoice_pdf
from finance.receivables.selectors import invoices_of
from identity import mail
from identity.languages import in_language_of


def reminder_mail(event: InvoiceReminderAsked) -> EmailMultiAlternatives | None:
    """The mail with the invoice as PDF, in the language of the client or else of who asked for it.

    None where nothing is to be sent any more: the invoice was paid meanwhile, or is gone, or its client has no address.
    """
    book = Book.objects.in_use().filter(pk=event.book_id).first()
    invoice = invoices_of(book=book).filter(pk=event.invoice_id).first() if book else None
    if book is None or invoice is None or not invoice.open or not invoice.person.email:
        return None
    invoice.book = invoice.person.book = book
    with in_language_of(email=invoice.person.email, otherwise=event.language):
        issued, due = invoice.issued_on or event.today, invoice.due_on or event.today
        context = {
            "invoice": invoice, "open": money_text(invoice.open, currency=invoice.currency), "issued": date_text(issued),
            "due": date_text(due), "late": due < event.today, "sender": invoice.sender or book.name,
        }  # fmt: skip
        found = mail.compose(to=invoice.person.email, template="finance/receivables/mail/reminder", context=context)
        found.attach(f"{invoice.number}.pdf", invoice_pdf(invoice=invoice), "application/pdf")
    return found
