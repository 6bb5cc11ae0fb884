"""/books/{book_id}/forecast/: what accounts are likely to hold, what that rests on, and how good it was."""

import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import ForwardPages, limit_of, refused_cursor
from core.api.queries import PAGE_PARAMETERS, QuerySerializer, query_of
from core.api.serializers import in_page, paged
from finance import money
from finance.api import forecast_shapes as shapes
from finance.api.base import BookView
from finance.errors import Conflict, NotFound
from finance.forecasts import book_forecast, make_forecast
from finance.planning.forecast import selectors, services
from finance.planning.forecast.models import Forecast, ForecastPoint
from finance.planning.forecast.projection import DAYS, turnovers
from finance.planning.forecast.selectors import BookForecast
from identity.api.idempotency import once_per_key

_DAYS = ForwardPages("forecast-days")
_UPCOMING = ForwardPages("forecast-upcoming")
_ACCOUNTS = ForwardPages("forecast-accounts")
_FIGURES = ForwardPages("forecast-figures")
_SCORES = ForwardPages("forecast-scores")


class ForecastView(BookView):
    serializer_class: Any = shapes.ForecastSerializer

    def forecast(self, asked: type[QuerySerializer]) -> tuple[dict[str, Any], BookForecast]:
        """The query, and the forecast for its day."""
        given = query_of(self.request, asked)
        today = shapes.today_of(given, self.today())
        return given, book_forecast(book=self.book, today=today, days=given.get("days", DAYS))

    def numbered(self, pages: ForwardPages, rows: list[Any]) -> Response:
        """A page of rows that are known by their place."""
        place, limit = pages.place(self.request), limit_of(self.request)
        if place is not None and not place.isdigit():
            raise refused_cursor()
        start = int(place or 0)
        more = len(rows) > start + limit
        body = pages.body(self.request, results=rows[start : start + limit], following=start + limit if more else None)
        return Response(body)


@extend_schema_view(
    get=extend_schema(
        operation_id="forecast_retrieve",
        summary="The forecast of a book",
        description=(
            "Per account and currency: today's balance, the balance with entries dated ahead, the lowest point, the "
            "first day below the floor, and what is safe to spend. Nothing of it is posted."
        ),
        parameters=[shapes.ForecastQuery],
        responses=shapes.ForecastSerializer,
        examples=[OpenApiExample("A forecast", response_only=True, value=shapes.FORECAST)],
    )
)
@extend_schema(tags=["forecast"])
class ForecastDetail(ForecastView):
    """The forecast as it stands now."""

    def get(self, request: Request, book_id: int) -> Response:
        _given, found = self.forecast(shapes.ForecastQuery)
        counted = {each.account.pk for each in found.accounts if each.projection.holding.floor is not None}
        last = found.today + datetime.timedelta(days=found.days)
        layers = turnovers(
            (each for each in found.upcoming if each.account_id in counted), first=datetime.date.min, last=last
        )
        return Response(shapes.ForecastSerializer(shapes.forecast(found, layers)).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="forecast_days",
        summary="The forecast day by day",
        description="From today on: the expected balance with its band, and what changes it by layer.",
        parameters=[shapes.DaysQuery, *PAGE_PARAMETERS],
        responses=paged(shapes.ForecastDaySerializer),
        examples=[OpenApiExample("A page", response_only=True, value=in_page(shapes.DAY))],
    )
)
@extend_schema(tags=["forecast"])
class ForecastDays(ForecastView):
    """Balances of one account, or of all with a floor in one currency."""

    serializer_class = shapes.ForecastDaySerializer

    def get(self, request: Request, book_id: int) -> Response:
        given, found = self.forecast(shapes.DaysQuery)
        if "account" in given:
            account = found.of(given["account"])
            projection, band = account.projection, account.band
        else:
            currency = given.get("currency", self.book.base_currency)
            totals = found.totals()
            if currency not in totals:
                raise NotFound(thing="account", field="currency")
            projection, band = totals[currency], None
        days = [
            shapes.day(
                projection, number, low=band.low[number] if band else None, high=band.high[number] if band else None
            )
            for number in range(found.days + 1)
        ]
        return self.numbered(_DAYS, days)


@extend_schema_view(
    get=extend_schema(
        operation_id="forecast_upcoming",
        summary="What the forecast expects",
        description="Every movement, by day: entries dated ahead, schedules and other plans, usual spending.",
        parameters=[shapes.UpcomingQuery, *PAGE_PARAMETERS],
        responses=paged(shapes.UpcomingSerializer),
        examples=[OpenApiExample("A page", response_only=True, value=in_page(shapes.UPCOMING))],
    )
)
@extend_schema(tags=["forecast"])
class ForecastUpcoming(ForecastView):
    """The movements behind the forecast."""

    serializer_class = shapes.UpcomingSerializer

    def get(self, request: Request, book_id: int) -> Response:
        given, found = self.forecast(shapes.UpcomingQuery)
        if "account" in given:
            found.of(given["account"])
        rows = [
            shapes.upcoming(each)
            for each in found.upcoming
            if given.get("account", each.account_id) == each.account_id and given.get("layer", each.layer) == each.layer
        ]
        return self.numbered(_UPCOMING, rows)


