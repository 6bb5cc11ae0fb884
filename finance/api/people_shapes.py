"""People, shared bills and settlements on the wire."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.queries import QuerySerializer
from core.api.serializers import StrictSerializer
from finance import money
from finance.api.fields import BIGGEST_ID, AccountReferenceField, AmountField, MoneyField
from finance.ledger.models import Book
from finance.receivables import services
from finance.receivables.models import Claim, CostGroup, Person, Settlement, SharedBill, SplitMethod
from finance.receivables.selectors import Owed, Pair, shares_shown
from finance.receivables.splitting import ME

US = "me"
PERSON = {
    "id": 7, "name": "Ben", "email": "ben@example.org", "address": "", "note": "", "member": None, "archived": False,
    "balances": [{"currency": "EUR", "balance": "40.00", "with_later": "40.00"}],
}  # fmt: skip
BILL = {
    "id": 3, "date": "2026-03-10", "description": "Dinner", "currency": "EUR", "total": "120.00", "method": "equal",
    "group": None, "account": 41, "category": 55, "entry": "0195f2c2-3c3b-7a61-9d53-3a0d7d1c2b11",
    "refund_of": None,
    "shares": [
        {"person": "me", "paid": "120.00", "amount": "40.00"},
        {"person": 7, "paid": "0.00", "amount": "40.00"},
        {"person": 8, "paid": "0.00", "amount": "40.00"},
    ],
}  # fmt: skip
NEW_BILL = {
    "date": "2026-03-10", "description": "Dinner", "currency": "EUR", "total": "120.00", "paid_by": "me",
    "method": "equal", "shares": [{"person": "me"}, {"person": 7}, {"person": 8}],
    "account": "Assets:Checking account", "category": "Expenses:Restaurants",
}  # fmt: skip
SETTLEMENT = {
    "id": 9, "kind": "paid", "date": "2026-03-20", "payer": 7, "payee": "me", "currency": "EUR", "amount": "40.00",
    "against_currency": None, "against_amount": None, "rate": None, "group": None, "account": 41,
    "entry": "0195f2c2-3c3b-7a61-9d53-3a0d7d1c2b12", "note": "",
}  # fmt: skip


@extend_schema_field(
    {
        "oneOf": [{"type": "integer", "minimum": 1, "maximum": BIGGEST_ID}, {"type": "string", "enum": [US]}],
        "description": 'Id of a person, or "me" for the household whose book it is.',
        "example": US,
    }
)
class PartyField(serializers.Field[int, Any, int | str, Any]):
    """A person of the book, or the household."""

    default_error_messages = {"invalid": _('Name a person by the id, or "me" for the household of the book.')}

    def to_internal_value(self, data: Any) -> int:
        if data == US:
            return ME
        if not isinstance(data, int) or isinstance(data, bool) or not 0 < data <= BIGGEST_ID:
            self.fail("invalid")
        return int(data)

    def to_representation(self, value: int | None) -> int | str:
        return value or US


@extend_schema_field({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$", "example": "1.5"})
class PlainDecimalField(serializers.Field[Decimal, Any, str, Any]):
    """A decimal string that is no amount of money: a quantity, a share, a rate."""

    default_error_messages = {"invalid": _('Enter a plain decimal string such as "1.5".')}

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str) or not data or len(data) > 30 or set(data) - set("0123456789.-"):
            self.fail("invalid")
        try:
            return Decimal(data)
        except InvalidOperation:
            self.fail("invalid")

    def to_representation(self, value: Decimal) -> str:
        return f"{value.normalize():f}" if value else "0"


def identity(**kwargs: Any) -> serializers.IntegerField:
    """The id of something in a body."""
    return serializers.IntegerField(min_value=1, max_value=BIGGEST_ID, **kwargs)


class DayAsked(QuerySerializer):
    as_of = serializers.DateField(required=False, help_text="Balances at the end of this day; today by default.")


class PeopleQuery(DayAsked):
    archived = serializers.BooleanField(required=False, default=False, help_text="Archived people instead.")


class PersonBalanceSerializer(serializers.Serializer[Owed]):
    currency = serializers.CharField()
    balance = MoneyField(amount="balance", help_text="Positive: the person owes the book. Negative: the book owes.")
    with_later = MoneyField(amount="later", help_text="The same with all entries that are dated later.")


class PersonSerializer(serializers.ModelSerializer[Person]):
    email = serializers.CharField()
    member = serializers.IntegerField(source="user_id", allow_null=True, help_text="Id of the user who is this person.")
    archived = serializers.SerializerMethodField()
    balances = serializers.SerializerMethodField()

    class Meta:
        model = Person
        fields = ("id", "name", "email", "address", "note", "member", "archived", "balances")

    def get_archived(self, person: Person) -> bool:
        return person.archived_at is not None

    @extend_schema_field(PersonBalanceSerializer(many=True))
    def get_balances(self, person: Person) -> Any:
        return PersonBalanceSerializer(self.context["owed"].get(person.pk, []), many=True).data


class PersonChanges(StrictSerializer):
    name = serializers.CharField(max_length=120, required=False)
    email = serializers.CharField(max_length=254, required=False, allow_blank=True)
    address = serializers.CharField(max_length=500, required=False, allow_blank=True)
    note = serializers.CharField(max_length=500, required=False, allow_blank=True)
    member = identity(required=False, allow_null=True, help_text="Id of a user who is a member of the book.")
    archived = serializers.BooleanField(required=False)


class NewPerson(PersonChanges):
    name = serializers.CharField(max_length=120)


class PersonLineSerializer(serializers.Serializer[Any]):
    date = serializers.DateField()
    entry = serializers.UUIDField(help_text="uid of the entry.")
    payee = serializers.CharField()
    description = serializers.CharField()
    currency = serializers.CharField()
    amount = MoneyField(help_text="Positive: they owe more by it.")
    balance = MoneyField(amount="balance", help_text="Of this currency after the line; the sum of all lines so far.")


class NewMovement(StrictSerializer):
    kind = serializers.ChoiceField(
        choices=list(services.MOVEMENTS), help_text="What happened; it says which way money goes."
    )
    date = serializers.DateField()
    amount = AmountField(help_text="Positive, in the account's currency.")
    account = AccountReferenceField(
        help_text="Where the money came from or went to; the category for interest and for what is forgiven."
    )
    claim_account = AccountReferenceField(
        required=False, help_text="Which of the person's accounts, if there are several."
    )
    note = serializers.CharField(max_length=200, required=False, allow_blank=True)
    due_on = serializers.DateField(required=False, help_text="By when money lent or borrowed is to be paid back.")


class MovementDone(serializers.Serializer[Any]):
    entry = serializers.UUIDField(help_text="uid of the entry that was posted.")
    person = PersonSerializer()


class LinkAccount(StrictSerializer):
    account = AccountReferenceField(help_text="An account of kind receivable, payable or loan.")


class PersonAccountSerializer(serializers.Serializer[Any]):
    account = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    currency = serializers.CharField()


class ClaimQuery(QuerySerializer):
    person = identity(required=False)
    as_of = serializers.DateField(required=False, help_text="What is open at the end of this day; today by default.")


class ClaimSerializer(serializers.ModelSerializer[Claim]):
    currency = serializers.CharField(source="account.currency")
    amount = MoneyField(currency="account_currency", help_text="Positive: the person owes it.")
    open = serializers.SerializerMethodField(help_text="What is not paid back yet; the oldest is covered first.")

    class Meta:
        model = Claim
        fields = ("id", "person", "due_on", "currency", "amount", "open", "account", "money_account", "note")

    def get_open(self, claim: Claim) -> str:
        still = self.context["open"].get(claim.pk, 0)
        return money.format_amount(still, currency=claim.account.currency)

    def to_representation(self, claim: Claim) -> Any:
        claim.account_currency = claim.account.currency  # type: ignore[attr-defined]
        return super().to_representation(claim)


class NewClaim(StrictSerializer):
    person = identity()
    due_on = serializers.DateField()
    amount = AmountField(help_text="Positive: the person owes it. Negative: the household does.")
    currency = serializers.CharField(max_length=8, required=False, help_text="The book's by default.")
    money_account = AccountReferenceField(
        required=False, help_text="Where the money is expected; the forecast needs it."
    )
    note = serializers.CharField(max_length=200, required=False, allow_blank=True)


class CostGroupSerializer(serializers.ModelSerializer[CostGroup]):
    archived = serializers.SerializerMethodField()
    people = serializers.SerializerMethodField(help_text="Ids of people; the household always belongs to it.")

    class Meta:
        model = CostGroup
        fields = ("id", "name", "simplify", "archived", "people")

    def get_archived(self, group: CostGroup) -> bool:
        return group.archived_at is not None

    def get_people(self, group: CostGroup) -> list[int]:
        return sorted(member.person_id for member in group.members.all())


class CostGroupChanges(StrictSerializer):
    name = serializers.CharField(max_length=120, required=False)
    people = serializers.ListField(
        child=identity(), max_length=50, required=False, help_text="All people of the group."
    )
    simplify = serializers.BooleanField(required=False, help_text="Settle with the fewest payments by default.")
    archived = serializers.BooleanField(required=False)


class NewCostGroup(CostGroupChanges):
    name = serializers.CharField(max_length=120)


class BillPaid(StrictSerializer):
    person = PartyField()
    amount = AmountField()


class BillShareGiven(StrictSerializer):
    person = PartyField()
    amount = AmountField(required=False, help_text='With method "exact".')
    shares = PlainDecimalField(required=False, help_text='With method "shares".')
    percent = PlainDecimalField(required=False, help_text='With method "percent"; all sum to 100.')


class BillChanges(StrictSerializer):
    date = serializers.DateField(required=False)
    description = serializers.CharField(max_length=200, required=False)
    currency = serializers.CharField(max_length=8, required=False, help_text="The book's by default.")
    total = AmountField(required=False)
    paid_by = PartyField(required=False, help_text="Who paid all of it.")
    paid = serializers.ListField(
        child=BillPaid(), required=False, max_length=50, help_text="Instead of `paid_by`, if several paid."
    )
    method = serializers.ChoiceField(choices=SplitMethod.choices, required=False, help_text="Equally by default.")
    shares = serializers.ListField(
        child=BillShareGiven(),
        required=False,
        max_length=50,
        help_text="Who takes part; by default all of the group, equally.",
    )
    group = identity(required=False, allow_null=True)
    account = AccountReferenceField(required=False, allow_null=True, help_text="What the household paid from.")
    category = AccountReferenceField(required=False, allow_null=True, help_text="Of the household's own share.")
    booked = AmountField(
        required=False, help_text="The own share in the category's currency, where that is another one."
    )


class NewBill(BillChanges):
    date = serializers.DateField()
    description = serializers.CharField(max_length=200)
    total = AmountField()


class BillShareSerializer(serializers.Serializer[Any]):
    person = PartyField()
    paid = serializers.CharField()
    amount = serializers.CharField(help_text="The share: whole minor units that sum to the bill.")


class BillSerializer(serializers.ModelSerializer[SharedBill]):
    total = serializers.SerializerMethodField(help_text="Of a refund negative, as what each paid and each share.")
    shares = serializers.SerializerMethodField()
    entry = serializers.UUIDField(
        source="entry.uid",
        default=None,
        allow_null=True,
        help_text="uid of its entry; null where the household has no part.",
    )

    class Meta:
        model = SharedBill
        fields = (
            "id",
            "date",
            "description",
            "currency",
            "total",
            "method",
            "group",
            "account",
            "category",
            "entry",
            "refund_of",
            "shares",
        )
        extra_kwargs = {"refund_of": {"help_text": "Of a refund: the bill that it belongs to."}}

    def get_total(self, bill: SharedBill) -> str:
        return money.format_amount(bill.signed_total, currency=bill.currency)

    @extend_schema_field(BillShareSerializer(many=True))
    def get_shares(self, bill: SharedBill) -> Any:
        def text(amount: int) -> str:
            return money.format_amount(amount, currency=bill.currency)

        return [
            {"person": row.party or US, "paid": text(row.paid), "amount": text(row.owed)} for row in shares_shown(bill)
        ]


class Shares(serializers.Serializer[Any]):
    shares = BillShareSerializer(many=True)


class BillQuery(QuerySerializer):
    group = identity(required=False)
    person = identity(required=False, help_text="Only what this person takes part in.")


class SharedBillQuery(BillQuery):
    refund_of = identity(required=False, help_text="Only the refunds of this bill.")


class NewBillRefund(StrictSerializer):
    date = serializers.DateField()
    amount = AmountField(help_text="What was given back of the bill, positive.")
    received_by = PartyField(required=False, help_text="Who got it; by default the one who paid most of the bill.")
    account = AccountReferenceField(required=False, help_text="Where it came in, if the household got it.")
    booked = AmountField(
        required=False, help_text="The own part in the category's currency, where that is another one."
    )


class SettlementSerializer(serializers.ModelSerializer[Settlement]):
    payer = PartyField(source="payer_id")
    payee = PartyField(source="payee_id")
    amount = MoneyField()
    against_currency = serializers.SerializerMethodField()
    against_amount = serializers.SerializerMethodField()
    rate = serializers.SerializerMethodField(help_text="Units of `currency` for one of `against_currency`.")
    entry = serializers.UUIDField(source="entry.uid", default=None, allow_null=True)

    class Meta:
        model = Settlement
        fields = (
            "id", "kind", "date", "payer", "payee", "currency", "amount", "against_currency", "against_amount", "rate",
            "group", "account", "entry", "note",
        )  # fmt: skip

    def to_representation(self, settlement: Settlement) -> Any:
        # DRF shows nothing for what is null, and here null is the household.
        shown = super().to_representation(settlement)
        return {**shown, "payer": settlement.payer_id or US, "payee": settlement.payee_id or US}

    def get_against_currency(self, settlement: Settlement) -> str | None:
        return settlement.against_currency or None

    def get_against_amount(self, settlement: Settlement) -> str | None:
        if settlement.against_amount is None:
            return None
        return money.format_amount(settlement.against_amount, currency=settlement.against_currency)

    def get_rate(self, settlement: Settlement) -> str | None:
        return None if settlement.rate is None else f"{settlement.rate.normalize():f}"


class NewSettlement(StrictSerializer):
    date = serializers.DateField()
    payer = PartyField(help_text="Who pays.")
    payee = PartyField(help_text="Who is paid.")
    amount = AmountField()
    currency = serializers.CharField(max_length=8, required=False, help_text="The book's by default.")
    account = AccountReferenceField(required=False, help_text="The household's account, where it pays or is paid.")
    group = identity(required=False, allow_null=True)
    note = serializers.CharField(max_length=200, required=False, allow_blank=True)


class NewExchange(StrictSerializer):
    person = identity()
    date = serializers.DateField()
    currency = serializers.CharField(max_length=8, help_text="Whose balance is settled.")
    against = serializers.CharField(max_length=8, help_text="With whose balance.")
    rate = PlainDecimalField(help_text="Units of `currency` for one of `against`, such as 146 JPY for one USD.")
    amount = AmountField(required=False, help_text="In `currency`; the whole balance by default.")


class SettleUpQuery(QuerySerializer):
    group = identity(required=False, help_text="Only what is owed in this cost group.")
    mode = serializers.ChoiceField(
        choices=["pairwise", "simplified"], required=False, help_text="The group's by default."
    )
    as_of = serializers.DateField(required=False, help_text="At the end of this day; today by default.")


class NetSerializer(serializers.Serializer[Any]):
    person = PartyField()
    currency = serializers.CharField()
    balance = serializers.CharField(help_text="Positive: is owed this. All of a currency sum to zero.")


class PairLineSerializer(serializers.Serializer[Any]):
    date = serializers.DateField(allow_null=True)
    text = serializers.CharField()
    amount = serializers.CharField()
    bill = serializers.IntegerField(allow_null=True)
    settlement = serializers.IntegerField(allow_null=True)


class PairSerializer(serializers.Serializer[Any]):
    debtor = PartyField()
    creditor = PartyField()
    currency = serializers.CharField()
    amount = serializers.CharField()
    lines = PairLineSerializer(many=True, help_text="They add up to the amount, in either mode.")


class SettleUpSerializer(serializers.Serializer[Any]):
    mode = serializers.ChoiceField(choices=["pairwise", "simplified"])
    balances = NetSerializer(many=True)
    debts = PairSerializer(many=True)


def pair_shown(pair: Pair) -> dict[str, Any]:
    """The body of PairSerializer."""
    return {
        "debtor": pair.debtor or US, "creditor": pair.creditor or US, "currency": pair.currency,
        "amount": money.format_amount(pair.amount, currency=pair.currency),
        "lines": [
            {
                "date": line.date, "text": line.text, "bill": line.bill_id, "settlement": line.settlement_id,
                "amount": money.format_amount(line.amount, currency=pair.currency),
            }
            for line in pair.lines
        ],
    }  # fmt: skip


class SplitwiseFile(StrictSerializer):
    csv = serializers.CharField(max_length=2_000_000, trim_whitespace=False, help_text="The exported file as text.")
    me = serializers.CharField(max_length=120, help_text="The name of the household's column.")
    account = AccountReferenceField(help_text="What the household paid from.")
    category = AccountReferenceField(help_text="Of the household's own shares.")


class RefusedRow(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    reason = serializers.CharField()


class SplitwiseTaken(serializers.Serializer[Any]):
    bills = serializers.IntegerField()
    payments = serializers.IntegerField()
    added = serializers.ListField(child=serializers.CharField(), help_text="People who were not there yet.")
    refused = RefusedRow(many=True, help_text="Rows that were left out; the others were taken.")


class SplitwiseGiven(serializers.Serializer[Any]):
    csv = serializers.CharField()


def parsed(given: dict[str, Any], *, name: str, currency: str, field: str | None = None) -> int:
    """The amount `name` of a body in minor units. Raises AmountInvalid, which names the field."""
    return money.parse_amount(given[name], currency=currency, field=field or name)


def currency_of(given: dict[str, Any], *, book: Book) -> str:
    """The currency of a body, or the book's. Raises CurrencyUnknown."""
    code = str(given.get("currency") or book.base_currency)
    money.exponent(code, field="currency")
    return code
