"""Exchange rates of a book: everybody reads them, editors enter and import them."""

from typing import Any

from django.db.models import QuerySet
from django_filters import CharFilter, FilterSet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.serializers import StrictSerializer
from finance.api.base import BookView
from finance.valuation import selectors, services
from finance.valuation.models import ExchangeRate, ValuationChoice
from identity.api.idempotency import once_per_key

RATE = {
    "id": 7,
    "base": "USD",
    "quote": "EUR",
    "date": "2026-03-13",
    "rate": "0.9249",
    "source": "hand",
    "saved_by": "olga@example.org",
    "saved_at": "2026-03-14T09:30:00Z",
}
_RATE_HELP = "Units of `quote` for one unit of `base`, as a plain decimal text."


class RateSerializer(serializers.ModelSerializer[ExchangeRate]):
    rate = serializers.SerializerMethodField(help_text=_RATE_HELP)
    saved_by = serializers.EmailField(source="saved_by.email", default=None, read_only=True, allow_null=True)

    class Meta:
        model = ExchangeRate
        fields = ("id", "base", "quote", "date", "rate", "source", "saved_by", "saved_at")

    def get_rate(self, rate: ExchangeRate) -> str:
        return f"{rate.rate.normalize():f}"


class NewRate(StrictSerializer):
    base = serializers.CharField(max_length=8)
    quote = serializers.CharField(max_length=8)
    date = serializers.DateField(help_text="It holds from this day until the next rate of the pair.")
    rate = serializers.CharField(max_length=45, help_text=_RATE_HELP)


class RateChanges(StrictSerializer):
    base = serializers.CharField(max_length=8, required=False)
    quote = serializers.CharField(max_length=8, required=False)
    date = serializers.DateField(required=False)
    rate = serializers.CharField(max_length=45, required=False, help_text=_RATE_HELP)


class RateFile(StrictSerializer):
    csv = serializers.CharField(
        max_length=services.LARGEST_FILE,
        trim_whitespace=False,
        help_text="The file's text. Its first row names the columns date, from, to and rate.",
    )


class ImportedRatesSerializer(serializers.Serializer[Any]):
    added = serializers.IntegerField()
    changed = serializers.IntegerField()
    same = serializers.IntegerField()


class ChoiceSerializer(serializers.ModelSerializer[ValuationChoice]):
    class Meta:
        model = ValuationChoice
        fields = ("own_exchanges", "reference", "crossing")
        extra_kwargs = {name: {"read_only": True} for name in fields}


class ChoiceChanges(StrictSerializer):
    own_exchanges = serializers.BooleanField(required=False, help_text="Rates of the book's own exchanges.")
    reference = serializers.BooleanField(required=False, help_text="Published reference rates.")
    crossing = serializers.BooleanField(required=False, help_text="By way of a third currency.")


class RateFilters(FilterSet):  # type: ignore[misc]
    base = CharFilter(label="The pair's first currency.")
    quote = CharFilter(label="The pair's second currency.")

    class Meta:
        model = ExchangeRate
        fields: tuple[str, ...] = ()


@extend_schema_view(
    get=extend_schema(
        operation_id="rates_list",
        summary="Exchange rates of a book",
        description="Newest first; those entered or imported. Published rates and those of the book's own exchanges are "
        "used as well, and named where they are.",
        examples=[OpenApiExample("A rate", response_only=True, value=RATE)],
    ),
    post=extend_schema(
        operation_id="rates_create",
        summary="Enter an exchange rate",
        description="Replaces the rate of the same pair and day.",
        request=NewRate,
        responses={201: RateSerializer},
        examples=[
            OpenApiExample(
                "Dollars", request_only=True, value={name: RATE[name] for name in ("base", "quote", "date", "rate")}
            )
        ],
    ),
)
@extend_schema(tags=["rates"])
class RateList(BookView, generics.ListAPIView[ExchangeRate]):
    """What other currencies are worth."""

    serializer_class = RateSerializer
    bodies = {"POST": NewRate}
    filterset_class = RateFilters
    ordering = ("-date", "-id")

    def get_queryset(self) -> QuerySet[ExchangeRate]:
        if getattr(self, "swagger_fake_view", False):
            return ExchangeRate.objects.none()
        return ExchangeRate.objects.filter(book=self.book).select_related("saved_by")

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        rate = services.save_rate(book=self.book, actor=self.user, **self.body())
        return status.HTTP_201_CREATED, RateSerializer(rate).data


