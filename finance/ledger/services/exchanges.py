"""Currency exchange through the book's trading accounts."""

import datetime
import uuid
from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import EntryInvalid
from finance.ledger.models import Account, AccountKind, Book, JournalEntry
from finance.ledger.posting import LineDraft, merged
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
    extra: Sequence[LineDraft] = (),
) -> JournalEntry:
    """Give `source_amount` of one account for `target_amount` on another of another currency (positive minor units).

    `extra` lines balance by themselves, as those of a fee.
    No rate is stored: both sides balance in their own currency against the trading accounts.
    Raises EntryInvalid and what post_entry raises.
    """
    lines = exchange_lines(
        book=book, source_account=source_account, source_amount=source_amount, target_account=target_account,
        target_amount=target_amount,
    )  # fmt: skip
    return post_entry(
        book=book, actor=actor, date=date, payee=payee, description=description, source=JournalEntry.Source.EXCHANGE,
        uid=uid, lines=merged([*lines, *extra]),
    )  # fmt: skip


@transaction.atomic
def exchange_lines(
    *, book: Book, source_account: Account, source_amount: int, target_account: Account, target_amount: int
) -> list[LineDraft]:
    """The lines of an exchange (positive minor units); opens the trading accounts that it needs. Raises EntryInvalid."""
    if source_account.currency == target_account.currency:
        raise EntryInvalid(field="target_account", reason=_("both accounts are kept in the same currency"))
    for field, amount in (("source_amount", source_amount), ("target_amount", target_amount)):
        if amount <= 0:
            raise EntryInvalid(field=field, reason=_("the amount must be positive"))
    source_trading = system_account(book=book, kind=AccountKind.TRADING, currency=source_account.currency)
    target_trading = system_account(book=book, kind=AccountKind.TRADING, currency=target_account.currency)
    return [
        LineDraft(account_id=source_account.pk, amount=-source_amount),
        LineDraft(account_id=source_trading.pk, amount=source_amount),
        LineDraft(account_id=target_trading.pk, amount=-target_amount),
        LineDraft(account_id=target_account.pk, amount=target_amount),
    ]
