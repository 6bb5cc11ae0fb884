"""/books/{book_id}/accounts/: the account tree."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import TreePagination
from core.api.queries import PAGE_PARAMETERS, QuerySerializer, query_of
from core.api.serializers import StrictSerializer, in_page, paged
from finance import money
from finance.api.base import BookView
from finance.api.fields import AccountReferenceField, AmountField
from finance.api.tree import AccountTree
from finance.ledger import services
from finance.ledger.models import Account, AccountKind, AccountType
from identity.api.idempotency import once_per_key

CURRENT_ACCOUNT = {
    "id": 41,
    "name": "Current account",
    "path": "Assets:Current account",
    "parent": 40,
    "type": "asset",
    "kind": "checking",
    "currency": "EUR",
    "closed_on": None,
    "created_at": "2026-01-02T09:30:00Z",
}
ACCOUNT = OpenApiExample("A current account", response_only=True, value=CURRENT_ACCOUNT)


class AccountSerializer(serializers.ModelSerializer[Account]):
    path = serializers.SerializerMethodField(help_text="Names from the root to the account, with colons between.")
    parent = serializers.IntegerField(source="parent_id", read_only=True, allow_null=True)  # type: ignore[assignment]

    class Meta:
        model = Account
        fields = ("id", "name", "path", "parent", "type", "kind", "currency", "closed_on", "created_at")

    def get_path(self, account: Account) -> str:
        tree: AccountTree = self.context["tree"]
        return tree.paths[account.pk]


class NewAccount(StrictSerializer):
    name = serializers.CharField(max_length=120)
    type = serializers.ChoiceField(choices=AccountType.choices)
    kind = serializers.ChoiceField(choices=AccountKind.choices)
    currency = serializers.CharField(max_length=8)
    parent = AccountReferenceField(required=False, allow_null=True, default=None)  # type: ignore[assignment]
    opening_balance = AmountField(required=False, help_text="What it held before its first entry, debit positive.")
    opened_on = serializers.DateField(required=False, help_text="Day of the opening balance.")


class AccountName(StrictSerializer):
    whole = True
    name = serializers.CharField(max_length=120)


class AccountPlace(StrictSerializer):
    parent = AccountReferenceField(allow_null=True)  # type: ignore[assignment]


class AccountClosing(StrictSerializer):
    on = serializers.DateField(required=False, help_text="Default: today in the book's time zone.")


class OpeningBalance(StrictSerializer):
    whole = True
    amount = AmountField(help_text="What it held at the end of the day, debit positive; 0 removes it.")
    on = serializers.DateField()


class OpeningBalanceSerializer(serializers.Serializer[Any]):
    amount = serializers.CharField(help_text="What it held at the end of the day, debit positive.")
    on = serializers.DateField(allow_null=True, help_text="null: the account begins with nothing.")
    entry = serializers.UUIDField(allow_null=True, help_text="The entry that says so.")


class AccountQuery(QuerySerializer):
    type = serializers.ChoiceField(choices=AccountType.choices, required=False)
    kind = serializers.ChoiceField(choices=AccountKind.choices, required=False)
    currency = serializers.CharField(required=False, max_length=8)
    open = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only open, or only closed."
    )


class AccountView(BookView):
    """What the views of accounts share."""

    serializer_class = AccountSerializer

    def account(self) -> Account:
        return self.tree.find(self.kwargs["account_id"], field="account_id")

    def shown(self, account: Account) -> dict[str, Any]:
        """The account as it is answered; the tree is read again because names and places may have changed."""
        tree = AccountTree(self.book)
        return dict(AccountSerializer(tree.by_id[account.pk], context={"tree": tree}).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="accounts_list",
        summary="The account tree",
        description="In tree order: children follow their parent, siblings by name.",
        parameters=[AccountQuery, *PAGE_PARAMETERS],
        responses=paged(AccountSerializer),
        examples=[OpenApiExample("A current account", value=in_page(CURRENT_ACCOUNT))],
    ),
    post=extend_schema(
        operation_id="accounts_create",
        summary="Open an account",
        description="An opening balance is posted against the book's account for opening balances.",
        request=NewAccount,
        responses={201: AccountSerializer},
        examples=[
            ACCOUNT,
            OpenApiExample(
                "With an opening balance",
                request_only=True,
                value={
                    "name": "Savings",
                    "type": "asset",
                    "kind": "savings",
                    "currency": "EUR",
                    "parent": "Assets",
                    "opening_balance": "1250.00",
                    "opened_on": "2026-01-01",
                },
            ),
        ],
    ),
)
@extend_schema(tags=["accounts"])
class AccountList(AccountView):
    """The book's accounts in tree order."""

    partly = frozenset({"GET"})
    bodies = {"POST": NewAccount}

    def get(self, request: Request, book_id: int) -> Response:
        query = query_of(request, AccountQuery)
        wanted_open = query.pop("open")
        accounts = [
            account
            for account in self.tree.accounts
            if all(getattr(account, name) == value for name, value in query.items())
            and wanted_open in (None, account.closed_on is None)
        ]
        paginator = TreePagination()
        page = paginator.page_of(accounts, request=request, order=list(self.tree.by_id))
        shown = AccountSerializer(page, many=True, context={"tree": self.tree}).data
        return paginator.get_paginated_response(shown)

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        asked = self.body()
        parent, balance = asked.pop("parent"), asked.pop("opening_balance", None)
        account = services.open_account(
            book=self.book,
            actor=self.user,
            parent=None if parent is None else self.tree.find(parent, field="parent"),
            opening_balance=(
                money.parse_amount(balance, currency=asked["currency"], field="opening_balance") if balance else 0
            ),
            **asked,
        )
        return status.HTTP_201_CREATED, self.shown(account)


