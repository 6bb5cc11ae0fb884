"""Which accounts of a book a member sees: all of them, or some of those that hold or owe money.

`book_for` puts the ids of these on the book that it returns (`Book.visible_ids`, None for all), and every selector of
the pages that such a member may open goes through the functions here. Nothing else is open to them (`book_for`).

- Accounts that hold or owe money are seen one by one; groups as far as they hold one that is seen.
- Categories are seen, with the entries that touch a seen account. Equity is not: it adds up what all accounts began with.
- An entry is seen if it touches a seen account. Its lines on the others are one line without a name.
"""

import copy
from collections.abc import Collection, Iterable

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from finance.errors import EntryInvalid, NotFound
from finance.ledger.access_models import LeftOutAccount, MemberAccount
from finance.ledger.models import Account, AccountKind, AccountType, Book, JournalLine, Membership
from finance.ledger.posting import LineDraft
from identity.models import User

HOLDINGS = (AccountType.ASSET, AccountType.LIABILITY)
CATEGORIES = (AccountType.INCOME, AccountType.EXPENSE)


def visible_accounts(*, book: Book, tree: list[Account]) -> list[Account]:
    """Those of the accounts (in tree order) that whom the book was read for sees."""
    if book.visible_ids is None:
        return tree
    kept: list[Account] = []
    above: set[int | None] = set()
    for account in reversed(tree):  # what is inside a group comes before it
        if account.type in CATEGORIES or account.pk in book.visible_ids or account.pk in above:
            kept.append(account)
            above.add(account.parent_id)
    return kept[::-1]


def is_visible(account: Account, *, book: Book) -> bool:
    """Whether the account itself is seen; of groups this is only known with the tree."""
    return book.visible_ids is None or account.type in CATEGORIES or account.pk in book.visible_ids


def visible_entries(*, book: Book) -> Q:
    """The condition on entries that they touch a seen account."""
    if book.visible_ids is None:
        return Q()
    return Q(Exists(JournalLine.objects.filter(entry=OuterRef("pk"), account_id__in=book.visible_ids)))


def visible_line(*, book: Book) -> Q:
    """The condition on lines that they are on a seen account or category."""
    if book.visible_ids is None:
        return Q()
    return Q(account_id__in=book.visible_ids) | Q(account__type__in=CATEGORIES)


def visible_lines(lines: Iterable[JournalLine], *, book: Book) -> list[JournalLine]:
    """Lines of one entry with their accounts; those on accounts that are not seen are one for each currency.

    That one has no id, no memo, and an account without one. Equity keeps its name only.
    """
    lines = list(lines)
    if book.visible_ids is None:
        return lines
    shown: list[JournalLine] = []
    hidden: dict[str, int] = {}
    for line in lines:
        if is_visible(line.account, book=book):
            shown.append(line)
        elif line.account.type in HOLDINGS:
            hidden[line.currency] = hidden.get(line.currency, 0) + line.amount
        else:
            account = Account(name=line.account.name, type=line.account.type, kind=line.account.kind)
            shown.append(JournalLine(account=account, currency=line.currency, amount=line.amount, memo=line.memo))
    other = Account(name=_("other accounts"), type=AccountType.ASSET, kind=AccountKind.CHECKING)
    rest = [JournalLine(account=other, currency=code, amount=amount) for code, amount in hidden.items() if amount]
    return shown + rest


def check_lines(lines: Collection[LineDraft], *, book: Book) -> None:
    """Raise NotFound for a line on an account that is not seen, EntryInvalid where no line is on one that is.

    The second would be an entry that its author cannot see.
    """
    if book.visible_ids is None:
        return
    accounts = {each.pk: each for each in Account.objects.filter(book=book, pk__in={each.account_id for each in lines})}
    for index, line in enumerate(lines):
        account = accounts.get(line.account_id)
        if account is not None and account.type in HOLDINGS and account.pk not in book.visible_ids:
            raise NotFound(field=f"lines.{index}.account", thing="account")
    if not any(line.account_id in book.visible_ids for line in lines):
        raise EntryInvalid(field="lines", reason=_("one of its lines must be on an account that you see"))


def seen_ids(*, membership: Membership) -> frozenset[int] | None:
    """The ids of the accounts that the member sees; None for all."""
    if membership.sees_all:
        return None
    found = MemberAccount.objects.filter(book_id=membership.book_id, membership=membership)
    return frozenset(found.values_list("account_id", flat=True))


def left_out_ids(*, book: Book, user: User) -> frozenset[int]:
    """The ids of the accounts that the user leaves out of their own figures in this book, as far as they see them."""
    found = LeftOutAccount.objects.filter(book=book, membership__book=book, membership__user_id=user.pk)
    ids = frozenset(found.values_list("account_id", flat=True))
    return ids if book.visible_ids is None else ids & book.visible_ids


def without(*, book: Book, tree: Iterable[Account], left_out: Collection[int]) -> Book:
    """The book as it is without some accounts: figures that are read of it leave out what touches no other account."""
    own = copy.copy(book)
    own.visible_ids = frozenset(
        account.pk
        for account in tree
        if account.type in HOLDINGS and account.kind != AccountKind.GROUP and account.pk not in left_out
    )
    return own
