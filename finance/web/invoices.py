"""Invoices on the web: the list with its ageing, the form, the invoice, and its PDF."""

import uuid
from decimal import Decimal
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
from finance.models import AccountType, Book, Invoice, Role
from finance.receivables import selectors, services
from finance.receivables.paper import served
from finance.web.access import book_page, id_in, user_of
from finance.web.account_choices import AccountField
from finance.web.entry_forms import amount_field
from finance.web.people_forms import MONEY, currency_field, day_field, listed_people
from finance.web.refusals import refuse

PAGE = 50
ROWS = 8


class InvoiceForm(forms.Form):
    """An invoice with a fixed number of lines; empty ones are left out."""

    def __init__(self, data: Any = None, *, book: Book, initial: Any = None, rows: int = ROWS) -> None:
        super().__init__(data, initial=initial)
        tree, people = accounts_of(book=book), listed_people(book)
        self.people = {str(person.pk): person for person in people}
        self.fields["person"] = forms.ChoiceField(
            label=_("Client"), choices=[(key, each.name) for key, each in self.people.items()]
        )
        self.fields["currency"] = currency_field()
        self.fields["issued_on"] = day_field(_("Date"), required=False)
        self.fields["due_on"] = day_field(_("Due"), required=False)
        self.fields["income"] = AccountField(tree=tree, types=(AccountType.INCOME,), label=_("Income category"))
        self.fields["tax_account"] = AccountField(tree=tree, types=MONEY, label=_("Account of the tax"), required=False)
        self.fields["money_account"] = AccountField(tree=tree, types=MONEY, label=_("Paid into"), required=False)
        self.fields["money_account"].help_text = _("The forecast expects the money there.")
        text = forms.Textarea(attrs={"rows": 3})
        self.fields["sender"] = forms.CharField(
            label=_("From (name, address, tax number)"), required=False, max_length=500, widget=text
        )
        self.fields["note"] = forms.CharField(
            label=_("Note on the invoice"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 3})
        )
        for row in range(rows):
            label = {"row": row + 1}
            self.fields[f"text_{row}"] = forms.CharField(
                label=_("Line %(row)d") % label, required=False, max_length=300
            )
            self.fields[f"quantity_{row}"] = forms.DecimalField(
                label=_("Quantity of line %(row)d") % label,
                required=False,
                max_digits=12,
                decimal_places=4,
                min_value=-(10**6),
            )
            self.fields[f"price_{row}"] = amount_field(_("Price of line %(row)d") % label, required=False)
            self.fields[f"rate_{row}"] = forms.DecimalField(
                label=_("Tax of line %(row)d in percent") % label, required=False, max_digits=7, decimal_places=4, min_value=0,
                max_value=100,
            )  # fmt: skip
        self.count = rows

    def rows(self) -> list[list[Any]]:
        """The fields of each line."""
        return [[self[f"{name}_{row}"] for name in ("text", "quantity", "price", "rate")] for row in range(self.count)]

    def changes(self) -> dict[str, Any]:
        """What the service takes. Raises AmountInvalid, which names the line."""
        data = self.cleaned_data
        lines = []
        for row in range(self.count):
            if data[f"text_{row}"] or data[f"price_{row}"]:
                price = figures.read_amount(
                    data[f"price_{row}"] or "0", currency=data["currency"], field=f"price_{row}"
                )
                quantity, rate = data[f"quantity_{row}"], data[f"rate_{row}"]
                lines.append(
                    services.LineGiven(
                        text=data[f"text_{row}"], price=price, quantity=Decimal(1) if quantity is None else quantity,
                        rate=rate or Decimal(0),
                    )
                )  # fmt: skip
        names = ("currency", "issued_on", "due_on", "income", "sender", "note")
        optional = {name: data[name] or None for name in ("tax_account", "money_account")}
        return {
            **{name: data[name] for name in names},
            **optional,
            "person": self.people[data["person"]],
            "lines": lines,
        }


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
            "income": last.income_id,
            "tax_account": last.tax_account_id,
            "money_account": last.money_account_id,
        }
        initial |= {"sender": last.sender}
    return _form_page(request, book, InvoiceForm(request.POST or None, book=book, initial=initial), None)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def invoice_edit(request: HttpRequest, book: Book, invoice_id: int) -> HttpResponse:
    """Change a draft."""
    invoice = selectors.invoice_for(book=book, invoice_id=invoice_id)
    names = ("issued_on", "due_on", "currency", "sender", "note")
    initial: dict[str, Any] = {name: getattr(invoice, name) for name in names}
    initial |= {name: getattr(invoice, f"{name}_id") for name in ("person", "income", "tax_account", "money_account")}
    lines = services.lines_of(invoice)
    for row, line in enumerate(lines):
        price = figures.typed_text(line.price, currency=invoice.currency)
        initial |= {
            f"text_{row}": line.text,
            f"quantity_{row}": line.quantity,
            f"price_{row}": price,
            f"rate_{row}": line.rate,
        }
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
