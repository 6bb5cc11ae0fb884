"""/books/{book_id}/people/: who the book has claims on or debts to, line by line; and days by which they are due."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.queries import query_of
from finance import money
from finance.api import people_shapes as shapes
from finance.api.base import BookView
from finance.errors import NotFound
from finance.ledger.models import Account, JournalLine, Membership
from finance.receivables import selectors, services
from finance.receivables.models import Claim, Person
from identity.api.idempotency import once_per_key

_EXAMPLE = OpenApiExample("A person", response_only=True, value=shapes.PERSON)


class PeopleView(BookView):
    serializer_class: Any = shapes.PersonSerializer

    def person(self) -> Person:
        return selectors.person_for(book=self.book, person_id=self.kwargs["person_id"])

    def shown(self, people: Sequence[Person], *, as_of: Any = None) -> list[Any]:
        """People with their balances."""
        owed = selectors.owed_by(
            book=self.book, as_of=as_of or self.today(), person_ids=[person.pk for person in people]
        )
        return list(shapes.PersonSerializer(people, many=True, context={"owed": owed}).data)

    def changes(self) -> dict[str, Any]:
        """The body as the service takes it. Raises NotFound for a user who is no member."""
        given = self.body()
        if "member" in given:
            asked = given.pop("member")
            member = Membership.objects.filter(book=self.book, user_id=asked).select_related("user").first()
            if asked is not None and member is None:
                raise NotFound(field="member", thing="member")
            given["user"] = member.user if member else None
        return given

    def account(self, reference: int | str | None, *, field: str) -> Account | None:
        return self.tree.find(reference, field=field) if reference is not None else None


@extend_schema_view(
    get=extend_schema(
        operation_id="people_list",
        summary="People, with what they owe",
        description="What a person owes is the balance of the person's accounts in the ledger.",
        parameters=[shapes.PeopleQuery],
        examples=[_EXAMPLE],
    ),
    post=extend_schema(
        operation_id="people_create",
        summary="Add a person",
        request=shapes.NewPerson,
        responses={201: shapes.PersonSerializer},
        examples=[OpenApiExample("A friend", request_only=True, value={"name": "Ben"}), _EXAMPLE],
    ),
)
@extend_schema(tags=["people"])
class PeopleList(PeopleView, generics.ListAPIView[Person]):
    """Friends, clients and members to settle with; they need no login."""

    bodies = {"POST": shapes.NewPerson}
    queryset = Person.objects.none()
    ordering = ("id",)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        asked = query_of(request, shapes.PeopleQuery)
        found = selectors.people_of(book=self.book, archived=asked["archived"])
        page = self.paginate_queryset(found) or []
        return self.get_paginated_response(self.shown(page, as_of=asked.get("as_of")))

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        person = services.save_person(book=self.book, changes=self.changes())
        return status.HTTP_201_CREATED, self.shown([person])[0]


@extend_schema_view(
    get=extend_schema(
        operation_id="people_retrieve", summary="A person", parameters=[shapes.DayAsked], examples=[_EXAMPLE]
    ),
    patch=extend_schema(
        operation_id="people_update",
        summary="Change or archive a person",
        request=shapes.PersonChanges,
        responses=shapes.PersonSerializer,
    ),
    delete=extend_schema(
        operation_id="people_delete",
        summary="Remove a person",
        description="Only while there is nothing with them; otherwise archive them.",
        responses={204: None},
    ),
)
@extend_schema(tags=["people"])
class PersonDetail(PeopleView):
    """One person."""

    bodies = {"PATCH": shapes.PersonChanges}

    def get(self, request: Request, book_id: int, person_id: int) -> Response:
        asked = query_of(request, shapes.DayAsked)
        return Response(self.shown([self.person()], as_of=asked.get("as_of"))[0])

    @once_per_key()
    def patch(self, request: Request, book_id: int, person_id: int) -> tuple[int, Any]:
        services.save_person(book=self.book, person=self.person(), changes=self.changes())
        return status.HTTP_200_OK, self.shown([self.person()])[0]

    @once_per_key()
    def delete(self, request: Request, book_id: int, person_id: int) -> tuple[int, Any]:
        services.remove_person(person=self.person())
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    get=extend_schema(
        operation_id="people_lines",
        summary="What made a person's balance",
        description="Lines of the person's accounts, newest first; they add up to the balance. Later ones are included.",
    )
)
@extend_schema(tags=["people"])
class PersonLines(PeopleView, generics.ListAPIView[JournalLine]):
    """The account of a person, line by line."""

    serializer_class = shapes.PersonLineSerializer
    queryset = JournalLine.objects.none()
    ordering = ("-date", "-id")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        person = self.person()
        page = self.paginate_queryset(self.filter_queryset(selectors.lines_of_person(person=person))) or []
        rows = [
            {
                "date": line.date, "entry": line.entry.uid, "payee": line.entry.payee,
                "description": line.entry.description, "currency": line.currency,
                "amount": money.format_amount(line.amount, currency=line.currency),
                "balance": money.format_amount(balance, currency=line.currency),
            }
            for line, balance in selectors.with_balances(person=person, lines=page)
        ]  # fmt: skip
        return self.get_paginated_response(rows)


@extend_schema_view(
    post=extend_schema(
        operation_id="people_move",
        summary="Lend, borrow, pay back, charge interest, forgive",
        description=(
            "Posts one entry between the account and the person's. Lending, borrowing and paying back are neither income nor "
            "spending; interest and what is forgiven are, on the category that `account` names."
        ),
        request=shapes.NewMovement,
        responses={201: shapes.MovementDone},
        examples=[
            OpenApiExample(
                "Lent",
                request_only=True,
                value={
                    "kind": "lent", "date": "2026-03-02", "amount": "100.00", "account": "Assets:Checking account",
                    "due_on": "2026-03-31",
                },
            )
        ],
    )
)  # fmt: skip
@extend_schema(tags=["people"])
class PersonMovements(PeopleView):
    """Money between the household and a person."""

    bodies = {"POST": shapes.NewMovement}

    @once_per_key()
    def post(self, request: Request, book_id: int, person_id: int) -> tuple[int, Any]:
        given, person = self.body(), self.person()
        account = self.tree.find(given.pop("account"), field="account")
        claim = self.account(given.pop("claim_account", None), field="claim_account")
        amount = shapes.parsed(given, name="amount", currency=account.currency)
        entry = services.move(
            person=person, actor=self.user, account=account, claim_account=claim, **{**given, "amount": amount}
        )
        return status.HTTP_201_CREATED, {"entry": str(entry.uid), "person": self.shown([person])[0]}


@extend_schema_view(
    post=extend_schema(
        operation_id="people_link_account",
        summary="Use an account that is there already for a person",
        description="Such as a private loan. New accounts are opened by themselves, one for each currency.",
        request=shapes.LinkAccount,
        responses={201: shapes.PersonAccountSerializer},
    )
)
@extend_schema(tags=["people"])
class PersonAccounts(PeopleView):
    """The accounts of what a person owes."""

    bodies = {"POST": shapes.LinkAccount}

    @once_per_key()
    def post(self, request: Request, book_id: int, person_id: int) -> tuple[int, Any]:
        account = self.tree.find(self.body()["account"], field="account")
        services.link_account(person=self.person(), account=account)
        return status.HTTP_201_CREATED, dict(shapes.PersonAccountSerializer(account).data)


@extend_schema_view(
    get=extend_schema(operation_id="claims_list", summary="What is due by when", parameters=[shapes.ClaimQuery]),
    post=extend_schema(
        operation_id="claims_create",
        summary="Say by when something that is owed should be paid",
        description="Posts nothing: what is owed is the person's balance. The forecast expects it on that day.",
        request=shapes.NewClaim,
        responses={201: shapes.ClaimSerializer},
    ),
)
@extend_schema(tags=["people"])
class ClaimList(PeopleView, generics.ListAPIView[Claim]):
    """Parts of what is owed that have a due day."""

    serializer_class = shapes.ClaimSerializer
    bodies = {"POST": shapes.NewClaim}
    queryset = Claim.objects.none()
    ordering = ("due_on", "id")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        asked = query_of(request, shapes.ClaimQuery)
        found = Claim.objects.filter(book=self.book).select_related("account")
        if "person" in asked:
            found = found.filter(person=asked["person"])
        page = self.paginate_queryset(found) or []
        return self.get_paginated_response(self.claims(page, as_of=asked.get("as_of")))

    def claims(self, claims: Sequence[Claim], *, as_of: Any = None) -> Any:
        still = {claim.pk: left for claim, left in selectors.open_claims(book=self.book, as_of=as_of or self.today())}
        return shapes.ClaimSerializer(claims, many=True, context={"open": still}).data

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        given = self.body()
        currency = shapes.currency_of(given, book=self.book)
        claim = services.save_claim(
            person=selectors.person_for(book=self.book, person_id=given["person"], field="person"), actor=self.user,
            due_on=given["due_on"], amount=shapes.parsed(given, name="amount", currency=currency), currency=currency,
            money_account=self.account(given.get("money_account"), field="money_account"), note=given.get("note", ""),
        )  # fmt: skip
        return status.HTTP_201_CREATED, self.claims([claim])[0]


@extend_schema_view(
    delete=extend_schema(
        operation_id="claims_delete",
        summary="Forget a due day",
        description="What is owed stays.",
        responses={204: None},
    )
)
@extend_schema(tags=["people"])
class ClaimDetail(BookView):
    """One due day."""

    serializer_class = shapes.ClaimSerializer

    @once_per_key()
    def delete(self, request: Request, book_id: int, claim_id: int) -> tuple[int, Any]:
        services.remove_claim(claim=selectors.claim_for(book=self.book, claim_id=claim_id))
        return status.HTTP_204_NO_CONTENT, None
