"""Shapes of forecasts on the wire. Balances are signed as on the account: what a card owes is below zero."""

import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.api.queries import QuerySerializer
from core.api.serializers import StrictSerializer
from finance import money
from finance.api.fields import AmountField
from finance.ledger.models import Account
from finance.planning.forecast.bands import Basis, Score
from finance.planning.forecast.models import ForecastAccount, ForecastPoint
from finance.planning.forecast.projection import DAYS, Point, Projection, Turnover
from finance.planning.forecast.selectors import AccountForecast, BookForecast, floor_of
from finance.planning.upcoming import Layer, Upcoming

_BASES = [basis.value for basis in Basis]
LAYERS = [layer.value for layer in Layer]
POINT = {"date": "2026-04-30", "amount": "412.50"}
TOTAL = {
    "currency": "EUR",
    "today": "1250.00",
    "lowest": POINT,
    "first_below_floor": None,
    "safe_to_spend": "412.50",
    "set_aside": "0.00",
    "end": {"date": "2027-04-19", "amount": "3120.00"},
}
ACCOUNT = {
    "account": 41,
    "name": "Checking account",
    **TOTAL,
    "with_entered": "1100.00",
    "floor": "0.00",
    "band": "history",
    "usual_monthly": "-640.00",
    "usual_months": 12,
    "unplanned_income": "0.00",
}
TURNOVER = {"currency": "EUR", "layer": "schedule", "received": "2000.00", "spent": "-752.22", "net": "1247.78"}
FORECAST = {
    "today": "2026-03-15",
    "days": 400,
    "learned_on": "2026-03-15",
    "accounts": [ACCOUNT],
    "totals": [TOTAL],
    "layers": [TURNOVER],
}
DAY = {
    "date": "2026-03-31",
    "expected": "1210.00",
    "low": "1100.00",
    "high": "1300.00",
    "layers": [{"layer": "schedule", "change": "-40.00"}],
}
UPCOMING = {
    "date": "2026-03-31",
    "nominal": "2026-03-31",
    "account": 41,
    "amount": "-700.00",
    "least": None,
    "most": None,
    "currency": "EUR",
    "layer": "schedule",
    "label": "Rent",
    "source": 4,
}
SETTING = {"account": 41, "name": "Checking account", "currency": "EUR", "floor": "-500.00", "included": True}
KEPT = {"id": 12, "made_on": "2026-03-15", "made_at": "2026-03-15T00:01:12Z"}
FIGURE = {
    "account": 41,
    "horizon": 30,
    "date": "2026-04-14",
    "start": "1250.00",
    "planned": "-200.00",
    "habitual": "-640.00",
    "expected": "410.00",
    "low": "180.00",
    "high": "520.00",
    "band": "history",
    "actual": None,
    "actual_planned": None,
}
SCORE = {"account": 41, "horizon": 30, "forecasts": 120, "mean_error": "84.10", "coverage": "81.6"}


class DayQuery(QuerySerializer):
    today = serializers.DateField(required=False, help_text="The day it is made for; default: today in the book.")

    def validate_today(self, day: datetime.date) -> datetime.date:
        if not 1900 <= day.year <= 2199:
            raise serializers.ValidationError(_("Give a day from 1900 to 2199."))
        return day


class ForecastQuery(DayQuery):
    days = serializers.IntegerField(
        required=False, min_value=1, max_value=DAYS, help_text="How many days ahead; default: 400."
    )


class DaysQuery(ForecastQuery):
    account = serializers.IntegerField(
        required=False, min_value=1, help_text="One account; default: all with a floor together."
    )
    currency = serializers.CharField(
        required=False, help_text="Of all accounts together; default: the book's currency."
    )


class UpcomingQuery(ForecastQuery):
    account = serializers.IntegerField(required=False, min_value=1, help_text="Only of this account.")
    layer = serializers.ChoiceField(choices=LAYERS, required=False, help_text="Only of this layer.")


class PointSerializer(serializers.Serializer[Any]):
    date = serializers.DateField()
    amount = serializers.CharField(help_text="Balance at the end of the day.")


class ForecastTotalSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    today = serializers.CharField(help_text="Balance now, without entries dated ahead.")
    lowest = PointSerializer(help_text="The lowest expected balance, today included, and its first day.")
    first_below_floor = PointSerializer(allow_null=True, help_text="The first day below the floor; null: none.")
    safe_to_spend = serializers.CharField(
        help_text="What can be spent today without falling below the floor, or touching goals, on any later day."
    )
    set_aside = serializers.CharField(help_text="Held by goals.")
    end = PointSerializer(help_text="The last day.")


