"""Drafts of entries and the arithmetic on them, without a database."""

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDraft:
    """One side of an entry: signed minor units of the account's currency, debit +, credit −."""

    account_id: int
    amount: int
    memo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDraft:
    """An entry that has not been posted yet; its date is a day in the book's time zone."""

    date: datetime.date
    lines: Sequence[LineDraft]
    payee: str = ""
    description: str = ""
    uid: uuid.UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEntry:
    """An entry of a journal that is taken over whole; `reverses` and `corrects` are positions in that journal."""

    draft: EntryDraft
    source: str
    reverses: int | None = None
    corrects: int | None = None


def opposite(lines: Iterable[LineDraft]) -> list[LineDraft]:
    """The lines that take the given ones back."""
    return [LineDraft(account_id=line.account_id, amount=-line.amount, memo=line.memo) for line in lines]


def merged(lines: Iterable[LineDraft]) -> list[LineDraft]:
    """The lines with those of one account and note added up, in the order of the first of each."""
    found: dict[tuple[int, str], LineDraft] = {}
    for line in lines:
        key = (line.account_id, line.memo)
        before = found.get(key)
        found[key] = replace(before, amount=before.amount + line.amount) if before else line
    return list(found.values())


def imbalance(amounts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Sum of (currency, minor units) per currency, only where it is not zero."""
    sums: dict[str, int] = defaultdict(int)
    for currency, amount in amounts:
        sums[currency] += amount
    return {currency: total for currency, total in sorted(sums.items()) if total}
