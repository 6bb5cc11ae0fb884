"""Corrections as people make them: one entry or thousands, in one transaction, with a record that Undo uses.

Each corrected entry is reversed and replaced, a deleted one is reversed, and one that is brought back is posted again
in the place of the one that was deleted. What cannot be changed as asked stays as it is and is listed with the reason.
"""

import datetime
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from core.batches import in_batches
from finance.errors import ChangedSince, Conflict, FinanceError, Invalid, NotFound
from finance.events.journal import ChangeMade, ChangeUndone, JournalCorrected, JournalPosted, JournalReversed
from finance.ledger import plans
from finance.ledger.change_models import Change, ChangedEntry
from finance.ledger.models import Book, JournalEntry, JournalLine
from finance.ledger.posting import EntryDraft
from finance.ledger.revising import Edit, Kept, draft_as_it_is, revised
from finance.ledger.services.drafts import accounts_for_posting, check_draft
from finance.ledger.services.entries import ENTRIES_PER_EVENT, guarded, reversals_of
from finance.ledger.services.journal import Posting, copy_entries, insert_reversal
from finance.ledger.undoing import take_back_beside
from identity.models import User
from platform_outbox.emit import emit, emit_many

# Entries that one change may touch.
MOST_ENTRIES = 5000
# Entries left as they are that a change lists.
MOST_LISTED = 100
# Entries changed since that the refusal of an Undo names.
MOST_NAMED = 10
Action = Change.Action
Source = JournalEntry.Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """An entry that stays as it is, and why."""

    entry: JournalEntry
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The result. `change` is None where every entry was like that already (`same` of them)."""

    change: Change | None
    left: list[Left] = field(default_factory=list)
    same: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One entry: what is reversed, what is posted, and which entry that corrects."""

    taken_back: JournalEntry | None
    draft: EntryDraft | None
    corrects_id: int | None = None
    # It gets another date than its own, because that one is closed.
    redated: bool = False


def open_day(*, closed_through: datetime.date | None, today: datetime.date) -> datetime.date:
    """The day that corrections of closed periods are dated: today, or the first day after the close."""
    return today if closed_through is None or today > closed_through else closed_through + datetime.timedelta(days=1)


def _closed_through(book: Book) -> datetime.date | None:
    """The book's closing day as it is in the database now."""
    return Book.objects.values_list("closed_through", flat=True).get(pk=book.pk)


def change_entries(
    *,
    book: Book,
    actor: User | None,
    targets: Mapping[int, Collection[int]],
    edit: Edit,
    today: datetime.date,
    action: str = Action.EDIT,
    also_asked: Mapping[str, object] | None = None,
    beside: Mapping[str, Any] | None = None,
) -> Changed:
    """Carry out one edit on many entries: `targets` are their ids, each with the positions of the chosen lines.

    `also_asked` and `beside` are what the caller did besides, for the record (Change).

    Entries of closed periods are corrected with the date of the open period. What cannot be changed as asked stays,
    and is listed. Raises Invalid for an edit that says nothing or too many entries, NotFound for an entry of another
    book, and Conflict with the first reason where nothing can be changed.
    """
    asked = _checked(edit)
    with guarded(book=book, date=edit.date or today):
        closed = _closed_through(book)
        on = open_day(closed_through=closed, today=today)
        entries, left = _standing(book, targets)
        lines = _lines_of(entries)
        steps, same = [], 0
        given = {edit.account.pk} if edit.account else set()
        accounts = accounts_for_posting(
            book=book, account_ids=given | {line.account_id for each in lines.values() for line in each}
        )
        for entry in entries:
            try:
                draft = revised(entry, lines[entry.pk], chosen=targets[entry.pk], edit=edit)
                if draft == draft_as_it_is(entry, lines[entry.pk]):
                    same += 1
                    continue
                if closed is not None and draft.date <= closed:
                    if "date" in asked or "shift_days" in asked:
                        raise Kept(_("The books are closed on that day."))
                    draft = replace(draft, date=on)
                check_draft(draft, accounts)
            except (Kept, FinanceError) as error:
                left.append(Left(entry=entry, why=error.detail if isinstance(error, FinanceError) else str(error)))
            else:
                steps.append(_Step(taken_back=entry, draft=draft, corrects_id=entry.pk))
        asked |= also_asked or {}
        change = _carry_out(book, actor, steps, on=on, action=action, asked=asked, left=left, beside=beside)
    return Changed(change=change, left=left, same=same)


