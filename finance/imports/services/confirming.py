"""From staged rows to postings, all or nothing."""

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from django.db import IntegrityError, connection, models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, ngettext

from core.batches import in_batches
from finance.errors import Conflict, Invalid
from finance.events.records import ImportConfirmed
from finance.imports.models import STUCK, ImportBatch, ImportProfile, ImportRow, planned
from finance.imports.parsers.profile import CsvProfile
from finance.imports.proof import Older, opening_line, opening_needed, told_older
from finance.imports.services.fallbacks import Fallback
from finance.imports.services.joining import join_transfers
from finance.imports.services.matching import Matcher, incoming_rows
from finance.imports.services.refunds import link_refunds
from finance.imports.services.staging import CHUNK, JUDGED_FIELDS
from finance.ledger.models import Account, Book, JournalEntry
from finance.ledger.posting import EntryDraft, LineDraft
from finance.ledger.services import (
    move_opening_balance,
    post_entries,
    post_opening_balance,
)
from finance.tags.services import tag_entries, tags_named
from identity.models import User
from platform_outbox.emit import emit

Decision, Outcome = ImportRow.Decision, ImportRow.Outcome
# Entries that are posted by one statement, all in one transaction.
POSTED_AT_ONCE = 10_000


class OlderRows(models.TextChoices):
    """What to do with rows that are not newer than the opening balance of their account."""

    ASK = "", gettext_lazy("ask")
    LEAVE_OUT = "leave_out", gettext_lazy("Leave them out")
    CORRECT_OPENING = (
        "correct_opening",
        gettext_lazy("Import them and correct the opening balance: today's balance stays"),
    )
    IMPORT = "import", gettext_lazy("Import them as they are: today's balance changes")


def confirm_import(
    *,
    batch: ImportBatch,
    actor: User | None,
    opening_balance: bool = False,
    older_rows: str = "",
    leave_undecided: bool = False,
) -> ImportBatch:
    """Post, link and ignore the rows as decided, in one transaction; a second call returns what the first did.

    Rows that another import brought in since staging are left out, never posted twice. `opening_balance` also starts
    an account that is still empty with the balance that the bank states for the day before the first row.
    `older_rows` says what to do with rows not newer than the account's opening balance: "leave_out", "correct_opening"
    (replace the opening balance by an earlier one, so that today's balance stays) or "import". `leave_undecided` leaves
    out the rows whose question nobody has answered. Raises Invalid when there are such rows and nothing is said,
    Conflict unless the batch is staged, and what posting raises (PeriodClosedError, AccountClosedError).
    """
    try:
        with transaction.atomic():
            return _confirm(
                batch=batch,
                actor=actor,
                opening_balance=opening_balance,
                older_rows=older_rows,
                leave_undecided=leave_undecided,
            )
    except IntegrityError as error:
        if "finance_importrow_identity" not in str(error):
            raise
        raise Conflict(reason=gettext("Another import has just added some of these rows; please try again.")) from error


@transaction.atomic
def discard_import(*, batch: ImportBatch, actor: User | None) -> ImportBatch:
    """Put a file aside that is not to be imported; its rows stay readable. Raises Conflict after confirmation."""
    batch = ImportBatch.objects.locked().get(pk=batch.pk)
    if batch.state == ImportBatch.State.DISCARDED:
        return batch
    if not batch.is_unconfirmed:
        raise Conflict(
            reason=gettext("This import is %(state)s; undo it instead.") % {"state": batch.get_state_display()}
        )
    batch.state = ImportBatch.State.DISCARDED
    batch.save(update_fields=["state"])
    return batch


@transaction.atomic
def discard_imports(*, book: Book, ids: Sequence[int]) -> int:
    """Put several files of the book aside; returns how many. Those that are confirmed, or of another book, stay."""
    chosen = ImportBatch.objects.locked().filter(book=book, pk__in=ids, state__in=ImportBatch.UNCONFIRMED)
    numbers = list(chosen.order_by("pk").values_list("pk", flat=True))
    return ImportBatch.objects.filter(pk__in=numbers).update(state=ImportBatch.State.DISCARDED)


@dataclass(slots=True)
class _Row:
    """What confirming needs of a row. A file may have 200,000, and whole models of them would take half a gigabyte."""

    pk: int
    number: int
    account_id: int | None
    date: datetime.date | None
    amount: int | None
    fate: str
    decision: str
    identity: str
    occurrence: int
    counter_account_id: int | None
    matched_entry_id: int | None
    statement_id: int
    refund_of_id: int | None
    refund_of_line: int | None
    posted_entry_id: int | None = None
    outcome: str = ""
    active: bool = False

    def will(self, decision: str) -> bool:
        """Whether this is done with the row. What the bank has not booked, errors and lines left out are never posted."""
        if self.account_id is None or self.date is None or not self.amount:
            return False
        if self.fate in STUCK:
            return False
        return planned(fate=self.fate, decision=self.decision) == decision


