"""The controls of a report: pills that open a list of addresses, so that a report works without JavaScript."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.http import urlencode
from django.utils.translation import gettext as _

from core.formatting import date_text, moment_text
from finance.period_texts import PRESET_TEXTS, period_text
from finance.periods import PayRule, Period, Preset, days_between, period_token, read_period
from finance.reports.definition import GROUPED, By, Columns, Compare, Definition, Kind

_PAY = (Preset.THIS_PAY, Preset.LAST_PAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A choice, with the address that takes it."""

    text: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pill:
    """A control with its choices; `is_on` where it is not as usual."""

    name: str
    text: str
    options: list[Option]
    is_on: bool = False


class Pills:
    """The controls of one report."""

    def __init__(self, definition: Definition, *, today: datetime.date, pay: PayRule | None) -> None:
        self.definition, self.today, self.pay = definition, today, pay
        self.asked = definition.parameters()
        self.period = read_period(definition.period, today=today, pay=pay)

    def all(self) -> list[Pill]:
        """In their order on the page."""
        definition = self.definition
        pills = [self._period()]
        if definition.kind is not Kind.TRIAL_BALANCE:
            pills += [self._columns(), self._compare()]
        if definition.kind in GROUPED:
            pills.append(self._by())
        if definition.by is By.CATEGORY and definition.kind is not Kind.TRIAL_BALANCE:
            pills.append(self._depth())
        pills.append(self._empty())
        return pills

    def neighbours(self) -> tuple[Option | None, Option | None]:
        """The period before and the one after."""
        before = self.period.before()
        after = _following(self.period)
        return tuple(  # type: ignore[return-value]
            Option(text=period_text(each), url=self._with(period=period_token(each)), current=False) if each else None
            for each in (before, after)
        )

    def times(self) -> list[Option]:
        """What is fixed in time, with the addresses that clear it."""
        found = []
        if self.definition.as_of is not None:
            text = _("as of %(day)s") % {"day": date_text(self.definition.as_of)}
            found.append(Option(text=text, url=self._with(as_of=""), current=True))
        if self.definition.known_at is not None:
            text = _("as known on %(moment)s") % {"moment": moment_text(self.definition.known_at)}
            found.append(Option(text=text, url=self._with(known_at=""), current=True))
        return found

    def _period(self) -> Pill:
        presets = [each for each in Preset if self.pay is not None or each not in _PAY]
        options = [self._option(str(PRESET_TEXTS[each]), "period", each.value) for each in presets]
        return Pill(name=_("Period"), text=period_text(self.period), options=options)

    def _columns(self) -> Pill:
        texts: dict[str, str] = {
            Columns.NONE: _("One column"),
            Columns.MONTH: _("By month"),
            Columns.QUARTER: _("By quarter"),
            Columns.YEAR: _("By year"),
        }
        if self.pay is not None:
            texts[Columns.PAY] = _("By pay period")
        return self._pill(_("Columns"), "columns", texts)

    def _compare(self) -> Pill:
        return self._pill(
            _("Compare"),
            "compare",
            {
                Compare.NONE: _("No comparison"),
                Compare.PREVIOUS: _("With the period before"),
                Compare.LAST_YEAR: _("With last year"),
                Compare.AVERAGE: _("With the average"),
            },
        )

    def _by(self) -> Pill:
        texts: dict[str, str] = {
            By.CATEGORY: _("By category"),
            By.PAYEE: _("By payee"),
            By.TAG: _("By tag"),
            By.MEMBER: _("By member"),
        }
        return self._pill(_("Group by"), "by", texts)

    def _depth(self) -> Pill:
        texts = {"": _("All levels"), "1": _("Top level"), "2": _("Two levels"), "3": _("Three levels")}
        return self._pill(_("Depth"), "depth", texts)

    def _empty(self) -> Pill:
        return self._pill(_("Rows"), "empty", {"": _("Without empty rows"), "1": _("With empty rows")})

    def _pill(self, name: str, parameter: str, texts: Mapping[str, str]) -> Pill:
        options = [self._option(text, parameter, str(value)) for value, text in texts.items()]
        current = next((option.text for option in options if option.current), options[0].text)
        return Pill(name=name, text=current, options=options, is_on=not options[0].current)

    def _option(self, text: str, parameter: str, value: str) -> Option:
        chosen = getattr(self.definition, parameter)
        now = ("1" if chosen else "") if isinstance(chosen, bool) else "" if chosen is None else str(chosen)
        return Option(text=text, url=self._with(**{parameter: value}), current=now == value)

    def _with(self, **changes: str) -> str:
        asked = {**self.asked, **changes}
        return f"?{urlencode({name: value for name, value in asked.items() if value})}"


def _following(period: Period) -> Period | None:
    """The period after it, of the same kind; None where it is open or the calendar ends."""
    if period.first is None or period.last is None:
        return None
    try:
        first = period.last + datetime.timedelta(days=1)
        if period.pay is not None:
            return period.pay.period_at(first)
        if period.months:
            months = {1: "{0.year:04}-{0.month:02}", 3: "{0.year:04}-Q{1}", 12: "{0.year:04}"}[period.months]
            return read_period(months.format(first, (first.month + 2) // 3), today=first)
        return days_between(first, first + (period.last - period.first))
    except (OverflowError, ValueError, KeyError):
        return None
