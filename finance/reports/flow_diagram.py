"""Where the money came from and where it went, as bands of a diagram. Places are whole units of the drawing."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 960
_BAR = 14
_LEFT, _MIDDLE, _RIGHT = 250, 473, 696
_GAP = 8
_HEIGHT = 420  # of the bar in the middle
MOST = 10  # bands on each side; the rest is one band


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A category with what came from it, or went to it (minor units, > 0); `key` is its row in the report."""

    key: str
    label: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A category's bar at one side, and the band between it and the middle; `path` is an SVG path."""

    source: Source
    side: str  # "in" or "out"
    kind: str  # "category", "rest", "left" (what was left over) or "savings" (what earlier money paid)
    x: int
    y: int
    height: int
    path: str

    @property
    def text_y(self) -> int:
        return self.y + self.height // 2

    @property
    def text_x(self) -> int:
        return self.x - 8 if self.side == "in" else self.x + _BAR + 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """The bands, and the size of the drawing; the bar in the middle begins at `top` and is `bar` high."""

    bands: list[Band]
    height: int
    top: int
    bar: int
    width: int = WIDTH
    middle: int = _MIDDLE
    thick: int = _BAR


def flow_diagram(
    incoming: Sequence[Source], outgoing: Sequence[Source], *, rest: str, left_over: str, savings: str
) -> Diagram | None:
    """The diagram of these categories, None where nothing moved.

    Amounts below zero (a category with more refunds than spending) are shown on the other side. What came in and was not
    spent is a band of its own, and so is what was spent beyond it.
    """
    came = [each for each in incoming if each.amount > 0] + [_turned(each) for each in outgoing if each.amount < 0]
    went = [each for each in outgoing if each.amount > 0] + [_turned(each) for each in incoming if each.amount < 0]
    difference = sum(each.amount for each in came) - sum(each.amount for each in went)
    sides = {"in": _named(came, rest), "out": _named(went, rest)}
    if difference > 0:
        sides["out"].append(("left", Source(key="left", label=left_over, amount=difference)))
    elif difference < 0:
        sides["in"].append(("savings", Source(key="savings", label=savings, amount=-difference)))
    total = sum(source.amount for _kind, source in sides["in"])
    if not total:
        return None
    tall = max(len(bands) for bands in sides.values())
    height = _HEIGHT + (tall + 1) * (_GAP + 10)
    top = (height - _HEIGHT) // 2
    bands = [band for side, sources in sides.items() for band in _side(side, sources, total, height, top)]
    return Diagram(bands=bands, height=height, top=top, bar=_HEIGHT)


def _turned(source: Source) -> Source:
    return Source(key=source.key, label=source.label, amount=-source.amount)


def _named(sources: list[Source], rest: str) -> list[tuple[str, Source]]:
    """The largest as they are, the others as one."""
    sources = sorted(sources, key=lambda each: (-each.amount, each.label))
    found = [("category", each) for each in sources[:MOST]]
    if len(sources) > MOST:
        others = sum(each.amount for each in sources[MOST:])
        found.append(("rest", Source(key="rest", label=rest, amount=others)))
    return found


def _side(side: str, sources: list[tuple[str, Source]], total: int, height: int, top: int) -> list[Band]:
    """The bands of one side from top to bottom; in the middle they meet without gaps."""
    space = height - _HEIGHT
    gap = space // (len(sources) + 1)
    bands, before = [], 0
    for number, (kind, source) in enumerate(sources):
        start = before * _HEIGHT // total
        before += source.amount
        end = max(before * _HEIGHT // total, start + 1)
        y = gap * (number + 1) + start
        inner = top + start
        x = _LEFT if side == "in" else _RIGHT
        outer_edge, inner_edge = (x + _BAR, _MIDDLE) if side == "in" else (x, _MIDDLE + _BAR)
        size = end - start
        bands.append(
            Band(
                source=source,
                side=side,
                kind=kind,
                x=x,
                y=y,
                height=size,
                path=_path(outer_edge, y, inner_edge, inner, size),
            )
        )
    return bands


def _path(x: int, y: int, other_x: int, other_y: int, size: int) -> str:
    """A band of even height between two bars, bent like an S."""
    half = (x + other_x) // 2
    return (
        f"M{x} {y}C{half} {y} {half} {other_y} {other_x} {other_y}V{other_y + size}"
        f"C{half} {other_y + size} {half} {y + size} {x} {y + size}Z"
    )
