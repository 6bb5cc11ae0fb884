"""Rules over entries of the past: what they would change. Reads only; `services.applying` carries it out."""

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from core.keyset import keyset_page
from finance.ledger.models import AccountType, Book, JournalEntry, JournalLine
from finance.ledger.posting import LineDraft
from finance.ledger.uncategorised import uncategorised_ids
from finance.rules.engine import Engine, Outcome, Share, Subject
from finance.tags.selectors import tags_of_entries

# Entries that one request looks at, at most: a second or less.
LOOK_AT = 1000
_MONEY = (AccountType.ASSET, AccountType.LIABILITY)
_Source = JournalEntry.Source
_NOT_OURS = (_Source.OPENING, _Source.EXCHANGE, _Source.VALUATION, _Source.REVERSAL)
# What the bank wrote, where the entry came from a bank file.
_ROW = ("account_id", "payee", "new_payee", "decided_at", "counterparty_account")


@dataclass(frozen=True, slots=True, kw_only=True)
class PastChange:
    """An entry that the rules would change, and how."""

    entry: JournalEntry
    subject: Subject
    outcome: Outcome
    lines: tuple[JournalLine, ...]
    own: JournalLine
    # Its period is closed by now: a correction takes another date.
    closed: bool

    @property
    def payee(self) -> str:
        changed = any("payee" in step.changes for step in self.outcome.steps)
        return self.outcome.subject.payee if changed else self.entry.payee

    @property
    def new_tags(self) -> tuple[str, ...]:
        """Names of the tags that the entry would get."""
        return self.outcome.subject.tags[len(self.subject.tags) :]

    @property
    def changes_books(self) -> bool:
        """Whether the entry would be corrected; tags are put on without that."""
        rest = (line for line in self.lines if line is not self.own)
        before = [(line.account_id, line.amount, line.memo) for line in (self.own, *rest)]
        after = [(line.account_id, line.amount, line.memo) for line in self.drafts()]
        return self.payee != self.entry.payee or after != before

    def drafts(self) -> list[LineDraft]:
        """The lines of the entry as it would be."""
        after, before = self.outcome.subject, self.subject
        own = LineDraft(account_id=self.own.account_id, amount=self.own.amount, memo=self.own.memo)
        rest = [line for line in self.lines if line is not self.own]
        if after.shares and after.shares != before.shares:
            others = [
                LineDraft(account_id=each.account_id, amount=-each.amount, memo=each.note or after.note)
                for each in after.shares
            ]
        elif len(rest) == 1:
            account_id = after.category_id if after.category_id != before.category_id else rest[0].account_id
            memo = after.note if after.note != before.note else rest[0].memo
            others = [LineDraft(account_id=account_id or rest[0].account_id, amount=rest[0].amount, memo=memo)]
        elif after.category_id:
            others = [LineDraft(account_id=after.category_id, amount=-self.own.amount, memo=after.note)]
        else:
            memo = after.note if after.note != before.note else ""
            others = [
                LineDraft(account_id=each.account_id, amount=each.amount, memo=memo or each.memo) for each in rest
            ]
        return [own, *others]


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """A page of a dry run: what would change among the entries looked at, newest first.

    `kept` counts entries that a rule holds for but whose category, payee or note somebody chose; `problems` those where
    a rule could not be carried out. `next_place` is (date, id) of the last entry looked at, None at the end.
    """

    changes: list[PastChange]
    looked: int
    kept: int
    problems: list[tuple[JournalEntry, str]]
    next_place: tuple[datetime.date, int] | None


