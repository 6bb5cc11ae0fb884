"""Filters for amounts (minor units) and days, in the reader's language."""

import datetime
from decimal import Decimal

from django import template
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from core import formatting
from finance import figures
from finance.ledger import movements
from finance.ledger.registers import RegisterRow
from finance.money import exponent
from finance.web.register_filters import Scope

register = template.Library()


@register.filter
def money(minor_units: int, currency: str) -> str:
    """ "−€1,234.50" """
    return figures.money_text(minor_units, currency=currency)


@register.filter
def money_change(minor_units: int, currency: str) -> str:
    """ "+€1,234.50": a change always shows its sign."""
    return figures.money_text(minor_units, currency=currency, plus=True)


@register.filter
def amount(minor_units: int, currency: str) -> str:
    """ "−1,234.50", where the currency stands in the column's head."""
    return figures.amount_text(minor_units, currency=currency)


@register.filter
def typed(minor_units: int, currency: str) -> str:
    """ "1234.50": as a person would type it into a field."""
    return figures.typed_text(minor_units, currency=currency)


@register.filter
def amount_change(minor_units: int, currency: str) -> str:
    """ "+1,234.50" """
    return figures.amount_text(minor_units, currency=currency, plus=True)


@register.filter
def row_amount(row: RegisterRow, scope: Scope) -> str:
    """A row's amount as its register shows it: of a category without a sign, and with the currency if there are several."""
    shown = figures.money_text if len(scope.currencies) > 1 else figures.amount_text
    signed = movements.natural(row.amount, row.account.type)
    return shown(signed, currency=row.account.currency, plus=not scope.is_category)


@register.filter
def plain(value: Decimal) -> str:
    """A number as it was entered, without zeros at its end: "1.0812"."""
    places = max(0, -int(value.normalize().as_tuple().exponent))
    return formatting.number_text(value, places=places)


@register.filter
def day(value: datetime.date, form: str = "medium") -> str:
    """A date in the language's own order; of a moment the reader's day."""
    return formatting.date_text(value, form=form)


@register.filter
def moment(value: datetime.datetime) -> str:
    """Day and time in the reader's time zone."""
    return formatting.moment_text(value)


@register.filter
def opposite(minor_units: int) -> int:
    return -minor_units


@register.filter
def natural(minor_units: int, account_type: str) -> int:
    """With the sign that people expect: income is positive."""
    return movements.natural(minor_units, account_type)


@register.filter
def places(currency: str) -> int:
    """Decimal places of a currency, for scripts that show sums."""
    return exponent(currency)


@register.filter
def count(number: int) -> str:
    """ "12,345" """
    return formatting.count_text(number)


@register.filter
def percent_change(percent: int) -> str:
    """ "+8 %", as the language writes it."""
    return formatting.percent_text(percent, plus=True)


@register.filter
def row_title(row: RegisterRow) -> str:
    """What a register's row is called: the payee, else the note, else where the money came from or went."""
    if row.payee or row.description:
        return row.payee or row.description
    if row.exchanged:
        return _("Exchange")
    return ", ".join(dict.fromkeys(line.name for line in row.others)) or row.account.name


@register.filter
def exchange_text(row: RegisterRow) -> str:
    """ "€100.00 → $110.00", of a row that is an exchange."""
    return " → ".join(figures.money_text(amount, currency=currency) for currency, amount in row.exchanged or ())


@register.filter
def file_size(number: int) -> str:
    """ "1.5 MB" (English), "1,5 MB" (German)."""
    return filesizeformat(number).replace(".", formatting.decimal_mark())