_READ = (
    "pk", "number", "account_id", "date", "amount", "fate", "decision", "identity", "occurrence", "counter_account_id",
    "matched_entry_id", "statement_id", "refund_of_id", "refund_of_line",
)  # fmt: skip
_SHARED = frozenset(
    _READ.index(name) for name in ("account_id", "date", "fate", "decision", "counter_account_id", "statement_id")
)


_WRITE = """
UPDATE finance_importrow AS row
   SET outcome = given.outcome, posted_entry_id = given.entry, active = given.active, occurrence = given.occurrence
  FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::boolean[], %s::int[])
       AS given (id, outcome, entry, active, occurrence)
 WHERE row.id = given.id
"""


def _confirm(
    *, batch: ImportBatch, actor: User | None, opening_balance: bool, older_rows: str, leave_undecided: bool
) -> ImportBatch:
    batch = ImportBatch.objects.locked().select_related("book", "account").get(pk=batch.pk)
    if batch.state == ImportBatch.State.CONFIRMED:
        return batch
    if not batch.is_open:
        raise Conflict(
            reason=gettext("This import is no longer open: it is %(state)s.") % {"state": batch.get_state_display()}
        )
    # One confirmation per account at a time; posting to the account by others is not held up.
    wanted = batch.statements.exclude(account=None).values("account")
    held = Account.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
    accounts = {account.pk: account for account in held}
    for account in accounts.values():
        account.book = batch.book
    _catch_up(batch, accounts)
    read = ImportRow.objects.filter(batch=batch).order_by("pk").values_list(*_READ)
    # Many rows share their account, day, category and status: each of these is kept once.
    once: dict[Any, Any] = {}
    rows = [
        _Row(*(once.setdefault(value, value) if place in _SHARED else value for place, value in enumerate(values)))
        for values in read.iterator(chunk_size=CHUNK)
    ]
    del once
    _check_answered(rows, leave_undecided=leave_undecided)
    _treat_older(batch, rows, accounts, actor=actor, choice=older_rows)
    if opening_balance:
        for statement in batch.statements.filter(account=batch.account).order_by("position"):
            if (needed := opening_needed(statement)) is not None:
                batch.opening_entry = post_opening_balance(
                    account=accounts[batch.account_id], actor=actor, amount=needed.amount, on=needed.on
                )
                break
    _number(rows)
    giving = _refunds_of(rows)
    for row, purchase in giving:
        row.counter_account_id = row.counter_account_id or purchase.counter_account_id
    _post(batch, actor, [row for row in rows if row.will(Decision.POST)], accounts)
    _settle(rows)
    _tag(batch, actor, rows)
    pairs = {
        row.posted_entry_id: row.refund_of_id for row in rows if row.outcome == Outcome.POSTED and row.refund_of_id
    }
    pairs |= {row.posted_entry_id: purchase.posted_entry_id for row, purchase in giving if purchase.posted_entry_id}
    link_refunds(book=batch.book, actor=actor, pairs={one: other for one, other in pairs.items() if one and other})
    linked = {row.pk: row for row in rows if row.outcome == Outcome.LINKED}
    for pk, entry_id in join_transfers(batch, linked, accounts, actor=actor).items():
        linked[pk].posted_entry_id = entry_id
    for some in in_batches(rows, size=POSTED_AT_ONCE):
        changed = ((row.pk, str(row.outcome), row.posted_entry_id, row.active, row.occurrence) for row in some)
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, [list(column) for column in zip(*changed, strict=True)])
    batch.state, batch.confirmed_by, batch.confirmed_at = ImportBatch.State.CONFIRMED, actor, timezone.now()
    batch.save(update_fields=["state", "confirmed_by", "confirmed_at", "opening_entry", "moved_openings", "notes"])
    _keep_reading(batch, actor)
    emit(ImportConfirmed(book_id=batch.book_id, import_id=batch.pk))
    return batch


def _keep_reading(batch: ImportBatch, actor: User | None) -> None:
    """What was confirmed settles how the account's next file of this shape is read: day or month first, signs, columns."""
    profile = CsvProfile.from_dict(batch.profile) if batch.profile is not None else None
    if profile is None or not profile.header:
        # Files without a header cannot be told from those of another shape.
        return
    ImportProfile.objects.update_or_create(
        account=batch.account,
        signature=profile.signature,
        defaults={"book": batch.book, "reading": batch.profile, "updated_by": actor},
    )