@extend_schema_view(
    get=extend_schema(
        operation_id="forecast_accounts_list",
        summary="Accounts that can be forecast",
        parameters=PAGE_PARAMETERS,
        responses=paged(shapes.ForecastAccountSerializer),
        examples=[OpenApiExample("A page", response_only=True, value=in_page(shapes.SETTING))],
    )
)
@extend_schema(tags=["forecast"])
class ForecastAccountList(ForecastView):
    """Open cash, bank and card accounts, with the least balance that each should keep."""

    serializer_class = shapes.ForecastAccountSerializer

    def get(self, request: Request, book_id: int) -> Response:
        query_of(request, QuerySerializer)
        found = selectors.accounts_in_forecast(book=self.book)
        return self.numbered(_ACCOUNTS, [shapes.setting(*each) for each in found])


@extend_schema_view(
    get=extend_schema(
        operation_id="forecast_accounts_retrieve",
        summary="An account in the forecast",
        responses=shapes.ForecastAccountSerializer,
        examples=[OpenApiExample("A setting", response_only=True, value=shapes.SETTING)],
    ),
    patch=extend_schema(
        operation_id="forecast_accounts_update",
        summary="Set an account's floor, or leave it out",
        request=shapes.ForecastAccountChanges,
        responses=shapes.ForecastAccountSerializer,
        examples=[
            OpenApiExample("An overdraft", request_only=True, value={"floor": "-500.00"}),
            OpenApiExample("A setting", response_only=True, value=shapes.SETTING),
        ],
    ),
)
@extend_schema(tags=["forecast"])
class ForecastAccountDetail(ForecastView):
    """What the forecast knows of one account."""

    serializer_class = shapes.ForecastAccountSerializer
    bodies = {"PATCH": shapes.ForecastAccountChanges}

    def shown(self) -> dict[str, Any]:
        found = selectors.account_in_forecast(book=self.book, account_id=self.kwargs["account_id"])
        return shapes.setting(*found)

    def get(self, request: Request, book_id: int, account_id: int) -> Response:
        return Response(self.shown())

    @once_per_key()
    def patch(self, request: Request, book_id: int, account_id: int) -> tuple[int, Any]:
        given = self.body()
        account, _told = selectors.account_in_forecast(book=self.book, account_id=self.kwargs["account_id"])
        account.book = self.book
        if given.get("floor") is not None:
            given["floor"] = money.parse_amount(given["floor"], currency=account.currency, field="floor")
        services.change_account(account=account, actor=self.user, **given)
        return status.HTTP_200_OK, self.shown()


class KeptSerializer(serializers.ModelSerializer[Forecast]):
    class Meta:
        model = Forecast
        fields = ("id", "made_on", "made_at")
        ref_name = "KeptForecast"


@extend_schema_view(
    get=extend_schema(
        operation_id="forecasts_list",
        summary="Forecasts that were made, the oldest first",
        examples=[OpenApiExample("A forecast", response_only=True, value=shapes.KEPT)],
    ),
    post=extend_schema(
        operation_id="forecasts_create",
        summary="Make today's forecast now",
        description="One is made each day by itself. This learns anew from the past, and replaces today's.",
        request=None,
        responses={201: KeptSerializer},
        examples=[OpenApiExample("A forecast", response_only=True, value=shapes.KEPT)],
    ),
)
@extend_schema(tags=["forecast"])
class KeptForecasts(BookView, generics.ListAPIView[Forecast]):
    """Forecasts are kept, so that they can be compared with what came."""

    serializer_class = KeptSerializer
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[Forecast]:
        if getattr(self, "swagger_fake_view", False):
            return Forecast.objects.none()
        return Forecast.objects.filter(book=self.book).defer("basis")

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        made = make_forecast(book=self.book, today=self.today())
        if made is None:
            raise Conflict(reason=_("There is no account to forecast."))
        return status.HTTP_201_CREATED, KeptSerializer(made).data


@extend_schema_view(
    get=extend_schema(
        operation_id="forecasts_figures",
        summary="Figures of a forecast, and what came",
        parameters=PAGE_PARAMETERS,
        responses=paged(shapes.ForecastFigureSerializer),
        examples=[OpenApiExample("A page", response_only=True, value=in_page(shapes.FIGURE))],
    )
)
@extend_schema(tags=["forecast"])
class ForecastFigures(ForecastView):
    """Figures at 7, 30, 90, 180 and 365 days ahead."""

    serializer_class = shapes.ForecastFigureSerializer

    def get(self, request: Request, book_id: int, forecast_id: int) -> Response:
        query_of(request, QuerySerializer)
        kept = selectors.forecast_for(book=self.book, forecast_id=self.kwargs["forecast_id"])
        points = ForecastPoint.objects.filter(forecast=kept).select_related("account")
        rows = points.order_by("account_id", "horizon")
        return self.numbered(_FIGURES, [shapes.figure(each) for each in rows])


@extend_schema_view(
    get=extend_schema(
        operation_id="forecast_scores",
        summary="How good the forecasts were",
        description="Per account and days ahead, over the forecasts of the last 400 days.",
        parameters=PAGE_PARAMETERS,
        responses=paged(shapes.ForecastScoreSerializer),
        examples=[OpenApiExample("A page", response_only=True, value=in_page(shapes.SCORE))],
    )
)
@extend_schema(tags=["forecast"])
class ForecastScores(ForecastView):
    """Mean error, and how often the band held."""

    serializer_class = shapes.ForecastScoreSerializer

    def get(self, request: Request, book_id: int) -> Response:
        query_of(request, QuerySerializer)
        accounts = [account for account, _told in selectors.accounts_in_forecast(book=self.book)]
        ids = [account.pk for account in accounts]
        scores = selectors.scores_of(book=self.book, account_ids=ids, today=self.today())
        rows = [shapes.score(account, each) for account in accounts for each in scores.get(account.pk, [])]
        return self.numbered(_SCORES, rows)
