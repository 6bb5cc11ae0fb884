"""Credit cards: when a statement closes and is due, what it owes, and what leaves the bank when."""

import datetime
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import ForwardPages, KeysetPagination, limit_of, refused_cursor
from core.api.queries import PAGE_PARAMETERS, QuerySerializer, query_of
from core.api.serializers import StrictSerializer, in_page, paged
from finance import money
from finance.api.base import BookView
from finance.api.fields import AccountReferenceField, AmountField
from finance.api.loan_shapes import SHIFTS, ShownAmount, day_after
from finance.planning.cards import selectors, services
from finance.planning.cards.models import CardMode, CardTerms
from finance.planning.cards.selectors import CardState, CardStatement
from identity.api.idempotency import once_per_key

_PAGES = ForwardPages("card statements")
STATEMENT = {
    "closing": "2026-03-15", "due": "2026-03-30", "pays_on": "2026-03-30", "balance": "500.00", "payment": "500.00",
    "paid": "0.00", "left": "500.00",
}  # fmt: skip
CARD = {
    "id": 2, "account": 31, "currency": "EUR", "closing_day": 15, "due_day": 30, "shift": "none", "pays_from": 3,
    "mode": "full", "percent": None, "amount": None, "owed": "1100.00", "after_payment": "600.00",
    "statement": STATEMENT,
}  # fmt: skip


class CardStatementSerializer(serializers.Serializer[Any]):
    closing = serializers.DateField()
    due = serializers.DateField(help_text="The nominal day.")
    pays_on = serializers.DateField(help_text="The due day, moved off a weekend.")
    balance = ShownAmount(help_text="What the card owed at the end of the closing day.")
    payment = ShownAmount(help_text="What is paid of it by the terms.")
    paid = ShownAmount(help_text="What came from own accounts after it closed and until the next one does.")
    left = ShownAmount(help_text="What is still to be paid.")


class CardSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    account = serializers.IntegerField()
    currency = serializers.CharField()
    closing_day = serializers.IntegerField()
    due_day = serializers.IntegerField()
    shift = serializers.ChoiceField(choices=SHIFTS)
    pays_from = serializers.IntegerField(allow_null=True)
    mode = serializers.ChoiceField(choices=CardMode.choices)
    percent = serializers.CharField(allow_null=True)
    amount = ShownAmount(allow_null=True)
    owed = ShownAmount(help_text="What the card owes today.")
    after_payment = ShownAmount(help_text="What it owes once the statement is paid.")
    statement = CardStatementSerializer(help_text="The latest one.")


class CardFields(StrictSerializer):
    closing_day = serializers.IntegerField(help_text="1 to 31; in a shorter month its last day.")
    due_day = serializers.IntegerField(help_text="The first such day after the statement closed.")
    shift = serializers.ChoiceField(choices=SHIFTS, required=False, help_text="Default: none.")
    pays_from = AccountReferenceField(required=False, allow_null=True)
    mode = serializers.ChoiceField(choices=CardMode.choices, required=False, help_text="Default: full.")
    percent = serializers.DecimalField(
        max_digits=7, decimal_places=4, required=False, allow_null=True, help_text="Of a minimum, of the statement."
    )
    amount = AmountField(required=False, allow_null=True, help_text="The fixed amount, or the least of a minimum.")


class NewCard(CardFields):
    account = AccountReferenceField(help_text="A card without terms.")


class CardChange(CardFields):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "partial": True})


class CardView(BookView):
    """What the views of cards share."""

    serializer_class = CardSerializer

    def card(self) -> CardTerms:
        return selectors.card_for(book=self.book, card_id=self.kwargs["card_id"])

    def given(self, currency: str, given: dict[str, Any]) -> dict[str, Any]:
        """The body with accounts and minor units. Raises NotFound, AmountInvalid."""
        if given.get("pays_from") is not None:
            given["pays_from"] = self.tree.find(given["pays_from"], field="pays_from")
        if given.get("amount") is not None:
            given["amount"] = money.parse_amount(given["amount"], currency=currency)
        return given

    def shown(self, terms: CardTerms) -> dict[str, Any]:
        return _shown(selectors.state_of(terms=terms, today=self.today()))