def _checked(edit: Edit) -> dict[str, object]:
    """The edit's fields as JSON. Raises Invalid where it makes no sense for any entry."""
    asked = edit.asked()
    if not asked:
        raise Invalid(reason=_("Say what to change."))
    if edit.amount == 0:
        raise Invalid(field="amount", reason=_("An amount cannot be zero."))
    if edit.date is not None and edit.shift_days is not None:
        raise Invalid(field="shift_days", reason=_("Give either a date or a number of days."))
    for name, limit in (("payee", 200), ("description", 500)):
        text = getattr(edit, name) or ""
        if len(text) > limit or "\x00" in text:
            raise Invalid(field=name, reason=_("Use at most %(n)s characters.") % {"n": limit})
    return asked


def delete_entries(*, book: Book, actor: User | None, entry_ids: Collection[int], today: datetime.date) -> Changed:
    """Take entries out of the books by their reversals. Raises as change_entries does."""
    with guarded(book=book, date=today):
        on = open_day(closed_through=_closed_through(book), today=today)
        entries, left = _standing(book, entry_ids)
        steps = [_Step(taken_back=entry, draft=None) for entry in entries]
        change = _carry_out(book, actor, steps, on=on, action=Action.DELETE, asked={}, left=left)
    return Changed(change=change, left=left)


def replace_entry(
    *,
    entry: JournalEntry,
    actor: User | None,
    draft: EntryDraft,
    today: datetime.date,
    beside: Mapping[str, Any] | None = None,
) -> Change:
    """Correct an entry as a whole. `today` dates the reversal where the entry's own day is closed by now.

    `beside` is what was changed together with it, for the record (Change). Raises as post_entry and reverse_entry do.
    """
    book = entry.book
    with guarded(book=book, date=draft.date):
        accounts = accounts_for_posting(book=book, account_ids={line.account_id for line in draft.lines})
        check_draft(draft, accounts)
        step = _Step(taken_back=entry, draft=draft, corrects_id=entry.pk)
        change = _carry_out(book, actor, [step], on=today, action=Action.EDIT, asked={}, left=[], beside=beside)
    assert change is not None
    return change


def record_change(
    *,
    book: Book,
    actor: User | None,
    action: str,
    asked: Mapping[str, object],
    beside: Mapping[str, Any],
    entry_ids: Collection[int] = (),
) -> Change:
    """Record what another slice has just done beside the journal, to these entries if any, so that it can be undone.

    `beside` is taken back by the functions that are registered for its keys (ledger.undoing).
    """
    with transaction.atomic():
        change = _carry_out(
            book, actor, [], on=None, action=action, asked=asked, left=[], beside=beside, noted=sorted(entry_ids)
        )
    assert change is not None
    return change


