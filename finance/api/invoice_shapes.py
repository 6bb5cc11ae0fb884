"""Invoices on the wire."""

import datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.queries import QuerySerializer
from core.api.serializers import StrictSerializer
from finance import money
from finance.api.fields import AccountReferenceField, AmountField, MoneyField
from finance.api.people_shapes import PlainDecimalField, identity
from finance.receivables import services
from finance.receivables.ageing import Bucket
from finance.receivables.models import Invoice, InvoicePayment, RecurringInvoice, RecurringUnit
from finance.receivables.selectors import Ageing

INVOICE = {
    "id": 4, "number": "2026-0001", "status": "sent", "person": 7, "currency": "EUR", "issued_on": "2026-03-10",
    "due_on": "2026-03-24", "days_late": 0,
    "lines": [{"text": "Consulting", "quantity": "2", "price": "50.00", "tax_rate": "19", "net": "100.00"}],
    "taxes": [{"rate": "19", "net": "100.00", "tax": "19.00"}], "net": "100.00", "tax": "19.00", "gross": "119.00",
    "paid": "0.00", "open": "119.00", "income": 61, "tax_account": 48, "money_account": 41, "sender": "", "note": "",
    "entry": "0195f2c2-3c3b-7a61-9d53-3a0d7d1c2b13", "reminders": 0, "reminded_at": None, "recurring": None,
}  # fmt: skip
RECURRING_INVOICE = {
    "id": 2, "person": 7, "currency": "EUR",
    "lines": [{"text": "Hosting", "quantity": "1", "price": "50.00", "tax_rate": "19", "net": "50.00"}], "gross": "59.50",
    "income": 61, "tax_account": 48, "money_account": 41, "sender": "", "note": "", "first": "2026-01-31", "unit": "month",
    "every": 1, "until": None, "term": 14, "next_on": "2026-03-31", "made_on": "2026-02-28", "problem": "",
}  # fmt: skip
NEW_RECURRING_INVOICE = {
    "person": 7, "income": "Income:Salary", "tax_account": "Liabilities:VAT", "first": "2026-01-31", "unit": "month",
    "lines": [{"text": "Hosting", "price": "50.00", "tax_rate": "19"}],
}  # fmt: skip
NEW_INVOICE = {
    "person": 7, "due_on": "2026-03-24", "income": "Income:Salary", "tax_account": "Liabilities:VAT",
    "money_account": "Assets:Checking account",
    "lines": [{"text": "Consulting", "quantity": "2", "price": "50.00", "tax_rate": "19"}],
}  # fmt: skip


class InvoiceLineGiven(StrictSerializer):
    text = serializers.CharField(max_length=300)
    quantity = PlainDecimalField(required=False, default=Decimal(1))
    price = AmountField(help_text="Of one, before tax.")
    tax_rate = PlainDecimalField(required=False, default=Decimal(0), help_text="Percent.")


class InvoiceContents(StrictSerializer):
    """What invoices and recurring invoices have in common."""

    person = identity(required=False, help_text="The client.")
    currency = serializers.CharField(max_length=8, required=False, help_text="The book's by default.")
    lines = serializers.ListField(child=InvoiceLineGiven(), required=False, max_length=200)
    income = AccountReferenceField(required=False, help_text="The category of income.")
    tax_account = AccountReferenceField(
        required=False, allow_null=True, help_text="Where tax is kept until it is paid."
    )
    money_account = AccountReferenceField(required=False, allow_null=True, help_text="Where the money is expected.")
    sender = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="Name and address on paper."
    )
    note = serializers.CharField(max_length=1000, required=False, allow_blank=True)


class InvoiceChanges(InvoiceContents):
    issued_on = serializers.DateField(required=False, allow_null=True)
    due_on = serializers.DateField(required=False, allow_null=True)


class RecurringInvoiceChanges(InvoiceContents):
    first = serializers.DateField(required=False, help_text="The first day; all others are counted from it.")
    unit = serializers.ChoiceField(choices=RecurringUnit.choices, required=False, help_text="Months by default.")
    every = serializers.IntegerField(required=False, help_text="How many weeks, months or years apart; 1 by default.")
    until = serializers.DateField(required=False, allow_null=True, help_text="The last day that may write one.")
    term = serializers.IntegerField(
        required=False, help_text="Days from the draft's day to its due day; 14 by default."
    )


class NewRecurringInvoice(RecurringInvoiceChanges):
    person = identity(help_text="The client.")
    lines = serializers.ListField(child=InvoiceLineGiven(), max_length=200)
    income = AccountReferenceField(help_text="The category of income.")
    first = serializers.DateField(help_text="The first day; all others are counted from it.")


class NewInvoice(InvoiceChanges):
    person = identity(help_text="The client.")
    lines = serializers.ListField(child=InvoiceLineGiven(), max_length=200)
    income = AccountReferenceField(help_text="The category of income.")


class InvoiceLineShown(serializers.Serializer[Any]):
    text = serializers.CharField()
    quantity = serializers.CharField()
    price = serializers.CharField()
    tax_rate = serializers.CharField()
    net = serializers.CharField()


class TaxShown(serializers.Serializer[Any]):
    rate = serializers.CharField()
    net = serializers.CharField()
    tax = serializers.CharField()


STATUSES = ["draft", "sent", "partly_paid", "paid", "written_off", "cancelled"]