def _treat_older(
    batch: ImportBatch, rows: Sequence[_Row], accounts: dict[int, Account], *, actor: User | None, choice: str
) -> None:
    """Rows that an opening balance sums up already change every later balance: only as somebody has chosen."""
    if choice not in OlderRows.values:
        raise Invalid(
            field="older_rows",
            reason=gettext("%(choice)s is none of %(names)s.")
            % {"choice": choice, "names": ", ".join(filter(None, OlderRows.values))},
        )
    for account in accounts.values():
        line = opening_line(account.pk)
        own = [row for row in rows if row.account_id == account.pk and row.will(Decision.POST)]
        older = [row for row in own if line is not None and row.date is not None and row.date <= line.date]
        if line is None or not older:
            continue
        first = min(row.date for row in older if row.date is not None)
        moved = sum(row.amount or 0 for row in older)
        if choice == OlderRows.ASK:
            found = Older(
                count=len(older), moved=moved, first=first,
                opening=line.amount, opening_on=line.date, entry_id=line.entry_id,
            )  # fmt: skip
            more = gettext(
                "Choose whether to leave them out, to correct the opening balance, or to import them as they are."
            )
            raise Invalid(field="older_rows", reason=f"{told_older(found, currency=account.currency)} {more}")
        if choice == OlderRows.LEAVE_OUT:
            for row in older:
                row.decision = Decision.IGNORE
            ImportRow.objects.filter(pk__in=[row.pk for row in older]).update(decision=Decision.IGNORE)
        if choice == OlderRows.CORRECT_OPENING:
            replaced = move_opening_balance(
                entry=line.entry, actor=actor, account=account, amount=line.amount - moved,
                on=first - datetime.timedelta(days=1),
            )  # fmt: skip
            batch.moved_openings = [*batch.moved_openings, {"entry": line.entry_id, "by": replaced.pk}]


def _check_answered(rows: Sequence[_Row], *, leave_undecided: bool) -> None:
    """Raise Invalid for questions without an answer, unless they are to be left out."""
    open_questions = [row for row in rows if row.fate == ImportRow.Status.QUESTION and not row.decision]
    if not open_questions or leave_undecided:
        return
    text = ngettext(
        "%(count)d row needs your answer first (line %(line)d). Answer it, or leave it out this time.",
        "%(count)d rows need your answer first (the first in line %(line)d). Answer them, or leave them out this time.",
        len(open_questions),
    )
    raise Invalid(
        field="leave_undecided", reason=text % {"count": len(open_questions), "line": open_questions[0].number}
    )


def _catch_up(batch: ImportBatch, accounts: dict[int, Account]) -> None:
    """Judge again what other imports changed since this one was staged; decisions and proposals stay as shown."""
    for account in accounts.values():
        own = ImportRow.objects.filter(batch=batch, account=account).order_by("pk")
        others = ImportBatch.objects.filter(statements__account=account).exclude(pk=batch.pk)
        newer = others.filter(Q(confirmed_at__gte=batch.created_at) | Q(undone_at__gte=batch.created_at))
        changed = JournalEntry.objects.filter(reverses__in=own.exclude(matched_entry=None).values("matched_entry"))
        if not (newer.exists() or changed.exists()):
            continue
        matcher = Matcher(account=account, batch=batch)
        numbers = list(own.values_list("pk", flat=True))
        matcher.look(incoming_rows(own.iterator(chunk_size=CHUNK)))
        for some in in_batches(numbers, size=CHUNK):
            rows = list(own.filter(pk__in=some))
            for row in rows:
                matcher.judge(row.pk, row)
                if row.decision == Decision.MATCH and row.matched_entry_id is None:
                    row.decision = Decision.NONE
            ImportRow.objects.bulk_update(rows, [*JUDGED_FIELDS, "decision"], batch_size=CHUNK)


def _refunds_of(rows: Sequence[_Row]) -> list[tuple[_Row, _Row]]:
    """Rows to be posted that give back another row of their statement, with that row."""
    giving = [row for row in rows if row.refund_of_line is not None and row.will(Decision.POST)]
    wanted = {(row.statement_id, row.refund_of_line) for row in giving}
    found = {key: row for row in rows if (key := (row.statement_id, row.number)) in wanted}
    pairs = [(row, found.get((row.statement_id, row.refund_of_line or 0))) for row in giving]
    return [(row, purchase) for row, purchase in pairs if purchase is not None and purchase.will(Decision.POST)]


