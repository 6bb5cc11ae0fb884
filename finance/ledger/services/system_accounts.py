"""Accounts that the book itself needs: for opening balances and for exchanges, one per currency."""

from django.db import transaction
from django.utils.translation import gettext

from finance.events.journal import AccountOpened
from finance.ledger.models import Account, AccountKind, AccountType, Book
from platform_outbox.emit import emit


@transaction.atomic
def system_account(*, book: Book, kind: AccountKind, currency: str) -> Account:
    """The book's one account in the currency for opening balances, exchanges or changes of value; opened when needed."""
    found = Account.objects.filter(book=book, kind=kind, currency=currency).first()
    if found is not None and found.closed_on is not None:
        # There is only one, and postings of its kind in this currency need it.
        Account.objects.filter(pk=found.pk).update(closed_on=None)
        found.closed_on = None
        emit(AccountOpened(book_id=book.pk, account_id=found.pk))
    if found is not None:
        return found
    titles = {
        AccountKind.OPENING: gettext("Opening balances"),
        AccountKind.TRADING: gettext("Trading"),
        AccountKind.VALUATION: gettext("Changes of value"),
    }
    parent = Account.objects.filter(book=book, type=AccountType.EQUITY, kind=AccountKind.GROUP, parent=None).first()
    account, created = Account.objects.get_or_create(
        book=book,
        kind=kind,
        currency=currency,
        defaults={"parent": parent, "name": f"{titles[kind]} {currency}", "type": AccountType.EQUITY},
    )
    if created:
        emit(AccountOpened(book_id=book.pk, account_id=account.pk))
    return account
