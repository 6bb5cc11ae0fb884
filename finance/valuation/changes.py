"""What accounts in other currencies moved, and what that was worth: the rate in an entry itself wins over a table."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from finance.ledger.models import AccountKind, Book
from finance.replica import reading
from finance.valuation.rates import fine
from finance.valuation.valuer import Valuer


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one account moved on one day (minor units, debit +): in all entries without an exchange, or in one with.

    `at_entry` is its value by the exchange in the entry, in minor units of the target currency.
    """

    account_id: int
    currency: str
    date: datetime.date
    amount: int
    entry_id: int | None = None
    at_entry: Fraction | None = None

    def value(self, valuer: Valuer) -> Fraction | None:
        """Minor units of the target currency, not rounded: by the entry, else by the day's rate; None: not valued."""
        return self.at_entry if self.at_entry is not None else valuer.exactly(self.amount, self.currency, on=self.date)


def changes_of_accounts(
    *, book: Book, account_ids: Collection[int], target: str, first: datetime.date | None, last: datetime.date
) -> list[Change]:
    """The changes of the accounts from the day `first` (None: from the beginning) to the day `last`, by date.

    Of a book that is seen in part: by the entries that touch a seen account.
    One query, which reads the lines of these accounts and of the book's exchanges.
    """
    given: dict[str, Any] = {
        "book": book.pk, "accounts": sorted(account_ids), "first": first or datetime.date.min, "last": last,
        "target": target, "trading": AccountKind.TRADING.value,
    }  # fmt: skip
    with reading().cursor() as cursor:
        seen = "" if book.visible_ids is None else _SEEN
        cursor.execute(f"{_CHANGES}{seen}", given | {"seen": sorted(book.visible_ids or ())})
        rows = cursor.fetchall()
    traded: dict[int, dict[str, int]] = defaultdict(dict)
    for account_id, currency, _date, entry_id, amount in rows:
        if account_id is None and amount:
            traded[entry_id][currency] = int(amount)
    sums: dict[tuple[datetime.date, int, int], Change] = {}
    for account_id, currency, date, entry_id, amount in rows:
        if account_id is None:
            continue
        # Exchanges of one currency for one other are kept apart.
        exchanged = traded[entry_id] if len(traded.get(entry_id, ())) == 2 else {}
        before = sums.get(key := (date, entry_id if exchanged else 0, account_id))
        moved = int(amount) + (before.amount if before else 0)
        own, paid = exchanged.get(currency), exchanged.get(target)
        sums[key] = Change(
            account_id=account_id, currency=currency, date=date, amount=moved,
            entry_id=entry_id if exchanged else None,
            # What the entry has on the trading account of its currency cost what it has on that of the target.
            at_entry=fine(Fraction(moved * paid, -own)) if own and paid else None,
        )  # fmt: skip
    return [sums[key] for key in sorted(sums) if sums[key].amount]


@dataclass(slots=True, kw_only=True)
class ValuedSum:
    """Changes added up: what was valued (minor units of the target, not rounded), and the rest (minor units)."""

    value: Fraction = Fraction(0)
    unvalued: int = 0


def sums_by_month(changes: Iterable[Change], *, valuer: Valuer) -> dict[tuple[int, datetime.date], ValuedSum]:
    """The changes per account and month (its first day), each valued on its day."""
    sums: dict[tuple[int, datetime.date], ValuedSum] = defaultdict(ValuedSum)
    for change in changes:
        into, value = sums[change.account_id, change.date.replace(day=1)], change.value(valuer)
        if value is None:
            into.unvalued += change.amount
        else:
            into.value += value
    return dict(sums)


# Sums of the entries on the trading accounts (no account named), and the lines of the accounts asked about. They are
# brought together here: PostgreSQL, which cannot know how many there are, would compare each with each.
_CHANGES = """
SELECT NULL::bigint AS account_id, line.currency, NULL::date AS date, line.entry_id, sum(line.amount)
  FROM finance_account AS account
 CROSS JOIN LATERAL (SELECT entry_id, currency, amount FROM finance_journalline
                      WHERE account_id = account.id AND date >= %(first)s AND date <= %(last)s OFFSET 0) AS line
 WHERE account.book_id = %(book)s AND account.kind = %(trading)s
 GROUP BY line.entry_id, line.currency
UNION ALL
SELECT asked.id, line.currency, line.date, line.entry_id, line.amount
  FROM unnest(%(accounts)s::bigint[]) AS asked (id)
 CROSS JOIN LATERAL (SELECT currency, date, entry_id, amount FROM finance_journalline
                      WHERE account_id = asked.id AND date >= %(first)s AND date <= %(last)s OFFSET 0) AS line
"""
_SEEN = """ WHERE EXISTS (SELECT 1 FROM finance_journalline AS seen
                WHERE seen.entry_id = line.entry_id AND seen.account_id = ANY(%(seen)s::bigint[]) OFFSET 0)
"""
