"""What accounts held before their first entry: opening balances, posted against the book's account for them."""

import datetime
from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext

from finance.errors import Conflict, Invalid
from finance.ledger.models import Account, AccountKind, AccountType, JournalEntry, JournalLine
from finance.ledger.posting import LineDraft
from finance.ledger.services.entries import correct_entry, post_entry, reverse_entry
from finance.ledger.services.system_accounts import system_account
from identity.models import User


@transaction.atomic
def post_opening_balance(*, account: Account, actor: User | None, amount: int, on: datetime.date) -> JournalEntry:
    """Post what the account held before its first statement, against the book's opening balances."""
    book = account.book
    opening = system_account(book=book, kind=AccountKind.OPENING, currency=account.currency)
    return post_entry(
        book=book,
        actor=actor,
        date=on,
        description=gettext("Opening balance"),
        source=JournalEntry.Source.OPENING,
        lines=[
            LineDraft(account_id=account.pk, amount=amount),
            LineDraft(account_id=opening.pk, amount=-amount),
        ],
    )


def move_opening_balance(
    *, entry: JournalEntry, actor: User | None, account: Account, amount: int, on: datetime.date
) -> JournalEntry:
    """Replace an opening balance by one of another amount on another day, by a reversal and a new entry.

    Raises Conflict when nothing would be left to post, and as correct_entry does.
    """
    lines = {line.account_id: line.amount for line in entry.lines.all()}
    opening = next(
        found.pk for found in Account.objects.filter(pk__in=lines, kind=AccountKind.OPENING).order_by("pk")[:1]
    )
    lines[opening] -= amount - lines[account.pk]
    lines[account.pk] = amount
    drafts = [LineDraft(account_id=pk, amount=left) for pk, left in lines.items() if left]
    if not drafts:
        raise Conflict(
            reason=gettext(
                "The opening balance of %(name)s would be zero. Delete it first, then import the rows as they are."
            )
            % {"name": account.name}
        )
    return correct_entry(
        entry=entry,
        actor=actor,
        date=on,
        lines=drafts,
        payee=entry.payee,
        description=entry.description,
        on=on,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What an account held at the end of `on`, minor units, debit +; `entry` posted it."""

    entry: JournalEntry
    amount: int
    on: datetime.date


def openings_of(*, book_id: int, account_ids: Collection[int]) -> dict[int, Opening]:
    """The opening balances in force, by account; an account that began with nothing has none. One query.

    An opening balance was posted between the account and the book's account for opening balances and was not reversed.
    A bank file, a person or another program may have posted it. If there are several, the oldest is the one that can be
    changed.
    """
    # From the few lines of the account for opening balances, not from all lines of the others.
    against = JournalLine.objects.filter(account__book_id=book_id, account__kind=AccountKind.OPENING)
    lines = JournalLine.objects.filter(
        entry_id__in=against.values("entry_id"),
        book_id=book_id, account_id__in=account_ids, entry__reverses=None, entry__reversed_by=None,
    )  # fmt: skip
    found: dict[int, Opening] = {}
    for line in lines.select_related("entry__book").order_by("date", "entry_id", "position"):
        known = found.get(line.account_id)
        if known is None or known.entry.pk == line.entry_id:
            before = known.amount if known else 0
            found[line.account_id] = Opening(entry=line.entry, amount=before + line.amount, on=line.date)
    return found


def opening_of(*, account: Account) -> Opening | None:
    """The opening balance in force, as `openings_of`; None where the account began with nothing."""
    return openings_of(book_id=account.book_id, account_ids=[account.pk]).get(account.pk)


@transaction.atomic
def set_opening_balance(
    *, account: Account, actor: User | None, amount: int, on: datetime.date, today: datetime.date
) -> Opening | None:
    """Change what the account held at the end of `on` (minor units, debit +), by a reversal and a new entry.

    Zero removes the opening balance. Where the old day is closed by now, its reversal is dated `on`, and `today` if no new
    entry replaces it. Returns what is in force afterwards. Raises Invalid for an account that holds no money,
    PeriodClosedError, Conflict, AlreadyReversed.
    """
    if account.type not in (AccountType.ASSET, AccountType.LIABILITY) or account.kind == AccountKind.GROUP:
        raise Invalid(
            field="account", reason=gettext("Only an account that holds or owes money has an opening balance.")
        )
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    before = opening_of(account=account)
    if before is not None and (before.amount, before.on) == (amount, on):
        return before
    if before is None:
        if amount:
            post_opening_balance(account=account, actor=actor, amount=amount, on=on)
        return opening_of(account=account)
    parts = list(before.entry.lines.select_related("account").order_by("position"))
    others = [line for line in parts if line.account_id != account.pk and line.account.kind != AccountKind.OPENING]
    if others and on != before.on:
        raise Conflict(
            field="on",
            reason=gettext("Other accounts began in the same entry. Correct that entry, or keep its day: %(day)s.")
            % {"day": before.on.isoformat()},
        )
    if amount or others:
        move_opening_balance(entry=before.entry, actor=actor, account=account, amount=amount, on=on)
    else:
        reverse_entry(entry=before.entry, actor=actor, on=today)
    return opening_of(account=account)
