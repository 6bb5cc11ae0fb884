"""What the valuables of a book are worth: appraisals and depreciation of an account that holds a thing."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import ForwardPages, limit_of, refused_cursor
from core.api.queries import PAGE_PARAMETERS, QuerySerializer, query_of
from core.api.serializers import StrictSerializer, in_page, paged
from finance import money
from finance.api.base import BookView
from finance.api.fields import AmountField
from finance.errors import NotFound
from finance.ledger.models import Account
from finance.valuation import selectors, services
from finance.valuation.models import AssetPlan, AssetValue
from finance.valuation.selectors import DatedValue
from identity.api.idempotency import once_per_key

VALUE = {
    "id": 3,
    "date": "2026-01-31",
    "kind": "appraisal",
    "value": "310000.00",
    "held": "310000.00",
    "note": "Sworn valuer",
    "entry": "0198f2b4-6f0e-7c3a-9a53-0c5d3f6f1a77",
}
_PAGES = ForwardPages("asset values")


class AssetView(BookView):
    def asset(self) -> Account:
        account = self.tree.find(self.kwargs["asset_id"], field="asset_id")
        if not services.is_valuable(account):
            raise NotFound(thing="valuable")
        return account


class ValueSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="row.pk")
    date = serializers.DateField(source="row.date")
    kind = serializers.ChoiceField(source="row.kind", choices=AssetValue.Kind.choices)
    value = serializers.SerializerMethodField(
        method_name="worth_of", help_text="What it was worth at the end of the day, as recorded."
    )
    held = serializers.SerializerMethodField(
        help_text="What the books hold then. It differs if entries on the account have changed since."
    )
    note = serializers.CharField(source="row.note")
    entry = serializers.UUIDField(source="row.entry.uid", default=None, allow_null=True)

    def worth_of(self, dated: DatedValue) -> str:
        return money.format_amount(dated.row.value, currency=self.context["currency"])

    def get_held(self, dated: DatedValue) -> str:
        return money.format_amount(dated.held, currency=self.context["currency"])


class NewValue(StrictSerializer):
    date = serializers.DateField()
    value = AmountField(help_text="In the account's currency, zero or more.")
    note = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class PlanSerializer(serializers.ModelSerializer[AssetPlan]):
    residual = serializers.SerializerMethodField()

    class Meta:
        model = AssetPlan
        fields = ("method", "percent", "months", "residual")

    def get_residual(self, plan: AssetPlan) -> str:
        return money.format_amount(plan.residual, currency=self.context["currency"])


class NewPlan(StrictSerializer):
    """Either a percentage or a number of months."""

    percent = serializers.DecimalField(
        max_digits=7, decimal_places=4, required=False, help_text="Of what is left, each month."
    )
    months = serializers.IntegerField(required=False, help_text="Equal amounts over this number of months.")
    residual = AmountField(required=False, help_text="Value after those months.")


@extend_schema_view(
    get=extend_schema(
        operation_id="asset_values_list",
        summary="Values of a valuable",
        description="Newest first: appraisals and months of depreciation. `asset_id` is the id of an account of an asset "
        "that is property, an investment or of kind `other`.",
        parameters=[*PAGE_PARAMETERS],
        responses=paged(ValueSerializer),
        examples=[OpenApiExample("A house", value=in_page(VALUE), response_only=True)],
    ),
    post=extend_schema(
        operation_id="asset_values_create",
        summary="Record what a valuable was worth",
        description="Posts the difference to the books against the equity account for changes of value.",
        request=NewValue,
        responses={201: ValueSerializer},
        examples=[
            OpenApiExample(
                "A house", request_only=True, value={name: VALUE[name] for name in ("date", "value", "note")}
            )
        ],
    ),
)
@extend_schema(tags=["assets"])
class ValueList(AssetView):
    """What a house or a car was worth, day by day."""

    serializer_class = ValueSerializer
    bodies = {"POST": NewValue}

    def get(self, request: Request, book_id: int, asset_id: int) -> Response:
        asset = self.asset()
        query_of(request, QuerySerializer)
        try:
            before = selectors.read_day(_PAGES.place(request))
        except ValueError as error:
            raise refused_cursor() from error
        rows, following = selectors.values_page(account=asset, before=before, limit=limit_of(request))
        context = {"currency": asset.currency}
        results = ValueSerializer(rows, many=True, context=context).data
        return Response(_PAGES.body(request, results=results, following=following.isoformat() if following else None))

    @once_per_key()
    def post(self, request: Request, book_id: int, asset_id: int) -> tuple[int, Any]:
        asset, given = self.asset(), self.body()
        value = money.parse_amount(given["value"], currency=asset.currency, field="value")
        row = services.appraise(account=asset, actor=self.user, date=given["date"], value=value, note=given["note"])
        shown = ValueSerializer(DatedValue(row=row, held=row.value), context={"currency": asset.currency})
        return status.HTTP_201_CREATED, shown.data


@extend_schema_view(
    delete=extend_schema(
        operation_id="asset_values_delete",
        summary="Remove an appraisal",
        description="Its entry is reversed; later values keep theirs.",
        responses={204: None},
    )
)
@extend_schema(tags=["assets"])
class ValueDetail(AssetView):
    """One appraisal."""

    serializer_class = ValueSerializer

    @once_per_key()
    def delete(self, request: Request, book_id: int, asset_id: int, value_id: int) -> tuple[int, Any]:
        value = selectors.value_for(account=self.asset(), value_id=value_id)
        services.remove_appraisal(value=value, actor=self.user)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    post=extend_schema(
        operation_id="asset_values_post",
        summary="Bring the books up to date with the values",
        description="Posts the difference where entries on the account have changed since.",
        request=None,
        responses={204: None},
    )
)
@extend_schema(tags=["assets"])
class PostValues(AssetView):
    """Values are posted again where the books hold something else."""

    @once_per_key()
    def post(self, request: Request, book_id: int, asset_id: int) -> tuple[int, Any]:
        services.bring_up_to_date(account=self.asset(), actor=self.user)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    get=extend_schema(
        operation_id="asset_depreciation_retrieve", summary="How a valuable loses value", responses=PlanSerializer
    ),
    put=extend_schema(
        operation_id="asset_depreciation_update",
        summary="Let a valuable lose value each month",
        description="From its latest appraisal on; months that are over are posted at once.",
        request=NewPlan,
        responses=PlanSerializer,
        examples=[
            OpenApiExample("Two per cent a month", request_only=True, value={"percent": "2"}),
            OpenApiExample("Five years", request_only=True, value={"months": 60, "residual": "2000.00"}),
        ],
    ),
    delete=extend_schema(
        operation_id="asset_depreciation_delete",
        summary="Stop the depreciation",
        description="Months that were posted stay.",
        responses={204: None},
    ),
)
@extend_schema(tags=["assets"])
class Depreciation(AssetView):
    """The depreciation of one valuable."""

    serializer_class = PlanSerializer
    bodies = {"PUT": NewPlan}

    def get(self, request: Request, book_id: int, asset_id: int) -> Response:
        asset = self.asset()
        plan = selectors.plan_of(account=asset)
        if plan is None:
            raise NotFound(thing="depreciation")
        return Response(PlanSerializer(plan, context={"currency": asset.currency}).data)

    @once_per_key()
    def put(self, request: Request, book_id: int, asset_id: int) -> tuple[int, Any]:
        asset, given = self.asset(), self.body()
        given["residual"] = money.parse_amount(given.get("residual", "0"), currency=asset.currency, field="residual")
        plan = services.plan_depreciation(account=asset, actor=self.user, **given)
        return status.HTTP_200_OK, PlanSerializer(plan, context={"currency": asset.currency}).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, asset_id: int) -> tuple[int, Any]:
        services.stop_depreciation(account=self.asset(), actor=self.user)
        return status.HTTP_204_NO_CONTENT, None
