"""How far a forecast may be off: bands from a household's own past errors; without a database.

An error is what happened less what was expected. Of n errors the 10 % and 90 % points are those with the ranks
⌊(n + 1)/10⌋ and ⌈9(n + 1)/10⌉, the ranks of split conformal prediction (Vovk, Gammerman and Shafer, *Algorithmic
Learning in a Random World*, 2005): another error of the same kind lies between them four times out of five.
"""

import datetime
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import isqrt

from finance.planning.forecast.habits import learn
from finance.planning.forecast.projection import Projection
from finance.planning.upcoming import Upcoming

# Days ahead at which forecasts are kept and scored.
HORIZONS = (7, 30, 90, 180, 365)
# With fewer errors their extremes are no 10 % and 90 % points yet.
MIN_ERRORS = 9
# Errors are used once their forecasts cover the time ahead that often.
MIN_WINDOWS = 4
_STEP = datetime.timedelta(days=7)
_ONE_DAY = datetime.timedelta(days=1)


class Basis(StrEnum):
    """What a band rests on."""

    FORECASTS = "forecasts"  # errors of earlier forecasts
    HISTORY = "history"  # errors that forecasts would have had over the past year
    STRETCHED = "stretched"  # errors of a shorter time ahead, stretched
    NONE = "none"  # too little is known: there is no band


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Minor units below (<= 0) and above (>= 0) the expected balance within which it stays four times out of five."""

    low: int = 0
    high: int = 0
    errors: int = 0
    basis: Basis = Basis.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The balance that is exceeded in nine of ten cases, and that is exceeded in one of ten, day by day."""

    low: Sequence[int]
    high: Sequence[int]
    basis: Basis


