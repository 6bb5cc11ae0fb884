"""Rates and values in the export and import of a whole book. Published rates belong to no book."""

import datetime
import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from finance import money
from finance.errors import BookUnreadable, FinanceError
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book
from finance.valuation.models import AssetPlan, AssetValue, ExchangeRate, RateSource, ValuationChoice
from identity.models import User

VERSION = 1
_AT_ONCE = 5000
_CHOICES = ("own_exchanges", "reference", "crossing")


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """Rates, choices of rates, depreciations, and values of assets with the uids of their entries; amounts decimal."""
    plans = AssetPlan.objects.filter(book=book).select_related("account").order_by("pk")
    values = AssetValue.objects.filter(book=book).select_related("account", "entry").order_by("pk")
    choice = ValuationChoice.objects.filter(book=book).first()
    return {
        "version": VERSION,
        "rates": [
            [each.base, each.quote, each.date.isoformat(), f"{each.rate.normalize():f}", each.source]
            for each in ExchangeRate.objects.filter(book=book).order_by("pk")
        ],
        "choices": {name: getattr(choice, name) for name in _CHOICES} if choice else None,
        "plans": [
            {
                "account": each.account_id,
                "method": each.method,
                "percent": None if each.percent is None else str(each.percent),
                "months": each.months,
                "residual": money.format_amount(each.residual, currency=each.account.currency),
            }
            for each in plans
        ],
        "values": [
            {
                "account": each.account_id,
                "date": each.date.isoformat(),
                "kind": each.kind,
                "value": money.format_amount(each.value, currency=each.account.currency),
                "note": each.note,
                "entry": str(each.entry.uid) if each.entry else None,
            }
            for each in values
        ],
    }


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; nothing is left out. Raises BookUnreadable."""
    try:
        if document["version"] != VERSION:
            raise BookUnreadable(
                reason=_("Values of version %(version)s are not known here.")
                % {"version": str(document["version"])[:20]}
            )
        book = arrival.book
        rates = [_rate(book, given) for given in document["rates"]]
        plans = [_plan(arrival, given) for given in document["plans"]]
        entries = arrival.entries(uuid.UUID(each["entry"]) for each in document["values"] if each["entry"])
        values = [_value(arrival, given, entries) for given in document["values"]]
        choices = document["choices"]
        if choices is not None:
            ValuationChoice.objects.create(book=book, **{name: choices[name] is True for name in _CHOICES})
        ExchangeRate.objects.bulk_create(rates, batch_size=_AT_ONCE)
        AssetPlan.objects.bulk_create(plans, batch_size=_AT_ONCE)
        AssetValue.objects.bulk_create(values, batch_size=_AT_ONCE)
    except FinanceError as error:
        raise BookUnreadable(
            reason=_("The values of the export are damaged: %(detail)s") % {"detail": error.detail}
        ) from error
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
        raise BookUnreadable(
            reason=_("The values of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        ) from error
    return []


def _rate(book: Book, given: Any) -> ExchangeRate:
    base, quote, date, rate, source = given
    for currency in (base, quote):
        money.exponent(currency)
    if not Decimal(0) < Decimal(rate) < Decimal(10) ** 20:
        raise ValueError("a rate is not above zero")
    return ExchangeRate(
        book=book, base=base, quote=quote, date=datetime.date.fromisoformat(date), rate=Decimal(rate),
        source=RateSource(source),
    )  # fmt: skip


def _plan(arrival: Arrival, given: Any) -> AssetPlan:
    account = arrival.accounts[str(given["account"])]
    percent, months = given["percent"], given["months"]
    return AssetPlan(
        book=arrival.book, account=account, method=AssetPlan.Method(given["method"]),
        percent=None if percent is None else Decimal(percent), months=None if months is None else int(months),
        residual=money.parse_amount(given["residual"], currency=account.currency),
    )  # fmt: skip


def _value(arrival: Arrival, given: Any, entries: dict[uuid.UUID, int]) -> AssetValue:
    account = arrival.accounts[str(given["account"])]
    return AssetValue(
        book=arrival.book, account=account, date=datetime.date.fromisoformat(given["date"]),
        kind=AssetValue.Kind(given["kind"]), note=str(given["note"])[:200],
        value=money.parse_amount(given["value"], currency=account.currency),
        entry_id=entries[uuid.UUID(given["entry"])] if given["entry"] else None,
    )  # fmt: skip
