"""Dates as banks write them, and which of day and month comes first in a file."""

import datetime
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from finance.imports.parsers.limits import believable_day, no_such_day

# "Wednesday, 30 September 2026, 12:30:45.123456 PM +02:00", with room for more.
_LONGEST_CELL = 100
_TIME = re.compile(
    r"(?<![T ,])[T ,]++(?:at |um )?\d{1,2}[:.h]\d{2}(?:[:.]\d{2})?(?:[.,]\d+)?(?:\s*+[AaPp]\.?[Mm]\.?)?"
    r"\s*+(?:Z|[+-]\d{2}:?\d{2}|\(?[A-Z]{2,5}\)?)?$"
)
# "11/14/2020 as of 11/13/2020": the day of booking first, then the day that counts for interest.
_AS_OF = re.compile(r" as of ", re.IGNORECASE)
_WEEKDAY = re.compile(r"^[^\W\d_]{2,10}\.?,\s+(?=\d)")
_NUMERIC = re.compile(r"(\d{1,4})\s?([./\-\s])\s?(\d{1,2})\s?\2\s?(\d{1,4})\.?")
_COMPACT = re.compile(r"\d{8}")
_DAY_NAME_YEAR = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th)?[.\-/\s]*(?:de |d')?([^\W\d_]{3,})\.?[\-/,\s]*(?:de )?(\d{4}|\d{2})"
)
_NAME_DAY_YEAR = re.compile(r"([^\W\d_]{3,})\.?[\-\s]+(\d{1,2})(?:st|nd|rd|th)?[,\-\s]+(\d{4})")
_YEAR_NAME_DAY = re.compile(r"(\d{4})[.\-/\s]+([^\W\d_]{3,})\.?[.\-/\s]+(\d{1,2})")

# First letters of the month names, without accents, in the languages of the banks we know of.
_MONTHS = {
    1: "jan januar january januari januarie janvier janv ene enero gen gennaio sty stycznia led leden ledna jaanuar tammikuu janeiro",
    2: "feb februar february februari fevrier fev fevr febrero febbraio lut lutego unor unora helmikuu fevereiro veebruar",
    3: "mar mrz marz maerz march mars maart mrt marzo marca brezen brezna bre maaliskuu marco marts marec marcius",
    4: "apr april avril avr abr abril aprile kwi kwietnia duben dubna dub huhtikuu aprilis",
    5: "may mai mei maj mayo maggio mag maja kveten kvetna kve toukokuu maio majus",
    6: "jun juni june juin junio giugno giu cze czerwca cerven cervna cer kesakuu junho junius",
    7: "jul juli july juillet juil julio luglio lug lip lipca cervenec cervence heinakuu julho julius",
    8: "aug august augustus aout ago agosto sie sierpnia srpen srpna srp elokuu augusti augusztus",
    9: "sep sept september septembre septiembre settembre set wrz wrzesnia zari zar syyskuu setembro szeptember szept",
    10: "oct okt october oktober octobre octubre ottobre ott paz pazdziernika rijen rijna rij lokakuu outubro out",
    11: "nov november novembre noviembre listopada lis listopad listopadu marraskuu novembro",
    12: "dec dez dezember december decembre diciembre dic dicembre gru grudnia prosinec prosince pro joulukuu dezembro",
}
_MONTH_BY_NAME = {name: month for month, names in _MONTHS.items() for name in names.split()}


@dataclass(frozen=True, slots=True, kw_only=True)
class DateOrder:
    """Which part comes first ("dmy", "mdy", "ymd"), whether the file leaves that open, and why it was chosen."""

    order: str
    ambiguous: bool = False
    reason: str = ""


def bare_date(text: str) -> str:
    """The date part of a cell that may also hold a weekday and a time; "" for a cell too long to be a date."""
    if len(text) > _LONGEST_CELL:
        return ""
    stripped = _WEEKDAY.sub("", _AS_OF.split(text, maxsplit=1)[0].strip().strip("'\""))
    return _TIME.sub("", stripped).strip()


@lru_cache(maxsize=8192)
def readings(text: str) -> dict[str, datetime.date]:
    """All calendar days that the cell can mean, by order; {} when it cannot be a date.

    The key "any" marks a date that reads the same in every order.
    """
    bare = bare_date(text)
    if match := _NUMERIC.fullmatch(bare):
        return _numeric(match[1], match[3], match[4])
    if _COMPACT.fullmatch(bare):
        return _compact(bare)
    return _named(bare)


def looks_like_date(text: str) -> bool:
    """Whether the cell is written as a date, even of a day that does not exist (30.02.2020)."""
    if readings(text):
        return True
    match = _NUMERIC.fullmatch(bare_date(text))
    return (
        match is not None
        and int(match[3]) <= 31
        and len(match[1]) != 3
        and (len(match[4]) in (2, 4) or len(match[1]) == 4)
    )


def parse_date(text: str, order: str) -> datetime.date:
    """The day; raises ValueError with a sentence about the cell."""
    found = readings(text)
    if "any" in found:
        return found["any"]
    if order in found:
        return found[order]
    if found and order == "ymd":
        return next(iter(found.values()))
    if "ymd" in found and len(found) == 1:
        return found["ymd"]
    if found or looks_like_date(text):
        raise ValueError(no_such_day(text.strip()[:40], when=f" when read as {describe(order)}"))
    raise ValueError(f"“{text.strip()[:40]}” is not a date.")


