"""Payees of a book: usual category, aliases, history; renamed and merged."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.serializers import StrictSerializer
from finance import money
from finance.api.base import BookView
from finance.api.change_shapes import PAST
from finance.api.fields import BIGGEST_ID, AccountReferenceField
from finance.ledger.change_models import Change
from finance.payees import selectors, services
from finance.payees.models import Payee
from identity.api.idempotency import once_per_key

PAYEE = {"id": 5, "name": "Rewe", "default_category": 52, "aliases": ["REWE Markt GmbH"]}


class PayeeSerializer(serializers.ModelSerializer[Payee]):
    default_category = serializers.IntegerField(source="default_account_id", read_only=True, allow_null=True)
    aliases = serializers.SerializerMethodField()

    class Meta:
        model = Payee
        fields = ("id", "name", "default_category", "aliases")

    def get_aliases(self, payee: Payee) -> list[str]:
        return [alias.name for alias in payee.aliases.all()]


class _Aliases(serializers.ListField):
    def __init__(self, **kwargs: Any) -> None:
        child = serializers.CharField(max_length=services.LONGEST_NAME)
        super().__init__(child=child, max_length=services.MOST_ALIASES, required=False, **kwargs)


class NewPayee(StrictSerializer):
    name = serializers.CharField(max_length=services.LONGEST_NAME)
    default_category = AccountReferenceField(required=False, allow_null=True)
    aliases = _Aliases(help_text="Other texts in entries and bank files that mean this payee.")


class PayeeChanges(StrictSerializer):
    default_category = AccountReferenceField(required=False, allow_null=True)
    aliases = _Aliases(help_text="All aliases of the payee; others are removed.")


class RenamePayee(StrictSerializer):
    name = serializers.CharField(max_length=services.LONGEST_NAME)
    past = serializers.ChoiceField(choices=PAST, help_text="What happens to past entries.")


class MergePayee(StrictSerializer):
    into = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID, help_text="Id of the payee that stays.")
    past = serializers.ChoiceField(choices=PAST, help_text="What happens to past entries.")


class CorrectedSerializer(serializers.Serializer[Any]):
    payee = PayeeSerializer()
    corrected = serializers.IntegerField(help_text="Past entries that were corrected.")
    change = serializers.IntegerField(allow_null=True, help_text="Id of the change, to undo it; null without one.")


def corrected(payee: Payee, change: Change | None) -> dict[str, Any]:
    """The body of CorrectedSerializer."""
    return {
        "payee": PayeeSerializer(payee).data,
        "corrected": change.entry_count if change else 0,
        "change": change.pk if change else None,
    }


class YearSerializer(serializers.Serializer[Any]):
    year = serializers.IntegerField()
    currency = serializers.CharField()
    entries = serializers.IntegerField()
    spent = serializers.CharField(help_text="On expense categories; refunds lower it.")
    received = serializers.CharField()


class HistoryOfPayee(serializers.Serializer[Any]):
    results = YearSerializer(many=True)


class PayeeView(BookView):
    serializer_class: Any = PayeeSerializer

    def payee(self) -> Payee:
        return selectors.payee_for(book=self.book, payee_id=self.kwargs["payee_id"])

    def category(self, given: dict[str, Any]) -> dict[str, Any]:
        """The body with the category found in the tree."""
        if "default_category" in given:
            reference = given.pop("default_category")
            found = self.tree.find(reference, field="default_category") if reference is not None else None
            return {**given, "default_account": found}
        return given


@extend_schema_view(
    get=extend_schema(
        operation_id="payees_list",
        summary="Payees of a book",
        examples=[OpenApiExample("A payee", response_only=True, value=PAYEE)],
    ),
    post=extend_schema(
        operation_id="payees_create", summary="Add a payee", request=NewPayee, responses={201: PayeeSerializer}
    ),
)
@extend_schema(tags=["payees"])
class PayeeList(PayeeView, generics.ListAPIView[Payee]):
    """Named payees; entries may have others."""

    bodies = {"POST": NewPayee}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[Payee]:
        return (
            Payee.objects.none() if getattr(self, "swagger_fake_view", False) else selectors.payees_of(book=self.book)
        )

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        payee = services.save_payee(book=self.book, **self.category(self.body()))
        return status.HTTP_201_CREATED, PayeeSerializer(payee).data


@extend_schema_view(
    get=extend_schema(operation_id="payees_retrieve", summary="A payee", responses=PayeeSerializer),
    patch=extend_schema(
        operation_id="payees_update",
        summary="Change a payee's usual category or aliases",
        request=PayeeChanges,
        responses=PayeeSerializer,
    ),
    delete=extend_schema(
        operation_id="payees_delete",
        summary="Remove a payee",
        description="Its aliases are removed, too; entries keep their payee.",
        responses={204: None},
    ),
)
@extend_schema(tags=["payees"])
class PayeeDetail(PayeeView):
    """One payee."""

    bodies = {"PATCH": PayeeChanges}

    def get(self, request: Request, book_id: int, payee_id: int) -> Response:
        return Response(PayeeSerializer(self.payee()).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int, payee_id: int) -> tuple[int, Any]:
        payee = self.payee()
        given = {"default_account": payee.default_account, **self.category(self.body())}
        services.save_payee(book=self.book, payee=payee, **given)
        return status.HTTP_200_OK, PayeeSerializer(self.payee()).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, payee_id: int) -> tuple[int, Any]:
        services.remove_payee(payee=self.payee())
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    post=extend_schema(
        operation_id="payees_rename",
        summary="Rename a payee",
        description="The old name becomes an alias. `past` says whether past entries are corrected. "
        "Undoing the change brings the name back.",
        request=RenamePayee,
        responses=CorrectedSerializer,
    )
)
@extend_schema(tags=["payees"])
class RenamePayeeView(PayeeView):
    """Another name for a payee."""

    bodies = {"POST": RenamePayee}

    @once_per_key()
    def post(self, request: Request, book_id: int, payee_id: int) -> tuple[int, Any]:
        asked = self.body()
        change = services.rename_payee(
            payee=self.payee(), actor=self.user, name=asked["name"], correct_past=asked["past"] == "correct",
            today=self.today(),
        )  # fmt: skip
        return status.HTTP_200_OK, corrected(self.payee(), change)


@extend_schema_view(
    post=extend_schema(
        operation_id="payees_merge",
        summary="Merge a payee into another",
        description="Its names become aliases of the other one. `past` says whether past entries are corrected. "
        "Undoing the change brings the payee back.",
        request=MergePayee,
        responses=CorrectedSerializer,
    )
)
@extend_schema(tags=["payees"])
class MergePayeeView(PayeeView):
    """Makes two payees one."""

    bodies = {"POST": MergePayee}

    @once_per_key()
    def post(self, request: Request, book_id: int, payee_id: int) -> tuple[int, Any]:
        asked = self.body()
        into = selectors.payee_for(book=self.book, payee_id=asked["into"])
        done = services.merge_payees(
            book=self.book, actor=self.user, names=[self.payee().name], into=into.name, today=self.today(),
            correct_past=asked["past"] == "correct",
        )  # fmt: skip
        return status.HTTP_200_OK, corrected(selectors.payee_for(book=self.book, payee_id=into.pk), done.change)


@extend_schema_view(
    get=extend_schema(operation_id="payees_history", summary="A payee year by year", responses=HistoryOfPayee)
)
@extend_schema(tags=["payees"])
class PayeeHistory(PayeeView):
    """Count and sums per year and currency, by name and aliases."""

    serializer_class = HistoryOfPayee

    def get(self, request: Request, book_id: int, payee_id: int) -> Response:
        years = [
            {
                "year": each.year,
                "currency": each.currency,
                "entries": each.entries,
                "spent": money.format_amount(each.spent, currency=each.currency),
                "received": money.format_amount(each.received, currency=each.currency),
            }
            for each in selectors.years_of(payee=self.payee())
        ]
        return Response({"results": years})
