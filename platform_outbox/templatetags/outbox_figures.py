"""Figures of the outbox's admin pages in words."""

import datetime

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _

from platform_outbox.emit import COUNT_CAP
from platform_outbox.operators.editing import masked_text

register = template.Library()


@register.filter
def count(number: int) -> str:
    """ "12,345" """
    return f"{number:,}"


@register.filter
def capped(count: int) -> str:
    most = f"{min(count, COUNT_CAP):,}"
    return most if count <= COUNT_CAP else f"> {most}"


@register.filter
def span(seconds: float | None) -> str:
    """A duration: 12 ms, 3.4 s, 5 min, 3 h, 2 d."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return _("%d ms") % round(seconds * 1000)
    if seconds < 120:
        return _("%.1f s") % seconds if seconds < 10 else _("%d s") % seconds
    if seconds < 7200:
        return _("%d min") % (seconds // 60)
    return _("%d h") % (seconds // 3600) if seconds < 172_800 else _("%d d") % (seconds // 86_400)


@register.filter
def age(moment: datetime.datetime | None) -> str:
    return "–" if moment is None else span(max(0.0, (timezone.now() - moment).total_seconds()))


@register.filter
def quantile(step: object, share: str) -> str:
    return span(step.quantile(float(share)))  # type: ignore[attr-defined]


register.filter("masked", masked_text)
