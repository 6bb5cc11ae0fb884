"""Accounts for what has none yet, opened when the first row needs one."""

from collections.abc import Collection

from django.utils.translation import gettext

from core.languages import translations_of
from finance.errors import Conflict
from finance.imports.models import ImportBatch
from finance.ledger.models import Account, AccountKind, AccountType
from finance.ledger.services import open_account
from finance.ledger.uncategorised import MOST_UNCATEGORISED, uncategorised, uncategorised_name
from identity.models import User


class Fallback:
    """The accounts of one import."""

    def __init__(self, batch: ImportBatch, actor: User | None) -> None:
        self._batch = batch
        self._actor = actor
        self._found: dict[tuple[str, str], int] = {}

    def account_id(self, account: Account, amount: int) -> int:
        """“Uncategorised”, for a row of the account."""
        account_type = AccountType.EXPENSE if amount < 0 else AccountType.INCOME
        key = (account_type.value, account.currency)
        if key not in self._found:
            found = uncategorised(account=account, account_type=account_type)
            usual = uncategorised_name(account)
            self._found[key] = (found or self._open(account, account_type, usual)).pk
        return self._found[key]

    def fees_id(self, account: Account) -> int:
        """“Bank fees”, in the currency of the account."""
        key = ("fees", account.currency)
        if key not in self._found:
            names = self._fee_names(account)
            known = Account.objects.open().filter(
                book=account.book, type=AccountType.EXPENSE, kind=AccountKind.CATEGORY, currency=account.currency,
                name__in=names,
            )  # fmt: skip
            found = known.order_by("pk").first()
            self._found[key] = (found or self._open(account, AccountType.EXPENSE, names[0])).pk
        return self._found[key]

    def _fee_names(self, account: Account) -> list[str]:
        usual = gettext("Bank fees")
        bases = [usual, *sorted(translations_of("Bank fees") - {usual})]
        if account.currency == account.book.base_currency:
            return bases
        return [f"{base} {account.currency}" for base in bases]

    def _open(self, account: Account, account_type: AccountType, usual: str) -> Account:
        """A new one. Where its name is taken, as by one that was closed, the next number is added and a note left."""
        roots = Account.objects.open().filter(book=account.book, type=account_type, parent=None, kind=AccountKind.GROUP)
        parent = roots.order_by("pk").first()
        name = self._free_name(
            usual, set(Account.objects.filter(book=account.book, parent=parent).values_list("name", flat=True))
        )
        if name != usual:
            note = gettext(
                "“%(usual)s” takes no postings, so rows without a category went to the new account “%(name)s”."
            )
            self._batch.notes = [*self._batch.notes, note % {"usual": usual, "name": name}]
        return open_account(
            book=account.book,
            actor=self._actor,
            name=name,
            type=account_type.value,
            kind=AccountKind.CATEGORY.value,
            currency=account.currency,
            parent=parent,
        )

    def _free_name(self, usual: str, taken: Collection[str]) -> str:
        for name in (usual, *(f"{usual} {number}" for number in range(2, MOST_UNCATEGORISED + 1))):
            if name not in taken:
                return name
        reason = gettext("“%(name)s” and all accounts numbered like it are closed; give each row a category.")
        raise Conflict(reason=reason % {"name": usual})
