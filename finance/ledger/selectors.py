"""Reading the ledger: access, the tree, balances, trial balance, months.

Sums of the past come from AccountMonth; only the month that a date cuts is read line by line, through the index
(account, date, id).
"""

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import F, Sum

from finance.errors import Forbidden, NotFound, PartlyHidden
from finance.ledger.change_models import Change, EntryTemplate
from finance.ledger.fee_models import TransferFee
from finance.ledger.models import (
    Account,
    AccountKind,
    AccountMonth,
    AccountType,
    Book,
    JournalEntry,
    JournalLine,
    Membership,
    Role,
)
from finance.ledger.visibility import CATEGORIES, is_visible, seen_ids, visible_accounts, visible_entries, visible_lines
from finance.replica import reading
from identity.models import User


def memberships_of(*, user: User) -> list[Membership]:
    """The user's memberships with their books, by the books' names; without those of deleted books."""
    mine = Membership.objects.filter(user_id=user.pk, book__deleted_at=None)
    return list(mine.select_related("book").order_by("book__name", "book_id"))


def book_for(
    *,
    user: User,
    book_id: int,
    at_least: Role = Role.VIEWER,
    partly: bool = False,
    among: Iterable[Membership] | None = None,
) -> Book:
    """The book, if the user is a member in at least that role.

    Raises NotFound for strangers (a book's existence is not told) and for a book that was deleted, Forbidden for
    members of a lower role, and PartlyHidden for those who see some accounts only. Callers that show no more than these
    ask for the book `partly`; its `visible_ids` name them. `among` are memberships that were just read with their books,
    the user's in this book among them if there is one.
    """
    if among is None:
        among = Membership.objects.select_related("book").filter(book_id=book_id, user_id=user.pk)
    membership = next((one for one in among if one.book_id == book_id and one.user_id == user.pk), None)
    if membership is None or membership.book.deleted_at is not None:
        raise NotFound(thing="book")
    if Role(membership.role).rank < at_least.rank:
        raise Forbidden()
    if not membership.sees_all and not partly:
        raise PartlyHidden()
    membership.book.visible_ids = seen_ids(membership=membership)
    return membership.book


def role_of(*, user: User, book: Book) -> Role | None:
    """The user's role in the book, None for strangers."""
    role = Membership.objects.filter(book=book, user_id=user.pk).values_list("role", flat=True).first()
    return Role(role) if role is not None else None


def account_for(*, book: Book, account_id: int) -> Account:
    """The book's account. Raises NotFound."""
    account = Account.objects.filter(book=book, pk=account_id).first()
    if account is None or not is_visible(account, book=book):
        raise NotFound(thing="account")
    account.book = book
    return account


def accounts_of(*, book: Book) -> list[Account]:
    """The accounts of the book in tree order: roots by type, siblings by name, children after their parent."""
    children: dict[int | None, list[Account]] = defaultdict(list)
    for account in Account.objects.filter(book=book):
        children[account.parent_id].append(account)
    ordered: list[Account] = []
    types = ["asset", "liability", "equity", "income", "expense"]
    stack = sorted(
        children[None], key=lambda root: (types.index(root.type), root.name.casefold(), root.name), reverse=True
    )
    while stack:
        account = stack.pop()
        ordered.append(account)
        stack.extend(sorted(children[account.pk], key=lambda child: (child.name.casefold(), child.name), reverse=True))
    return visible_accounts(book=book, tree=ordered)


def below(account: Account, tree: list[Account]) -> list[Account]:
    """The account and all inside it that take postings; `tree` is in tree order."""
    inside = ids_inside(account.pk, tree)
    return [each for each in tree if each.pk in inside and each.kind != AccountKind.GROUP]


def ids_inside(top: int, tree: Iterable[Account]) -> set[int]:
    """Ids of the account `top` and of all inside it; `tree` is in tree order."""
    inside = {top}
    for account in tree:
        if account.parent_id in inside:
            inside.add(account.pk)
    return inside


def account_paths(*, book: Book) -> dict[int, str]:
    """Full name of each account: "Expenses:Food:Groceries"."""
    return paths_of(accounts_of(book=book))


def paths_of(accounts: list[Account]) -> dict[int, str]:
    """Full names of accounts that are given in tree order."""
    paths: dict[int, str] = {}
    for account in accounts:
        above = paths.get(account.parent_id or 0)
        paths[account.pk] = f"{above}:{account.name}" if above else account.name
    return paths


def balance_of(*, account: Account, as_of: datetime.date | None = None) -> int:
    """Signed minor units on the account (debit +) at the end of `as_of`; None means all postings."""
    return balances_of(account_ids=[account.pk], as_of=as_of).get(account.pk, 0)


def balances(*, book: Book, as_of: datetime.date | None = None) -> dict[int, int]:
    """Signed minor units (debit +) of every account with postings, at the end of `as_of`; None means everything."""
    account_ids = list(Account.objects.filter(book=book).values_list("pk", flat=True))
    return balances_of(account_ids=account_ids, as_of=as_of)