def value_date_in(text: str, order: str) -> datetime.date | None:
    """The second day of a cell such as "11/14/2020 as of 11/13/2020"; None without one."""
    _first, found, second = text[:_LONGEST_CELL].lower().partition(" as of ")
    try:
        return parse_date(second, order) if found else None
    except ValueError:
        return None


def describe(order: str) -> str:
    """The order in words."""
    return {"dmy": "day, month, year", "mdy": "month, day, year", "ymd": "year, month, day"}.get(order, order)


def resolve_order(cells: Sequence[str], *, american: bool = False, pairs: Sequence[tuple[str, str]] = ()) -> DateOrder:
    """Which order fits the whole column.

    Impossible months decide; then two dates of one row (`pairs`), which lie close together; then the direction of the
    rows; then habit.
    """
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
    if fitting == ["ymd"] or ("ymd" in fitting and _far_denser_as_ymd(found, fitting)):
        return DateOrder(order="ymd")
    if not {"dmy", "mdy"} <= set(fitting):
        return DateOrder(order=fitting[0])
    return _nearer_pairs(pairs) or _between_day_and_month(cells, found, american=american)


def _far_denser_as_ymd(found: Sequence[dict[str, datetime.date]], fitting: Sequence[str]) -> bool:
    """Two-digit years first: read any other way, the rows of one statement would spread over decades."""
    spans = {order: _span(reading.get(order) for reading in found) for order in fitting}
    rest = min((span for order, span in spans.items() if order != "ymd"), default=0)
    return rest > 366 and spans["ymd"] * 4 < rest


def _span(days: Iterable[datetime.date | None]) -> int:
    known = [day for day in days if day is not None]
    return (max(known) - min(known)).days if known else 0


def _between_day_and_month(
    cells: Sequence[str], found: Sequence[dict[str, datetime.date]], *, american: bool
) -> DateOrder:
    if all(reading["dmy"] == reading["mdy"] for reading in found if {"dmy", "mdy"} <= reading.keys()):
        return DateOrder(order="dmy")
    if all("." in bare_date(cell) for cell in cells if cell.strip()):
        return DateOrder(order="dmy")
    sorted_as = [order for order in ("dmy", "mdy") if _is_sorted(reading.get(order) for reading in found)]
    if len(found) > 3 and len(sorted_as) == 1:
        reason = f"only {describe(sorted_as[0])} puts the rows in order of time"
        return DateOrder(order=sorted_as[0], ambiguous=True, reason=reason)
    order = "mdy" if american else "dmy"
    reason = (
        "the currency is of a country that writes dates this way" if american else "most banks write dates this way"
    )
    return DateOrder(order=order, ambiguous=True, reason=reason)


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
    reason = "only this order puts the two dates of each row close together"
    return DateOrder(order=near, ambiguous=True, reason=reason)


def _is_sorted(days: Iterable[datetime.date | None]) -> bool:
    known = [day for day in days if day is not None]
    return known == sorted(known) or known == sorted(known, reverse=True)


def _numeric(first: str, middle: str, last: str) -> dict[str, datetime.date]:
    if len(first) == 4:
        return {"ymd": day} if (day := _day(first, middle, last)) else {}
    if len(first) == 3 or len(last) in (1, 3):
        return {}
    candidates = {"dmy": _day(last, middle, first), "mdy": _day(last, first, middle)}
    if len(last) == 2 and len(first) == 2:
        candidates["ymd"] = _day(first, middle, last)
    return {order: day for order, day in candidates.items() if day is not None}


def _compact(digits: str) -> dict[str, datetime.date]:
    if digits[:2] in {"19", "20"} and (day := _day(digits[:4], digits[4:6], digits[6:])):
        return {"ymd": day}
    if digits[4:6] in {"19", "20"}:
        candidates = {
            "dmy": _day(digits[4:], digits[2:4], digits[:2]),
            "mdy": _day(digits[4:], digits[:2], digits[2:4]),
        }
        return {order: day for order, day in candidates.items() if day is not None}
    return {}


def _named(bare: str) -> dict[str, datetime.date]:
    if match := _DAY_NAME_YEAR.fullmatch(bare):
        day, name, year = match.groups()
    elif match := _NAME_DAY_YEAR.fullmatch(bare):
        name, day, year = match.groups()
    elif match := _YEAR_NAME_DAY.fullmatch(bare):
        year, name, day = match.groups()
    else:
        return {}
    decomposed = unicodedata.normalize("NFKD", name.casefold().replace("ł", "l"))
    month = _MONTH_BY_NAME.get("".join(character for character in decomposed if not unicodedata.combining(character)))
    result = _day(year, str(month), day) if month else None
    return {"any": result} if result else {}


def _day(year: str, month: str, day: str) -> datetime.date | None:
    full_year = int(year) if len(year) > 2 else int(year) + (1900 if int(year) >= 70 else 2000)
    try:
        return believable_day(full_year, int(month), int(day)) if len(day) <= 2 else None
    except ValueError:
        return None
