"""Everything that changes forecasts: the least that accounts should keep, forecasts that are made, and their scores."""

import datetime
from collections.abc import Callable, Collection

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Invalid
from finance.events.plans import ForecastAccountSet, ForecastMade, ForecastScored
from finance.ledger.models import Account, Book
from finance.ledger.selectors import balances_of
from finance.planning.forecast.bands import HORIZONS
from finance.planning.forecast.models import Forecast, ForecastAccount, ForecastPoint
from finance.planning.forecast.selectors import (
    BookForecast,
    account_in_forecast,
    changes_by_plans,
    floor_of,
    waiting_points,
)
from finance.planning.upcoming import Layer
from identity.models import User
from platform_outbox.emit import emit

# Forecasts of two years and their scores are kept.
KEPT = datetime.timedelta(days=800)


@transaction.atomic
def set_account(
    *, account: Account, actor: User | None, floor: int | None = None, has_floor: bool = True, included: bool = True
) -> ForecastAccount:
    """Set the least balance (minor units) that the account should keep, and whether it is forecast at all.

    `has_floor` False: any balance will do. Raises Invalid for an account that is never forecast.
    """
    _account, told = account_in_forecast(book=account.book, account_id=account.pk)
    values = {"floor": (floor or 0) if has_floor else None, "included": included}
    if told is None:
        told = ForecastAccount(book=account.book, account=account)
    for name, value in values.items():
        setattr(told, name, value)
    told.save()
    emit(ForecastAccountSet(book_id=account.book_id, account_id=account.pk))
    return told


@transaction.atomic
def change_account(*, account: Account, actor: User | None, **changes: int | bool | None) -> ForecastAccount:
    """As `set_account`, keeping what `changes` (floor, included) does not name; a floor of None is none."""
    _account, told = account_in_forecast(book=account.book, account_id=account.pk)
    floor = changes.get("floor", floor_of(account, told))
    included = changes.get("included", told.included if told else True)
    return set_account(account=account, actor=actor, floor=floor, has_floor=floor is not None, included=bool(included))


@transaction.atomic
def keep_forecast(*, book: Book, made: BookForecast) -> Forecast:
    """Keep the forecast with its figures at each horizon; another one of the same day is replaced.

    Raises Invalid for one that does not reach the last horizon.
    """
    if made.days < HORIZONS[-1]:
        raise Invalid(field="days", reason=_("A forecast that is kept reaches a year ahead."))
    Forecast.objects.filter(book=book, made_on__lt=made.today - KEPT).delete()
    Forecast.objects.filter(book=book, made_on=made.today).delete()
    kept = Forecast.objects.create(
        book=book,
        made_on=made.today,
        basis={str(each.account.pk): each.learned.as_json() for each in made.accounts},
    )
    points = []
    for each in made.accounts:
        projection = each.projection
        for horizon in HORIZONS:
            habitual = projection.layer(Layer.HABIT, day=horizon)
            start, expected = projection.holding.balance, projection.expected[horizon]
            points.append(
                ForecastPoint(
                    book=book,
                    forecast=kept,
                    account=each.account,
                    horizon=horizon,
                    date=projection.date(horizon),
                    start=start,
                    planned=expected - start - habitual,
                    habitual=habitual,
                    expected=expected,
                    low=each.band.low[horizon] if each.band else None,
                    high=each.band.high[horizon] if each.band else None,
                    rests_on=each.learned.basis(horizon),
                )
            )
    ForecastPoint.objects.bulk_create(points)
    emit(ForecastMade(book_id=book.pk, forecast_id=kept.pk, date=made.today))
    return kept


@transaction.atomic
def score_points(*, book: Book, today: datetime.date, linked: Callable[[], Collection[int]]) -> int:
    """Compare figures whose day is over with what came; returns how many. `linked` tells entries that paid a plan."""
    points = waiting_points(book=book, today=today)
    if not points:
        return 0
    by_plans = changes_by_plans(points=points, linked=linked())
    days: dict[datetime.date, list[ForecastPoint]] = {}
    for point in points:
        days.setdefault(point.date, []).append(point)
    for date, of_day in days.items():
        held = balances_of(account_ids=[point.account_id for point in of_day], as_of=date)
        for point in of_day:
            point.actual = held.get(point.account_id, 0)
            point.actual_planned = by_plans[point.pk]
    ForecastPoint.objects.bulk_update(points, ["actual", "actual_planned"], batch_size=1000)
    emit(ForecastScored(book_id=book.pk, points=len(points)))
    return len(points)