class AccountForecastSerializer(ForecastTotalSerializer):
    account = serializers.IntegerField()
    name = serializers.CharField()
    with_entered = serializers.CharField(help_text="Balance with all entries dated ahead.")
    floor = serializers.CharField(allow_null=True, help_text="The least balance it should keep; null: none.")
    band = serializers.ChoiceField(
        choices=_BASES,
        help_text="What its band rests on; none: too little is known, and there is no band.",
    )
    usual_monthly = serializers.CharField(
        allow_null=True,
        help_text="Usual change of a month beside plans (median); null with fewer than three whole months.",
    )
    usual_months = serializers.IntegerField(help_text="Whole months that this was learned from.")
    unplanned_income = serializers.CharField(
        help_text="Usual income of a month that no plan expects. It is not in the forecast."
    )


class ForecastLayerSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    layer = serializers.ChoiceField(choices=LAYERS)
    received = serializers.CharField()
    spent = serializers.CharField(help_text="Zero or below.")
    net = serializers.CharField()


class ForecastSerializer(serializers.Serializer[Any]):
    today = serializers.DateField()
    days = serializers.IntegerField()
    learned_on = serializers.DateField(help_text="When habits and bands were learned.")
    accounts = AccountForecastSerializer(many=True)
    totals = ForecastTotalSerializer(many=True, help_text="Per currency, of all accounts with a floor.")
    layers = ForecastLayerSerializer(
        many=True, help_text="What comes in and goes out of them, by where it is expected from."
    )


class LayerChangeSerializer(serializers.Serializer[Any]):
    layer = serializers.ChoiceField(choices=LAYERS)
    change = serializers.CharField()


class ForecastDaySerializer(serializers.Serializer[Any]):
    date = serializers.DateField()
    expected = serializers.CharField(help_text="Balance at the end of the day.")
    low = serializers.CharField(allow_null=True, help_text="Exceeded nine times of ten; null without a band.")
    high = serializers.CharField(allow_null=True, help_text="Exceeded once in ten.")
    layers = LayerChangeSerializer(many=True, help_text="What changes it that day.")


class UpcomingSerializer(serializers.Serializer[Any]):
    date = serializers.DateField()
    nominal = serializers.DateField(help_text="The day it is known by; a weekend may lie between.")
    account = serializers.IntegerField()
    amount = serializers.CharField()
    least = serializers.CharField(allow_null=True)
    most = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    layer = serializers.ChoiceField(choices=LAYERS)
    label = serializers.CharField()  # type: ignore[assignment]
    source = serializers.IntegerField(  # type: ignore[assignment]
        allow_null=True, help_text="Id of what expects it, such as the schedule."
    )


