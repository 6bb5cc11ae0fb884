"""Insights on other pages: the short list of the overview."""

from typing import Any

from django import template
from django.conf import settings

from core.clock import today_in
from insights import selectors

register = template.Library()


@register.inclusion_tag("insights/_latest.html")
def latest_insights(book: Any, limit: int = 4, others: object = ()) -> dict[str, Any]:
    """What deserves a look in this book, the most pressing first. Nothing is asked while the feature is off.

    Where something else (`others`) deserves one already, an empty list says nothing.
    """
    found = selectors.latest(book_id=book.pk, on=today_in(book), limit=limit)
    return {"book": book, "insights": found, "off": not settings.ENABLE_INSIGHTS, "others": others}
