"""The account tree: open, rename, move, close."""

import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from finance import money
from finance.errors import AccountNameTaken, Conflict, Invalid
from finance.events.journal import AccountClosed, AccountMoved, AccountOpened, AccountRenamed
from finance.ledger.models import Account, AccountKind, AccountType, Book
from finance.ledger.selectors import balance_of
from finance.ledger.services.books import check_name
from finance.ledger.services.openings import post_opening_balance
from identity.models import User
from platform_outbox.emit import emit


@transaction.atomic
def open_account(
    *,
    book: Book,
    actor: User | None,
    name: str,
    type: str,
    kind: str,
    currency: str,
    parent: Account | None = None,
    opening_balance: int = 0,
    opened_on: datetime.date | None = None,
) -> Account:
    """Add an account to the tree; an opening balance (signed minor units, debit +) is posted on `opened_on`.

    Raises Invalid, CurrencyUnknown, AccountNameTaken.
    """
    name = check_name(name)
    money.exponent(currency, field="currency")
    _check_choice(type, AccountType, field="type")
    _check_choice(kind, AccountKind, field="kind")
    _check_parent(book=book, parent=parent, account_type=type)
    if opening_balance and opened_on is None:
        raise Invalid(field="opened_on", reason=_("An opening balance needs its date."))
    account = Account(book=book, parent=parent, name=name, type=type, kind=kind, currency=currency)
    try:
        with transaction.atomic():
            account.save(force_insert=True)
    except IntegrityError as error:
        if "finance_account_system_unique" in str(error) or "finance_account_valuation_unique" in str(error):
            raise Conflict(field="kind", reason=_("The book already has such an account in this currency.")) from error
        raise AccountNameTaken(field="name", name=name) from error
    emit(AccountOpened(book_id=book.pk, account_id=account.pk))
    if opening_balance and opened_on is not None:
        post_opening_balance(account=account, actor=actor, amount=opening_balance, on=opened_on)
    return account


@transaction.atomic
def rename_account(*, account: Account, actor: User | None, name: str) -> Account:
    """Give the account another name; its postings are not touched. Raises AccountNameTaken."""
    account.name = check_name(name)
    try:
        with transaction.atomic():
            account.save(update_fields=["name"])
    except IntegrityError as error:
        raise AccountNameTaken(field="name", name=account.name) from error
    emit(AccountRenamed(book_id=account.book_id, account_id=account.pk))
    return account


@transaction.atomic
def move_account(*, account: Account, actor: User | None, parent: Account | None) -> Account:
    """Hang the account under another parent of the same type. Raises Invalid where that makes a circle."""
    # One mover of a book at a time: two crossing moves could otherwise close a circle together.
    Book.objects.select_for_update().get(pk=account.book_id)
    _check_parent(book=account.book, parent=parent, account_type=account.type)
    parents = dict(Account.objects.filter(book_id=account.book_id).values_list("pk", "parent_id"))
    above = parent.pk if parent is not None else None
    while above is not None:
        if above == account.pk:
            raise Invalid(field="parent", reason=_("An account cannot be inside itself."))
        above = parents[above]
    account.parent = parent
    try:
        with transaction.atomic():
            account.save(update_fields=["parent"])
    except IntegrityError as error:
        raise AccountNameTaken(field="parent", name=account.name) from error
    emit(AccountMoved(book_id=account.book_id, account_id=account.pk))
    return account


@transaction.atomic
def close_account(*, account: Account, actor: User | None, on: datetime.date) -> Account:
    """Take no more postings; refused while a balance or an open child remains. Raises Conflict."""
    # Posting holds the account's row in key-share mode, so no posting slips in between check and close.
    account = Account.objects.select_for_update().get(pk=account.pk)
    if account.closed_on is not None:
        raise Conflict(reason=_("The account is already closed."))
    if account.kind in (AccountKind.OPENING, AccountKind.TRADING, AccountKind.VALUATION):
        raise Conflict(
            reason=_("Opening balances, exchanges or changes of value are posted to this account; it stays open.")
        )
    if account.children.filter(closed_on=None).exists():
        raise Conflict(reason=_("Close the accounts below this one first."))
    remaining = balance_of(account=account)
    if account.type in (AccountType.ASSET, AccountType.LIABILITY) and remaining:
        amount = money.format_amount(remaining, currency=account.currency)
        raise Conflict(
            reason=_("The account still holds %(amount)s %(currency)s; transfer it first.")
            % {"amount": amount, "currency": account.currency}
        )
    account.closed_on = on
    account.save(update_fields=["closed_on"])
    emit(AccountClosed(book_id=account.book_id, account_id=account.pk))
    return account


def _check_choice(value: str, choices: type[AccountType] | type[AccountKind], *, field: str) -> None:
    if value not in choices.values:
        raise Invalid(
            field=field,
            reason=_("%(value)s is none of %(names)s.") % {"value": value, "names": ", ".join(choices.values)},
        )


def _check_parent(*, book: Book, parent: Account | None, account_type: str) -> None:
    if parent is None:
        return
    if parent.book_id != book.pk:
        raise Invalid(field="parent", reason=_("The parent belongs to another book."))
    if parent.type != account_type:
        raise Invalid(
            field="parent",
            reason=_("The parent is of type %(type)s, not %(account_type)s.")
            % {"type": _(parent.type), "account_type": _(account_type)},
        )
    if parent.closed_on is not None:
        raise Invalid(field="parent", reason=_("The parent is closed."))
