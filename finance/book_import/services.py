"""Creates the new book: accounts, entries, closings and the proof, in one transaction."""

import dataclasses
import datetime
import uuid
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext

from core.batches import in_batches
from finance import money
from finance.book_archive.parts import take_parts
from finance.book_import.keeping import Kept, keep_plans
from finance.book_import.model import LeftOut, SourceBook
from finance.book_import.plan import Plan, PlannedAccount, plan_of
from finance.errors import BookDiffers, BookUnreadable, EntryInvalid
from finance.events.journal import AccountClosed
from finance.exports.digest import digest_of
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Account, AccountType, Book, JournalEntry
from finance.ledger.posting import EntryDraft, LineDraft, PastEntry
from finance.ledger.selectors import account_paths
from finance.ledger.services import close_period, create_book, open_account, post_history
from finance.tags.names import tag_name
from finance.tags.services import MOST_TAGS, tag_entries, tags_named
from identity.models import User
from platform_outbox.emit import emit

Progress = Callable[[int, int], None]
ENTRIES_AT_ONCE = 20_000
_SOURCES = set(JournalEntry.Source.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofRow:
    """One balance of the source beside ours: decimals of `currency`. `on` is None for the balance at the end."""

    account: str
    currency: str
    source: Decimal
    ours: Decimal
    on: datetime.date | None
    stated: bool
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BookReport:
    """What came, what did not and why, and the proof. `book` is None after a dry run."""

    format: str
    book: int | None
    name: str
    base_currency: str
    time_zone: str
    accounts: int
    entries: int
    lines: int
    schedules: int
    budgets: int
    goals: int
    rules: int
    first: datetime.date | None
    last: datetime.date | None
    left_out: tuple[Any, ...]
    notes: tuple[str, ...]
    proof: tuple[ProofRow, ...]

    @property
    def differences(self) -> list[ProofRow]:
        return [row for row in self.proof if not row.holds]


class BalancesDiffer(BookDiffers):
    """{count} balances differ between the file and the new book, so nothing was created. The report names each."""

    def __init__(self, report: BookReport) -> None:
        super().__init__(count=len(report.differences))
        self.report = dataclasses.replace(report, book=None)


def import_book(
    *,
    owner: User,
    source: SourceBook,
    name: str = "",
    base_currency: str = "",
    time_zone: str = "",
    accept_differences: bool = False,
    dry_run: bool = False,
    on_progress: Progress = lambda done, total: None,
    before_commit: Callable[[BookReport], None] = lambda report: None,
) -> BookReport:
    """Create a book of everything in the source; with `dry_run` do all of it and take it back.

    Empty name, currency or time zone are the source's own, or else the owner's. `before_commit` is the last to run in
    the transaction. Raises BalancesDiffer (with the report) unless differences
    are accepted or it is a dry run, BookUnreadable, Invalid, CurrencyUnknown, and what posting raises.
    """
    currency = base_currency or source.base_currency or "EUR"
    money.exponent(currency, field="base_currency")
    plan = plan_of(source, base_currency=currency)
    with transaction.atomic():
        book = create_book(
            owner=owner,
            name=name or source.name or gettext("My books"),
            base_currency=currency,
            time_zone=time_zone or source.time_zone or owner.time_zone or "UTC",
            template=None,
        )
        accounts = _open_accounts(book=book, actor=owner, planned=plan.accounts)
        ids = _post(book=book, actor=owner, source=source, plan=plan, accounts=accounts, on_progress=on_progress)
        if left := _tag(book=book, actor=owner, plan=plan, ids=ids):
            why = gettext("a book has at most %(most)d tags") % {"most": MOST_TAGS}
            plan.left_out += (LeftOut(kind="tag", count=len(left), why=why, examples=tuple(left[:5])),)
        for account, planned in zip(accounts, plan.accounts, strict=True):
            if planned.closed_on is not None:
                # As in the source: a later reversal may have left a balance there, which `close_account` refuses.
                account.closed_on = planned.closed_on
                account.save(update_fields=["closed_on"])
                emit(AccountClosed(book_id=book.pk, account_id=account.pk))
        if source.closed_through is not None:
            close_period(book=book, actor=owner, through=source.closed_through)
        told = _take_rest(book=book, owner=owner, source=source, plan=plan, accounts=accounts)
        kept = keep_plans(book=book, owner=owner, source=source, plan=plan, accounts=accounts)
        report = _report(book=book, source=source, plan=plan, accounts=accounts, dry_run=dry_run, told=told, kept=kept)
        if report.differences and not accept_differences and not dry_run:
            raise BalancesDiffer(report)
        before_commit(report)
        transaction.set_rollback(dry_run)
    return report


def _open_accounts(*, book: Book, actor: User, planned: Sequence[PlannedAccount]) -> list[Account]:
    titles = {
        AccountType.ASSET.value: gettext("Assets"),
        AccountType.LIABILITY.value: gettext("Liabilities"),
        AccountType.EQUITY.value: gettext("Equity"),
        AccountType.INCOME.value: gettext("Income"),
        AccountType.EXPENSE.value: gettext("Expenses"),
    }
    opened: list[Account] = []
    for each in planned:
        opened.append(
            open_account(
                book=book,
                actor=actor,
                name=titles[each.type] if each.is_root else each.name,
                type=each.type,
                kind=each.kind,
                currency=each.currency,
                parent=opened[each.parent] if each.parent is not None else None,
            )
        )
    return opened


def _post(
    *, book: Book, actor: User, source: SourceBook, plan: Plan, accounts: Sequence[Account], on_progress: Progress
) -> list[int]:
    positions: dict[uuid.UUID, int] = {
        planned.source.uid: position for position, planned in enumerate(plan.entries) if planned.source.uid is not None
    }

    def position_of(uid: uuid.UUID | None, where: str) -> int | None:
        if uid is None:
            return None
        if uid not in positions:
            raise BookUnreadable(
                reason=gettext("%(where)s: it names the entry %(uid)s, which is not in the file.")
                % {"where": where, "uid": uid}
            )
        return positions[uid]

    past = []
    for planned in plan.entries:
        entry = planned.source
        where = entry.where or str(entry.date)
        if entry.source and entry.source not in _SOURCES:
            raise BookUnreadable(
                reason=gettext("%(where)s: “%(source)s” is none of %(names)s.")
                % {"where": where, "source": entry.source[:40], "names": ", ".join(sorted(_SOURCES))}
            )
        past.append(
            PastEntry(
                draft=EntryDraft(
                    date=entry.date,
                    payee=planned.payee,
                    description=planned.description,
                    uid=entry.uid,
                    lines=[
                        LineDraft(account_id=accounts[line.account].pk, amount=line.amount, memo=line.memo)
                        for line in planned.lines
                    ],
                ),
                source=entry.source
                or (JournalEntry.Source.OPENING.value if planned.opening else JournalEntry.Source.MOVED.value),
                reverses=position_of(entry.reverses, where),
                corrects=position_of(entry.corrects, where),
            )
        )
    on_progress(0, len(past))
    linked = any(entry.reverses is not None or entry.corrects is not None for entry in past)
    done, ids = 0, []
    # Entries that name each other have to come together.
    for batch in in_batches(past, size=len(past) if linked else ENTRIES_AT_ONCE):
        try:
            ids += post_history(book=book, actor=actor, entries=batch)
        except EntryInvalid as error:
            index = next(iter(error.fields), "0").partition(".")[0]
            entry = plan.entries[done + int(index)].source
            raise BookUnreadable(reason=f"{entry.where or entry.date}: {error.detail}") from error
        done += len(batch)
        on_progress(done, len(past))
    return ids


def _tag(*, book: Book, actor: User, plan: Plan, ids: Sequence[int]) -> list[str]:
    """Tag the entries as in the source; returns the tags, the least used, for which a book has no room."""
    tagged: dict[str, list[int]] = defaultdict(list)
    for entry_id, planned in zip(ids, plan.entries, strict=True):
        for name in dict.fromkeys(filter(None, map(tag_name, planned.source.tags))):
            tagged[name].append(entry_id)
    # Names that differ in capitals alone are one tag.
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(tagged, key=lambda each: -len(tagged[each])):
        groups[name.casefold()].append(name)
    ordered = sorted(groups.values(), key=lambda names: -sum(len(tagged[name]) for name in names))
    for names in ordered[:MOST_TAGS]:
        entries = [entry_id for name in names for entry_id in tagged[name]]
        (tag,) = tags_named(book=book, names=names[:1])
        for some in in_batches(entries, size=ENTRIES_AT_ONCE):
            tag_entries(book=book, actor=actor, entry_ids=some, add=[tag])
    return [names[0] for names in ordered[MOST_TAGS:]]


# From the lines themselves: a proof by the month totals would trust what it proves.
_DAYS = """
SELECT account_id, date, sum(amount) FROM finance_journalline WHERE account_id = ANY(%s) GROUP BY account_id, date
 ORDER BY account_id, date
"""


class _Held:
    """What each account holds at the end of each of its days, read once however many balances are compared."""

    def __init__(self, accounts: Sequence[Account]) -> None:
        self._days: dict[int, list[datetime.date]] = {}
        self._totals: dict[int, list[int]] = {}
        with connection.cursor() as cursor:
            cursor.execute(_DAYS, [[account.pk for account in accounts]])
            for account_id, date, amount in cursor.fetchall():
                totals = self._totals.setdefault(account_id, [0])
                totals.append(totals[-1] + int(amount))
                self._days.setdefault(account_id, []).append(date)

    def through(self, account: Account, on: datetime.date | None) -> int:
        """Minor units at the end of the day, or of everything."""
        days = self._days.get(account.pk, [])
        reached = bisect_right(days, on) if on is not None else len(days)
        return self._totals[account.pk][reached] if reached else 0


def _take_rest(*, book: Book, owner: User, source: SourceBook, plan: Plan, accounts: Sequence[Account]) -> list[str]:
    """The parts of an archive; then its entries are compared, one and all, with those that are there now."""
    if not source.digest:
        return []
    arrival = Arrival(
        book=book,
        owner=owner,
        accounts={key: accounts[place] for key, place in plan.places.items()},
        files=dict(source.files),
    )
    told = take_parts(arrival, source.parts)
    digest = digest_of(book=book)
    if digest != source.digest:
        raise BookUnreadable(
            reason=gettext("The entries of the new book are not those of the archive; nothing was created.")
        )
    text = gettext("Every entry is as in the archive: both have the digest %(digest)s.")
    return [*told, text % {"digest": digest}]


def _report(
    *,
    book: Book,
    source: SourceBook,
    plan: Plan,
    accounts: Sequence[Account],
    dry_run: bool,
    told: Sequence[str],
    kept: Kept,
) -> BookReport:
    held = _Held(accounts)
    paths = account_paths(book=book)
    names = {account.key: account.name for account in source.accounts}
    proof = []
    for check in plan.checks:
        balance = check.balance
        total = sum(held.through(accounts[place], balance.on) for place in check.accounts)
        ours = money.to_decimal(total, currency=balance.currency)
        first = paths[accounts[check.accounts[0]].pk] if check.accounts else ""
        proof.append(
            ProofRow(
                account=first or names.get(balance.account, balance.account),
                currency=balance.currency,
                source=balance.amount,
                ours=ours,
                on=balance.on,
                stated=balance.stated,
                holds=abs(ours - balance.amount) <= balance.tolerance,
            )
        )
    days = [planned.source.date for planned in plan.entries]
    return BookReport(
        format=source.format,
        book=None if dry_run else book.pk,
        name=book.name,
        base_currency=book.base_currency,
        time_zone=book.time_zone,
        accounts=len(accounts),
        entries=len(plan.entries),
        lines=sum(len(planned.lines) for planned in plan.entries),
        schedules=kept.schedules,
        budgets=kept.budgets,
        goals=kept.goals,
        rules=kept.rules,
        first=min(days, default=None),
        last=max(days, default=None),
        left_out=(*plan.left_out, *kept.left_out),
        notes=(*source.notes, *told, *kept.notes),
        proof=tuple(proof),
    )
