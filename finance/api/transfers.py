"""Transfers between own accounts, and what banks take for them."""

import dataclasses
import datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.queries import QuerySerializer, query_of
from core.api.serializers import StrictSerializer
from finance import money
from finance.api import entry_bodies
from finance.api.base import BookView
from finance.api.entries import EntryView
from finance.api.fields import BIGGEST_ID, AccountReferenceField, AmountField
from finance.errors import AmountInvalid
from finance.ledger import services
from finance.ledger.fee_models import TransferFee
from finance.ledger.models import Account, JournalEntry
from finance.ledger.selectors import transfer_fee_for, transfer_fee_of
from finance.ledger.transfer_fees import PER_CENT, FeeRule
from identity.api.idempotency import once_per_key

FEE = {
    "id": 3, "account": 41, "category": 63, "currency": "EUR", "fixed": "1.00", "fixed_up_to": "100.00",
    "percent": "1.0000", "minimum": None, "maximum": "5.00", "saved_by": 1, "saved_at": "2026-03-14T09:26:53Z",
}  # fmt: skip
NEW_FEE = {
    "account": "Assets:Checking account", "category": "Expenses:Bank fees", "fixed": "1.00", "fixed_up_to": "100.00",
    "percent": "1", "maximum": "5.00",
}  # fmt: skip
PROPOSED = {"account": 41, "amount": "250.00", "currency": "EUR", "fee": "2.50", "category": 63, "total": "252.50"}
FEE_EXAMPLES = [
    OpenApiExample("1.00 up to 100.00, then 1 %, at most 5.00", response_only=True, value=FEE),
    OpenApiExample("1.00 up to 100.00, then 1 %, at most 5.00", request_only=True, value=NEW_FEE),
]
AMOUNTS = ("fixed", "fixed_up_to", "minimum", "maximum")


def _in_currency(fee: TransferFee, name: str) -> str | None:
    value = getattr(fee, name)
    return None if value is None else money.format_amount(value, currency=fee.account.currency)


class TransferFeeSerializer(serializers.ModelSerializer[TransferFee]):
    account = serializers.IntegerField(source="account_id", read_only=True)
    category = serializers.IntegerField(source="category_id", read_only=True, help_text="What the fee is booked as.")
    currency = serializers.CharField(source="account.currency", read_only=True)
    fixed = serializers.SerializerMethodField()
    fixed_up_to = serializers.SerializerMethodField()
    percent = serializers.SerializerMethodField()
    minimum = serializers.SerializerMethodField()
    maximum = serializers.SerializerMethodField()
    saved_by = serializers.IntegerField(source="saved_by_id", read_only=True, allow_null=True)

    class Meta:
        model = TransferFee
        fields = (
            *("id", "account", "category", "currency", "fixed", "fixed_up_to", "percent", "minimum", "maximum"),
            *("saved_by", "saved_at"),
        )

    def get_fixed(self, fee: TransferFee) -> str | None:
        return _in_currency(fee, "fixed")

    def get_fixed_up_to(self, fee: TransferFee) -> str | None:
        return _in_currency(fee, "fixed_up_to")

    def get_percent(self, fee: TransferFee) -> str | None:
        return None if fee.share is None else str(Decimal(fee.share).scaleb(-4))

    def get_minimum(self, fee: TransferFee) -> str | None:
        return _in_currency(fee, "minimum")

    def get_maximum(self, fee: TransferFee) -> str | None:
        return _in_currency(fee, "maximum")


class TransferFeeChanges(StrictSerializer):
    category = AccountReferenceField(required=False)
    fixed = AmountField(required=False, allow_null=True, help_text="The fee up to `fixed_up_to`, or for any amount.")
    fixed_up_to = AmountField(required=False, allow_null=True, help_text="Up to and including this amount.")
    percent = AmountField(required=False, allow_null=True, help_text="Of the amount; up to four decimals.")
    minimum = AmountField(required=False, allow_null=True, help_text="The least that the percentage comes to.")
    maximum = AmountField(required=False, allow_null=True, help_text="The most that the percentage comes to.")


class NewTransferFee(TransferFeeChanges):
    account = AccountReferenceField(help_text="The account that transfers leave.")
    category = AccountReferenceField(help_text="An expense category of the account's currency.")