@extend_schema_view(
    get=extend_schema(operation_id="rates_retrieve", summary="An exchange rate", responses=RateSerializer),
    patch=extend_schema(
        operation_id="rates_update",
        summary="Change an exchange rate",
        request=RateChanges,
        responses=RateSerializer,
        examples=[OpenApiExample("Another value", request_only=True, value={"rate": "0.9251"})],
    ),
    delete=extend_schema(operation_id="rates_delete", summary="Remove an exchange rate", responses={204: None}),
)
@extend_schema(tags=["rates"])
class RateDetail(BookView):
    """One rate."""

    serializer_class = RateSerializer
    bodies = {"PATCH": RateChanges}

    def found(self) -> ExchangeRate:
        return selectors.rate_for(book=self.book, rate_id=self.kwargs["rate_id"])

    def get(self, request: Request, book_id: int, rate_id: int) -> Response:
        return Response(RateSerializer(self.found()).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int, rate_id: int) -> tuple[int, Any]:
        rate = self.found()
        said = {"base": rate.base, "quote": rate.quote, "date": rate.date, "rate": f"{rate.rate:f}"}
        rate = services.save_rate(book=self.book, actor=self.user, replaces=rate, **{**said, **self.body()})
        return status.HTTP_200_OK, RateSerializer(rate).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, rate_id: int) -> tuple[int, Any]:
        services.remove_rate(rate=self.found())
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    post=extend_schema(
        operation_id="rates_import",
        summary="Import exchange rates",
        description="All or none, at most 5 MB. Rates of the same pair and day are replaced; errors name the row.",
        request=RateFile,
        responses={201: ImportedRatesSerializer},
        examples=[
            OpenApiExample(
                "Two rates",
                request_only=True,
                value={"csv": "date,from,to,rate\n2026-03-12,USD,EUR,0.9259\n2026-03-13,USD,EUR,0.9249\n"},
            )
        ],
    )
)
@extend_schema(tags=["rates"])
class ImportRates(BookView):
    """Rates from the text of a CSV file."""

    serializer_class = ImportedRatesSerializer
    bodies = {"POST": RateFile}

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        found = services.import_rates(book=self.book, actor=self.user, data=self.body()["csv"].encode(), field="csv")
        return status.HTTP_201_CREATED, ImportedRatesSerializer(found).data


@extend_schema_view(
    get=extend_schema(operation_id="rates_choice", summary="Which rates a book uses", responses=ChoiceSerializer),
    patch=extend_schema(
        operation_id="rates_choose",
        summary="Choose which rates a book uses",
        request=ChoiceChanges,
        responses=ChoiceSerializer,
        examples=[OpenApiExample("Only direct rates", request_only=True, value={"crossing": False})],
    ),
)
@extend_schema(tags=["rates"])
class RateChoice(BookView):
    """In addition to those that were entered."""

    serializer_class = ChoiceSerializer
    bodies = {"PATCH": ChoiceChanges}

    def get(self, request: Request, book_id: int) -> Response:
        return Response(ChoiceSerializer(selectors.choice_of(book=self.book)).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int) -> tuple[int, Any]:
        said = dict(ChoiceSerializer(selectors.choice_of(book=self.book)).data)
        chosen = services.choose_rates(book=self.book, **{**said, **self.body()})
        return status.HTTP_200_OK, ChoiceSerializer(chosen).data
