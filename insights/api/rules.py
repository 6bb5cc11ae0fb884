"""/api/v1/books/<book>/insights/rules/: which rules run for a book, and with which thresholds."""

from typing import Any, cast

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.filters import refuse_unknown_parameters
from core.api.serializers import ErrorSerializer, StrictSerializer
from finance import facts as books
from finance.errors import Invalid, NotFound
from finance.facts import Role
from identity.api.idempotency import OncePerKey
from identity.models import User
from insights import selectors
from insights.models import Kind
from insights.rules.catalogue import RULES
from insights.rules.thresholds import ThresholdsInvalid
from insights.services import set_rule
from insights.switches import Switch, switches_of

EXAMPLE = {
    "kind": "possible_duplicate",
    "enabled": True,
    "thresholds": {"days": 3, "usual_pairs": 2, "minimum_amount": {"EUR": "5"}},
}


class InsightRuleSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=Kind.choices)
    enabled = serializers.BooleanField()
    thresholds = serializers.DictField(help_text="By name: whole numbers, or amounts as decimal text by currency.")


class InsightRuleChanges(StrictSerializer):
    enabled = serializers.BooleanField(required=False)
    thresholds = serializers.DictField(required=False, help_text="What is left out stays.")


def shown(kind: str, switch: Switch) -> dict[str, Any]:
    """The rule as it is answered."""
    return {"kind": kind, "enabled": switch.enabled, "thresholds": switch.thresholds.as_json()}


class RuleView(OncePerKey, APIView):
    """What the views of rules share."""

    serializer_class = InsightRuleSerializer

    def book(self, at_least: Role) -> Any:
        user = cast(User, self.request.user)
        book = books.book_for(user=user, book_id=self.kwargs["book_id"], at_least=at_least)
        selectors.require_insights()
        return book


@extend_schema_view(
    get=extend_schema(
        operation_id="insight_rules_list",
        summary="The rules of insights as they run for a book",
        responses={200: InsightRuleSerializer(many=True), 400: ErrorSerializer},
        examples=[OpenApiExample("A rule", response_only=True, value=EXAMPLE)],
    )
)
@extend_schema(tags=["insights"])
class RuleList(RuleView):
    """Every rule, with its switch and thresholds."""

    def get(self, request: Request, book_id: int) -> Response:
        refuse_unknown_parameters(request, known=set())
        book = self.book(Role.VIEWER)
        return Response([shown(kind, switch) for kind, switch in switches_of(book_id=book.pk).items()])


@extend_schema_view(
    patch=extend_schema(
        operation_id="insight_rules_change",
        summary="Switch a rule on or off, or set its thresholds",
        description="The change applies from the next posting on; insights raised before stay.",
        request=InsightRuleChanges,
        responses=InsightRuleSerializer,
        examples=[
            OpenApiExample("A rule", response_only=True, value=EXAMPLE),
            OpenApiExample("Fewer days", request_only=True, value={"thresholds": {"days": 2}}),
        ],
    )
)
@extend_schema(tags=["insights"])
class RuleDetail(RuleView):
    """One rule of a book."""

    def patch(self, request: Request, book_id: int, kind: str) -> Response:
        book = self.book(Role.EDITOR)
        if kind not in RULES:
            raise NotFound(thing="rule")

        def change() -> tuple[int, Any]:
            body = InsightRuleChanges(data=request.data)
            body.is_valid(raise_exception=True)
            own = switches_of(book_id=book.pk)[kind]
            asked = body.validated_data
            try:
                switch = set_rule(
                    book_id=book.pk,
                    kind=kind,
                    enabled=asked.get("enabled", own.enabled),
                    thresholds=asked.get("thresholds", {}),
                )
            except ThresholdsInvalid as error:
                name, problem = next(iter(error.problems.items()))
                raise Invalid(field=f"thresholds.{name}", reason=problem) from error
            return status.HTTP_200_OK, shown(kind, switch)

        return self.once(change)