class ProposedFee(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    amount = serializers.CharField()
    currency = serializers.CharField()
    fee = serializers.CharField(help_text="0 where the account has no rule.")
    category = serializers.IntegerField(allow_null=True, help_text="What it is booked as; null without a rule.")
    total = serializers.CharField(help_text="What leaves the account.")


class TransferBody(StrictSerializer):
    date = serializers.DateField(help_text="A day in the book's time zone.")
    source_account = AccountReferenceField()
    target_account = AccountReferenceField()
    amount = AmountField(help_text="Amount sent, positive, without the fee, in the source's currency.")
    target_amount = AmountField(required=False, help_text="What arrives, where the target has another currency.")
    fee = AmountField(
        required=False, help_text="What the bank takes on top. Left out, the account's rule says it; 0 for none."
    )
    fee_category = AccountReferenceField(required=False, help_text="Left out, that of the account's rule.")
    payee = serializers.CharField(max_length=200, allow_blank=True, default="")
    description = serializers.CharField(max_length=500, allow_blank=True, default="")
    uid = serializers.UUIDField(required=False, help_text="Your own id for the entry; made by the server if left out.")


class TransferFeeView(BookView):
    serializer_class: Any = TransferFeeSerializer

    def fee(self) -> TransferFee:
        return transfer_fee_for(book=self.book, fee_id=self.kwargs["fee_id"])

    def rule(self, given: dict[str, Any], account: Account, before: TransferFee | None = None) -> FeeRule:
        """The rule that the body says, with what it leaves out as `before`. Raises AmountInvalid."""
        rule = before.rule() if before else FeeRule()
        values = {
            name: None
            if given[name] is None
            else money.parse_amount(given[name], currency=account.currency, field=name)
            for name in AMOUNTS
            if name in given
        }
        if "percent" in given:
            values["share"] = None if given["percent"] is None else parts_per_million(given["percent"])
        return dataclasses.replace(rule, **values)

    def category(self, given: dict[str, Any]) -> Account:
        return self.tree.find(given["category"], field="category")


def parts_per_million(percent: str) -> int:
    """A percentage as FeeRule has it. Raises AmountInvalid for one of more than four decimals."""
    share = Decimal(percent) * PER_CENT
    if share != share.to_integral_value() or abs(share) > BIGGEST_ID:
        raise AmountInvalid(field="percent", reason=_("has at most four decimals"))
    return int(share)


@extend_schema_view(
    get=extend_schema(operation_id="transfer_fees_list", summary="Fees of transfers", examples=FEE_EXAMPLES),
    post=extend_schema(
        operation_id="transfer_fees_create",
        summary="Set the fee of an account's transfers",
        description="A fixed fee up to a bound, a percentage above it, or one of the two. An account has one rule.",
        request=NewTransferFee,
        responses={201: TransferFeeSerializer},
        examples=FEE_EXAMPLES,
    ),
)
@extend_schema(tags=["transfers"])
class TransferFeeList(TransferFeeView, generics.ListAPIView[TransferFee]):
    """What banks take for transfers, by account."""

    bodies = {"POST": NewTransferFee}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[TransferFee]:
        if getattr(self, "swagger_fake_view", False):
            return TransferFee.objects.none()
        return TransferFee.objects.filter(book=self.book).select_related("account")

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        asked = self.body()
        account = self.tree.find(asked["account"], field="account")
        fee = services.save_transfer_fee(
            account=account, actor=self.user, category=self.category(asked), rule=self.rule(asked, account)
        )
        return status.HTTP_201_CREATED, TransferFeeSerializer(fee).data


@extend_schema_view(
    get=extend_schema(
        operation_id="transfer_fees_retrieve", summary="A fee of transfers", responses=TransferFeeSerializer,
        examples=FEE_EXAMPLES[:1],
    ),
    patch=extend_schema(
        operation_id="transfer_fees_update",
        summary="Change a fee of transfers",
        description="What is left out stays; null removes a part of the rule. Posted entries stay as they are.",
        request=TransferFeeChanges,
        responses=TransferFeeSerializer,
        examples=[*FEE_EXAMPLES[:1], OpenApiExample("Another limit", request_only=True, value={"maximum": "7.50"})],
    ),
    delete=extend_schema(operation_id="transfer_fees_delete", summary="Remove a fee of transfers", responses={204: None}),
)  # fmt: skip
@extend_schema(tags=["transfers"])
class TransferFeeDetail(TransferFeeView):
    """What the bank takes for transfers out of one account."""

    bodies = {"PATCH": TransferFeeChanges}

    def get(self, request: Request, book_id: int, fee_id: int) -> Response:
        return Response(TransferFeeSerializer(self.fee()).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int, fee_id: int) -> tuple[int, Any]:
        fee, asked = self.fee(), self.body()
        category = self.category(asked) if "category" in asked else fee.category
        fee = services.save_transfer_fee(
            account=fee.account, actor=self.user, category=category, rule=self.rule(asked, fee.account, fee), fee=fee
        )
        return status.HTTP_200_OK, TransferFeeSerializer(fee).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, fee_id: int) -> tuple[int, Any]:
        services.remove_transfer_fee(fee=self.fee())
        return status.HTTP_204_NO_CONTENT, None


