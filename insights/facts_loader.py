"""From the facts of the books to the input of the rules. A fixed number of queries, however many entries."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from finance import facts as books
from finance.facts import AccountFact, EntryFact
from finance.periods import months_later
from insights.rules.catalogue import RULES
from insights.rules.facts import AccountOutlook, CategoryHistory, Movement, Spending

# Where it hurts to be below zero; a card is below zero by nature.
WATCHED_KINDS = frozenset({"cash", "checking"})
# The other side of what is not a payment to anybody.
NEUTRAL_KINDS = frozenset({"trading", "opening", "valuation"})
# Lines of one account that its outlook is drawn from: two years of a busy household.
OUTLOOK_LINES = 5000
# A group of equal payments, or a late one, may reach beyond the last day that is asked for.
LOOK_BEYOND = datetime.timedelta(days=45)
# The longest outlook that the settings allow.
OUTLOOK_DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What some entries were about: payees, categories, and accounts that may run low."""

    payee_keys: frozenset[str]
    category_ids: frozenset[int]
    account_ids: frozenset[int]


def touched_by(entries: Iterable[EntryFact], accounts: Mapping[int, AccountFact]) -> Touched:
    """What has to be looked at again after these entries, whether they stand or were taken back."""
    known = list(entries)
    touched = {line.account_id for entry in known for line in entry.lines}
    return Touched(
        payee_keys=frozenset(entry.payee_key for entry in known if entry.payee_key.strip()),
        category_ids=frozenset(each for each in touched if accounts[each].type == "expense"),
        account_ids=frozenset(each for each in touched if is_watched(accounts[each])),
    )


def everything(accounts: Mapping[int, AccountFact], *, payee_keys: Iterable[str]) -> Touched:
    """All categories and accounts of the book, and the given payees."""
    return Touched(
        payee_keys=frozenset(key for key in payee_keys if key.strip()),
        category_ids=frozenset(each.id for each in accounts.values() if each.type == "expense"),
        account_ids=frozenset(each.id for each in accounts.values() if is_watched(each)),
    )


def is_watched(account: AccountFact) -> bool:
    """Whether the account's coming days are looked at."""
    return account.kind in WATCHED_KINDS and account.type == "asset" and account.is_open


def payees(
    *,
    book_id: int,
    accounts: Mapping[int, AccountFact],
    payee_keys: Iterable[str],
    since: datetime.date,
    until: datetime.date,
) -> dict[str, Sequence[Movement]]:
    """Payments of these payees: the history that the rules need before `since`, and what follows `until` closely."""
    first = months_later(since, -_months_of_history("payees"))
    found: dict[str, list[Movement]] = defaultdict(list)
    for entry in books.payee_entries(
        book_id=book_id, payee_keys=set(payee_keys), since=first, until=until + LOOK_BEYOND
    ):
        for movement in movements_of(entry, accounts):
            if not movement.transfer:
                found[entry.payee_key].append(movement)
    return dict(found)


def categories(
    *,
    book_id: int,
    accounts: Mapping[int, AccountFact],
    category_ids: Iterable[int],
    since: datetime.date,
    until: datetime.date,
) -> list[CategoryHistory]:
    """Months of these categories, with the entries of the months from `since` to `until`."""
    ids = sorted(category_ids)
    first = months_later(since, -_months_of_history("categories"))
    months = books.category_months(book_id=book_id, account_ids=ids, first=first, last=until)
    end_of_month = months_later(until.replace(day=1), 1) - datetime.timedelta(days=1)
    entries: dict[int, dict[datetime.date, list[Spending]]] = {each: defaultdict(list) for each in ids}
    for line in books.category_lines(book_id=book_id, account_ids=ids, since=since.replace(day=1), until=end_of_month):
        spending = Spending(entry_id=line.entry_id, date=line.date, amount=line.amount)
        entries[line.account_id][line.date.replace(day=1)].append(spending)
    return [
        CategoryHistory(
            account_id=each,
            name=accounts[each].name,
            currency=accounts[each].currency,
            months=months.get(each, {}),
            entries=entries[each],
        )
        for each in ids
    ]


def outlooks(
    *,
    book_id: int,
    accounts: Mapping[int, AccountFact],
    account_ids: Iterable[int],
    days: Sequence[datetime.date],
    today: datetime.date,
) -> list[AccountOutlook]:
    """How these accounts stood on each of the days. What is dated later is known only today, not in the past."""
    ids = sorted(account_ids)
    if not ids or not days:
        return []
    entries = books.latest_entries_of_accounts(
        book_id=book_id,
        account_ids=ids,
        since=months_later(min(days), -_months_of_history("accounts")),
        until=max(days) + datetime.timedelta(days=OUTLOOK_DAYS),
        limit=OUTLOOK_LINES,
    )
    movements: dict[int, list[Movement]] = defaultdict(list)
    for entry in entries:
        for movement in movements_of(entry, accounts):
            movements[movement.account_id].append(movement)
    found = []
    for on in sorted(days):
        held = books.balances(account_ids=ids, as_of=on)
        for each in ids:
            known = [one for one in movements[each] if one.date <= on or on == today]
            found.append(
                AccountOutlook(
                    account_id=each,
                    name=accounts[each].name,
                    currency=accounts[each].currency,
                    on=on,
                    balance=held.get(each, 0),
                    movements=known,
                )
            )
    return found


def movements_of(entry: EntryFact, accounts: Mapping[int, AccountFact]) -> list[Movement]:
    """What the entry moved on each of the household's own accounts.

    Without anybody else on the other side it is a transfer; so is the side of a payment that goes the other way (cash
    drawn at the till).
    """
    moved: dict[int, int] = defaultdict(int)
    net: dict[str, int] = defaultdict(int)
    for line in entry.lines:
        if accounts[line.account_id].kind in books.OWN_KINDS:
            moved[line.account_id] += line.amount
            net[line.currency] += line.amount
    # Accounts of the entry that stand for somebody else.
    not_own = {line.account_id for line in entry.lines if accounts[line.account_id].kind not in books.OWN_KINDS}
    others = tuple(sorted(each for each in not_own if accounts[each].kind not in NEUTRAL_KINDS))
    name = entry.payee or entry.description or ", ".join(accounts[each].name for each in others)
    return [
        Movement(
            entry_id=entry.id,
            date=entry.date,
            payee=name or accounts[account_id].name,
            payee_key=entry.payee_key if entry.payee_key.strip() else "",
            account_id=account_id,
            account=accounts[account_id].name,
            currency=accounts[account_id].currency,
            amount=amount,
            transfer=not others or (amount > 0) != (net[accounts[account_id].currency] > 0),
            counter=others or tuple(sorted(moved.keys() - {account_id})),
        )
        for account_id, amount in moved.items()
        if amount
    ]


def _months_of_history(looks_at: str) -> int:
    return max(rule.settings.months_of_history for rule in RULES.values() if rule.looks_at == looks_at)
