"""/books/{book_id}/budgets/{budget_id}/shares/: what each member bears of a budget."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.queries import QuerySerializer, query_of
from core.api.serializers import StrictSerializer
from finance import money
from finance.api.budgets import BudgetView
from finance.api.fields import BIGGEST_ID
from finance.errors import Invalid
from finance.planning.budgets import selectors, services
from finance.planning.budgets.models import Budget
from finance.planning.budgets.selectors import MemberPart
from finance.planning.budgets.views import Plan, view_of
from finance.replica import from_replica
from identity.api.idempotency import once_per_key

_FIGURES = ("carried", "assigned", "spent", "available")
_PART = {"carried": "0.00", "assigned": "220.00", "spent": "71.50", "available": "148.50"}
_SHARED = {
    "shared_by": "percent", "currency": "EUR", "first": "2026-03-01", "last": "2026-03-31",
    "members": [
        {
            "member": 3, "name": "Ada", "share": "55", "total": _PART,
            "lines": [{"line": 7, "name": "Food:Groceries", **_PART}],
        }
    ],
}  # fmt: skip


class BudgetShareBody(StrictSerializer):
    member = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID, help_text="Number of the user.")
    share = serializers.DecimalField(max_digits=12, decimal_places=4, min_value=0)


class BudgetSharingBody(StrictSerializer):
    shared_by = serializers.ChoiceField(
        choices=[each for each in Budget.SharedBy.choices if each[0]],
        allow_blank=True,
        help_text="Empty: the budget is not shared.",
    )
    shares = BudgetShareBody(many=True, help_text="Of members of the book; percentages sum to 100.")


class BudgetSharesQuery(QuerySerializer):
    on = serializers.DateField(required=False, help_text="A day of the period; today in the book, if left out.")


class BudgetPartSerializer(serializers.Serializer[Any]):
    carried = serializers.CharField()
    assigned = serializers.CharField()
    spent = serializers.CharField()
    available = serializers.CharField()


class BudgetLinePartSerializer(BudgetPartSerializer):
    line = serializers.IntegerField()
    name = serializers.CharField()


class BudgetMemberSerializer(serializers.Serializer[Any]):
    member = serializers.IntegerField()
    name = serializers.CharField()
    share = serializers.CharField()
    total = BudgetPartSerializer(help_text="Of the lines of spending that are in no other line.")
    lines = BudgetLinePartSerializer(many=True, help_text="Lines of spending.")


class BudgetSharesSerializer(serializers.Serializer[Any]):
    shared_by = serializers.CharField(allow_blank=True, help_text="`shares`, `percent`, or empty: not shared.")
    currency = serializers.CharField()
    first = serializers.DateField(allow_null=True)
    last = serializers.DateField(allow_null=True)
    members = BudgetMemberSerializer(many=True, help_text="The parts of each figure sum to it.")


@extend_schema_view(
    get=extend_schema(
        operation_id="budgets_shares",
        summary="What each member bears of a budget",
        description="Of what every line of spending began with, was assigned and spent in the period.",
        parameters=[BudgetSharesQuery],
        responses=BudgetSharesSerializer,
        examples=[OpenApiExample("A couple", response_only=True, value=_SHARED)],
    ),
    put=extend_schema(
        operation_id="budgets_share",
        summary="Say what each member bears",
        description="By shares or by percentages. Nothing is posted: figures follow from it, those of past periods too.",
        request=BudgetSharingBody,
        responses=BudgetSharesSerializer,
        examples=[
            OpenApiExample(
                "55 and 45 per cent",
                request_only=True,
                value={
                    "shared_by": "percent", "shares": [{"member": 3, "share": "55"}, {"member": 8, "share": "45"}],
                },
            ),
            OpenApiExample("A couple", response_only=True, value=_SHARED),
        ],
    ),
)  # fmt: skip
@extend_schema(tags=["budgets"])
class BudgetShares(BudgetView):
    """Parts that sum to the budget's figures."""

    serializer_class = BudgetSharesSerializer
    bodies = {"PUT": BudgetSharingBody}

    @from_replica
    def get(self, request: Request, book_id: int, budget_id: int) -> Response:
        return Response(self.shown(self.budget(), query_of(request, BudgetSharesQuery)))

    @once_per_key()
    def put(self, request: Request, book_id: int, budget_id: int) -> tuple[int, Any]:
        asked, budget = self.body(), self.budget()
        shares = {each["member"]: each["share"] for each in asked["shares"]}
        if len(shares) < len(asked["shares"]):
            raise Invalid(field="shares", reason=_("A member is named twice."))
        services.share_budget(
            budget=budget, actor=self.user, shared_by=Budget.SharedBy(asked["shared_by"]), shares=shares
        )
        return status.HTTP_200_OK, self.shown(budget, {})

    def shown(self, budget: Budget, query: dict[str, Any]) -> dict[str, Any]:
        view = view_of(Plan(budget, tree=self.tree.accounts), on=query.get("on") or self.today())
        lines, members = selectors.parts_of(view=view, shares=selectors.shares_of(budget=budget))

        def part(given: MemberPart) -> dict[str, Any]:
            return {name: money.format_amount(getattr(given, name), currency=budget.currency) for name in _FIGURES}

        period = view.periods[0].period
        return {
            "shared_by": budget.shared_by,
            "currency": budget.currency,
            "first": period.first,
            "last": period.last,
            "members": [
                {
                    "member": each.share.user_id,
                    "name": each.share.user.name or each.share.user.email,
                    "share": each.share.share,
                    "total": part(each.total),
                    "lines": [
                        {"line": line.line.pk, "name": line.name, **part(own)}
                        for line, own in zip(lines, each.parts, strict=True)
                    ],
                }
                for each in members
            ],
        }
