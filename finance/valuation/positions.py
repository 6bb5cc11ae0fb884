"""Holdings in other currencies: what they cost, what they are worth, and what the change of rates brought."""

import datetime
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from finance.ledger.models import Account, Book
from finance.valuation.changes import Change, changes_of_accounts
from finance.valuation.gains import Flow, Gains, gains_of
from finance.valuation.net_worth import HOLDINGS
from finance.valuation.rates import Quote, half_away
from finance.valuation.valuer import Valuer, valuer_between


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """All accounts of one other currency over a period; rounded values in minor units of the base currency, None: open."""

    currency: str
    account_ids: list[int]
    gains: Gains
    quote: Quote | None  # at the end of the period

    @property
    def cost(self) -> int | None:
        return _rounded(self.gains.cost)

    @property
    def value(self) -> int | None:
        return _rounded(self.gains.closing_value)

    @property
    def unrealised(self) -> int | None:
        """Worth at the end of the period less cost."""
        return _rounded(self.gains.unrealised)

    @property
    def gain(self) -> int | None:
        """Of the period, of all that was held in it."""
        return _rounded(self.gains.gain)

    @property
    def realised(self) -> int | None:
        """The part of the period's gain that came with what went out."""
        return _rounded(self.gains.realised)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingsReport:
    """Holdings in other currencies from the day `first` to the day `last`; totals are sums of the rounded rows.

    `base_amount` is what is held in the base currency at the end; `open` names currencies of which a figure is missing.
    """

    first: datetime.date
    last: datetime.date
    currency: str
    base_amount: int
    rows: list[Holding]

    @property
    def open(self) -> list[str]:
        return [row.currency for row in self.rows if None in (row.value, row.cost, row.gain)]

    @property
    def unpriced(self) -> list[str]:
        """Currencies of what is held at the end without a rate."""
        return [row.currency for row in self.rows if row.value is None]

    @property
    def at_cost(self) -> int:
        """All holdings, others at what they cost, as far as it is known."""
        return self.base_amount + sum(row.cost or 0 for row in self.rows)

    @property
    def at_market(self) -> int:
        """All holdings, others at what they are worth at the end, as far as a rate is known."""
        return self.base_amount + sum(row.value or 0 for row in self.rows)

    @property
    def unrealised(self) -> int:
        return sum(row.unrealised or 0 for row in self.rows)

    @property
    def realised(self) -> int:
        return sum(row.realised or 0 for row in self.rows)

    @property
    def gain(self) -> int:
        return sum(row.gain or 0 for row in self.rows)


def holdings_report(
    *, book: Book, accounts: Iterable[Account], first: datetime.date, last: datetime.date, base_amount: int
) -> HoldingsReport:
    """What the book holds and owes in other currencies, from all its entries to the day `last`; three queries.

    Purchases and sales count at the amount in their entry, everything else that came or went at the rate of its day.
    """
    others = [a for a in accounts if a.type in HOLDINGS and a.currency != book.base_currency]
    changes = changes_of_accounts(
        book=book, account_ids=[a.pk for a in others], target=book.base_currency, first=None, last=last
    )
    before = max(first, datetime.date.min + datetime.timedelta(days=1)) - datetime.timedelta(days=1)
    valuer = valuer_between(book=book, first=min([before, *(change.date for change in changes[:1])]), last=last)
    flows = _flows(changes, valuer)
    ids: dict[str, list[int]] = defaultdict(list)
    for account in others:
        ids[account.currency].append(account.pk)
    rows = [
        Holding(
            currency=currency,
            account_ids=ids[currency],
            gains=gains_of(
                flows[currency],
                first=first,
                opening_rate=valuer.unit(currency, on=before),
                closing_rate=valuer.unit(currency, on=last),
            ),
            quote=valuer.quote(currency, on=last),
        )
        for currency in sorted(flows)
    ]
    shown = [row for row in rows if row.gains.opening or row.gains.closing or row.gains.came_in or row.gains.went_out]
    return HoldingsReport(first=first, last=last, currency=book.base_currency, base_amount=base_amount, rows=shown)


def _flows(changes: Iterable[Change], valuer: Valuer) -> dict[str, list[Flow]]:
    """Per currency what came in and went out of all of its accounts together, by day."""
    sums: dict[tuple[datetime.date, int, str], list[Change]] = defaultdict(list)
    for change in changes:
        sums[change.date, change.entry_id or 0, change.currency].append(change)
    legs: dict[tuple[datetime.date, int], dict[str, tuple[int, Fraction | None]]] = defaultdict(dict)
    for (date, entry, currency), parts in sorted(sums.items()):
        amount = sum(part.amount for part in parts)
        values = [value for part in parts if (value := part.value(valuer)) is not None]
        if amount:
            legs[date, entry][currency] = amount, sum(values, Fraction(0)) if len(values) == len(parts) else None
    flows: dict[str, list[Flow]] = defaultdict(list)
    for (date, entry), of_entry in legs.items():
        for currency, (amount, value) in (_swapped(of_entry) if entry else of_entry).items():
            flows[currency].append(Flow(date=date, amount=amount, value=value))
    return flows


def _swapped(legs: dict[str, tuple[int, Fraction | None]]) -> dict[str, tuple[int, Fraction | None]]:
    """An exchange of one other currency for another: what came cost what went is worth, so that nothing is gained by it."""
    if len(legs) != 2 or len({amount > 0 for amount, _value in legs.values()}) != 2:
        return legs
    (given, (given_amount, given_value)), (taken, (taken_amount, taken_value)) = sorted(
        legs.items(), key=lambda leg: leg[1][0]
    )
    value = -given_value if given_value is not None else taken_value
    return {given: (given_amount, None if value is None else -value), taken: (taken_amount, value)}


def _rounded(value: Fraction | None) -> int | None:
    return None if value is None else half_away(value)