@transaction.atomic
def undo_change(*, change: Change, actor: User | None, today: datetime.date, skip_changed: bool = False) -> Change:
    """Put the entries of a change back to what they were, by corrections; an undo can be undone as well.

    Raises ChangedSince, which lists the entries that were changed since; with `skip_changed` these stay as they are.
    Raises Conflict for a change that was undone already, and what the slices raise that did something besides.
    """
    change = Change.objects.select_for_update(of=("self",)).select_related("book").get(pk=change.pk)
    book = change.book
    if Change.objects.filter(undoes=change).exists():
        raise Conflict(reason=_("This has been undone already."))
    found = ChangedEntry.objects.filter(change=change).select_related("before", "after").order_by("pk")
    pairs = [pair for pair in found if pair.before_id != pair.after_id]
    if not pairs and not change.beside:
        raise Conflict(reason=_("This cannot be undone: what it did is not on record."))
    noted = [pair.before_id for pair in found if pair.before_id is not None and pair.before_id == pair.after_id]
    moved_on = changed_since(pairs=pairs)
    stale = [pair for pair in pairs if pair.pk in moved_on]
    if stale and (not skip_changed or len(stale) == len(pairs)):
        changed = [entry for pair in stale if (entry := pair.after or pair.before) is not None]
        names = "; ".join(
            f"{entry.payee or entry.description} ({entry.date})".strip() for entry in changed[:MOST_NAMED]
        )
        more = f" … (+{len(changed) - MOST_NAMED})" if len(changed) > MOST_NAMED else ""
        raise ChangedSince(
            fields={"entries": f"{names}{more}"}, entries=changed, count=len(changed), rest=len(pairs) - len(stale)
        )
    with guarded(book=book, date=today):
        closed = _closed_through(book)
        on = open_day(closed_through=closed, today=today)
        kept = [pair for pair in pairs if pair.pk not in moved_on]
        lines = _lines_of([pair.before for pair in kept if pair.before is not None])
        steps = []
        for pair in kept:
            draft, redated = None, False
            if pair.before is not None:
                draft = draft_as_it_is(pair.before, lines[pair.before.pk])
                redated = closed is not None and draft.date <= closed
                draft = replace(draft, date=on) if redated else draft
            corrected = pair.after or pair.before
            corrects_id = corrected.pk if corrected else None
            steps.append(_Step(taken_back=pair.after, draft=draft, corrects_id=corrects_id, redated=redated))
        accounts = accounts_for_posting(
            book=book, account_ids={line.account_id for step in steps if step.draft for line in step.draft.lines}
        )
        for step in steps:
            if step.draft is not None:
                check_draft(step.draft, accounts)
        left = [Left(entry=entry, why=_("It was changed since.")) for p in stale if (entry := p.after or p.before)]
        beside = take_back_beside(book=book, actor=actor, beside=change.beside or {})
        undo = _carry_out(
            book, actor, steps, on=on, action=Action.UNDO, asked={}, left=left, undoes=change, beside=beside,
            noted=noted,
        )  # fmt: skip
    assert undo is not None
    return undo


def changed_since(*, pairs: Sequence[ChangedEntry]) -> set[int]:
    """Ids of the pairs whose entry was corrected, deleted or brought back after the change."""
    after = [pair.after_id for pair in pairs if pair.after_id is not None]
    gone = [pair.before_id for pair in pairs if pair.after_id is None]
    reversed_since = set(JournalEntry.objects.filter(reverses__in=after).values_list("reverses_id", flat=True))
    back = set(JournalEntry.objects.filter(corrects__in=gone).values_list("corrects_id", flat=True))
    return {p.pk for p in pairs if (p.after_id in reversed_since if p.after_id is not None else p.before_id in back)}


def _standing(book: Book, entry_ids: Collection[int]) -> tuple[list[JournalEntry], list[Left]]:
    """The entries in effect, in their order, and those that are not."""
    if not entry_ids:
        raise Invalid(field="entries", reason=_("Choose at least one entry."))
    if len(entry_ids) > MOST_ENTRIES:
        raise Invalid(
            field="entries",
            reason=_("At most %(most)s entries can be changed at once; narrow the selection.") % {"most": MOST_ENTRIES},
        )
    plans.forget_plans(ahead_of=len(entry_ids))
    found = list(JournalEntry.objects.filter(book=book, pk__in=list(entry_ids)).order_by("pk"))
    if len(found) != len(entry_ids):
        raise NotFound(field="entries", thing="entry")
    gone = set(JournalEntry.objects.filter(reverses__in=list(entry_ids)).values_list("reverses_id", flat=True))
    left = [
        Left(
            entry=entry,
            why=_("It only cancels another entry.") if entry.reverses_id else _("It was changed or deleted since."),
        )
        for entry in found
        if entry.reverses_id is not None or entry.pk in gone
    ]
    for entry in found:
        entry.book = book
    return [entry for entry in found if entry.reverses_id is None and entry.pk not in gone], left


