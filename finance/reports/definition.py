"""What a report shows. One definition makes the page, the file and the API's answer, so that they agree.

It is written as flat text parameters, the same in an address, in the API and in a saved report.
"""

import datetime
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from django.utils.translation import gettext as _

from finance.errors import Invalid
from finance.periods import PayRule, Period, read_period

ChosenT = TypeVar("ChosenT", bound=StrEnum)


class Kind(StrEnum):
    """What is reported; the value is used in addresses."""

    BALANCE_SHEET = "balance-sheet"
    INCOME_STATEMENT = "income-statement"
    CASH_FLOW = "cash-flow"
    NET_WORTH = "net-worth"
    SPENDING = "spending"
    INCOME = "income"
    TRIAL_BALANCE = "trial-balance"


KINDS = [kind.value for kind in Kind]
# What accounts hold on a day; all others show what moved in a period.
HOLDINGS = frozenset({Kind.BALANCE_SHEET, Kind.NET_WORTH, Kind.TRIAL_BALANCE})
# Those that can be grouped by something other than the category.
GROUPED = frozenset({Kind.SPENDING, Kind.INCOME})


class Columns(StrEnum):
    """What a column spans."""

    NONE = "none"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    PAY = "pay"


class Compare(StrEnum):
    """What the period is compared with."""

    NONE = "none"
    PREVIOUS = "previous"
    LAST_YEAR = "last-year"
    AVERAGE = "average"


class By(StrEnum):
    """What spending and income are grouped by."""

    CATEGORY = "category"
    PAYEE = "payee"
    TAG = "tag"
    MEMBER = "member"