class ContentsShown(serializers.Serializer[Any]):
    """The lines of an invoice or a recurring invoice."""

    lines = serializers.SerializerMethodField()

    @extend_schema_field(InvoiceLineShown(many=True))
    def get_lines(self, kept: Any) -> Any:
        return [
            {
                "text": line.text, "quantity": f"{line.quantity:f}", "tax_rate": f"{line.rate:f}",
                "price": money.format_amount(line.price, currency=kept.currency),
                "net": money.format_amount(line.net, currency=kept.currency),
            }
            for line in services.lines_of(kept)
        ]  # fmt: skip


class RecurringInvoiceSerializer(ContentsShown, serializers.ModelSerializer[RecurringInvoice]):
    gross = serializers.SerializerMethodField(help_text="What each invoice comes to.")
    next_on = serializers.DateField(allow_null=True, help_text="The day of the next draft; null: it has ended.")
    made_on = serializers.DateField(allow_null=True, help_text="The latest day for which a draft was written.")
    problem = serializers.CharField(help_text="Why the draft that is due could not be written; tried again every day.")

    class Meta:
        model = RecurringInvoice
        fields = (
            "id", "person", "currency", "lines", "gross", "income", "tax_account", "money_account", "sender", "note", "first",
            "unit", "every", "until", "term", "next_on", "made_on", "problem",
        )  # fmt: skip

    def get_gross(self, recurring: RecurringInvoice) -> str:
        return money.format_amount(services.totals(recurring).gross, currency=recurring.currency)


class InvoiceSerializer(ContentsShown, serializers.ModelSerializer[Invoice]):
    status = serializers.ChoiceField(choices=STATUSES, read_only=True)
    number = serializers.CharField(help_text="Empty for a draft. The numbers of a year have no gaps.")
    days_late = serializers.SerializerMethodField(help_text="Days past the due day while something is open.")
    taxes = serializers.SerializerMethodField()
    net = MoneyField(amount="net")
    tax = MoneyField(amount="tax")
    gross = MoneyField(amount="gross")
    paid = MoneyField(amount="paid")
    open = MoneyField(amount="open")
    entry = serializers.UUIDField(source="entry.uid", default=None, allow_null=True)

    class Meta:
        model = Invoice
        fields = (
            "id", "number", "status", "person", "currency", "issued_on", "due_on", "days_late", "lines", "taxes", "net",
            "tax", "gross", "paid", "open", "income", "tax_account", "money_account", "sender", "note", "entry",
            "reminders", "reminded_at", "recurring",
        )  # fmt: skip

    def get_days_late(self, invoice: Invoice) -> int:
        today: datetime.date = self.context["today"]
        return max((today - invoice.due_on).days, 0) if invoice.open and invoice.due_on else 0

    @extend_schema_field(TaxShown(many=True))
    def get_taxes(self, invoice: Invoice) -> Any:
        return [
            {
                "rate": f"{each.rate:f}", "net": money.format_amount(each.net, currency=invoice.currency),
                "tax": money.format_amount(each.tax, currency=invoice.currency),
            }
            for each in services.totals(invoice).taxes
        ]  # fmt: skip


class InvoiceQuery(QuerySerializer):
    person = identity(required=False)
    status = serializers.ChoiceField(choices=[*STATUSES, "open", "overdue"], required=False)


class SendInvoice(StrictSerializer):
    issued_on = serializers.DateField(required=False, help_text="Today by default.")
    due_on = serializers.DateField(required=False, help_text="14 days later by default.")


class WriteOff(StrictSerializer):
    category = AccountReferenceField(help_text="The category of spending that takes the loss.")
    date = serializers.DateField(required=False, help_text="Today by default.")
    with_tax = serializers.BooleanField(required=False, default=False, help_text="Take back its part of the tax.")


class NewPayment(StrictSerializer):
    date = serializers.DateField(required=False, help_text="Of a new entry; today by default.")
    amount = AmountField(required=False, help_text="What is open, by default.")
    account = AccountReferenceField(required=False, help_text="Where the money came in; posts an entry.")
    entry = serializers.UUIDField(
        required=False, help_text="uid of an entry that is there already, instead of `account`."
    )


class PaymentSerializer(serializers.ModelSerializer[InvoicePayment]):
    date = serializers.DateField(source="entry.date")
    entry = serializers.UUIDField(source="entry.uid")
    amount = serializers.SerializerMethodField()

    class Meta:
        model = InvoicePayment
        fields = ("id", "date", "entry", "amount", "matched")
        extra_kwargs = {"matched": {"help_text": "Linked because of its number or amount, not by a person."}}

    def get_amount(self, payment: InvoicePayment) -> str:
        return money.format_amount(payment.amount, currency=payment.invoice.currency)


class PaymentProposalSerializer(serializers.Serializer[Any]):
    entry = serializers.UUIDField()
    date = serializers.DateField()
    payee = serializers.CharField()
    amount = serializers.CharField()
    why = serializers.ChoiceField(choices=["number", "amount and name"])


class ProposalsSerializer(serializers.Serializer[Any]):
    results = PaymentProposalSerializer(many=True)


class AgeSerializer(serializers.Serializer[Ageing]):
    currency = serializers.CharField()
    total = MoneyField(amount="total")
    buckets = serializers.SerializerMethodField(help_text="Days past the due day.")

    @extend_schema_field(
        {"type": "object", "properties": {str(name): {"type": "string", "example": "0.00"} for name in Bucket}}
    )
    def get_buckets(self, ageing: Ageing) -> dict[str, str]:
        return {
            str(name): money.format_amount(amount, currency=ageing.currency) for name, amount in ageing.buckets.items()
        }


class AgeingSerializer(serializers.Serializer[Any]):
    results = AgeSerializer(many=True)