def dry_run(
    *,
    book: Book,
    engine: Engine,
    since: datetime.date | None = None,
    until: datetime.date | None = None,
    after: tuple[datetime.date, int] | None = None,
    look_at: int = LOOK_AT,
) -> DryRun:
    """What the rules would change among the next `look_at` entries from `after` back in time."""
    found = current_entries(book=book, since=since, until=until)
    page = keyset_page(found, ordering=("-date", "-pk"), after=after, limit=look_at)
    changes, kept, problems = evaluate(book=book, engine=engine, entries=page.rows)
    edge = page.edge
    return DryRun(
        changes=changes, looked=len(page.rows), kept=kept, problems=problems,
        next_place=(edge.date, edge.pk) if edge else None,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """How many of the latest entries a draft of a rule holds for, and the newest of them."""

    matched: int
    looked: int
    examples: list[JournalEntry]


def count_matches(*, book: Book, engine: Engine) -> Matches:
    """How many of the book's latest entries the conditions hold for."""
    entries = list(current_entries(book=book).order_by("-date", "-pk")[:LOOK_AT])
    found = [
        entry for entry, subject, _lines, _own in subjects_of(book=book, entries=entries) if engine.matches(subject)
    ]
    return Matches(matched=len(found), looked=len(entries), examples=found[:3])


def current_entries(
    *, book: Book, since: datetime.date | None = None, until: datetime.date | None = None
) -> QuerySet[JournalEntry]:
    """Entries that count, without opening balances and exchanges."""
    found = JournalEntry.objects.filter(book=book, reverses=None, reversed_by=None).exclude(source__in=_NOT_OURS)
    if since is not None:
        found = found.filter(date__gte=since)
    return found if until is None else found.filter(date__lte=until)


def evaluate(
    *, book: Book, engine: Engine, entries: Sequence[JournalEntry]
) -> tuple[list[PastChange], int, list[tuple[JournalEntry, str]]]:
    """What the rules would change of the entries, how many they leave to people, and where they fail; as many queries for any number."""
    changes: list[PastChange] = []
    problems: list[tuple[JournalEntry, str]] = []
    kept = 0
    closed = Book.objects.values_list("closed_through", flat=True).get(pk=book.pk)
    for entry, subject, lines, own in subjects_of(book=book, entries=entries):
        outcome = engine.run(subject)
        problems += [
            (entry, _("Rule “%(name)s”: %(problem)s.") % {"name": step.name, "problem": step.problem})
            for step in outcome.steps
            if step.problem
        ]
        change = PastChange(
            entry=entry, subject=subject, outcome=outcome, lines=lines, own=own,
            closed=closed is not None and entry.date <= closed,
        )  # fmt: skip
        if change.new_tags or change.changes_books:
            changes.append(change)
        elif any(step.kept for step in outcome.steps):
            kept += 1
    return changes, kept, problems


Seen = tuple[JournalEntry, Subject, tuple[JournalLine, ...], JournalLine]


def subjects_of(*, book: Book, entries: Sequence[JournalEntry]) -> list[Seen]:
    """The entries as rules see them: those of one currency that are about one of the household's own accounts.

    An entry from a bank file is seen with the payee that the bank wrote, as it was when it came in, so that a run over
    the past does what the import would have done.
    """
    lines: dict[int, list[JournalLine]] = defaultdict(list)
    found = JournalLine.objects.filter(entry__in=entries).select_related("account").order_by("entry_id", "position")
    for line in found:
        lines[line.entry_id].append(line)
    imported = [entry.pk for entry in entries if entry.source == _Source.IMPORT]
    rows = {
        pk: given
        for pk, *given in JournalEntry.objects.filter(pk__in=imported).values_list(
            "pk", *(f"import_rows__{name}" for name in _ROW)
        )
        if given[0]
    }
    nowhere = uncategorised_ids(book=book)
    tags = tags_of_entries(book=book, entry_ids=[entry.pk for entry in entries])
    seen: list[Seen] = []
    for entry in entries:
        account_id, bank_payee, new_payee, decided_at, counterparty = rows.get(entry.pk, (None, "", "", None, ""))
        own = _own(lines[entry.pk], account_id)
        if own is None or len({line.currency for line in lines[entry.pk]}) > 1:
            continue
        rest = [line for line in lines[entry.pk] if line is not own]
        category = rest[0].account_id if len(rest) == 1 and rest[0].account_id not in nowhere else None
        note = rest[0].memo if len(rest) == 1 else ""
        parts = rest if len(rest) > 1 else ()
        by_hand = entry.source != _Source.IMPORT or bool(decided_at and new_payee)
        chosen = {"category"} if category or len(rest) > 1 else set()
        chosen |= {"payee"} if by_hand and entry.payee else set()
        chosen |= {"note"} if note else set()
        subject = Subject(
            account_id=own.account_id, amount=own.amount, currency=own.currency, date=entry.date,
            payee=entry.payee if by_hand or account_id is None else bank_payee or entry.payee,
            description=entry.description, note=note, original=bank_payee, category_id=category,
            counterparty="".join(counterparty.split()), tags=tuple(tag.name for tag in tags.get(entry.pk, ())),
            shares=tuple(Share(account_id=each.account_id, amount=-each.amount, note=each.memo) for each in parts),
            chosen=frozenset(chosen),
        )  # fmt: skip
        seen.append((entry, subject, tuple(lines[entry.pk]), own))
    return seen


def _own(lines: Sequence[JournalLine], account_id: int | None) -> JournalLine | None:
    """The line of the account that the entry is about: the bank's, the only one that holds money, or the giver's."""
    held = [line for line in lines if line.account.type in _MONEY]
    if account_id is not None:
        return next((line for line in lines if line.account_id == account_id), None)
    if len(held) == 2 == len(lines):
        return min(held, key=lambda line: line.amount)
    return held[0] if len(held) == 1 else None
