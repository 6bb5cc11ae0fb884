"""Amounts of a book in another currency, at a day: by the rates that were known, or "not valued" with the reason.

valuer = valuer_at(book=book, days=[today])
valuer.value(100_00, "USD", on=today).value     # minor units of the book's base currency, or None
"""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from finance import money
from finance.ledger.models import AccountKind, Book
from finance.replica import reading
from finance.valuation.rates import Quote, Rate, RateTable, Source, convert, exactly, fine, rate_of_amounts

# Of each currency that many of the latest exchanges before a day are looked at, to find one for each counterpart.
LATEST_EXCHANGES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """An amount (minor units of `currency`) and its value (minor units of `target`) at the end of the day `on`.

    Without a rate `value` is None, and `only_later` says whether there is one of a later day. Zero is worth zero.
    """

    amount: int
    currency: str
    target: str
    on: datetime.date
    value: int | None
    quote: Quote | None = None
    only_later: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Amounts of several currencies in one: the sum of what could be valued, and what could not."""

    on: datetime.date
    value: int
    parts: list[Valuation]  # all, in the order of their currencies' codes; each was valued and rounded by itself

    @property
    def unvalued(self) -> dict[str, int]:
        """Minor units per currency that are not in `value`."""
        return {part.currency: part.amount for part in self.parts if part.value is None}

    @property
    def complete(self) -> bool:
        return not self.unvalued

    @property
    def converted(self) -> list[Valuation]:
        """What needed a rate and has one."""
        return [part for part in self.parts if part.value is not None and part.quote is not None]


class Valuer:
    """Values amounts by rates that were read before; made by `valuer_at` and `valuer_between`."""

    def __init__(
        self, rates: Iterable[Rate], *, target: str, crossing: bool = True,
        days: Collection[datetime.date] | None = None, first: datetime.date | None = None,
    ) -> None:  # fmt: skip
        self.target = target
        self._table = RateTable(rates)
        self._crossing = crossing
        self._days = None if days is None else frozenset(days)
        self._first = first
        self._units: dict[tuple[str, datetime.date], Fraction | None] = {}
        self._quotes: dict[tuple[str, str, datetime.date], Quote | None] = {}

    def quote(self, currency: str, *, on: datetime.date, target: str | None = None) -> Quote | None:
        """What one unit is worth on that day; None without a rate. Raises LookupError for a day that was not read."""
        if (self._days is not None and on not in self._days) or (self._first is not None and on < self._first):
            raise LookupError(f"rates of {on} were not read")
        key = currency, target or self.target, on
        if key not in self._quotes:
            self._quotes[key] = self._table.quote(key[0], key[1], on=on, crossing=self._crossing)
        return self._quotes[key]

    def value(self, amount: int, currency: str, *, on: datetime.date) -> Valuation:
        """What the amount (minor units) is worth in the target currency, rounded half away from zero."""
        given: dict[str, Any] = {"amount": amount, "currency": currency, "target": self.target, "on": on}
        if currency == self.target or not amount:
            return Valuation(value=amount, **given)
        quote = self.quote(currency, on=on)
        if quote is None:
            return Valuation(value=None, only_later=self._table.first_day(currency, self.target) is not None, **given)
        places, target_places = money.exponent(currency), money.exponent(self.target)
        value = convert(amount, rate=quote.rate, places=places, target_places=target_places)
        return Valuation(value=value, quote=quote, **given)

    def exactly(self, amount: int, currency: str, *, on: datetime.date) -> Fraction | None:
        """As `value`, to a billionth of a minor unit, for sums that are rounded in the end; None: not valued."""
        if currency == self.target or not amount:
            return Fraction(amount)
        unit = self.unit(currency, on=on)
        return None if unit is None else fine(amount * unit)

    def unit(self, currency: str, *, on: datetime.date) -> Fraction | None:
        """What one minor unit is worth in minor units of the target, exactly; None without a rate."""
        if (currency, on) not in self._units:
            quote, unit = self.quote(currency, on=on), None
            if quote is not None:
                places, target_places = money.exponent(currency), money.exponent(self.target)
                unit = exactly(1, rate=quote.rate, places=places, target_places=target_places)
            self._units[currency, on] = unit
        return self._units[currency, on]

    def total(self, amounts: Mapping[str, int], *, on: datetime.date) -> Total:
        """The amounts of several currencies (code → minor units) added up at a day."""
        parts = [self.value(amount, currency, on=on) for currency, amount in sorted(amounts.items())]
        return Total(on=on, value=sum(part.value or 0 for part in parts), parts=parts)


def valuer_at(*, book: Book, days: Collection[datetime.date], target: str | None = None) -> Valuer:
    """A valuer for certain days, such as the ends of months; two queries.

    `target` is the book's base currency unless another is named.
    """
    rates, crossing = _read(book, days=sorted(set(days)), until=None)
    return Valuer(rates, target=target or book.base_currency, crossing=crossing, days=days)


def valuer_between(*, book: Book, first: datetime.date, last: datetime.date, target: str | None = None) -> Valuer:
    """A valuer for every day from `first` on; two queries. It knows no rate of a day after `last`."""
    rates, crossing = _read(book, days=[first], until=last)
    return Valuer(rates, target=target or book.base_currency, crossing=crossing, first=first)


def _read(book: Book, *, days: list[datetime.date], until: datetime.date | None) -> tuple[list[Rate], bool]:
    """The rates that may be needed on the days, or from the one day until another; and whether crossing is allowed."""
    given: dict[str, Any] = {
        "book": book.pk, "days": days, "first": min(days, default=None), "until": until,
        "trading": AccountKind.TRADING.value, "latest": LATEST_EXCHANGES,
    }  # fmt: skip
    with reading().cursor() as cursor:
        cursor.execute(_STORED, given)
        rows = cursor.fetchall()
        own_exchanges, crossing = rows[0][:2]
        exchanged: list[tuple[Any, ...]] = []
        if own_exchanges:
            cursor.execute(_EXCHANGED, given)
            exchanged = cursor.fetchall()
    rates = [
        Rate(base=base, quote=quote, date=date, rate=Fraction(rate), source=Source(source))
        for _own, _crossing, base, quote, date, rate, source in rows
        if base is not None
    ]
    return rates + _rates_of_exchanges(exchanged), crossing


def _rates_of_exchanges(rows: Iterable[tuple[int, datetime.date, str, int]]) -> list[Rate]:
    """Rates of entries that exchange one currency for one other; rows are (entry, date, currency, sum on trading)."""
    entries: dict[tuple[datetime.date, int], dict[str, int]] = defaultdict(dict)
    for entry, date, currency, amount in rows:
        if amount:
            entries[date, entry][currency] = int(amount)
    latest: dict[tuple[str, str, datetime.date], Rate] = {}
    for (date, _entry), sums in sorted(entries.items()):
        if len(sums) != 2 or len({amount > 0 for amount in sums.values()}) != 2:
            continue  # several currencies at once do not say which was changed into which
        (base, given), (quote, taken) = sorted(sums.items())
        rate = rate_of_amounts(given, taken, places=money.exponent(base), taken_places=money.exponent(quote))
        latest[base, quote, date] = Rate(base=base, quote=quote, date=date, rate=rate, source=Source.EXCHANGE)
    return list(latest.values())


# Always at least one row, which holds the book's choices. Of each pair, for each day its latest rate until then, and all
# of the days until `until`. The pairs of a book are found by leaping through the index from one to the next.
_STORED = """
WITH RECURSIVE choice AS (
    SELECT coalesce(chosen.own_exchanges, true) AS own_exchanges, coalesce(chosen.crossing, true) AS crossing,
           coalesce(chosen.reference, true) AS reference
      FROM (SELECT 1) AS one LEFT JOIN finance_valuationchoice AS chosen ON chosen.book_id = %(book)s
), pair AS (
    (SELECT base, quote FROM finance_exchangerate WHERE book_id = %(book)s ORDER BY base, quote LIMIT 1)
    UNION ALL
    SELECT following.base, following.quote FROM pair CROSS JOIN LATERAL (
        SELECT base, quote FROM finance_exchangerate
         WHERE book_id = %(book)s AND (base, quote) > (pair.base, pair.quote) ORDER BY base, quote LIMIT 1) AS following
), published AS (
    SELECT DISTINCT 'EUR' AS base, account.currency AS quote FROM finance_account AS account CROSS JOIN choice
     WHERE account.book_id = %(book)s AND choice.reference
       AND account.currency <> 'EUR'
    UNION SELECT 'EUR', base_currency FROM finance_book CROSS JOIN choice
           WHERE id = %(book)s AND choice.reference AND base_currency <> 'EUR'
    UNION SELECT 'EUR', unnest(ARRAY[base, quote]) FROM pair CROSS JOIN choice WHERE choice.reference
), found AS (
    SELECT pair.base, pair.quote, latest.date, latest.rate, latest.source
      FROM pair CROSS JOIN unnest(%(days)s::date[]) AS day
     CROSS JOIN LATERAL (SELECT date, rate, source FROM finance_exchangerate
                          WHERE book_id = %(book)s AND base = pair.base AND quote = pair.quote AND date <= day
                          ORDER BY date DESC LIMIT 1) AS latest
    UNION
    SELECT base, quote, date, rate, source FROM finance_exchangerate
     WHERE book_id = %(book)s AND date > %(first)s AND date <= %(until)s::date
    UNION
    SELECT published.base, published.quote, latest.date, latest.rate, latest.source
      FROM published CROSS JOIN unnest(%(days)s::date[]) AS day
     CROSS JOIN LATERAL (SELECT date, rate, source FROM finance_referencerate
                          WHERE base = published.base AND quote = published.quote AND date <= day
                          ORDER BY date DESC LIMIT 1) AS latest
    UNION
    SELECT published.base, published.quote, later.date, later.rate, later.source
      FROM published JOIN finance_referencerate AS later
        ON later.base = published.base AND later.quote = published.quote
     WHERE later.date > %(first)s AND later.date <= %(until)s::date
)
SELECT choice.own_exchanges, choice.crossing, found.* FROM choice LEFT JOIN found ON true
"""

# Sums per currency on the trading accounts of the latest exchanges before each day, and of all until `until`. Entries
# that were reversed, and their reversals, say nothing about rates. Looked up row by row (finance.ledger.plans).
_EXCHANGED = """
WITH trading AS (
    SELECT account.id, account.currency, account.currency = book.base_currency AS is_base
      FROM finance_account AS account JOIN finance_book AS book ON book.id = account.book_id
     WHERE account.book_id = %(book)s AND account.kind = %(trading)s
), exchanged AS (
    SELECT latest.entry_id FROM trading CROSS JOIN unnest(%(days)s::date[]) AS day
     CROSS JOIN LATERAL (SELECT entry_id FROM finance_journalline WHERE account_id = trading.id AND date <= day
                          ORDER BY date DESC, id DESC LIMIT %(latest)s) AS latest
     WHERE NOT trading.is_base
    UNION
    SELECT later.entry_id FROM trading
     CROSS JOIN LATERAL (SELECT entry_id FROM finance_journalline
                          WHERE account_id = trading.id AND date > %(first)s AND date <= %(until)s::date OFFSET 0) AS later
     WHERE NOT trading.is_base
)
SELECT exchanged.entry_id, line.date, line.currency, sum(line.amount)
  FROM exchanged
 CROSS JOIN LATERAL (SELECT id, reverses_id FROM finance_journalentry WHERE id = exchanged.entry_id OFFSET 0) AS entry
  LEFT JOIN LATERAL (SELECT id FROM finance_journalentry WHERE reverses_id = entry.id OFFSET 0) AS reversal ON true
 CROSS JOIN LATERAL (SELECT account_id, date, currency, amount FROM finance_journalline
                      WHERE entry_id = entry.id OFFSET 0) AS line
  JOIN trading ON trading.id = line.account_id
 WHERE entry.reverses_id IS NULL AND reversal.id IS NULL
 GROUP BY exchanged.entry_id, line.date, line.currency
"""