class ProposalQuery(QuerySerializer):
    amount = AmountField(help_text="What is sent, such as 250.00.")


@extend_schema_view(
    get=extend_schema(
        operation_id="accounts_transfer_fee",
        summary="The fee for a transfer out of an account",
        description="By the account's rule, rounded half up to the currency's smallest unit. Nothing is posted.",
        parameters=[ProposalQuery],
        responses=ProposedFee,
        examples=[OpenApiExample("A transfer of 250.00", response_only=True, value=PROPOSED)],
    )
)
@extend_schema(tags=["transfers"])
class AccountTransferFee(BookView):
    """What the bank takes for a transfer of some amount."""

    serializer_class = ProposedFee

    def get(self, request: Request, book_id: int, account_id: int) -> Response:
        account = self.tree.find(account_id, field="account")
        amount = money.parse_amount(query_of(request, ProposalQuery)["amount"], currency=account.currency)
        if amount <= 0:
            raise AmountInvalid(field="amount", reason=_("must be positive"))
        found = transfer_fee_of(account=account)
        fee = found.rule().fee(amount) if found else 0
        told = {"amount": amount, "fee": fee, "total": amount + fee}
        return Response(
            {
                "account": account.pk,
                "currency": account.currency,
                "category": found.category_id if found else None,
                **{name: money.format_amount(value, currency=account.currency) for name, value in told.items()},
            }
        )


@extend_schema_view(
    post=extend_schema(
        operation_id="transfers_create",
        summary="Move money between own accounts",
        description="One entry, with what the bank takes for it. Send an `Idempotency-Key`, so that a retry posts once.",
        request=TransferBody,
        responses={201: entry_bodies.EntrySerializer},
        examples=[
            OpenApiExample(
                "250.00 with the fee of the account's rule",
                request_only=True,
                value={"date": datetime.date(2026, 3, 14).isoformat(), "source_account": 41, "target_account": 44, "amount": "250.00"},
            ),
            entry_bodies.POSTED_EXAMPLE,
        ],
    )
)  # fmt: skip
@extend_schema(tags=["transfers"])
class PostTransfer(EntryView):
    """Moves money between accounts that hold it."""

    bodies = {"POST": TransferBody}

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        asked = self.body()
        source, target = (self.tree.find(asked.pop(name), field=name) for name in ("source_account", "target_account"))
        amounts: dict[str, Any] = {
            name: money.parse_amount(asked.pop(name), currency=account.currency, field=name)
            for name, account in (("amount", source), ("target_amount", target), ("fee", source))
            if name in asked
        }
        category = None
        if "fee_category" in asked:
            category = self.tree.find(asked.pop("fee_category"), field="fee_category")
        if "fee" not in amounts or category is None:
            found = transfer_fee_of(account=source)
            if found is not None:
                amounts.setdefault("fee", found.rule().fee(amounts["amount"]))
                category = category or found.category
        entry = services.transfer(
            book=self.book, actor=self.user, source_account=source, target_account=target, fee_category=category,
            source=JournalEntry.Source.API, **amounts, **asked,
        )  # fmt: skip
        del self.tree  # an exchange may have opened trading accounts since
        return self.answer(status.HTTP_201_CREATED, entry)