def _lines_of(entries: Sequence[JournalEntry]) -> dict[int, list[JournalLine]]:
    lines: dict[int, list[JournalLine]] = defaultdict(list)
    found = JournalLine.objects.filter(entry__in=[entry.pk for entry in entries]).select_related("account")
    for line in found.order_by("entry_id", "position"):
        lines[line.entry_id].append(line)
    return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What became of a step: ids of the entries. `late`: its reversal has another date than the entry."""

    reversal_id: int | None
    replacement_id: int | None
    late: bool = False
    announced: bool = False


def _write(book: Book, actor: User | None, steps: Sequence[_Step], *, on: datetime.date | None) -> list[_Written]:
    """Write the reversals and replacements of the steps; one of a single step by one statement, if nothing watches it."""
    taken = [step.taken_back for step in steps if step.taken_back is not None]
    if len(steps) == 1 and taken and on and (steps[0].draft is None or steps[0].corrects_id == taken[0].pk):
        found = insert_reversal(entry=taken[0], actor=actor, on=on, description="", replacement=steps[0].draft)
        if found:
            reversal, replacement_id = found[0], found[1].pk if steps[0].draft is not None else None
            late = reversal.date != taken[0].date
            return [_Written(reversal_id=reversal.pk, replacement_id=replacement_id, late=late, announced=True)]
    postings = reversals_of(book=book, entries=taken, on=on) if taken and on else []
    late_ids = {entry.pk for posting, entry in zip(postings, taken, strict=True) if posting.draft.date != entry.date}
    postings += [
        Posting(draft=step.draft, source=Source.CORRECTION.value, corrects_id=step.corrects_id)
        for step in steps
        if step.draft is not None
    ]
    if not postings:
        return []
    accounts = accounts_for_posting(
        book=book, account_ids={line.account_id for posting in postings for line in posting.draft.lines}
    )
    ids = copy_entries(book=book, actor=actor, postings=postings, accounts=accounts)
    reversal_ids, replacement_ids = iter(ids[: len(taken)]), iter(ids[len(taken) :])
    return [
        _Written(
            reversal_id=next(reversal_ids) if step.taken_back is not None else None,
            replacement_id=next(replacement_ids) if step.draft is not None else None,
            late=step.taken_back is not None and step.taken_back.pk in late_ids,
        )
        for step in steps
    ]


def _carry_out(
    book: Book, actor: User | None, steps: Sequence[_Step], *, on: datetime.date | None, action: str,
    asked: Mapping[str, object], left: Sequence[Left], undoes: Change | None = None,
    beside: Mapping[str, Any] | None = None, noted: Sequence[int] = (),
) -> Change | None:  # fmt: skip
    """Write what the steps say, the record of it and the events; None where there is nothing to do.

    `on` dates reversals in closed periods; `noted` are entries of which only something beside the journal changed.
    """
    if not steps and not beside:
        if left:
            raise Conflict(reason=left[0].why)
        return None
    written = _write(book, actor, steps, on=on)
    redated = sum(step.redated or each.late for step, each in zip(steps, written, strict=True))
    change = Change.objects.create(
        book=book, action=action, asked=asked, beside=beside or None, undoes=undoes, made_by=actor,
        entry_count=len(steps) + len(noted),
        redated_to=on if redated else None, redated_count=redated, left_count=len(left),
        left=[
            {"entry": str(each.entry.uid), "date": each.entry.date.isoformat(), "payee": each.entry.payee, "why": each.why}
            for each in left[:MOST_LISTED]
        ],
    )  # fmt: skip
    ChangedEntry.objects.bulk_create(
        [
            ChangedEntry(book=book, change=change, before=step.taken_back, after_id=each.replacement_id)
            for step, each in zip(steps, written, strict=True)
        ]
        + [ChangedEntry(book=book, change=change, before_id=pk, after_id=pk) for pk in noted],
        batch_size=1000,
    )  # fmt: skip
    events: list[JournalCorrected | JournalReversed] = []
    brought_back: list[int] = []
    for step, each in zip(steps, written, strict=True):
        after = each.replacement_id
        if step.taken_back is None or each.reversal_id is None:
            brought_back += [after] if after is not None else []
        elif not each.announced:
            same = {"book_id": book.pk, "entry_id": step.taken_back.pk, "reversal_id": each.reversal_id}
            events.append(JournalReversed(**same) if after is None else JournalCorrected(**same, replacement_id=after))
    emit_many(events)
    for announced in in_batches(brought_back, size=ENTRIES_PER_EVENT):
        emit(JournalPosted(book_id=book.pk, entry_ids=tuple(announced), source=Source.CORRECTION.value))
    if undoes is None:
        emit(ChangeMade(book_id=book.pk, change_id=change.pk))
    else:
        emit(ChangeUndone(book_id=book.pk, change_id=undoes.pk, undo_id=change.pk))
    return change
