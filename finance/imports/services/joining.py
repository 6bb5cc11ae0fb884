"""The second side of a transfer: its row's entry becomes one with that of the first side."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Protocol

from django.db import connection
from django.utils.translation import gettext

from finance.errors import Conflict
from finance.imports.models import ImportBatch
from finance.imports.services.fallbacks import Fallback
from finance.imports.transfers import could_be_one
from finance.ledger.models import Account, AccountKind, JournalEntry, JournalLine
from finance.ledger.posting import LineDraft
from finance.ledger.services import correct_entry
from finance.ledger.services.system_accounts import system_account
from finance.ledger.uncategorised import uncategorised_ids
from identity.models import User

_WITHOUT_ITS_LINE = """
SELECT given.row FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS given (row, entry, account)
 WHERE NOT EXISTS (SELECT FROM finance_journalline AS line
                    WHERE line.entry_id = given.entry AND line.account_id = given.account)
"""


class Linked(Protocol):
    """A row that was linked to an entry."""

    number: int
    account_id: int | None
    date: datetime.date | None
    amount: int | None
    posted_entry_id: int | None


def join_transfers(
    batch: ImportBatch, rows: Mapping[int, Linked], accounts: Mapping[int, Account], *, actor: User | None
) -> dict[int, int]:
    """Make the entry of another account's row a transfer to this one, where the row was linked to it.

    The entry's side without a category is replaced by this account, as a correction that undoing takes back; what was
    lost on the way becomes a line of fees, and other money goes through the trading accounts. Returns the new entries by
    row. Raises Conflict where the entry is no longer what the row was linked to.
    """
    known = {pk: row for pk, row in rows.items() if row.posted_entry_id is not None and row.account_id is not None}
    if not known:
        return {}
    entries, own = [row.posted_entry_id for row in known.values()], [row.account_id for row in known.values()]
    with connection.cursor() as cursor:
        cursor.execute(_WITHOUT_ITS_LINE, [list(known), entries, own])
        joined = [pk for (pk,) in cursor.fetchall()]
    fallback, replaced = Fallback(batch, actor), {}
    free = uncategorised_ids(book=batch.book) if joined else set()
    for pk in joined:
        row = known[pk]
        entry = JournalEntry.objects.select_related("book").get(pk=row.posted_entry_id or 0)
        lines = list(entry.lines.order_by("position"))
        account = accounts[row.account_id or 0]
        drafts = _joined_lines(lines, row, account, free=free, fallback=fallback)
        if not drafts or JournalEntry.objects.filter(reverses=entry).exists():
            text = gettext("The entry that line %(line)d was to be joined with has been changed; decide on it again.")
            raise Conflict(field="rows", reason=text % {"line": row.number})
        replaced[pk] = correct_entry(
            entry=entry, actor=actor, date=entry.date, lines=drafts, payee=entry.payee, description=entry.description,
            on=entry.date,
        ).pk  # fmt: skip
    return replaced


def _joined_lines(
    lines: Sequence[JournalLine], row: Linked, account: Account, *, free: set[int], fallback: Fallback
) -> list[LineDraft]:
    """The lines of the transfer; none where the entry has not two lines, one of them without a category, that fit the row."""
    fitting = [line for line in lines if line.account_id in free]
    if len(lines) != 2 or len(fitting) != 1 or not row.amount:
        return []
    side = fitting[0]
    (other,) = [line for line in lines if line is not side]
    there = LineDraft(account_id=other.account_id, amount=other.amount, memo=other.memo)
    here = [LineDraft(account_id=account.pk, amount=row.amount, memo=side.memo)]
    if side.currency == account.currency and side.amount != row.amount:
        if not could_be_one(row.amount, side.amount, currency=account.currency, other_currency=side.currency):
            return []
        here.append(LineDraft(account_id=fallback.fees_id(account), amount=side.amount - row.amount))
    elif side.currency != account.currency:
        if not could_be_one(row.amount, side.amount, currency=account.currency, other_currency=side.currency):
            return []
        from_there, to_here = (
            system_account(book=account.book, kind=AccountKind.TRADING, currency=code)
            for code in (side.currency, account.currency)
        )
        here = [
            LineDraft(account_id=from_there.pk, amount=side.amount),
            LineDraft(account_id=to_here.pk, amount=-row.amount),
            *here,
        ]
    return [there, *here] if lines[0] is other else [*here, there]