@extend_schema_view(
    get=extend_schema(operation_id="accounts_retrieve", summary="An account", examples=[ACCOUNT]),
    patch=extend_schema(
        operation_id="accounts_rename",
        summary="Rename an account",
        description="Its postings stay as they are.",
        request=AccountName,
        responses=AccountSerializer,
        examples=[ACCOUNT],
    ),
)
@extend_schema(tags=["accounts"])
class AccountDetail(AccountView):
    """One account."""

    partly = frozenset({"GET"})
    bodies = {"PATCH": AccountName}

    def get(self, request: Request, book_id: int, account_id: int) -> Response:
        return Response(AccountSerializer(self.account(), context={"tree": self.tree}).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int, account_id: int) -> tuple[int, Any]:
        account = services.rename_account(account=self.account(), actor=self.user, **self.body())
        return status.HTTP_200_OK, self.shown(account)


@extend_schema_view(
    post=extend_schema(
        operation_id="accounts_move",
        summary="Move an account in the tree",
        description="Under another account of the same type, or with null to the root. Its postings stay as they are.",
        request=AccountPlace,
        responses={200: AccountSerializer},
        examples=[ACCOUNT],
    )
)
@extend_schema(tags=["accounts"])
class MoveAccount(AccountView):
    """Moves an account in the tree."""

    bodies = {"POST": AccountPlace}

    @once_per_key()
    def post(self, request: Request, book_id: int, account_id: int) -> tuple[int, Any]:
        account, place = self.account(), self.body()["parent"]
        parent = None if place is None else self.tree.find(place, field="parent")
        services.move_account(account=account, actor=self.user, parent=parent)
        return status.HTTP_200_OK, self.shown(account)


@extend_schema_view(
    post=extend_schema(
        operation_id="accounts_close",
        summary="Close an account",
        description="It takes no more postings. An account that still holds money is not closed.",
        request=AccountClosing,
        responses={200: OpenApiResponse(AccountSerializer, description="The closed account.")},
        examples=[ACCOUNT],
    )
)
@extend_schema(tags=["accounts"])
class CloseAccount(AccountView):
    """Closes an account."""

    bodies = {"POST": AccountClosing}

    @once_per_key()
    def post(self, request: Request, book_id: int, account_id: int) -> tuple[int, Any]:
        account = self.account()
        on = self.body().get("on", self.today())
        services.close_account(account=account, actor=self.user, on=on)
        return status.HTTP_200_OK, self.shown(account)


OPENING = OpenApiExample(
    "It held 1,250.00",
    response_only=True,
    value={"amount": "1250.00", "on": "2026-01-01", "entry": "019ac0de-7a51-7f3e-9f43-5b8f3c2d1e0f"},
)


@extend_schema_view(
    get=extend_schema(
        operation_id="accounts_opening_balance",
        summary="An account's opening balance",
        responses=OpeningBalanceSerializer,
        examples=[OPENING],
    ),
    post=extend_schema(
        operation_id="accounts_set_opening_balance",
        summary="Change an account's opening balance",
        description="By a reversal and a new entry, as any correction.",
        request=OpeningBalance,
        responses=OpeningBalanceSerializer,
        examples=[
            OPENING,
            OpenApiExample("It held 1,250.00", request_only=True, value={"amount": "1250.00", "on": "2026-01-01"}),
        ],
    ),
)
@extend_schema(tags=["accounts"])
class AccountOpening(AccountView):
    """What an account held before its first entry."""

    serializer_class = OpeningBalanceSerializer  # type: ignore[assignment]
    bodies = {"POST": OpeningBalance}

    def get(self, request: Request, book_id: int, account_id: int) -> Response:
        account = self.account()
        return Response(self.opening(account, services.opening_of(account=account)))

    @once_per_key()
    def post(self, request: Request, book_id: int, account_id: int) -> tuple[int, Any]:
        account, asked = self.account(), self.body()
        opening = services.set_opening_balance(
            account=account,
            actor=self.user,
            amount=money.parse_amount(asked["amount"], currency=account.currency),
            on=asked["on"],
            today=self.today(),
        )
        return status.HTTP_200_OK, self.opening(account, opening)

    def opening(self, account: Account, found: services.Opening | None) -> dict[str, Any]:
        return {
            "amount": money.format_amount(found.amount if found else 0, currency=account.currency),
            "on": found.on.isoformat() if found else None,
            "entry": str(found.entry.uid) if found else None,
        }
