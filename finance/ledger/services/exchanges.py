"""Currency exchange through the book's trading accounts."""

import datetime
import uuid

from django.db import transaction

from finance.errors import EntryInvalid
from finance.ledger.models import Account, AccountKind, Book, JournalEntry
from finance.ledger.posting import LineDraft
from finance.ledger.services.entries import post_entry
from finance.ledger.services.system_accounts import system_account
from identity.models import User


@transaction.atomic
def exchange(
    *,
    book: Book,
    actor: User | None,
    date: datetime.date,
    source_account: Account,
    source_amount: int,
    target_account: Account,
    target_amount: int,
    payee: str = "",
    description: str = "",
    uid: uuid.UUID | None = None,
) -> JournalEntry:
    """Give `source_amount` of one account for `target_amount` on another of another currency (positive minor units).

    No rate is stored: both sides balance in their own currency against the trading accounts.
    Raises EntryInvalid and what post_entry raises.
    """
    if source_account.currency == target_account.currency:
        raise EntryInvalid(field="target_account", reason="both accounts are kept in the same currency")
    for field, amount in (("source_amount", source_amount), ("target_amount", target_amount)):
        if amount <= 0:
            raise EntryInvalid(field=field, reason="the amount must be positive")
    source_trading = system_account(book=book, kind=AccountKind.TRADING, currency=source_account.currency)
    target_trading = system_account(book=book, kind=AccountKind.TRADING, currency=target_account.currency)
    return post_entry(
        book=book,
        actor=actor,
        date=date,
        payee=payee,
        description=description,
        source=JournalEntry.Source.EXCHANGE,
        uid=uid,
        lines=[
            LineDraft(account_id=source_account.pk, amount=-source_amount),
            LineDraft(account_id=source_trading.pk, amount=source_amount),
            LineDraft(account_id=target_trading.pk, amount=-target_amount),
            LineDraft(account_id=target_account.pk, amount=target_amount),
        ],
    )
