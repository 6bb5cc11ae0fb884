"""/books/{book_id}/cost-groups/: people who share costs, settled together, from and to Splitwise."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from finance.api import people_shapes as shapes
from finance.api.base import BookView
from finance.receivables import selectors, services
from finance.receivables.models import CostGroup
from identity.api.idempotency import once_per_key


class GroupView(BookView):
    serializer_class: Any = shapes.CostGroupSerializer

    def group(self) -> CostGroup:
        return selectors.group_for(book=self.book, group_id=self.kwargs["cost_group_id"])


@extend_schema_view(
    get=extend_schema(operation_id="cost_groups_list", summary="Cost groups"),
    post=extend_schema(
        operation_id="cost_groups_create",
        summary="Add a cost group",
        request=shapes.NewCostGroup,
        responses={201: shapes.CostGroupSerializer},
        examples=[OpenApiExample("A flat", request_only=True, value={"name": "Flat", "people": [7, 8]})],
    ),
)
@extend_schema(tags=["shared costs"])
class GroupList(GroupView, generics.ListAPIView[CostGroup]):
    """People who share costs for a while; the household always belongs to it."""

    bodies = {"POST": shapes.NewCostGroup}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[CostGroup]:
        if getattr(self, "swagger_fake_view", False):
            return CostGroup.objects.none()
        return CostGroup.objects.filter(book=self.book).prefetch_related("members")

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        group = services.save_group(book=self.book, **self.body())
        return status.HTTP_201_CREATED, shapes.CostGroupSerializer(group).data


@extend_schema_view(
    get=extend_schema(operation_id="cost_groups_retrieve", summary="A cost group"),
    patch=extend_schema(
        operation_id="cost_groups_update",
        summary="Change or archive a cost group",
        request=shapes.CostGroupChanges,
        responses=shapes.CostGroupSerializer,
    ),
    delete=extend_schema(
        operation_id="cost_groups_delete",
        summary="Remove a cost group",
        description="Only while it has no bills.",
        responses={204: None},
    ),
)
@extend_schema(tags=["shared costs"])
class GroupDetail(GroupView):
    """One cost group."""

    bodies = {"PATCH": shapes.CostGroupChanges}

    def get(self, request: Request, book_id: int, cost_group_id: int) -> Response:
        return Response(shapes.CostGroupSerializer(self.group()).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int, cost_group_id: int) -> tuple[int, Any]:
        services.save_group(book=self.book, group=self.group(), **self.body())
        return status.HTTP_200_OK, shapes.CostGroupSerializer(self.group()).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, cost_group_id: int) -> tuple[int, Any]:
        services.remove_group(group=self.group())
        return status.HTTP_204_NO_CONTENT, None


class PassedOn(serializers.Serializer[Any]):
    settlements = shapes.SettlementSerializer(many=True)


@extend_schema_view(
    post=extend_schema(
        operation_id="cost_groups_pass_on",
        summary="Pass debts on, so that the fewest payments settle the group",
        description="Nobody's balance changes. What people owe the household in the ledger is moved between them.",
        request=None,
        responses=PassedOn,
    )
)
@extend_schema(tags=["shared costs"])
class PassOnDebts(GroupView):
    """Makes the simplified debts the real ones."""

    serializer_class = PassedOn

    @once_per_key()
    def post(self, request: Request, book_id: int, cost_group_id: int) -> tuple[int, Any]:
        made = services.pass_on_debts(group=self.group(), actor=self.user, date=self.today())
        return status.HTTP_200_OK, {"settlements": shapes.SettlementSerializer(made, many=True).data}


@extend_schema_view(
    get=extend_schema(
        operation_id="cost_groups_splitwise_export",
        summary="The group as Splitwise exports one",
        responses=shapes.SplitwiseGiven,
    ),
    post=extend_schema(
        operation_id="cost_groups_splitwise_import",
        summary="Add the bills and payments of a Splitwise export",
        description="People are found by name, or added. Rows that cannot be taken are listed with the reason.",
        request=shapes.SplitwiseFile,
        responses={201: shapes.SplitwiseTaken},
    ),
)
@extend_schema(tags=["shared costs"])
class SplitwiseView(GroupView):
    """CSV of Splitwise, in and out."""

    serializer_class = shapes.SplitwiseGiven
    bodies = {"POST": shapes.SplitwiseFile}

    def get(self, request: Request, book_id: int, cost_group_id: int) -> Response:
        return Response({"csv": services.give_splitwise(group=self.group())})

    @once_per_key()
    def post(self, request: Request, book_id: int, cost_group_id: int) -> tuple[int, Any]:
        given = self.body()
        taken = services.take_splitwise(
            group=self.group(), actor=self.user, text=given["csv"], me=given["me"],
            account=self.tree.find(given["account"], field="account"),
            category=self.tree.find(given["category"], field="category"),
        )  # fmt: skip
        refused = [{"line": line, "reason": reason} for line, reason in taken.refused]
        return status.HTTP_201_CREATED, {
            "bills": taken.bills, "payments": taken.payments, "added": taken.added, "refused": refused,
        }  # fmt: skip