class ForecastAccountSerializer(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    name = serializers.CharField()
    currency = serializers.CharField()
    floor = serializers.CharField(allow_null=True)
    included = serializers.BooleanField()


class ForecastAccountChanges(StrictSerializer):
    floor = AmountField(
        required=False,
        allow_null=True,
        help_text="The least balance it should keep: below zero for an overdraft. Null: any will do.",
    )
    included = serializers.BooleanField(required=False, help_text="Whether it is forecast.")


class KeptForecastSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    made_on = serializers.DateField()
    made_at = serializers.DateTimeField()


class ForecastFigureSerializer(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    horizon = serializers.IntegerField(help_text="Days ahead.")
    date = serializers.DateField()
    start = serializers.CharField(help_text="Balance when it was made.")
    planned = serializers.CharField(help_text="Change expected of plans.")
    habitual = serializers.CharField(help_text="Change expected of usual spending.")
    expected = serializers.CharField()
    low = serializers.CharField(allow_null=True)
    high = serializers.CharField(allow_null=True)
    band = serializers.ChoiceField(choices=_BASES)
    actual = serializers.CharField(allow_null=True, help_text="What came; null before the day is over.")
    actual_planned = serializers.CharField(allow_null=True, help_text="The part of the change that plans explain.")


class ForecastScoreSerializer(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    horizon = serializers.IntegerField(help_text="Days ahead.")
    forecasts = serializers.IntegerField(help_text="How many were compared with what came.")
    mean_error = serializers.CharField(help_text="Mean absolute error.")
    coverage = serializers.CharField(
        allow_null=True, help_text="Percent of them inside their band, which should be about 80; null without bands."
    )


def _text(amount: int, currency: str) -> str:
    return money.format_amount(amount, currency=currency)


def _perhaps(amount: int | None, currency: str) -> str | None:
    return None if amount is None else money.format_amount(amount, currency=currency)


def point(found: Point | None, currency: str) -> dict[str, Any] | None:
    """A balance on a day."""
    return None if found is None else {"date": found.date, "amount": _text(found.amount, currency)}


def total(found: Projection) -> dict[str, Any]:
    """The figures of a projection."""
    currency = found.holding.currency
    return {
        "currency": currency,
        "today": _text(found.holding.balance, currency),
        "lowest": point(found.lowest(), currency),
        "first_below_floor": point(found.below_floor(), currency),
        "safe_to_spend": _text(found.safe_to_spend(), currency),
        "set_aside": _text(found.holding.set_aside, currency),
        "end": point(found.point(len(found.expected) - 1), currency),
    }


def account_forecast(found: AccountForecast) -> dict[str, Any]:
    """The forecast of an account."""
    currency, habit = found.account.currency, found.learned.habit
    return {
        "account": found.account.pk,
        "name": found.account.name,
        **total(found.projection),
        "with_entered": _text(found.with_entered, currency),
        "floor": _perhaps(found.projection.holding.floor, currency),
        "band": found.band.basis if found.band else Basis.NONE,
        "usual_monthly": _perhaps(habit.monthly if habit else None, currency),
        "usual_months": habit.months if habit else 0,
        "unplanned_income": _text(found.learned.income, currency),
    }


def forecast(found: BookForecast, layers: dict[str, dict[Layer, Turnover]]) -> dict[str, Any]:
    """The forecast of a book."""
    return {
        "today": found.today,
        "days": found.days,
        "learned_on": found.learned_on,
        "accounts": [account_forecast(each) for each in found.accounts],
        "totals": [total(each) for each in found.totals().values()],
        "layers": [
            {
                "currency": currency,
                "layer": layer,
                "received": _text(turnover.received, currency),
                "spent": _text(turnover.spent, currency),
                "net": _text(turnover.net, currency),
            }
            for currency, by_layer in sorted(layers.items())
            for layer, turnover in sorted(by_layer.items())
        ],
    }


def day(found: Projection, number: int, *, low: int | None, high: int | None) -> dict[str, Any]:
    """One day of a projection."""
    currency = found.holding.currency
    changes = {layer: steps[number] for layer, steps in found.steps.items() if steps.get(number)}
    return {
        "date": found.date(number),
        "expected": _text(found.expected[number], currency),
        "low": _perhaps(low, currency),
        "high": _perhaps(high, currency),
        "layers": [{"layer": layer, "change": _text(amount, currency)} for layer, amount in sorted(changes.items())],
    }


def upcoming(found: Upcoming) -> dict[str, Any]:
    """A movement that is expected."""
    return {
        "date": found.date,
        "nominal": found.nominal,
        "account": found.account_id,
        "amount": _text(found.amount, found.currency),
        "least": _perhaps(found.least, found.currency),
        "most": _perhaps(found.most, found.currency),
        "currency": found.currency,
        "layer": found.layer,
        "label": found.label,
        "source": found.source_id,
    }


def setting(account: Account, told: ForecastAccount | None) -> dict[str, Any]:
    """What the forecast knows of an account."""
    return {
        "account": account.pk,
        "name": account.name,
        "currency": account.currency,
        "floor": _perhaps(floor_of(account, told), account.currency),
        "included": told is None or told.included,
    }


def figure(found: ForecastPoint) -> dict[str, Any]:
    """A figure of a forecast that was kept."""
    currency = found.account.currency
    shown = {
        name: _perhaps(getattr(found, name), currency)
        for name in ("start", "planned", "habitual", "expected", "low", "high", "actual", "actual_planned")
    }
    return {
        "account": found.account_id,
        "horizon": found.horizon,
        "date": found.date,
        "band": found.rests_on,
        **shown,
    }


def score(account: Account, found: Score) -> dict[str, Any]:
    """How good forecasts were."""
    coverage = found.coverage
    return {
        "account": account.pk,
        "horizon": found.horizon,
        "forecasts": found.forecasts,
        "mean_error": _text(found.mean_error, account.currency),
        "coverage": None if coverage is None else f"{coverage // 10}.{coverage % 10}",
    }


def today_of(given: dict[str, Any], otherwise: datetime.date) -> datetime.date:
    """The day that was asked for."""
    asked: datetime.date | None = given.get("today")
    return asked or otherwise
