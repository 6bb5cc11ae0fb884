"""The accounts of a book as integrators name them: by id or by full path."""

from collections import defaultdict

from django.utils.translation import gettext as _

from finance.errors import Conflict, NotFound
from finance.ledger.models import Account, Book
from finance.ledger.selectors import accounts_of, paths_of


class AccountTree:
    """All accounts of one book, read once."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.accounts = accounts_of(book=book)
        self.paths = paths_of(self.accounts)
        self.by_id = {account.pk: account for account in self.accounts}
        self.by_path: dict[str, list[Account]] = defaultdict(list)
        for account in self.accounts:
            account.book = book
            self.by_path[self.paths[account.pk]].append(account)

    def find(self, reference: int | str, *, field: str) -> Account:
        """The account with this id or full path ("Expenses:Food").

        Raises NotFound, and Conflict where names with colons make a path ambiguous.
        """
        if isinstance(reference, int):
            matches = [self.by_id[reference]] if reference in self.by_id else []
        else:
            matches = self.by_path.get(reference, [])
        if not matches:
            raise NotFound(field=field, thing="account")
        if len(matches) > 1:
            raise Conflict(field=field, reason=_("More than one account has this path; name it by its id."))
        return matches[0]
