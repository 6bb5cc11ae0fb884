"""Which of day and month comes first in a file: impossible months decide, then dates that lie together, then habit."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from core.texts import gettext as _
from finance.imports.parsers.dates import CROATIAN_NAMES, bare_date, describe, names_month_in_croatian, readings


@dataclass(frozen=True, slots=True, kw_only=True)
class DateOrder:
    """Which part comes first ("dmy", "mdy", "ymd", …), and a sentence about what the file leaves open; "" for nothing."""

    order: str
    note: str = ""


def resolve_order(cells: Sequence[str], *, american: bool = False, pairs: Sequence[tuple[str, str]] = ()) -> DateOrder:
    """Which order fits the whole column.

    Impossible months decide; then two dates of one row (`pairs`), which lie close together; then the direction of the
    rows; then habit.
    """
    twofold = [cell for cell in cells if CROATIAN_NAMES in readings(cell)]
    if any(names_month_in_croatian(cell) for cell in cells):
        return DateOrder(order=CROATIAN_NAMES)
    if twofold:
        meant = readings(twofold[0])
        note = _(
            "“%(twofold)s” is read as %(day)s. In Croatian it is %(croatian)s; choose Croatian "
            "names of months under Columns if the bank writes them."
        ) % {
            "twofold": twofold[0].strip()[:40],
            "day": meant["dmy"].isoformat(),
            "croatian": meant[CROATIAN_NAMES].isoformat(),
        }
        return DateOrder(order="dmy", note=note)
    found = [reading for cell in cells if (reading := readings(cell)) and "any" not in reading]
    if not found:
        return DateOrder(order="dmy")
    if all("ymd" in reading for reading in found) and not any(
        "dmy" in reading or "mdy" in reading for reading in found
    ):
        return DateOrder(order="ymd")
    misses = {order: sum(order not in reading for reading in found) for order in ("dmy", "mdy", "ymd")}
    best = min(misses.values())
    fitting = [order for order in ("dmy", "mdy", "ymd") if misses[order] == best]
    if "ymd" in fitting and len(fitting) > 1:
        # Two-digit years first: read any other way, the rows of one statement would spread over decades.
        spans = {}
        for order in fitting:
            known = [reading[order] for reading in found if order in reading]
            spans[order] = (max(known) - min(known)).days if known else 0
        rest = min(span for order, span in spans.items() if order != "ymd")
        if rest > 366 and spans["ymd"] * 4 < rest:
            return DateOrder(order="ymd")
    if not {"dmy", "mdy"} <= set(fitting):
        return DateOrder(order=fitting[0])
    return _nearer_pairs(pairs) or _between_day_and_month(cells, found, american=american)


def _between_day_and_month(
    cells: Sequence[str], found: Sequence[dict[str, datetime.date]], *, american: bool
) -> DateOrder:
    if all(reading["dmy"] == reading["mdy"] for reading in found if {"dmy", "mdy"} <= reading.keys()):
        return DateOrder(order="dmy")
    if all("." in bare_date(cell) for cell in cells if cell.strip()):
        return DateOrder(order="dmy")
    sorted_as = [
        order
        for order in ("dmy", "mdy")
        if (known := [reading[order] for reading in found if order in reading])
        in (sorted(known), sorted(known, reverse=True))
    ]
    if len(found) > 3 and len(sorted_as) == 1:
        return _open(
            sorted_as[0], _("only %(order)s puts the rows in order of time") % {"order": describe(sorted_as[0])}
        )
    order = "mdy" if american else "dmy"
    reason = (
        _("the currency is of a country that writes dates this way")
        if american
        else _("most banks write dates this way")
    )
    return _open(order, reason)


def _nearer_pairs(pairs: Sequence[tuple[str, str]]) -> DateOrder | None:
    """Purchase and booking of one row are days apart, not months."""
    gaps = dict.fromkeys(("dmy", "mdy"), 0)
    for left, right in pairs:
        one, other = readings(left), readings(right)
        for order in gaps:
            if order in one and order in other:
                gaps[order] += abs((one[order] - other[order]).days)
    near, far = sorted(gaps, key=lambda order: gaps[order])
    if gaps[far] - gaps[near] <= 20 or gaps[far] < 4 * gaps[near]:
        return None
    return _open(near, _("only this order puts the two dates of each row close together"))


def _open(order: str, reason: str) -> DateOrder:
    note = _(
        "Every date in this file can be read with the day or with the month first; it is "
        "read as %(order)s, because %(reason)s."
    ) % {"order": describe(order), "reason": reason}
    return DateOrder(order=order, note=note)