MAX_AVERAGED = 24
# There must be a day before and one after.
FIRST_DAY, LAST_DAY = datetime.date(1, 1, 2), datetime.date(9999, 12, 30)
MAX_DEPTH = 9
MAX_TOP = 1000
# Defaults of a kind of report, where they differ from those of the class below.
_USUAL = {
    Kind.NET_WORTH: {"period": "this-year", "columns": Columns.MONTH},
    Kind.SPENDING: {"compare": Compare.AVERAGE},
    Kind.INCOME: {"compare": Compare.AVERAGE},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """All that decides what a report shows.

    `as_of` leaves out entries dated later, `known_at` entries recorded later. `account` limits spending or income to
    one account and all inside it. `depth` is how many levels of the tree have rows of their own (None: all), `top` how
    many payees or members have one; the rest is added up in a last row.
    """

    kind: Kind
    period: str = "this-month"
    columns: Columns = Columns.NONE
    compare: Compare = Compare.NONE
    averaged: int = 6
    depth: int | None = None
    by: By = By.CATEGORY
    account: int | None = None
    top: int = 50
    empty: bool = False
    as_of: datetime.date | None = None
    known_at: datetime.datetime | None = None

    @property
    def is_of_holdings(self) -> bool:
        return self.kind in HOLDINGS

    def parameters(self) -> dict[str, str]:
        """The text parameters that `read_definition` reads back, those of the defaults left out."""
        usual = usual_definition(self.kind)
        texts = {
            "period": self.period,
            "columns": self.columns.value,
            "compare": self.compare.value,
            "averaged": str(self.averaged),
            "depth": str(self.depth or ""),
            "by": self.by.value,
            "account": str(self.account or ""),
            "top": str(self.top),
            "empty": "1" if self.empty else "",
            "as_of": self.as_of.isoformat() if self.as_of else "",
            "known_at": self.known_at.isoformat() if self.known_at else "",
        }
        return {name: text for name, text in texts.items() if getattr(self, name) != getattr(usual, name)}


PARAMETERS = ("period", "columns", "compare", "averaged", "depth", "by", "account", "top", "empty", "as_of", "known_at")


def usual_definition(kind: Kind) -> Definition:
    """The report by the defaults of its kind."""
    return Definition(kind=kind, **_USUAL.get(kind, {}))  # type: ignore[arg-type]


def read_definition(kind: str, texts: Mapping[str, str], *, time_zone: str, today: datetime.date) -> Definition:
    """The definition of these parameters; an empty text is the default, and unknown names are ignored.

    A day as `known_at` means its end in the book's time zone. Raises Invalid, which names the parameter.
    """
    if kind not in KINDS:
        raise Invalid(field="kind", reason=_("There is no report “%(text)s”.") % {"text": kind[:40]})
    given = {name: text for name in PARAMETERS if (text := texts.get(name, "").strip())}
    chosen = Kind(kind)
    usual = usual_definition(chosen)
    period = given.get("period") or usual.period
    # Only to refuse what is not a period; a pay period is refused where the rule is known.
    if not period.endswith("-pay-period"):
        read_period(period, today=today)
    by = _choice(By, given, "by", usual.by)
    if chosen not in GROUPED and (by is not By.CATEGORY or "account" in given):
        name = "account" if "account" in given else "by"
        raise Invalid(field=name, reason=_("Only spending and income can be grouped, or limited to an account."))
    return Definition(
        kind=chosen,
        period=period,
        columns=_choice(Columns, given, "columns", usual.columns),
        compare=_choice(Compare, given, "compare", usual.compare),
        averaged=_number(given, "averaged", most=MAX_AVERAGED) or usual.averaged,
        depth=_number(given, "depth", most=MAX_DEPTH),
        by=by,
        account=_number(given, "account", most=2**63 - 1),
        top=_number(given, "top", most=MAX_TOP) or usual.top,
        empty=given.get("empty") in ("1", "true"),
        as_of=_day(given, "as_of"),
        known_at=_moment(given, "known_at", time_zone=time_zone),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The days that are reported, both included, and the period as it was asked for, which comparisons start from."""

    asked: Period
    first: datetime.date
    last: datetime.date


def scope_of(definition: Definition, *, today: datetime.date, pay: PayRule | None, first_day: datetime.date) -> Scope:
    """The days that the definition spans; an open end is the book's `first_day`, or today.

    `as_of` cuts a period of movements, and is the day of what accounts hold. Raises Invalid (period, as_of).
    """
    asked = read_period(definition.period, today=today, pay=pay)
    last = min(asked.last or max(today, asked.first or today), LAST_DAY)
    first = max(asked.first or min(first_day, last), FIRST_DAY)
    last = max(last, FIRST_DAY)
    asked = replace(asked, first=first, last=last)
    if definition.is_of_holdings and first <= today < last:
        # What the accounts hold "this month" is what they hold today.
        last = today
    if definition.as_of is not None:
        last = (
            max(min(definition.as_of, LAST_DAY), FIRST_DAY)
            if definition.is_of_holdings
            else min(last, definition.as_of)
        )
    if first > last:
        if not definition.is_of_holdings:
            raise Invalid(field="as_of", reason=_("This day is before the period begins."))
        first = last
    return Scope(asked=asked, first=first, last=last)


def _choice(choices: type[ChosenT], given: Mapping[str, str], name: str, default: ChosenT) -> ChosenT:
    text = given.get(name)
    if text is None:
        return default
    if text not in [each.value for each in choices]:
        known = ", ".join(choices)
        raise Invalid(field=name, reason=_("“%(text)s” is not one of %(known)s.") % {"text": text[:40], "known": known})
    return choices(text)


def _number(given: Mapping[str, str], name: str, *, most: int) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or not 1 <= int(text) <= most:
        raise Invalid(field=name, reason=_("Give a whole number from 1 to %(most)d.") % {"most": most})
    return int(text)


def _day(given: Mapping[str, str], name: str) -> datetime.date | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(field=name, reason=_("Give a day such as 2026-03-31.")) from error


def _moment(given: Mapping[str, str], name: str, *, time_zone: str) -> datetime.datetime | None:
    """The moment of its text; a day is its end in that zone, and a time without a zone is one of that zone."""
    text = given.get(name)
    if text is None:
        return None
    try:
        zone = zoneinfo.ZoneInfo(time_zone)
        if len(text) == len("2026-03-31"):
            return datetime.datetime.combine(datetime.date.fromisoformat(text), datetime.time.max, zone)
        # In an address a plus sign may have become a blank.
        moment = datetime.datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    except (ValueError, OverflowError) as error:
        reason = _("Give a day such as 2026-03-31, or a moment such as 2026-03-31T18:00+02:00.")
        raise Invalid(field=name, reason=reason) from error
