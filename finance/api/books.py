"""/books/: the sets of accounts that the user is a member of."""

import datetime
from typing import Any, ClassVar, cast

from django.db import transaction
from django.db.models import F, QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.serializers import StrictSerializer
from finance.api.base import ApiView, BookAccess, BookView
from finance.ledger import chain, services
from finance.ledger.models import Book, Role
from finance.ledger.templates import TEMPLATES
from finance.planning.schedules.services import change_holidays
from finance.public_holidays import LONGEST_REGION
from identity import mail
from identity.api.idempotency import once_per_key

BOOK = OpenApiExample(
    "A household",
    response_only=True,
    value={
        "id": 7,
        "name": "Home",
        "base_currency": "EUR",
        "time_zone": "Europe/Berlin",
        "holidays": "DE-BY",
        "closed_through": "2025-12-31",
        "role": "owner",
        "is_demo": False,
        "created_at": "2026-01-02T09:30:00Z",
    },
)

DELETED = OpenApiExample(
    "A deleted household",
    response_only=True,
    value={
        "id": 7,
        "name": "Home",
        "deleted_at": "2026-03-14T09:30:00Z",
        "erase_at": "2026-03-28T09:30:00Z",
        "erase_on": "2026-03-28",
    },
)


HOLIDAYS = (
    'Region whose public holidays schedules, cards and loans keep off where they keep off weekends: a country such as "DE", '
    'or a part of one such as "DE-BY"; "": weekends only.'
)


class BookSerializer(serializers.ModelSerializer[Book]):
    role = serializers.ChoiceField(choices=Role.choices, read_only=True, help_text="Your role in the book.")
    closed_through = serializers.DateField(
        read_only=True,
        allow_null=True,
        help_text="Nothing can be posted on or before this day; null: nothing is closed.",
    )

    class Meta:
        model = Book
        fields = (
            *("id", "name", "base_currency", "time_zone", "holidays", "closed_through", "role", "is_demo"),
            "created_at",
        )
        extra_kwargs: ClassVar = {
            "holidays": {"read_only": True, "help_text": HOLIDAYS},
            "is_demo": {"read_only": True, "help_text": "An invented household: erased at once when it is deleted."},
        }


class DeletedBookSerializer(serializers.ModelSerializer[Book]):
    erase_on = serializers.SerializerMethodField(help_text="The day of `erase_at` in the book's time zone.")

    class Meta:
        model = Book
        fields = ("id", "name", "deleted_at", "erase_at", "erase_on")
        extra_kwargs: ClassVar = {
            "deleted_at": {"read_only": True, "allow_null": False},
            "erase_at": {
                "read_only": True,
                "allow_null": False,
                "help_text": "Until then the book can be restored; from then on it is erased.",
            },
        }

    def get_erase_on(self, book: Book) -> datetime.date:
        return cast(datetime.date, services.day_of_erasure(book))


HEAD = OpenApiExample(
    "A book with 1254 sealed entries",
    response_only=True,
    value={
        "seals": 1254,
        "head": "8f1f0c5b0a9a3d7c8f3b3f1f9a2f4f0f3d5f5f0cbb0c4d8a6f7f2f1a0b9c8d7e",
        "entry": "019ac0de-7a51-7f3e-9f43-5b8f3c2d1e0f",
        "sealed_at": "2026-03-15T12:00:01Z",
    },
)


class HeadSerializer(serializers.Serializer[Any]):
    seals = serializers.IntegerField(help_text="How many entries are sealed.")
    head = serializers.RegexField(
        "^[0-9a-f]{64}$", allow_null=True, help_text="The last seal, which stands for all of them; null: there is none."
    )
    entry = serializers.UUIDField(allow_null=True, help_text="The entry that was sealed last.")
    sealed_at = serializers.DateTimeField(allow_null=True)


class NewBook(StrictSerializer):
    name = serializers.CharField(max_length=120)
    base_currency = serializers.CharField(max_length=8, help_text='Currency code such as "EUR".')
    time_zone = serializers.CharField(max_length=64, help_text='IANA name such as "Europe/Berlin".')
    template = serializers.ChoiceField(
        choices=sorted(TEMPLATES),
        allow_null=True,
        default="household",
        help_text="Accounts to start with; null opens an empty book.",
    )


class BookChanges(StrictSerializer):
    name = serializers.CharField(max_length=120, required=False)
    time_zone = serializers.CharField(
        max_length=64, required=False, help_text="On which day something happens from now on; dates of entries stay."
    )
    holidays = serializers.CharField(
        max_length=LONGEST_REGION,
        allow_blank=True,
        required=False,
        help_text=f"{HOLIDAYS} Schedules that had the former region follow.",
    )


class ClosingDay(StrictSerializer):
    through = serializers.DateField(help_text="The last day that takes no more postings.")


class ReopeningDay(StrictSerializer):
    through = serializers.DateField(allow_null=True, help_text="The new closing day; null opens the whole book.")


def shown(book: Book, *, role: Role | None) -> dict[str, Any]:
    """The book as it is answered."""
    book.role = role  # type: ignore[attr-defined]
    return dict(BookSerializer(book).data)