def balances_of(*, account_ids: list[int], as_of: datetime.date | None) -> dict[int, int]:
    """As `balances`, for chosen accounts."""
    debits_and_credits = turnovers_of(account_ids=account_ids, as_of=as_of)
    return {account_id: debit - credit for account_id, (debit, credit) in debits_and_credits.items()}


def changes_of(*, account_ids: list[int], first: datetime.date | None, last: datetime.date | None) -> dict[int, int]:
    """Net change (debit − credit) per account from the day `first` to the day `last`, both included."""
    held = balances_of(account_ids=account_ids, as_of=last)
    if first is None or first == datetime.date.min:
        return held
    before = balances_of(account_ids=account_ids, as_of=first - datetime.timedelta(days=1))
    return {account_id: amount - before.get(account_id, 0) for account_id, amount in held.items()}


# The months before the one that the date cuts, and of that month its days up to the date, per account by index.
_TURNOVERS = """
SELECT account.id,
       coalesce(months.debit, 0) + coalesce(days.debit, 0),
       coalesce(months.credit, 0) + coalesce(days.credit, 0)
  FROM unnest(%(accounts)s::bigint[]) AS account (id)
  LEFT JOIN (SELECT account_id, sum(debit)::bigint AS debit, sum(credit)::bigint AS credit
               FROM finance_accountmonth
              WHERE account_id = ANY(%(accounts)s::bigint[]) AND month < %(month)s
              GROUP BY account_id) AS months ON months.account_id = account.id
  LEFT JOIN LATERAL (SELECT (sum(amount) FILTER (WHERE amount > 0))::bigint AS debit,
                            (-sum(amount) FILTER (WHERE amount < 0))::bigint AS credit
                       FROM finance_journalline
                      WHERE account_id = account.id AND date >= %(month)s AND date <= %(as_of)s
                    ) AS days ON true
 WHERE months.account_id IS NOT NULL OR days.debit IS NOT NULL OR days.credit IS NOT NULL
"""


def turnovers_of(*, account_ids: list[int], as_of: datetime.date | None) -> dict[int, tuple[int, int]]:
    """Sums of debits and of credits (both ≥ 0, minor units) per account through the end of `as_of`."""
    if as_of is None:
        months = AccountMonth.objects.filter(account_id__in=account_ids).values("account_id")
        sums = months.annotate(debits=Sum("debit"), credits=Sum("credit"))
        return {row["account_id"]: (int(row["debits"]), int(row["credits"])) for row in sums}
    with reading().cursor() as cursor:
        cursor.execute(_TURNOVERS, {"accounts": account_ids, "month": as_of.replace(day=1), "as_of": as_of})
        return {account_id: (debit, credit) for account_id, debit, credit in cursor.fetchall()}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBalanceRow:
    """One account's balance as a debit or a credit, in minor units of its currency."""

    account_id: int
    path: str
    type: str
    currency: str
    debit: int
    credit: int

    @property
    def net(self) -> int:
        """Debit less credit."""
        return self.debit - self.credit


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBalance:
    """Balances of all accounts on a day; debits equal credits in each currency."""

    as_of: datetime.date | None
    rows: list[TrialBalanceRow]
    totals: dict[str, tuple[int, int]]


def trial_balance(*, book: Book, as_of: datetime.date | None) -> TrialBalance:
    """The trial balance at the end of `as_of` (None: of all postings), in tree order, accounts with zero left out."""
    accounts = accounts_of(book=book)
    paths = paths_of(accounts)
    held = balances_of(account_ids=[account.pk for account in accounts], as_of=as_of)
    rows = [
        TrialBalanceRow(
            account_id=account.pk,
            path=paths[account.pk],
            type=account.type,
            currency=account.currency,
            debit=max(held[account.pk], 0),
            credit=max(-held[account.pk], 0),
        )
        for account in accounts
        if held.get(account.pk)
    ]
    totals: dict[str, tuple[int, int]] = {}
    for row in rows:
        debit, credit = totals.get(row.currency, (0, 0))
        totals[row.currency] = (debit + row.debit, credit + row.credit)
    return TrialBalance(as_of=as_of, rows=rows, totals=dict(sorted(totals.items())))


def rolled_up(*, accounts: list[Account], held: Mapping[int, int]) -> dict[int, dict[str, int]]:
    """Balances per currency of each account together with all accounts below it."""
    sums: dict[int, dict[str, int]] = {account.pk: {} for account in accounts}
    for account in reversed(accounts):  # children before parents
        own = sums[account.pk]
        if account.pk in held:
            own[account.currency] = own.get(account.currency, 0) + held[account.pk]
        if account.parent_id is not None:
            above = sums[account.parent_id]
            for currency, amount in own.items():
                above[currency] = above.get(currency, 0) + amount
    return sums


