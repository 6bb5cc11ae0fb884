"""The forms of people, shared bills and settling up."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from finance import figures, money
from finance.errors import Invalid
from finance.ledger.models import AccountType, Book
from finance.ledger.selectors import accounts_of
from finance.receivables import selectors, services
from finance.receivables.models import CostGroup, Person, SharedBill, SplitMethod
from finance.receivables.splitting import ME
from finance.web.account_choices import AccountField
from finance.web.entry_forms import amount_field

# People that a form lists; more are reached through a group or the API.
MOST_LISTED = 200
MONEY = (AccountType.ASSET, AccountType.LIABILITY)


def day_field(label: Any, *, required: bool = True) -> forms.DateField:
    """A day as browsers pick one."""
    return forms.DateField(
        label=label, required=required, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


def currency_field(*, required: bool = True) -> forms.ChoiceField:
    """One of the currencies that people pay with."""
    codes = sorted(money.circulating_currencies())
    choices = [(code, code) for code in codes] if required else [("", "…"), *((code, code) for code in codes)]
    return forms.ChoiceField(label=_("Currency"), choices=choices, required=required)


class PersonForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"), required=False, help_text=gettext_lazy("Reminders of invoices go there.")
    )
    address = forms.CharField(
        label=gettext_lazy("Address"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )
    note = forms.CharField(label=gettext_lazy("Note"), required=False, max_length=500)


class MovementForm(forms.Form):
    def __init__(self, data: Any = None, *, book: Book, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        kinds = [(kind, services.movement_title(kind)) for kind in services.MOVEMENTS]
        self.fields["kind"] = forms.ChoiceField(label=_("What happened"), choices=kinds)
        self.fields["amount"] = amount_field(_("Amount"))
        self.fields["date"] = day_field(_("Date"))
        types = (*MONEY, AccountType.EXPENSE, AccountType.INCOME)
        self.fields["account"] = AccountField(tree=accounts_of(book=book), types=types, label=_("Account or category"))
        self.fields["account"].help_text = _("Where the money came from or went to; the category of interest.")
        self.fields["due_on"] = day_field(_("To be paid back by"), required=False)
        self.fields["note"] = forms.CharField(label=_("Note"), required=False, max_length=200)

    def said(self) -> dict[str, Any]:
        """What the service takes. Raises AmountInvalid."""
        data = self.cleaned_data
        amount = figures.read_sum(data["amount"], currency=data["account"].currency, field="amount")
        names = ("kind", "date", "account", "note", "due_on")
        return {**{name: data[name] for name in names}, "amount": amount}


def party_choices(people: Sequence[Person]) -> list[tuple[str, str]]:
    """The household and people, to choose from."""
    return [(str(ME), _("Us")), *((str(person.pk), person.name) for person in people)]


class SettleForm(forms.Form):
    def __init__(self, data: Any = None, *, book: Book, people: Sequence[Person], initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.fields["payer"] = forms.TypedChoiceField(label=_("From"), choices=party_choices(people), coerce=int)
        self.fields["payee"] = forms.TypedChoiceField(label=_("To"), choices=party_choices(people), coerce=int)
        self.fields["amount"] = amount_field(_("Amount"))
        self.fields["currency"] = currency_field()
        self.fields["date"] = day_field(_("Date"))
        self.fields["account"] = AccountField(
            tree=accounts_of(book=book), types=MONEY, label=_("Our account"), required=False
        )
        self.fields["account"].help_text = _("Where the money came in or went out, if we take part.")
        self.fields["note"] = forms.CharField(label=_("Note"), required=False, max_length=200)

    def said(self) -> dict[str, Any]:
        """What the service takes. Raises AmountInvalid."""
        data = dict(self.cleaned_data)
        amount = figures.read_sum(data["amount"], currency=data["currency"], field="amount")
        return {**data, "account": data["account"] or None, "amount": amount}


class BillForm(forms.Form):
    """A bill with one row for each who may take part: ticked, and with a value unless it is shared equally."""

    def __init__(
        self, data: Any = None, *, book: Book, people: Sequence[Person], group: CostGroup | None, initial: Any = None
    ) -> None:
        super().__init__(data, initial=initial)
        tree = accounts_of(book=book)
        self.group = group
        self.fields["description"] = forms.CharField(label=_("What for"), max_length=200)
        self.fields["total"] = amount_field(_("Total"))
        self.fields["currency"] = currency_field()
        self.fields["date"] = day_field(_("Date"))
        self.fields["paid_by"] = forms.TypedChoiceField(label=_("Paid by"), choices=party_choices(people), coerce=int)
        self.fields["account"] = AccountField(tree=tree, types=MONEY, label=_("From our account"), required=False)
        self.fields["category"] = AccountField(
            tree=tree, types=(AccountType.EXPENSE,), label=_("Category of our share"), required=False
        )
        self.fields["booked"] = amount_field(_("Our share in the category's currency"), required=False)
        self.fields["booked"].help_text = _("Only if the bill is in another currency.")
        self.fields["method"] = forms.ChoiceField(label=_("Shared"), choices=SplitMethod.choices)
        self.parties = [(ME, _("Us")), *((person.pk, person.name) for person in people)]
        for party, name in self.parties:
            self.fields[f"in_{party}"] = forms.BooleanField(label=name, required=False)
            self.fields[f"value_{party}"] = forms.CharField(
                label=_("Share of %(name)s") % {"name": name}, required=False, max_length=40,
                widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "decimal"}),
            )  # fmt: skip

    def rows(self) -> list[tuple[Any, Any]]:
        """Tick and value of each who may take part."""
        return [(self[f"in_{party}"], self[f"value_{party}"]) for party, _name in self.parties]

    def bill(self) -> services.Bill:
        """What the form says. Raises AmountInvalid and Invalid (shares, booked)."""
        data = self.cleaned_data
        currency, method, category = data["currency"], data["method"], data["category"] or None
        total = figures.read_sum(data["total"], currency=currency, field="total")
        shares: dict[int, Any] = {}
        for party, _name in self.parties:
            typed = data[f"value_{party}"].strip()
            if method == SplitMethod.EQUAL:
                if data[f"in_{party}"]:
                    shares[party] = None
            elif typed:
                shares[party] = self._value(typed, method, currency, field=f"value_{party}")
        booked = None
        if data["booked"] and category is not None:
            booked = figures.read_sum(data["booked"], currency=category.currency, field="booked")
        return services.Bill(
            date=data["date"], description=data["description"], currency=currency, total=total,
            paid={data["paid_by"]: total}, method=method, shares=shares, group=self.group,
            account=data["account"] or None, category=category, booked=booked,
        )  # fmt: skip

    def _value(self, typed: str, method: str, currency: str, *, field: str) -> Decimal | int:
        if method == SplitMethod.EXACT:
            return figures.read_sum(typed, currency=currency, field=field)
        try:
            return Decimal(typed.replace(",", "."))
        except InvalidOperation as error:
            raise Invalid(field=field, reason=_("Enter a number.")) from error


def bill_initial(bill: SharedBill) -> dict[str, Any]:
    """A saved bill as its form shows it."""
    initial: dict[str, Any] = {
        "description": bill.description, "date": bill.date, "currency": bill.currency, "account": bill.account_id,
        "category": bill.category_id, "method": bill.method,
        "total": figures.typed_text(bill.total, currency=bill.currency),
    }  # fmt: skip
    for share in bill.shares.all():
        party = share.person_id or ME
        if share.paid:
            initial["paid_by"] = party
        if share.weight or share.owed:
            initial[f"in_{party}"] = True
            if bill.method == SplitMethod.EXACT:
                initial[f"value_{party}"] = figures.typed_text(share.owed, currency=bill.currency)
            elif bill.method != SplitMethod.EQUAL:
                initial[f"value_{party}"] = f"{services.weight_value(share.weight).normalize():f}"
    return initial


class RefundForm(forms.Form):
    """What a shop gives back of a bill."""

    def __init__(
        self, data: Any = None, *, book: Book, bill: SharedBill, parties: Sequence[tuple[int, str]], initial: Any = None
    ) -> None:
        super().__init__(data, initial=initial, prefix="refund")
        self.bill = bill
        self.fields["amount"] = amount_field(_("Given back"))
        self.fields["date"] = day_field(_("Date"))
        self.fields["received_by"] = forms.TypedChoiceField(label=_("To"), choices=parties, coerce=int)
        self.fields["account"] = AccountField(
            tree=accounts_of(book=book), types=MONEY, label=_("On our account"), required=False
        )
        if bill.category is not None and bill.category.currency != bill.currency:
            self.fields["booked"] = amount_field(_("Our part in the category's currency"))

    def said(self) -> dict[str, Any]:
        """What the service takes. Raises AmountInvalid."""
        data, category = self.cleaned_data, self.bill.category
        booked = None
        if "booked" in data and category is not None:
            booked = figures.read_sum(data["booked"], currency=category.currency, field="booked")
        amount = figures.read_sum(data["amount"], currency=self.bill.currency, field="amount")
        return {
            "amount": amount, "date": data["date"], "receiver": data["received_by"], "account": data["account"] or None,
            "booked": booked,
        }  # fmt: skip


class GroupForm(forms.Form):
    def __init__(self, data: Any = None, *, people: Sequence[Person], initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.fields["name"] = forms.CharField(label=_("Name"), max_length=120)
        self.fields["people"] = forms.TypedMultipleChoiceField(
            label=_("People"), choices=party_choices(people)[1:], coerce=int, required=False,
            widget=forms.CheckboxSelectMultiple,
        )  # fmt: skip
        self.fields["simplify"] = forms.BooleanField(label=_("Settle with the fewest payments"), required=False)


class SplitwiseForm(forms.Form):
    def __init__(self, data: Any = None, files: Any = None, *, book: Book) -> None:
        super().__init__(data, files)
        tree = accounts_of(book=book)
        self.fields["file"] = forms.FileField(label=_("File"), max_length=200)
        self.fields["me"] = forms.CharField(label=_("Our name in the file"), max_length=120)
        self.fields["splitwise_account"] = AccountField(tree=tree, types=MONEY, label=_("We paid from"))
        self.fields["splitwise_category"] = AccountField(
            tree=tree, types=(AccountType.EXPENSE,), label=_("Category of our shares")
        )

    def said(self) -> dict[str, Any]:
        """What the service takes. Raises Invalid (file)."""
        data = self.cleaned_data
        try:
            text = data["file"].read(2_000_001).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Invalid(field="file", reason=_("This is no text file in UTF-8.")) from error
        accounts = {"account": data["splitwise_account"], "category": data["splitwise_category"]}
        return {"text": text, "me": data["me"].strip(), **accounts}


def listed_people(book: Book, group: CostGroup | None = None) -> list[Person]:
    """Those whom a form lists: of a group, or all in use, by name."""
    found = selectors.people_of(book=book)
    if group is not None:
        found = Person.objects.filter(book=book, groups__group=group)
    return list(found.order_by("name")[:MOST_LISTED])
