"""/books/{book_id}/accounts/{account_id}/register/: the lines of one account with the running balance."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import ForwardPages, limit_of
from core.api.queries import PAGE_PARAMETERS, QuerySerializer, query_of
from finance import money
from finance.api.base import BookView
from finance.api.fields import BIGGEST_ID, AmountField
from finance.ledger.models import JournalEntry
from finance.ledger.registers import Filters, RegisterRow, register_page
from finance.replica import from_replica

BOUNDS = ("min_amount", "max_amount")


class RegisterQuery(QuerySerializer):
    search = serializers.CharField(
        required=False, max_length=200, help_text="Found in payee, description or memo, ignoring case."
    )
    start = serializers.DateField(required=False, help_text="First day.")
    end = serializers.DateField(required=False, help_text="Last day.")
    min_amount = AmountField(required=False, help_text="At least this amount, debit positive.")
    max_amount = AmountField(required=False, help_text="At most this amount, debit positive.")
    counter_account = serializers.IntegerField(
        required=False, min_value=1, max_value=BIGGEST_ID, help_text="Entries that also have a line on this account."
    )
    with_superseded = serializers.BooleanField(
        required=False, help_text="Include entries that were reversed on their own day, and those reversals."
    )


class CounterLineSerializer(serializers.Serializer[Any]):
    account = serializers.IntegerField(source="account_id")
    name = serializers.CharField()
    type = serializers.CharField()
    amount = serializers.SerializerMethodField()
    currency = serializers.CharField()
    memo = serializers.CharField(allow_blank=True)

    def get_amount(self, line: Any) -> str:
        return money.format_amount(line.amount, currency=line.currency)


class RegisterRowSerializer(serializers.Serializer[RegisterRow]):
    entry = serializers.UUIDField(source="entry_uid")
    date = serializers.DateField()
    payee = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    memo = serializers.CharField(allow_blank=True)
    amount = serializers.SerializerMethodField(help_text="Debit positive.")
    balance = serializers.SerializerMethodField(help_text="After this line.")
    source = serializers.ChoiceField(choices=JournalEntry.Source.choices)  # type: ignore[assignment]
    is_reversal = serializers.BooleanField()
    is_reversed = serializers.BooleanField()
    is_correction = serializers.BooleanField()
    counter_lines = CounterLineSerializer(many=True)

    def get_amount(self, row: RegisterRow) -> str:
        return money.format_amount(row.amount, currency=self.context["currency"])

    def get_balance(self, row: RegisterRow) -> str:
        return money.format_amount(row.balance, currency=self.context["currency"])


class RegisterSerializer(serializers.Serializer[Any]):
    """A page of the register. It is read from the newest line on, so only `next` leads on."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(
        allow_null=True, help_text="Always null: registers are paged towards older lines only."
    )
    searched_to = serializers.DateField(
        allow_null=True, help_text="Set if a filter has looked back only to this day; follow `next` to continue."
    )
    currency = serializers.CharField()
    results = RegisterRowSerializer(many=True)


ROW = {
    "entry": "0198f2b4-6f0e-7c3a-9a53-0c5d3f6f1a77",
    "date": "2026-03-14",
    "payee": "Corner shop",
    "description": "",
    "memo": "",
    "amount": "-23.90",
    "balance": "1834.20",
    "source": "api",
    "is_reversal": False,
    "is_reversed": False,
    "is_correction": False,
    "counter_lines": [
        {"account": 52, "name": "Groceries", "type": "expense", "amount": "23.90", "currency": "EUR", "memo": ""}
    ],
}


_PAGES = ForwardPages("register")


@extend_schema_view(
    get=extend_schema(
        operation_id="accounts_register",
        summary="An account's register",
        description="Newest first, with the balance after each line. Amounts are in the account's currency.",
        parameters=[RegisterQuery, *PAGE_PARAMETERS],
        responses=RegisterSerializer,
        examples=[
            OpenApiExample(
                "One line",
                value={"next": None, "previous": None, "searched_to": None, "currency": "EUR", "results": [ROW]},
            )
        ],
    )
)
@extend_schema(tags=["accounts"])
class Register(BookView):
    """The lines of an account, newest first, with the running balance."""

    serializer_class = RegisterSerializer

    @from_replica
    def get(self, request: Request, book_id: int, account_id: int) -> Response:
        account = self.tree.find(account_id, field="account_id")
        query = query_of(request, RegisterQuery)
        for bound in BOUNDS:
            if bound in query:
                query[bound] = money.parse_amount(query[bound], currency=account.currency, field=bound)
        if "counter_account" in query:
            query["counter_account_id"] = query.pop("counter_account")
        page = register_page(
            account=account,
            after=_PAGES.place(request),
            limit=limit_of(request),
            filters=Filters(**query),
        )
        context = {"currency": account.currency}
        body = {
            **_PAGES.body(request, results=page.rows, following=page.next_cursor),
            "searched_to": page.searched_to,
            "currency": account.currency,
        }
        return Response(RegisterSerializer(body, context=context).data)
