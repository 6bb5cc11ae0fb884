"""The charts of the forecast as shapes of SVG; without a database. Positions are whole numbers or texts of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from finance.planning.forecast.bands import Band
from finance.planning.forecast.projection import Projection
from finance.planning.upcoming import Layer

WIDTH = 720
HEIGHT = 240
STRIP = 72
GAP = 16
# As many bars as a telephone can show.
BARS = 52


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What one layer brings (up) or takes (down) in a few days."""

    layer: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Lines over the days, the band behind the first, marks, and bars of the layers below. `zero` is None out of sight."""

    lines: list[str]
    band: str = ""
    zero: int | None = None
    floor: int | None = None
    low_x: int = 0
    low_y: int = 0
    middle: int = 0
    bars: list[Bar] = field(default_factory=list)
    width: int = WIDTH
    height: int = HEIGHT


def chart_of(projection: Projection, band: Band | None) -> Chart:
    """The expected balance with its band, its lowest point, and what changes it by layer."""
    low, high = (band.low, band.high) if band else ((), ())
    days = len(projection.expected)
    scale = _Scale([*projection.expected, *low, *high], days)
    lowest = projection.lowest()
    at = (lowest.date - projection.today).days
    outline = [*enumerate(high), *reversed(list(enumerate(low)))]
    floor = projection.holding.floor
    return Chart(
        lines=[scale.line(projection.expected)],
        band=" ".join(f"{scale.x(day)},{scale.y(amount)}" for day, amount in outline),
        zero=scale.y(0) if scale.least <= 0 <= scale.most else None,
        floor=scale.y(floor) if floor and scale.least <= floor <= scale.most else None,
        low_x=scale.x(at),
        low_y=scale.y(lowest.amount),
        middle=HEIGHT + GAP + STRIP // 2,
        bars=_bars(projection, scale),
        height=HEIGHT + GAP + STRIP,
    )


def beside(one: Sequence[int], other: Sequence[int]) -> Chart:
    """Two courses in one chart."""
    scale = _Scale([*one, *other], len(one))
    zero = scale.y(0) if scale.least <= 0 <= scale.most else None
    return Chart(lines=[scale.line(one), scale.line(other)], zero=zero)


class _Scale:
    def __init__(self, amounts: Sequence[int], days: int) -> None:
        self.least, self.most, self.days = min(amounts), max(amounts), max(1, days - 1)

    def x(self, day: int) -> int:
        return day * WIDTH // self.days

    def y(self, amount: int) -> int:
        room = HEIGHT - 16
        return 8 + (self.most - amount) * room // max(1, self.most - self.least)

    def line(self, amounts: Sequence[int]) -> str:
        return " ".join(f"{self.x(day)},{self.y(amount)}" for day, amount in enumerate(amounts))


def _bars(projection: Projection, scale: _Scale) -> list[Bar]:
    """Stacked from the middle of the strip: up what comes in, down what goes out."""
    days = len(projection.expected)
    each = -(-days // BARS)
    ups: dict[int, list[tuple[Layer, int]]] = {}
    downs: dict[int, list[tuple[Layer, int]]] = {}
    for layer in Layer:
        sums: dict[tuple[int, bool], int] = {}
        for day, amount in projection.steps.get(layer, {}).items():
            key = day // each, amount > 0
            sums[key] = sums.get(key, 0) + abs(amount)
        for (place, is_up), amount in sums.items():
            (ups if is_up else downs).setdefault(place, []).append((layer, amount))
    tallest = max((sum(size for _layer, size in stack) for side in (ups, downs) for stack in side.values()), default=0)
    half, middle = STRIP // 2, HEIGHT + GAP + STRIP // 2
    found = []
    for side, is_up in ((ups, True), (downs, False)):
        for place, stack in side.items():
            reached = 0
            for layer, size in stack:
                start = reached * half // tallest
                reached += size
                end = reached * half // tallest
                x = scale.x(place * each)
                width = max(2, scale.x(min((place + 1) * each, days - 1)) - x - 1)
                y = middle - end if is_up else middle + start
                found.append(Bar(layer=layer.value, x=x, y=y, width=width, height=end - start))
    return found
