"""Recurring invoices: each of their days writes a draft, once. Numbers are given when somebody sends the draft."""

import datetime
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from finance.errors import FinanceError, Invalid
from finance.events.people import InvoiceSaved, RecurringInvoiceRemoved, RecurringInvoiceSaved
from finance.ledger.models import Book
from finance.ledger.services.drafts import FIRST_YEAR, LAST_YEAR
from finance.receivables.models import Invoice, RecurringInvoice, RecurringUnit
from finance.receivables.selectors import recurring_for
from finance.receivables.services.contents import fill
from finance.receivables.services.keeping import lock
from identity.models import User
from platform_outbox.emit import emit

MOST_EVERY = 100
LONGEST_TERM = 365


@transaction.atomic
def save_recurring(
    *,
    book: Book,
    actor: User | None,
    recurring: RecurringInvoice | None = None,
    changes: Mapping[str, Any],
    today: datetime.date,
) -> RecurringInvoice:
    """A new recurring invoice, or one with these changes: what a draft has but for its dates, and first, unit (week, month,
    year), every, until, term (days to pay).

    Days before today write nothing; a draft that is due today is written at once. Raises Invalid, which names the member.
    """
    lock(book)
    if recurring is None:
        recurring = RecurringInvoice(book=book, currency=book.base_currency, unit=RecurringUnit.MONTH)
    else:
        recurring = recurring_for(book=book, recurring_id=recurring.pk)
    for name in ("first", "unit", "every", "until", "term"):
        if name in changes:
            setattr(recurring, name, changes[name])
    for name, least, most in (("every", 1, MOST_EVERY), ("term", 0, LONGEST_TERM)):
        if not least <= getattr(recurring, name) <= most:
            told = {"least": least, "most": most}
            raise Invalid(field=name, reason=_("Enter a number from %(least)d to %(most)d.") % told)
    if recurring.unit not in RecurringUnit.values:
        kinds = ", ".join(RecurringUnit.values)
        raise Invalid(field="unit", reason=_("Choose one of %(kinds)s.") % {"kinds": kinds})
    for name in ("first", "until"):
        day = getattr(recurring, name)
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            years = {"first": FIRST_YEAR, "last": LAST_YEAR}
            raise Invalid(field=name, reason=_("Enter a day from %(first)d to %(last)d.") % years)
    if recurring.until is not None and recurring.until < recurring.first:
        raise Invalid(field="until", reason=_("The last day is before the first."))
    fill(recurring, changes)
    before = today - datetime.timedelta(days=1)
    recurring.next_on = _following(recurring, max(before, recurring.made_on or before))
    recurring.problem, recurring.saved_by = "", actor
    recurring.save()
    emit(RecurringInvoiceSaved(book_id=book.pk, recurring_id=recurring.pk))
    _make_due(recurring, today)
    return recurring


def _following(recurring: RecurringInvoice, after: datetime.date) -> datetime.date | None:
    day = recurring.rule.next_after(after)
    return None if day is None or (recurring.until is not None and day > recurring.until) else day


@transaction.atomic
def remove_recurring(*, recurring: RecurringInvoice) -> None:
    """Write no more drafts; the invoices that there are stay."""
    lock(recurring.book)
    number = recurring.pk
    recurring.delete()
    emit(RecurringInvoiceRemoved(book_id=recurring.book_id, recurring_id=number))


@transaction.atomic
def make_due_drafts(*, book: Book, today: datetime.date) -> int:
    """Write the drafts that are due by `today`, also those of days on which no worker ran. Returns how many.

    Called again for the same day it writes nothing. What cannot be written says why on its page, and is tried again.
    """
    lock(book)
    due = RecurringInvoice.objects.filter(book=book, next_on__lte=today).select_related("person").order_by("pk")
    made = 0
    for recurring in due:
        recurring.book = recurring.person.book = book
        made += _make_due(recurring, today)
    return made


def _make_due(recurring: RecurringInvoice, today: datetime.date) -> int:
    """Write what is due of one; of it all or, with a reason that is kept, nothing."""
    made = 0
    try:
        with transaction.atomic():
            while recurring.next_on is not None and recurring.next_on <= today:
                _write(recurring, recurring.next_on)
                recurring.made_on = recurring.next_on
                recurring.next_on = _following(recurring, recurring.made_on)
                made += 1
        problem = ""
    except FinanceError as error:
        recurring.refresh_from_db(fields=["made_on", "next_on"])
        made, problem = 0, error.detail[:300]
    if made or problem != recurring.problem:
        recurring.problem = problem
        recurring.changed_at = timezone.now()
        recurring.save(update_fields=["made_on", "next_on", "problem", "changed_at"])
    return made


def _write(recurring: RecurringInvoice, day: datetime.date) -> None:
    """The draft of one day. Raises Invalid where it could not be written by hand either."""
    names = ("person", "income", "tax_account", "money_account", "sender", "note")
    invoice = Invoice(
        book=recurring.book, recurring=recurring, recurring_on=day, currency=recurring.currency, lines=recurring.lines,
        issued_on=day, due_on=day + datetime.timedelta(days=recurring.term), created_by=recurring.saved_by,
    )  # fmt: skip
    sums = fill(invoice, {name: getattr(recurring, name) for name in names})
    invoice.net, invoice.tax, invoice.gross = sums.net, sums.tax, sums.gross
    invoice.save()
    emit(InvoiceSaved(book_id=recurring.book_id, invoice_id=invoice.pk))
