"""Rates from a CSV file of the household: columns date, from, to, rate; in any order, named in the first row."""

import csv
import datetime
import io
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.clock import today_in
from finance.errors import FinanceError, Invalid
from finance.events.reports import RatesImported
from finance.ledger.models import Book
from finance.valuation.models import ExchangeRate, RateSource
from finance.valuation.services.rates import check_day, checked_pair, read_rate
from identity.models import User
from platform_outbox.emit import emit

LARGEST_FILE = 5 * 1024 * 1024
MOST_ROWS = 100_000
_LONGEST_FIELD = 100
_COLUMNS = {
    "date": "date",
    "day": "date",
    "from": "base",
    "base": "base",
    "to": "quote",
    "quote": "quote",
    "rate": "rate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRates:
    """How many rates of the file were new, replaced another value, or were there already."""

    added: int
    changed: int
    same: int


@transaction.atomic
def import_rates(*, book: Book, actor: User | None, data: bytes, field: str = "file") -> ImportedRates:
    """Import the rates of a CSV file, all or none; they replace those of the same pair and day.

    Fields are separated by commas, semicolons or tabs; days are written 2026-03-14; a decimal comma is read where the
    comma does not separate fields. Raises Invalid at `field`, which names the row and what is wrong there.
    """
    try:
        rates = _rates_in(data, today=today_in(book))
    except Invalid as error:
        raise Invalid(field=field, reason=error.detail) from error
    days = [date for _base, _quote, date in rates]
    known = ExchangeRate.objects.filter(book=book, date__gte=min(days), date__lte=max(days))
    before = {
        (base, quote, date): rate for base, quote, date, rate in known.values_list("base", "quote", "date", "rate")
    }
    changed = {key: rate for key, rate in rates.items() if before.get(key) != rate}
    now = timezone.now()
    ExchangeRate.objects.bulk_create(
        [
            ExchangeRate(
                book=book, base=base, quote=quote, date=date, rate=rate, source=RateSource.FILE, saved_by=actor,
                saved_at=now,
            )
            for (base, quote, date), rate in changed.items()
        ],
        update_conflicts=True,
        unique_fields=["book", "base", "quote", "date"],
        update_fields=["rate", "source", "saved_by", "saved_at"],
        batch_size=1000,
    )  # fmt: skip
    emit(RatesImported(book_id=book.pk, first=min(days), last=max(days)))
    replaced = sum(key in before for key in changed)
    return ImportedRates(added=len(changed) - replaced, changed=replaced, same=len(rates) - len(changed))


def _rates_in(data: bytes, *, today: datetime.date) -> dict[tuple[str, str, datetime.date], Decimal]:
    text = _text_of(data)
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] | None = None
    rates: dict[tuple[str, str, datetime.date], Decimal] = {}
    try:
        for row in reader:
            if columns is None:
                columns = _columns_of(row)
            elif any(field.strip() for field in row):
                key, rate = _rate_of(dict(zip(columns, row, strict=False)), comma=delimiter != ",", today=today)
                if rates.setdefault(key, rate) != rate:
                    raise Invalid(field="rate", reason=_("The file has two rates of this pair and day."))
                if len(rates) > MOST_ROWS:
                    raise Invalid(field="file", reason=_("The file has more than 100,000 rates."))
    except csv.Error as error:
        raise Invalid(field="file", reason=_("Row %(row)d is not CSV.") % {"row": reader.line_num}) from error
    except FinanceError as error:
        if columns is None or error.fields.keys() <= {"file"}:
            raise
        where, (field, why) = reader.line_num, next(iter(error.fields.items()))
        sentence = _("Row %(row)d, %(field)s: %(why)s") % {"row": where, "field": field, "why": why}
        raise Invalid(field="file", reason=sentence) from error
    if not rates:
        raise Invalid(field="file", reason=_("The file has no rates."))
    return rates


def _text_of(data: bytes) -> str:
    if len(data) > LARGEST_FILE:
        raise Invalid(field="file", reason=_("The file is larger than 5 MB."))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(field="file", reason=_("The file is not text in UTF-8.")) from error


def _columns_of(row: list[str]) -> list[str]:
    columns = [_COLUMNS.get(name.strip().lower(), "") for name in row]
    if any(columns.count(name) != 1 for name in ("date", "base", "quote", "rate")):
        raise Invalid(field="file", reason=_("The first row must name the columns date, from, to and rate."))
    return columns


def _rate_of(
    row: dict[str, str], *, comma: bool, today: datetime.date
) -> tuple[tuple[str, str, datetime.date], Decimal]:
    given = {name: row.get(name, "").strip()[:_LONGEST_FIELD] for name in ("date", "base", "quote", "rate")}
    try:
        date = datetime.date.fromisoformat(given["date"])
    except ValueError as error:
        reason = _("“%(text)s” is not a day such as 2026-03-14.") % {"text": given["date"][:40]}
        raise Invalid(field="date", reason=reason) from error
    check_day(date, today=today)
    base, quote = checked_pair(given["base"], given["quote"])
    text = given["rate"]
    if comma and text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    return (base, quote, date), read_rate(text)
