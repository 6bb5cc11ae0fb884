"""The pay period and saved views in an export of the whole book, and back."""

import datetime
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from finance.errors import BookUnreadable, Invalid
from finance.events.reports import PayPeriodSet, ViewSaved
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book
from finance.periods import PayRule, WeekendShift
from finance.preferences.models import PayPeriod, SavedView
from finance.preferences.selectors import pay_rule_of, views_of
from finance.preferences.services import checked_query
from finance.public_holidays import checked_region
from identity.models import User
from platform_outbox.emit import emit, emit_many

VERSION = 1
_LONGEST_NAME = 80
# Filters that name accounts by their numbers; `accounts` has several.
_ACCOUNTS = ("account", "accounts", "category", "without")


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """The pay period, the views that are shared, and the reader's own."""
    rule = pay_rule_of(book=book)
    if reader is not None:
        views = views_of(book=book, user=reader)
    else:
        views = SavedView.objects.filter(book=book, shared=True)
    return {
        "version": VERSION,
        "holidays": book.holidays,
        "pay_period": rule
        and {
            "day": rule.day,
            "shift": rule.shift.value,
            "anchor": rule.anchor.isoformat() if rule.anchor else None,
            "weeks": rule.weeks,
        },
        "views": [
            {"name": view.name, "account": view.account_id, "query": view.query, "shared": view.shared}
            for view in views.order_by("pk")
        ],
    }


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; returns a sentence for each view that would show other rows there.

    Raises BookUnreadable.
    """
    left: list[str] = []
    try:
        if document["version"] != VERSION:
            reason = _("Views of version %(version)s are not known here.") % {"version": str(document["version"])[:20]}
            raise BookUnreadable(reason=reason)
        try:
            arrival.book.holidays = checked_region(document.get("holidays", ""), field="holidays")
            arrival.book.save(update_fields=["holidays"])
        except Invalid as error:
            left.append(_("The region of public holidays was not imported: %(why)s") % {"why": error.detail})
        if (given := document["pay_period"]) is not None:
            anchor = datetime.date.fromisoformat(given["anchor"]) if given["anchor"] else None
            rule = PayRule(day=given["day"], shift=WeekendShift(given["shift"]), anchor=anchor, weeks=given["weeks"])
            PayPeriod.objects.create(
                book=arrival.book, day=rule.day, shift=rule.shift, anchor=rule.anchor, weeks=rule.weeks
            )
            emit(PayPeriodSet(book_id=arrival.book.pk))
        views: dict[str, SavedView] = {}
        for given in document["views"]:
            view = SavedView(book=arrival.book, owner=arrival.owner, shared=given["shared"] is True)
            if given["account"] is not None:
                view.account = arrival.account(given["account"])
            try:
                view.query = _query(arrival, given["query"])
            except Invalid as error:
                text = _("The view “%(name)s” was not imported: %(why)s")
                left.append(text % {"name": given["name"][:_LONGEST_NAME], "why": error.detail})
                continue
            # Those that others shared may be called like one's own.
            view.name = _free(given["name"], taken=set(views))
            views[view.name] = view
    except (Invalid, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = _("The views of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        raise BookUnreadable(reason=reason) from error
    SavedView.objects.bulk_create(views.values())
    emit_many([ViewSaved(book_id=arrival.book.pk, view_id=view.pk) for view in views.values()])
    return left


def _query(arrival: Arrival, query: str) -> str:
    """The filters with the numbers of the new book. Raises Invalid where they cannot mean the same there."""
    asked = QueryDict(checked_query(query), mutable=True)
    if "who" in asked:
        raise Invalid(field="query", reason=_("It filters by who entered something, which no export holds."))
    try:
        for name in _ACCOUNTS:
            if name in asked:
                asked[name] = ",".join(str(arrival.account(number).pk) for number in str(asked[name]).split(","))
        if "tag" in asked:
            asked["tag"] = str(arrival.numbers["tag"][int(str(asked["tag"]))])
    except (KeyError, ValueError) as error:
        raise Invalid(field="query", reason=_("It filters by an account or a tag that no longer exists.")) from error
    return asked.urlencode()


def _free(name: str, *, taken: set[str]) -> str:
    """The name, with a number behind it where it is taken. Raises ValueError for none or one that is too long."""
    if not name or len(name) > _LONGEST_NAME or "\x00" in name:
        raise ValueError("a view has no name, or a very long one")
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name[: _LONGEST_NAME - len(str(number)) - 3]} ({number})"
    return free