@extend_schema_view(
    get=extend_schema(operation_id="books_list", summary="Your books", examples=[BOOK]),
    post=extend_schema(
        operation_id="books_create",
        summary="Open a book",
        request=NewBook,
        responses={201: BookSerializer},
        examples=[
            BOOK,
            OpenApiExample(
                "A household",
                request_only=True,
                value={"name": "Home", "base_currency": "EUR", "time_zone": "Europe/Berlin", "template": "household"},
            ),
        ],
    ),
)
@extend_schema(tags=["books"])
class BookList(ApiView, generics.ListAPIView[Book]):
    """Books that you are a member of, in the order in which they were opened."""

    permission_classes = [IsAuthenticated]
    serializer_class = BookSerializer
    bodies = {"POST": NewBook}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[Book]:
        if getattr(self, "swagger_fake_view", False):
            return Book.objects.none()
        return Book.objects.visible_to(self.user).annotate(role=F("memberships__role"))

    @once_per_key()
    def post(self, request: Request) -> tuple[int, Any]:
        book = services.create_book(owner=self.user, **self.body())
        return status.HTTP_201_CREATED, shown(book, role=Role.OWNER)


class DeletingAccess(BookAccess):
    """A deletion that is asked for again, with its key, gets its first answer, although the book is hidden by then."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method == "DELETE" and isinstance(view, BookView):
            hidden = Book.objects.restorable_by(view.user).filter(pk=view.kwargs["book_id"]).first()
            if hidden is not None:
                view.book = hidden
                return True
        return super().has_permission(request, view)


@extend_schema_view(
    get=extend_schema(operation_id="books_retrieve", summary="A book", responses=BookSerializer, examples=[BOOK]),
    patch=extend_schema(
        operation_id="books_change",
        summary="Change a book's name, time zone or public holidays",
        description="For owners. What is left out stays.",
        request=BookChanges,
        responses=BookSerializer,
        examples=[BOOK],
    ),
    delete=extend_schema(
        operation_id="books_delete",
        summary="Delete a book",
        description="For owners. The book is hidden at once: 404 for everybody. Until `erase_at` an owner can restore it; "
        "then all of it is erased. A demo book is erased as soon as a worker comes to it.",
        responses={202: DeletedBookSerializer},
        examples=[DELETED],
    ),
)
@extend_schema(tags=["books"])
class BookDetail(BookView):
    """One book."""

    partly = frozenset({"GET"})
    permission_classes = [IsAuthenticated, DeletingAccess]
    write_role = Role.OWNER
    serializer_class = BookSerializer
    bodies = {"PATCH": BookChanges}

    def get(self, request: Request, book_id: int) -> Response:
        return Response(shown(self.book, role=self.role))

    @once_per_key()
    def patch(self, request: Request, book_id: int) -> tuple[int, Any]:
        asked = self.body()
        with transaction.atomic():
            if "name" in asked:
                services.rename_book(book=self.book, actor=self.user, name=asked["name"])
            if "time_zone" in asked:
                services.change_time_zone(book=self.book, actor=self.user, time_zone=asked["time_zone"])
            if "holidays" in asked:
                change_holidays(book=self.book, actor=self.user, region=asked["holidays"])
        return status.HTTP_200_OK, shown(self.book, role=Role.OWNER)

    @once_per_key()
    def delete(self, request: Request, book_id: int) -> tuple[int, Any]:
        deleted = services.delete_book(book=self.book, actor=self.user, base_url=mail.base_url(request._request))
        return status.HTTP_202_ACCEPTED, dict(DeletedBookSerializer(deleted).data)


@extend_schema_view(
    post=extend_schema(
        operation_id="books_close_period",
        summary="Close the books through a day",
        description="Nothing can be posted on or before the day any more. For owners.",
        request=ClosingDay,
        responses={200: BookSerializer},
        examples=[BOOK],
    )
)
@extend_schema(tags=["books"])
class ClosePeriod(BookView):
    """Closes the books through a day."""

    write_role = Role.OWNER
    serializer_class = BookSerializer
    bodies = {"POST": ClosingDay}

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        book = services.close_period(book=self.book, actor=self.user, **self.body())
        return status.HTTP_200_OK, shown(book, role=Role.OWNER)


@extend_schema_view(
    post=extend_schema(
        operation_id="books_reopen_period",
        summary="Reopen closed books",
        description="Moves the closing day back, or opens the whole book with null. For owners.",
        request=ReopeningDay,
        responses={200: BookSerializer},
        examples=[BOOK],
    )
)
@extend_schema(tags=["books"])
class ReopenPeriod(BookView):
    """Moves the closing day back."""

    write_role = Role.OWNER
    serializer_class = BookSerializer
    bodies = {"POST": ReopeningDay}

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        book = services.reopen_period(book=self.book, actor=self.user, **self.body())
        return status.HTTP_200_OK, shown(book, role=Role.OWNER)


@extend_schema_view(
    get=extend_schema(
        operation_id="books_proof",
        summary="The head of a book's chain",
        description="Keep it elsewhere: a later verification can check that the chain still contains it. Entries are "
        "sealed seconds after they are posted.",
        responses=HeadSerializer,
        examples=[HEAD],
    )
)
@extend_schema(tags=["books"])
class Proof(BookView):
    """Where the chain of the book's sealed entries ends."""

    serializer_class = HeadSerializer

    def get(self, request: Request, book_id: int) -> Response:
        head = chain.head_of(book=self.book)
        if head is None:
            return Response({"seals": 0, "head": None, "entry": None, "sealed_at": None})
        shown = {"seals": head.seals, "head": head.hash, "entry": head.entry_uid or None, "sealed_at": head.sealed_at}
        return Response(HeadSerializer(shown).data)
