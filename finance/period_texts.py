"""Periods in words, in the active language."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.formatting import date_text, days_text, month_text
from finance.periods import Period, Preset

PRESET_TEXTS = {
    Preset.THIS_MONTH: gettext_lazy("This month"),
    Preset.LAST_MONTH: gettext_lazy("Last month"),
    Preset.THIS_QUARTER: gettext_lazy("This quarter"),
    Preset.LAST_QUARTER: gettext_lazy("Last quarter"),
    Preset.THIS_YEAR: gettext_lazy("This year"),
    Preset.LAST_YEAR: gettext_lazy("Last year"),
    Preset.LAST_30_DAYS: gettext_lazy("Last 30 days"),
    Preset.LAST_90_DAYS: gettext_lazy("Last 90 days"),
    Preset.THIS_PAY: gettext_lazy("This pay period"),
    Preset.LAST_PAY: gettext_lazy("Last pay period"),
    Preset.ALL: gettext_lazy("All time"),
}


def period_text(period: Period) -> str:
    """ "March 2026", "Q1 2026", "2026", "5 Mar 2026 – 4 Apr 2026", "from 5 Mar 2026", "All time"."""
    first, last = period.first, period.last
    if first is None:
        return _("to %(day)s") % {"day": date_text(last)} if last else str(PRESET_TEXTS[Preset.ALL])
    if last is None:
        return _("from %(day)s") % {"day": date_text(first)}
    if period.months == 1:
        return month_text(first)
    if period.months == 3:
        return date_text(first, form="QQQ y")
    if period.months == 12:
        return date_text(first, form="y")
    if first == last:
        return date_text(first)
    return days_text(first, last)