def months_of(
    *, book: Book, first: datetime.date, last: datetime.date, types: list[str] | None = None
) -> dict[int, dict[datetime.date, int]]:
    """Net change (debit − credit, minor units) per account and month, from month `first` to month `last`.

    Of a book that is seen in part: of the accounts that are seen, and of categories by the entries that are.
    """
    if book.visible_ids is not None:
        return _seen_months(book, first=first.replace(day=1), last=last.replace(day=1), types=types)
    months = AccountMonth.objects.filter(book=book, month__gte=first.replace(day=1), month__lte=last.replace(day=1))
    if types is not None:
        months = months.filter(account__type__in=types)
    found: dict[int, dict[datetime.date, int]] = defaultdict(dict)
    for account_id, month, net in months.values_list("account_id", "month", F("debit") - F("credit")):
        found[account_id][month] = net
    return dict(found)


# The lines that entries of the seen accounts have on these and on categories; an entry's lines are of one day.
_SEEN_MONTHS = """
SELECT line.account_id, (line.date - (extract(day FROM line.date)::int - 1)), sum(line.amount)::bigint
  FROM (SELECT DISTINCT entry_id FROM finance_journalline
         WHERE account_id = ANY(%(seen)s::bigint[]) AND date >= %(first)s
           AND date < (%(last)s::date + interval '1 month')) AS entry
  JOIN finance_journalline AS line ON line.entry_id = entry.entry_id
  JOIN finance_account AS account ON account.id = line.account_id
 WHERE (account.id = ANY(%(seen)s::bigint[]) OR account.type = ANY(%(categories)s::text[]))
   AND account.type = ANY(%(types)s::text[])
 GROUP BY 1, 2
"""


def _seen_months(
    book: Book, *, first: datetime.date, last: datetime.date, types: list[str] | None
) -> dict[int, dict[datetime.date, int]]:
    found: dict[int, dict[datetime.date, int]] = defaultdict(dict)
    given: dict[str, Any] = {
        "seen": sorted(book.visible_ids or ()), "first": first, "last": last,
        "categories": [str(each) for each in CATEGORIES], "types": [str(each) for each in types or AccountType.values],
    }  # fmt: skip
    with reading().cursor() as cursor:
        cursor.execute(_SEEN_MONTHS, given)
        for account_id, month, net in cursor.fetchall():
            found[account_id][month] = net
    return dict(found)


def entry_for(*, book: Book, uid: uuid.UUID) -> JournalEntry:
    """The book's entry with its lines and accounts. Raises NotFound."""
    entries = JournalEntry.objects.filter(visible_entries(book=book), book=book, uid=uid)
    entry = entries.select_related("created_by", "reverses", "corrects").first()
    if entry is None:
        raise NotFound(thing="entry")
    entry.book = book
    return entry


def lines_of(*, entry: JournalEntry) -> list[JournalLine]:
    """The entry's lines in order, with their accounts; those on hidden accounts put together (`visible_lines`)."""
    lines = list(JournalLine.objects.filter(entry=entry).select_related("account").order_by("position"))
    # Only a book that an entry was read with hides anything.
    return visible_lines(lines, book=entry.book) if JournalEntry.book.is_cached(entry) else lines


def entry_history(*, entry: JournalEntry) -> list[JournalEntry]:
    """The chain of corrections that the entry belongs to, reversals included, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, {"entry": entry.pk})
        ids = [row[0] for row in cursor.fetchall()]
    entries = JournalEntry.objects.filter(pk__in=ids).select_related("created_by")
    if JournalEntry.book.is_cached(entry):
        entries = entries.filter(visible_entries(book=entry.book))
    return sorted(entries, key=lambda each: each.pk)


def change_for(*, book: Book, change_id: int) -> Change:
    """The book's change. Raises NotFound."""
    change = Change.objects.filter(book=book, pk=change_id).select_related("made_by", "undone_by").first()
    if change is None:
        raise NotFound(thing="change")
    change.book = book
    return change


def template_for(*, book: Book, template_id: int) -> EntryTemplate:
    """The book's template of an entry. Raises NotFound."""
    template = EntryTemplate.objects.filter(book=book, pk=template_id).first()
    if template is None:
        raise NotFound(thing="template")
    return template


def transfer_fee_of(*, account: Account) -> TransferFee | None:
    """What the bank takes for a transfer out of the account; None where no rule was set."""
    return TransferFee.objects.filter(account=account).select_related("category").first()


def transfer_fee_for(*, book: Book, fee_id: int) -> TransferFee:
    """The book's rule of a transfer fee. Raises NotFound."""
    fee = TransferFee.objects.filter(book=book, pk=fee_id).select_related("account", "category").first()
    if fee is None:
        raise NotFound(thing="transfer fee")
    fee.book = fee.account.book = book
    return fee


_HISTORY = """
WITH RECURSIVE older AS (
    SELECT coalesce(reverses_id, id) AS id FROM finance_journalentry WHERE id = %(entry)s
    UNION SELECT entry.corrects_id FROM finance_journalentry entry JOIN older USING (id)
     WHERE entry.corrects_id IS NOT NULL
), chain AS (
    SELECT id FROM older
    UNION SELECT entry.id FROM finance_journalentry entry JOIN chain ON entry.corrects_id = chain.id
)
SELECT id FROM chain
UNION SELECT entry.id FROM finance_journalentry entry JOIN chain ON entry.reverses_id = chain.id
"""
