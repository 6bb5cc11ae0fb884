"""/books/{book_id}/balances/ and /trial-balance/: what the accounts hold on a day."""

from dataclasses import dataclass
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import TreePagination
from core.api.queries import PAGE_PARAMETERS, QuerySerializer, query_of
from core.api.serializers import in_page, paged
from finance import money
from finance.api.base import BookView
from finance.api.fields import MoneyField
from finance.ledger.models import AccountKind, AccountType
from finance.ledger.selectors import balances_of, rolled_up, trial_balance
from finance.ledger.visibility import HOLDINGS
from finance.replica import from_replica


class DayQuery(QuerySerializer):
    as_of = serializers.DateField(
        required=False,
        default=None,
        help_text="At the end of this day. Without it all entries count, including later ones.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """An account's own balance, and per currency that of the account with all accounts below it (minor units)."""

    pk: int
    path: str
    type: str
    kind: str
    currency: str
    amount: int
    below: dict[str, int]


class BalanceSerializer(serializers.Serializer[Any]):
    account = serializers.IntegerField(source="pk")
    path = serializers.CharField()
    type = serializers.ChoiceField(choices=AccountType.choices)
    kind = serializers.ChoiceField(choices=AccountKind.choices)
    currency = serializers.CharField()
    balance = MoneyField(help_text="Of the account itself, debit positive.")
    total = serializers.SerializerMethodField(help_text="Per currency, of the account with all accounts below it.")

    def get_total(self, balance: Balance) -> dict[str, str]:
        return {code: money.format_amount(sum_, currency=code) for code, sum_ in sorted(balance.below.items())}


class TrialBalanceRowSerializer(serializers.Serializer[Any]):
    account = serializers.IntegerField(source="account_id")
    path = serializers.CharField()
    type = serializers.ChoiceField(choices=AccountType.choices)
    currency = serializers.CharField()
    debit = MoneyField(amount="debit")
    credit = MoneyField(amount="credit")


class TotalSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    debit = MoneyField(amount="debit")
    credit = MoneyField(amount="credit")


class TrialBalanceSerializer(serializers.Serializer[Any]):
    as_of = serializers.DateField(allow_null=True)
    rows = TrialBalanceRowSerializer(many=True)
    totals = TotalSerializer(many=True, source="sums")


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    currency: str
    debit: int
    credit: int


@extend_schema_view(
    get=extend_schema(
        operation_id="balances_list",
        summary="Balances of all accounts on a day",
        description="In tree order.",
        parameters=[DayQuery, *PAGE_PARAMETERS],
        responses=paged(BalanceSerializer),
        examples=[
            OpenApiExample(
                "A current account",
                value=in_page(
                    {
                        "account": 41,
                        "path": "Assets:Current account",
                        "type": "asset",
                        "kind": "checking",
                        "currency": "EUR",
                        "balance": "1834.20",
                        "total": {"EUR": "1834.20"},
                    }
                ),
            )
        ],
    )
)
@extend_schema(tags=["reports"])
class BalanceList(BookView):
    """Balances of all accounts at the end of a day; for who sees some accounts, of these."""

    partly = frozenset({"GET"})
    serializer_class = BalanceSerializer

    @from_replica
    def get(self, request: Request, book_id: int) -> Response:
        as_of = query_of(request, DayQuery)["as_of"]
        accounts, paths = self.tree.accounts, self.tree.paths
        if self.book.visible_ids is not None:  # what categories add up to is the whole book's
            accounts = [account for account in accounts if account.type in HOLDINGS]
        held = balances_of(account_ids=[account.pk for account in accounts], as_of=as_of)
        below = rolled_up(accounts=accounts, held=held)
        paginator = TreePagination()
        page = paginator.page_of(accounts, request=request, order=list(self.tree.by_id))
        rows = [
            Balance(
                pk=account.pk,
                path=paths[account.pk],
                type=account.type,
                kind=account.kind,
                currency=account.currency,
                amount=held.get(account.pk, 0),
                below=below[account.pk],
            )
            for account in page
        ]
        return paginator.get_paginated_response(BalanceSerializer(rows, many=True).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="trial_balance_retrieve",
        summary="Trial balance on a day",
        description="In tree order, accounts with zero left out. Debits equal credits in each currency.",
        parameters=[DayQuery],
        responses=TrialBalanceSerializer,
        examples=[
            OpenApiExample(
                "After the groceries",
                value={
                    "as_of": "2026-03-31",
                    "rows": [
                        {
                            "account": 52,
                            "path": "Expenses:Groceries",
                            "type": "expense",
                            "currency": "EUR",
                            "debit": "23.90",
                            "credit": "0.00",
                        },
                        {
                            "account": 41,
                            "path": "Assets:Current account",
                            "type": "asset",
                            "currency": "EUR",
                            "debit": "0.00",
                            "credit": "23.90",
                        },
                    ],
                    "totals": [{"currency": "EUR", "debit": "23.90", "credit": "23.90"}],
                },
            )
        ],
    )
)
@extend_schema(tags=["reports"])
class TrialBalanceReport(BookView):
    """The trial balance at the end of a day."""

    serializer_class = TrialBalanceSerializer

    @from_replica
    def get(self, request: Request, book_id: int) -> Response:
        report = trial_balance(book=self.book, as_of=query_of(request, DayQuery)["as_of"])
        sums = [Total(currency=code, debit=debit, credit=credit) for code, (debit, credit) in report.totals.items()]
        shown = {"as_of": report.as_of, "rows": report.rows, "sums": sums}
        return Response(TrialBalanceSerializer(shown).data)