def spread_of(errors: Sequence[int], *, basis: Basis, horizon: int = 0, step: int = 1) -> Spread | None:
    """The band of errors at one time ahead, of forecasts made every `step` days; None for fewer than MIN_ERRORS.

    Forecasts of 90 days that are made each week share most of their days: those of a year are worth about four. So the
    band is widened by 17 ÷ n², where n is how many times the days they cover hold the horizon. The number was chosen on
    generated households (bench/planning_forecast.py, seeds below 100,000).
    """
    count = len(errors)
    if count < MIN_ERRORS:
        return None
    ordered = sorted(errors)
    below = max(1, (count + 1) // 10)
    square = covered_days(count, horizon=horizon, step=step) ** 2
    wider = square + 17 * horizon**2
    return Spread(
        low=min(0, ordered[below - 1]) * wider // square,
        high=max(0, ordered[count - below]) * wider // square,
        errors=count,
        basis=basis,
    )


def covered_days(count: int, *, horizon: int, step: int) -> int:
    """How many days that many forecasts cover, made every `step` days and reaching `horizon` days each."""
    return (count - 1) * step + max(1, horizon)


def backtest(
    changes: Mapping[datetime.date, int], *, first: datetime.date, last: datetime.date
) -> dict[int, list[int]]:
    """Errors per horizon that the habitual layer would have had: learned on a day of the past, compared with what came.

    One forecast a week. Each sees only what was before it, so the errors are as honest as those of stored forecasts.
    """
    found: dict[int, list[int]] = {horizon: [] for horizon in HORIZONS}
    dates = sorted(changes)
    reached = [0]
    for date in dates:
        reached.append(reached[-1] + changes[date])

    def through(date: datetime.date) -> int:
        return reached[bisect_left(dates, date + _ONE_DAY)]

    made_on = last - HORIZONS[0] * _ONE_DAY
    while made_on > first:
        habit = learn(changes, first=first, last=made_on)
        if habit is None:
            break
        longest = max(horizon for horizon in HORIZONS if made_on + horizon * _ONE_DAY <= last)
        expected = 0
        for day, (date, amount) in enumerate(habit.days(made_on + _ONE_DAY, made_on + longest * _ONE_DAY), start=1):
            expected += amount
            if day in found:
                found[day].append(through(date) - through(made_on) - expected)
        made_on -= _STEP
    return found


def spreads(*, scored: Mapping[int, Sequence[int]], backtested: Mapping[int, Sequence[int]]) -> dict[int, Spread]:
    """The spread at each horizon: of earlier forecasts where enough were scored, else of the past.

    A horizon that neither covers MIN_WINDOWS times is stretched from the next shorter one, by the days ahead to the power
    of 3/4: between errors of single days, which grow with the square root, and an error in what is usual, which grows
    evenly. Chosen like the number of `spread_of`. Without any errors there is no band.
    """
    found: dict[int, Spread] = {}
    for horizon in HORIZONS:
        for errors, basis, step in ((scored, Basis.FORECASTS, 1), (backtested, Basis.HISTORY, _STEP.days)):
            given = errors.get(horizon, ())
            if covered_days(len(given), horizon=horizon, step=step) >= MIN_WINDOWS * horizon:
                spread = spread_of(given, basis=basis, horizon=horizon, step=step)
                if spread is not None:
                    found[horizon] = spread
                    break
        else:
            if found:
                known = max(found)
                # In thousandths: the fourth root of 10¹² is 1,000.
                factor = isqrt(isqrt(10**12 * horizon**3 // known**3))
                found[horizon] = Spread(
                    low=-(-found[known].low * factor // 1000),
                    high=found[known].high * factor // 1000,
                    errors=found[known].errors,
                    basis=Basis.STRETCHED,
                )
    return found


def band(
    projection: Projection,
    *,
    spreads: Iterable[Mapping[int, Spread]],
    upcoming: Iterable[Upcoming] = (),
) -> Band | None:
    """The band around a projection; None where nothing tells how far it may be off.

    `spreads` are those of parts that err by themselves (what is planned, what is habit), to which the bounds of amounts
    that are not certain (`least`, `most`) are added. Parts that are independent add up as squares. Between horizons a
    spread grows evenly, behind the last it stays.
    """
    days = len(projection.expected)
    squares_low, squares_high = [0] * days, [0] * days
    basis = Basis.NONE
    order = list(Basis)
    for part in spreads:
        if not part:
            continue
        low, high = _interpolated(part, days, low=True), _interpolated(part, days, low=False)
        for day in range(days):
            squares_low[day] += low[day] ** 2
            squares_high[day] += high[day] ** 2
        worst = max((each.basis for each in part.values()), key=order.index)
        basis = worst if basis is Basis.NONE else max(basis, worst, key=order.index)
    uncertain = False
    steps_low, steps_high = [0] * days, [0] * days
    for each in upcoming:
        day = max(0, (each.date - projection.today).days)
        if each.account_id == projection.holding.account_id and day < days:
            steps_low[day] += (each.amount - each.least) ** 2 if each.least is not None else 0
            steps_high[day] += (each.most - each.amount) ** 2 if each.most is not None else 0
            uncertain = uncertain or bool(steps_low[day] or steps_high[day])
    if basis is Basis.NONE and not uncertain:
        return None
    lows, highs = [], []
    reached_low = reached_high = 0
    for day, expected in enumerate(projection.expected):
        reached_low += steps_low[day]
        reached_high += steps_high[day]
        lows.append(expected - isqrt(squares_low[day] + reached_low))
        highs.append(expected + isqrt(squares_high[day] + reached_high))
    return Band(low=lows, high=highs, basis=basis)


def _interpolated(part: Mapping[int, Spread], days: int, *, low: bool) -> list[int]:
    """The half-width (>= 0) of a part on each day."""
    known = [(0, 0), *sorted((horizon, -each.low if low else each.high) for horizon, each in part.items())]
    found = []
    for (start, before), (end, after) in pairwise(known):
        found += [before + (after - before) * (day - start) // (end - start) for day in range(start, min(end, days))]
    return found + [known[-1][1]] * (days - len(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How good forecasts were at one time ahead: mean absolute error in minor units, and tenths of a percent inside.

    `coverage` is None where no forecast had a band.
    """

    horizon: int
    forecasts: int
    mean_error: int
    coverage: int | None


def score(horizon: int, outcomes: Sequence[tuple[int, int, int | None, int | None]]) -> Score:
    """Score outcomes (actual, expected, low, high) of one horizon. Raises ValueError for none."""
    if not outcomes:
        raise ValueError("There is nothing to score.")
    count = len(outcomes)
    off = sum(abs(actual - expected) for actual, expected, _low, _high in outcomes)
    inside = [low <= actual <= high for actual, _, low, high in outcomes if low is not None and high is not None]
    return Score(
        horizon=horizon,
        forecasts=count,
        mean_error=(2 * off + count) // (2 * count),
        coverage=sum(inside) * 1000 // len(inside) if inside else None,
    )