def _tag(batch: ImportBatch, actor: User | None, rows: Sequence[_Row]) -> None:
    """Put the tags that rules chose on the entries that were posted."""
    posted = {row.pk: row.posted_entry_id for row in rows if row.outcome == Outcome.POSTED}
    tagged: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for pk, names in ImportRow.objects.filter(batch=batch).exclude(tags=[]).order_by("pk").values_list("pk", "tags"):
        if (entry_id := posted.get(pk)) is not None:
            tagged[tuple(names)].append(entry_id)
    for names, entries in tagged.items():
        tag_entries(book=batch.book, actor=actor, entry_ids=entries, add=tags_named(book=batch.book, names=names))


_HIGHEST = """
SELECT account_id, identity, max(occurrence) FROM finance_importrow
 WHERE active AND account_id = ANY(%s::bigint[]) AND identity = ANY(%s::text[]) GROUP BY account_id, identity
"""


def _number(rows: Sequence[_Row]) -> None:
    """Occurrences that continue those in force, so that a row imported anyway becomes the next twin."""
    decisions = (Decision.POST, Decision.MATCH, Decision.IGNORE)
    entering = [row for row in rows if any(row.will(decision) for decision in decisions)]
    # By identity, so that nothing is kept of those that have passed; equal rows stay in the file's order.
    entering.sort(key=attrgetter("identity"))
    highest: dict[tuple[int | None, str], int] = {}
    for some in in_batches(entering, size=POSTED_AT_ONCE):
        accounts, identities = {row.account_id for row in some}, {row.identity for row in some}
        with connection.cursor() as cursor:
            cursor.execute(_HIGHEST, [list(accounts), list(identities)])
            known = {(account_id, identity): top for account_id, identity, top in cursor.fetchall()}
        highest = known | {key: top for key, top in highest.items() if key[1] == some[0].identity}
        for row in some:
            key = (row.account_id, row.identity)
            highest[key] = row.occurrence = highest.get(key, 0) + 1


def _post(batch: ImportBatch, actor: User | None, rows: Sequence[_Row], accounts: dict[int, Account]) -> None:
    fallback = Fallback(batch, actor)
    for some in in_batches(rows, size=POSTED_AT_ONCE):
        # By the range: all rows of a file lie together.
        told = ImportRow.objects.filter(batch=batch, pk__range=(some[0].pk, some[-1].pk))
        texts = {pk: said for pk, *said in told.values_list("pk", "payee", "description", "new_payee", "memo")}
        splits = dict(told.exclude(split=[]).values_list("pk", "split"))
        drafts = []
        for row in some:
            if row.date is None or row.amount is None or row.account_id is None:
                raise ValueError("only rows with account, date and amount are posted")
            payee, description, new_payee, memo = texts[row.pk]
            split = splits.get(row.pk)
            lines = [LineDraft(account_id=row.account_id, amount=row.amount)]
            if split:
                lines += [
                    LineDraft(account_id=part["account"], amount=-part["amount"], memo=part["note"] or memo)
                    for part in split
                ]
            else:
                counter_id = row.counter_account_id or fallback.account_id(accounts[row.account_id], row.amount)
                lines.append(LineDraft(account_id=counter_id, amount=-row.amount, memo=memo))
            drafts.append(EntryDraft(date=row.date, lines=lines, payee=new_payee or payee, description=description))
        ids = post_entries(book=batch.book, actor=actor, drafts=drafts, source=JournalEntry.Source.IMPORT.value)
        for row, entry_id in zip(some, ids, strict=True):
            row.posted_entry_id, row.outcome, row.active = entry_id, Outcome.POSTED, True


def _settle(rows: Sequence[_Row]) -> None:
    """Outcomes of all rows that were not posted."""
    linked = [row for row in rows if row.will(Decision.MATCH)]
    known = ImportRow.objects.filter(active=True, posted_entry__in={row.matched_entry_id for row in linked})
    vouched = set(known.values_list("identity", "posted_entry_id"))
    for row in rows:
        if row.outcome == Outcome.POSTED:
            continue
        if row.will(Decision.MATCH):
            row.outcome, row.posted_entry_id = Outcome.LINKED, row.matched_entry_id
            # Where the same row stands for the entry already, this one only repeats it.
            row.active = (row.identity, row.matched_entry_id) not in vouched
        elif planned(fate=row.fate, decision=row.decision) == Decision.IGNORE:
            row.outcome, row.active = Outcome.IGNORED, row.will(Decision.IGNORE)
        else:
            row.outcome = Outcome.LEFT
