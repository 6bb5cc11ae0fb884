"""Rows that give a purchase back. Pure: incoming rows and purchases in, pairs out."""

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

REFUND_DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """Money out to a payee (`key`: its words), in positive minor units: an entry, or a line of the same statement.

    `left` is what was not given back yet; `category_id` is known of entries only.
    """

    key: str
    date: datetime.date
    amount: int
    left: int
    payee: str
    entry_id: int | None = None
    line: int | None = None
    category_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """Money in from a payee, in positive minor units."""

    line: int
    key: str
    date: datetime.date
    amount: int


def purchases_given_back(rows: Sequence[Incoming], purchases: Sequence[Purchase]) -> dict[int, Purchase]:
    """By line: the purchase of the same payee that a row gives back, wholly or in part, at most 90 days later.

    One of the same amount goes first, then the latest. No purchase is given back by more than it cost.
    """
    by_key: dict[str, list[Purchase]] = defaultdict(list)
    for purchase in purchases:
        by_key[purchase.key].append(purchase)
    left = {id(purchase): purchase.left for purchase in purchases}
    found: dict[int, Purchase] = {}
    ordered = sorted(rows, key=lambda row: (row.date, row.line))
    for exact in (True, False):
        for row in ordered:
            fitting = [
                purchase
                for purchase in (by_key.get(row.key, ()) if row.line not in found else ())
                if 0 <= (row.date - purchase.date).days <= REFUND_DAYS
                and (left[id(purchase)] == row.amount == purchase.amount if exact else left[id(purchase)] >= row.amount)
            ]
            if fitting:
                best = max(fitting, key=lambda purchase: (purchase.date, purchase.entry_id or 0, purchase.line or 0))
                left[id(best)] -= row.amount
                found[row.line] = best
    return found
