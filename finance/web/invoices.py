"""Invoices on the web: the list with its ageing, the form, the invoice, and its PDF."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from core.clock import today_in
from core.keyset import keyset_page
from finance import figures
from finance.errors import FinanceError, NotFound
from finance.ledger.selectors import accounts_of, book_for, entry_for
from finance.models import AccountType, Book, Invoice, RecurringInvoice, Role
from finance.receivables import selectors, services
from finance.receivables.models import RecurringUnit
from finance.receivables.paper import served
from finance.web.access import book_page, id_in, user_of
from finance.web.account_choices import AccountField
from finance.web.entry_forms import amount_field
from finance.web.invoice_forms import ROWS, InvoiceForm, RecurringForm, contents_initial, often_text
from finance.web.people_forms import MONEY, day_field
from finance.web.refusals import refuse

PAGE = 50


class PayForm(forms.Form):
    def __init__(self, data: Any = None, *, book: Book, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.fields["amount"] = amount_field(_("Amount"))
        self.fields["date"] = day_field(_("Date"))
        self.fields["account"] = AccountField(tree=accounts_of(book=book), types=MONEY, label=_("Came in on"))


class WriteOffForm(forms.Form):
    def __init__(self, data: Any = None, *, book: Book) -> None:
        super().__init__(data)
        self.fields["category"] = AccountField(
            tree=accounts_of(book=book), types=(AccountType.EXPENSE,), label=_("Category of the loss")
        )
        self.fields["with_tax"] = forms.BooleanField(label=_("Take back its part of the tax"), required=False)


@require_GET
@book_page()
def invoices(request: HttpRequest, book: Book) -> HttpResponse:
    """Invoices, the latest first, below what is open by age."""
    after, today = request.GET.get("after"), today_in(book)
    found = selectors.invoices_of(book=book)
    only_open = request.GET.get("open") == "1"
    if only_open:
        found = found.filter(pk__in=Invoice.objects.open().filter(book=book).values("pk"))
    page = keyset_page(found, ordering=("-id",), after=[id_in(after, thing="page")] if after else None, limit=PAGE)
    context = {
        "book": book, "rows": page.rows, "today": today, "only_open": only_open,
        "ageing": selectors.invoices_by_age(book=book, today=today), "next": page.edge.pk if page.edge else None,
    }  # fmt: skip
    return render(request, "finance/people/invoices.html", context)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def invoice_new(request: HttpRequest, book: Book) -> HttpResponse:
    """Write an invoice."""
    initial = {"currency": book.base_currency, "issued_on": today_in(book), "person": request.GET.get("person", "")}
    last = selectors.invoices_of(book=book).order_by("-pk").first()
    if last is not None:
        initial |= {
            "income": last.income_id, "tax_account": last.tax_account_id, "money_account": last.money_account_id,
            "currency": last.currency, "sender": last.sender,
        }  # fmt: skip
    return _form_page(request, book, InvoiceForm(request.POST or None, book=book, initial=initial), None)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def invoice_edit(request: HttpRequest, book: Book, invoice_id: int) -> HttpResponse:
    """Change a draft."""
    invoice = selectors.invoice_for(book=book, invoice_id=invoice_id)
    initial = {name: getattr(invoice, name) for name in ("issued_on", "due_on")} | contents_initial(invoice)
    lines = invoice.lines
    form = InvoiceForm(request.POST or None, book=book, initial=initial, rows=max(ROWS, len(lines) + 3))
    return _form_page(request, book, form, invoice)


def _form_page(request: HttpRequest, book: Book, form: InvoiceForm, invoice: Invoice | None) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            saved = services.save_draft(book=book, actor=user_of(request), invoice=invoice, changes=form.changes())
        except FinanceError as error:
            refuse(form, error)
        else:
            return redirect("web:invoice", book.pk, saved.pk)
    context = {"book": book, "form": form, "invoice": invoice}
    return render(request, "finance/people/invoice_form.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@book_page()
def invoice(request: HttpRequest, book: Book, invoice_id: int) -> HttpResponse:
    """An invoice with its payments and what may be one; editors send, link, remind, write off or cancel."""
    shown = selectors.invoice_for(book=book, invoice_id=invoice_id)
    do, today = request.POST.get("do"), today_in(book)
    amount = figures.typed_text(shown.open, currency=shown.currency)
    initial = {"date": today, "amount": amount, "account": shown.money_account_id}
    pay = PayForm(request.POST if do == "pay" else None, book=book, initial=initial)
    loss = WriteOffForm(request.POST if do == "write_off" else None, book=book)
    if request.method == "POST":
        book_for(user=user_of(request), book_id=book.pk, at_least=Role.EDITOR)
        try:
            if _act(request, shown, pay, loss):
                return (
                    redirect("web:invoice", book.pk, shown.pk) if do != "remove" else redirect("web:invoices", book.pk)
                )
        except FinanceError as error:
            if do in ("pay", "write_off"):
                refuse(pay if do == "pay" else loss, error)
            else:
                messages.error(request, error.detail)
                return redirect("web:invoice", book.pk, shown.pk)
    context = {
        "book": book, "invoice": shown, "pay": pay, "loss": loss, "today": today, "lines": services.lines_of(shown),
        "totals": services.totals(shown), "payments": selectors.payments_of(invoice=shown),
        "proposals": selectors.proposed_payments(invoice=shown),
    }  # fmt: skip
    return render(request, "finance/people/invoice.html", context, status=400 if pay.errors or loss.errors else 200)


def _act(request: HttpRequest, invoice: Invoice, pay: PayForm, loss: WriteOffForm) -> bool:
    """Carry out what the form asks for; False where it is not valid. Raises what the services raise."""
    book, actor, today = invoice.book, user_of(request), today_in(invoice.book)
    match request.POST.get("do"):
        case "send":
            services.send(invoice=invoice, actor=actor, on=None, due_on=None, today=today)
        case "pay" if pay.is_valid():
            data = pay.cleaned_data
            amount = figures.read_sum(data["amount"], currency=invoice.currency, field="amount")
            services.pay(invoice=invoice, actor=actor, date=data["date"], amount=amount, account=data["account"])
        case "link":
            services.link(
                invoice=invoice, actor=actor, entry=entry_for(book=book, uid=_uid(request)), amount=None, today=today
            )
        case "unlink":
            payment_id = id_in(request.POST.get("payment", ""), thing="payment")
            payment = selectors.payments_of(invoice=invoice).filter(pk=payment_id).select_related("invoice").first()
            if payment is not None:
                services.unlink_payment(payment=payment)
        case "write_off" if loss.is_valid():
            services.write_off(invoice=invoice, actor=actor, date=today, **loss.cleaned_data)
        case "cancel":
            services.cancel(invoice=invoice, actor=actor, today=today)
        case "remind":
            services.remind(invoice=invoice, actor=actor, today=today)
            messages.success(request, _("The reminder is on its way to %(email)s.") % {"email": invoice.person.email})
        case "remove":
            services.remove_draft(invoice=invoice)
        case _:
            return False
    return True


def _uid(request: HttpRequest) -> uuid.UUID:
    """The entry that a form names. Raises NotFound."""
    try:
        return uuid.UUID(request.POST.get("entry", ""))
    except ValueError as error:
        raise NotFound(thing="entry") from error


@require_GET
@book_page()
def invoice_pdf(request: HttpRequest, book: Book, invoice_id: int) -> HttpResponse:
    """The invoice as it goes to the client, in the language of whoever asks."""
    return served(selectors.invoice_for(book=book, invoice_id=invoice_id))


@require_GET
@book_page()
def recurring_invoices(request: HttpRequest, book: Book) -> HttpResponse:
    """What writes drafts of invoices again and again, the latest first."""
    after = request.GET.get("after")
    page = keyset_page(
        selectors.recurring_of(book=book), ordering=("-id",), after=[id_in(after, thing="page")] if after else None,
        limit=PAGE,
    )  # fmt: skip
    context = {
        "book": book, "rows": [(each, services.totals(each).gross, often_text(each)) for each in page.rows],
        "next": page.edge.pk if page.edge else None,
    }  # fmt: skip
    return render(request, "finance/people/recurring_invoices.html", context)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def recurring_invoice_new(request: HttpRequest, book: Book) -> HttpResponse:
    """A new recurring invoice; the address may name an invoice that it begins as."""
    initial: dict[str, Any] = {"currency": book.base_currency, "first": today_in(book), "every": 1, "term": 14}
    initial["unit"], rows = RecurringUnit.MONTH, ROWS
    if asked := request.GET.get("from"):
        given = selectors.invoice_for(book=book, invoice_id=id_in(asked, thing="invoice"))
        initial |= contents_initial(given)
        rows = max(ROWS, len(given.lines) + 3)
    form = RecurringForm(request.POST or None, book=book, initial=initial, rows=rows)
    return _recurring_page(request, book, form, None)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def recurring_invoice(request: HttpRequest, book: Book, recurring_invoice_id: int) -> HttpResponse:
    """Change or remove a recurring invoice, and see what it wrote."""
    shown = selectors.recurring_for(book=book, recurring_id=recurring_invoice_id)
    if request.POST.get("do") == "remove":
        services.remove_recurring(recurring=shown)
        messages.success(request, _("Removed. The invoices that it wrote stay."))
        return redirect("web:recurring_invoices", book.pk)
    initial = {name: getattr(shown, name) for name in ("first", "unit", "every", "until", "term")}
    initial |= contents_initial(shown)
    form = RecurringForm(request.POST or None, book=book, initial=initial, rows=max(ROWS, len(shown.lines) + 3))
    return _recurring_page(request, book, form, shown)


def _recurring_page(
    request: HttpRequest, book: Book, form: RecurringForm, recurring: RecurringInvoice | None
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            changes = form.changes() | form.days()
            saved = services.save_recurring(
                book=book, actor=user_of(request), recurring=recurring, changes=changes, today=today_in(book)
            )
        except FinanceError as error:
            refuse(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("web:recurring_invoice", book.pk, saved.pk)
    written = selectors.invoices_of(book=book).filter(recurring=recurring).order_by("-pk")[:10] if recurring else []
    context = {"book": book, "form": form, "recurring": recurring, "written": written}
    return render(request, "finance/people/recurring_invoice.html", context, status=400 if form.errors else 200)
