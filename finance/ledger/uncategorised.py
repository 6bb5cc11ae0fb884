"""The accounts that take what has no category yet."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from core.languages import translations_of
from finance.ledger.models import Account, AccountKind, AccountType, Book

# "Uncategorised 2" and so on take the place of those that were closed.
MOST_UNCATEGORISED = 20


def uncategorised(*, account: Account, account_type: str) -> Account | None:
    """The book's account for what has no category yet, in the account's currency; None when it was never opened."""
    return uncategorised_accounts(account=account).filter(type=account_type).order_by("pk").first()


def uncategorised_accounts(*, account: Account) -> QuerySet[Account]:
    """All open accounts for what has no category yet, of income and of expenses, in the account's currency."""
    return Account.objects.open().filter(
        book_id=account.book_id, type__in=[AccountType.INCOME, AccountType.EXPENSE], kind=AccountKind.CATEGORY,
        currency=account.currency, name__in=_names(account.currency, uncategorised_name(account)),
    )  # fmt: skip


def uncategorised_ids(*, book: Book) -> set[int]:
    """All accounts of the book for what has no category yet, closed ones too."""
    begins = Q()
    for name in translations_of("Uncategorised"):
        begins |= Q(name__startswith=name)
    named = Account.objects.filter(begins, book=book, kind=AccountKind.CATEGORY)
    return {pk for pk, name, currency in named.values_list("pk", "name", "currency") if name in _names(currency)}


def categorised(accounts: Iterable[Account]) -> list[Account]:
    """The accounts without those for what has no category yet; no query beside their own."""
    accounts = list(accounts)
    names = {currency: _names(currency) for currency in {each.currency for each in accounts}}
    return [each for each in accounts if each.kind != AccountKind.CATEGORY or each.name not in names[each.currency]]


def uncategorised_name(account: Account) -> str:
    """Its name: with the currency where the book is kept in another one."""
    base = gettext("Uncategorised")
    return base if account.currency == account.book.base_currency else f"{base} {account.currency}"


def _names(currency: str, *more: str) -> set[str]:
    bases = translations_of("Uncategorised")
    names = {*bases, *(f"{base} {currency}" for base in bases), *more}
    return names | {f"{name} {number}" for name in names for number in range(2, MOST_UNCATEGORISED + 1)}
