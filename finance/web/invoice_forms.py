"""The forms of invoices and recurring invoices."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from finance import figures
from finance.ledger.selectors import accounts_of
from finance.models import AccountType, Book, Invoice, RecurringInvoice
from finance.receivables import services
from finance.receivables.models import RecurringUnit
from finance.receivables.services.recurring import LONGEST_TERM, MOST_EVERY
from finance.web.account_choices import AccountField
from finance.web.entry_forms import amount_field
from finance.web.people_forms import MONEY, currency_field, day_field, listed_people

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
        self.add_days()
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

    def add_days(self) -> None:
        """Its own days, after the client."""
        self.fields["issued_on"] = day_field(_("Date"), required=False)
        self.fields["due_on"] = day_field(_("Due"), required=False)

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
        names = [name for name in ("currency", "issued_on", "due_on", "income", "sender", "note") if name in data]
        optional = {name: data[name] or None for name in ("tax_account", "money_account")}
        return {
            **{name: data[name] for name in names},
            **optional,
            "person": self.people[data["person"]],
            "lines": lines,
        }


class RecurringForm(InvoiceForm):
    """An invoice without dates of its own, and when it is written."""

    def add_days(self) -> None:
        self.fields["first"] = day_field(_("First day"))
        self.fields["first"].help_text = _("In a month without this day it is the last day.")
        self.fields["every"] = forms.IntegerField(label=_("Every"), min_value=1, max_value=MOST_EVERY)
        self.fields["unit"] = forms.ChoiceField(label=_("Unit"), choices=RecurringUnit.choices)
        self.fields["until"] = day_field(_("Last day"), required=False)
        self.fields["term"] = forms.IntegerField(label=_("Days to pay"), min_value=0, max_value=LONGEST_TERM)

    def days(self) -> dict[str, Any]:
        """When it is written, as the service takes it."""
        return {name: self.cleaned_data[name] for name in ("first", "every", "unit", "until", "term")}


def often_text(recurring: RecurringInvoice) -> str:
    """ "Every month", "Every 2 weeks"."""
    told, every = {"n": recurring.every}, recurring.every
    match recurring.unit:
        case RecurringUnit.WEEK:
            return ngettext("Every week", "Every %(n)d weeks", every) % told
        case RecurringUnit.MONTH:
            return ngettext("Every month", "Every %(n)d months", every) % told
        case _unit:
            return ngettext("Every year", "Every %(n)d years", every) % told


def contents_initial(kept: Invoice | RecurringInvoice) -> dict[str, Any]:
    """Client, lines, accounts and texts as the form shows them."""
    initial: dict[str, Any] = {name: getattr(kept, name) for name in ("currency", "sender", "note")}
    initial |= {name: getattr(kept, f"{name}_id") for name in ("person", "income", "tax_account", "money_account")}
    for row, line in enumerate(services.lines_of(kept)):
        price = figures.typed_text(line.price, currency=kept.currency)
        initial |= {
            f"text_{row}": line.text, f"quantity_{row}": line.quantity, f"price_{row}": price, f"rate_{row}": line.rate,
        }  # fmt: skip
    return initial
