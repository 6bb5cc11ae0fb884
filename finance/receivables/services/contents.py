"""What invoices and recurring invoices have in common: client, lines, accounts and texts, and how they are checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from finance import money
from finance.errors import Invalid
from finance.ledger.models import AccountType
from finance.receivables.invoicing import InvoiceLine, Totals, totals_of
from finance.receivables.models import Invoice, RecurringInvoice
from finance.receivables.services.people import check_account

MOST_LINES = 200
# What holds accounts, with the types that they may have.
_ACCOUNTS = {
    "income": (AccountType.INCOME,),
    "tax_account": (AccountType.LIABILITY, AccountType.ASSET),
    "money_account": (AccountType.ASSET, AccountType.LIABILITY),
}
Kept = Invoice | RecurringInvoice


@dataclass(frozen=True, slots=True, kw_only=True)
class LineGiven:
    """A line as it is entered: price in minor units, quantity and rate (percent) as decimals."""

    text: str
    quantity: Decimal
    price: int
    rate: Decimal


def lines_of(kept: Kept) -> list[InvoiceLine]:
    """The lines as they are kept."""
    return [
        InvoiceLine(
            text=each["text"], quantity=Decimal(each["quantity"]), price=each["price"], rate=Decimal(each["rate"])
        )
        for each in kept.lines
    ]


def totals(kept: Kept) -> Totals:
    """Net, tax per rate and gross."""
    return totals_of(lines_of(kept))


def checked_lines(lines: Sequence[LineGiven]) -> list[InvoiceLine]:
    """Raises Invalid, which names the line and what is wrong with it."""
    if not 1 <= len(lines) <= MOST_LINES:
        raise Invalid(field="lines", reason=_("An invoice has 1 to %(most)d lines.") % {"most": MOST_LINES})
    checked = []
    for place, line in enumerate(lines):
        for field, value, most in (("quantity", line.quantity, 1_000_000), ("tax_rate", line.rate, 100)):
            lowest = -most if field == "quantity" else 0
            try:
                exact = value.is_finite() and value == value.quantize(Decimal("0.0001"))
            except InvalidOperation:
                exact = False
            if not exact or not lowest <= value <= most:
                reason = _("Enter a number of at most four decimals, up to %(most)s.") % {"most": f"{most:,}"}
                raise Invalid(field=f"lines.{place}.{field}", reason=reason)
        text = " ".join(line.text.split())
        if not text or len(text) > 300 or "\x00" in text:
            raise Invalid(field=f"lines.{place}.text", reason=_("Say in at most 300 characters what it is for."))
        if abs(line.price) > money.MAX_MINOR_UNITS // 1_000_000:
            raise Invalid(field=f"lines.{place}.price", reason=_("The price is too large."))
        checked.append(InvoiceLine(text=text, quantity=line.quantity, price=line.price, rate=line.rate))
    return checked


def fill(kept: Kept, changes: Mapping[str, Any]) -> Totals:
    """Set what `changes` names of person, currency, lines (LineGiven), income, tax_account, money_account, sender, note.

    Saves nothing. Returns what the lines come to. Where only the currency changes, prices keep their digits: 50.00 is still
    50.00. Raises Invalid, which names the member, and AmountInvalid for a price that has more decimals than the currency.
    """
    before = kept.currency
    for name in ("person", "income", "tax_account", "money_account", "currency"):
        if name in changes:
            setattr(kept, name, changes[name])
    money.exponent(kept.currency, field="currency")
    _set_texts(kept, changes)
    for name, types in _ACCOUNTS.items():
        account = getattr(kept, name) if getattr(kept, f"{name}_id") else None
        if account is not None:
            check_account(account, types=types, field=name, currency=kept.currency)
    if "lines" in changes:
        lines = checked_lines(changes["lines"])
        kept.lines = [
            {"text": each.text, "quantity": f"{each.quantity:f}", "price": each.price, "rate": f"{each.rate:f}"}
            for each in lines
        ]
    elif kept.currency != before:
        kept.lines = [
            line
            | {
                "price": money.parse_amount(
                    money.format_amount(line["price"], currency=before), currency=kept.currency,
                    field=f"lines.{place}.price",
                )
            }
            for place, line in enumerate(kept.lines)
        ]  # fmt: skip
    sums = totals(kept)
    if sums.gross <= 0 or sums.gross > money.MAX_MINOR_UNITS:
        raise Invalid(field="lines", reason=_("The lines must come to more than zero."))
    return sums


def _set_texts(kept: Kept, changes: Mapping[str, Any]) -> None:
    """Raises Invalid, which names the text."""
    for name, most in (("sender", 500), ("note", 1000)):
        if name in changes:
            text = "\n".join(line.rstrip() for line in (changes[name] or "").strip().splitlines())
            if len(text) > most or "\x00" in text:
                raise Invalid(field=name, reason=_("Enter at most %(most)d characters.") % {"most": most})
            setattr(kept, name, text)