@extend_schema_view(
    get=extend_schema(
        operation_id="cards_list",
        summary="Cards with terms",
        description="Each with what it owes today and its latest statement.",
        parameters=PAGE_PARAMETERS,
        responses=paged(CardSerializer),
        examples=[OpenApiExample("A card", value=in_page(CARD), response_only=True)],
    ),
    post=extend_schema(
        operation_id="cards_create",
        summary="Say how a card is paid",
        description="Nothing is posted.",
        request=NewCard,
        responses={201: CardSerializer},
        examples=[
            OpenApiExample(
                "Paid in full on the 30th",
                request_only=True,
                value={
                    "account": "Liabilities:Credit card", "closing_day": 15, "due_day": 30,
                    "pays_from": "Assets:Checking account",
                },
            ),
            OpenApiExample("A card", value=CARD, response_only=True),
        ],
    ),
)  # fmt: skip
@extend_schema(tags=["cards"])
class CardList(CardView):
    """The cards of a book."""

    bodies = {"POST": NewCard}
    ordering = ("id",)

    def get(self, request: Request, book_id: int) -> Response:
        query_of(request, QuerySerializer)
        pages = KeysetPagination()
        rows = pages.paginate_queryset(selectors.with_accounts(book=self.book), request, view=self)
        states = selectors.states_of(cards=rows, today=self.today())
        return pages.get_paginated_response([_shown(state) for state in states])

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        given = self.body()
        account = self.tree.find(given.pop("account"), field="account")
        known = self.given(account.currency, given)
        terms = services.add_card(book=self.book, actor=self.user, account=account, **known)
        return status.HTTP_201_CREATED, self.shown(terms)


@extend_schema_view(
    get=extend_schema(
        operation_id="cards_retrieve",
        summary="A card",
        responses=CardSerializer,
        examples=[OpenApiExample("A card", value=CARD, response_only=True)],
    ),
    patch=extend_schema(
        operation_id="cards_update",
        summary="Change how a card is paid",
        request=CardChange,
        responses=CardSerializer,
        examples=[
            OpenApiExample(
                "The minimum", value={"mode": "minimum", "percent": "2", "amount": "25.00"}, request_only=True
            )
        ],
    ),
    delete=extend_schema(
        operation_id="cards_delete",
        summary="Forget how a card is paid",
        description="The account and its entries stay.",
        responses={204: None},
    ),
)
@extend_schema(tags=["cards"])
class CardDetail(CardView):
    """One card."""

    bodies = {"PATCH": CardChange}

    def get(self, request: Request, book_id: int, card_id: int) -> Response:
        return Response(self.shown(self.card()))

    @once_per_key()
    def patch(self, request: Request, book_id: int, card_id: int) -> tuple[int, Any]:
        terms = self.card()
        given = self.given(terms.account.currency, self.body())
        return status.HTTP_200_OK, self.shown(services.change_card(terms=terms, actor=self.user, **given))

    @once_per_key()
    def delete(self, request: Request, book_id: int, card_id: int) -> tuple[int, Any]:
        services.remove_card(terms=self.card(), actor=self.user)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    get=extend_schema(
        operation_id="cards_statements_list",
        summary="Statements of a card",
        description="Computed from its entries, the latest that closed first.",
        parameters=PAGE_PARAMETERS,
        responses=paged(CardStatementSerializer),
        examples=[OpenApiExample("A statement", value=in_page(STATEMENT), response_only=True)],
    )
)
@extend_schema(tags=["cards"])
class CardStatements(CardView):
    """What a card owed when its statements closed."""

    serializer_class = CardStatementSerializer  # type: ignore[assignment]

    def get(self, request: Request, book_id: int, card_id: int) -> Response:
        query_of(request, QuerySerializer)
        try:
            before = day_after(_PAGES.place(request))
        except ValueError as error:
            raise refused_cursor() from error
        terms = self.card()
        until = self.today() if before is None else before - datetime.timedelta(days=1)
        rows, following = selectors.statements_of(terms=terms, until=until, limit=limit_of(request))
        shown = [_statement(row, terms.account.currency) for row in rows]
        place = following.isoformat() if following else None
        return Response(_PAGES.body(request, results=shown, following=place))


def _shown(state: CardState) -> dict[str, Any]:
    terms, currency = state.terms, state.terms.account.currency
    return {
        "id": terms.pk, "account": terms.account_id, "currency": currency, "closing_day": terms.closing_day,
        "due_day": terms.due_day, "shift": terms.shift, "pays_from": terms.pays_from_id, "mode": terms.mode,
        "percent": None if terms.percent is None else f"{terms.percent.normalize():f}",
        "amount": None if terms.amount is None else money.format_amount(terms.amount, currency=currency),
        "owed": money.format_amount(state.owed, currency=currency),
        "after_payment": money.format_amount(state.after_payment, currency=currency),
        "statement": _statement(state.statement, currency),
    }  # fmt: skip


def _statement(row: CardStatement, currency: str) -> dict[str, Any]:
    amounts = ("balance", "payment", "paid", "left")
    return {
        "closing": row.closing, "due": row.due, "pays_on": row.pays_on,
        **{name: money.format_amount(getattr(row, name), currency=currency) for name in amounts},
    }  # fmt: skip
