"""Reading imports: lists by keyset, rows by status, counts."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Case, Count, IntegerField, Q, Value, When
from django.utils.translation import gettext as _

from core.keyset import keyset_page
from finance.errors import Invalid, NotFound
from finance.imports.models import ImportBatch, ImportRow, ImportStatement, Refund
from finance.imports.parsers.words import bare_number
from finance.ledger.models import Account, Book, JournalEntry
from finance.ledger.revisions import current_of, root_of

MAX_PAGE = 200
# Shorter numbers of accounts may be anybody's.
SHORTEST_NUMBER = 6
_MOVED_AT_MOST = datetime.timedelta(days=366)
# Rows that need a decision come first.
_ORDER = [
    ImportRow.Status.QUESTION,
    ImportRow.Status.ERROR,
    ImportRow.Status.PROBABLE_MATCH,
    ImportRow.Status.PENDING,
    ImportRow.Status.NEW,
    ImportRow.Status.ALREADY_IMPORTED,
    ImportRow.Status.LEFT_OUT,
]

# A common table of the entries of an account for which a row of a bank stands, from %(since)s through %(until)s; of one
# %(format)s only, or of all where that is ''. A row stands for what its entry was corrected to as well.
VOUCHED = """vouched (id) AS (
    SELECT row.posted_entry_id
      FROM finance_importrow AS row JOIN finance_importbatch AS batch ON batch.id = row.batch_id
     WHERE row.account_id = %(account)s AND row.active AND row.posted_entry_id IS NOT NULL
       AND row.date BETWEEN %(since)s AND %(until)s AND %(format)s IN ('', batch.format)
     UNION
    SELECT entry.id FROM vouched JOIN finance_journalentry AS entry ON entry.corrects_id = vouched.id
)"""
_UNVOUCHED = f"""
WITH RECURSIVE {VOUCHED}
SELECT line.entry_id, sum(line.amount)
  FROM finance_journalline AS line
  JOIN finance_journalentry AS entry ON entry.id = line.entry_id
 WHERE line.account_id = %(account)s AND line.date BETWEEN %(first)s AND %(last)s
   AND entry.reverses_id IS NULL AND entry.source <> 'opening'
   AND NOT EXISTS (SELECT FROM finance_journalentry AS taken WHERE taken.reverses_id = entry.id)
   AND NOT EXISTS (SELECT FROM vouched WHERE vouched.id = line.entry_id)
 GROUP BY line.entry_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRowPage:
    """Rows of a list and the cursor of the next page, None at the end."""

    rows: Sequence[ImportRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many rows of a batch have which status and which outcome."""

    fates: dict[str, int]
    outcomes: dict[str, int]
    undecided_matches: int
    unanswered: int
    uncategorised: int
    to_post: int

    @property
    def total(self) -> int:
        """The rows; lines that are no transactions are counted apart."""
        return sum(self.fates.values()) - self.left_out

    @property
    def left_out(self) -> int:
        return self.fates[ImportRow.Status.LEFT_OUT]


def batch_for(*, book: Book, batch_id: int) -> ImportBatch:
    """The book's import without its content. Raises NotFound."""
    found = ImportBatch.objects.without_content().filter(book=book, pk=batch_id).select_related("account").first()
    if found is None:
        raise NotFound(thing="import")
    found.book = book
    return found


def recent_batches(*, book: Book, limit: int = 20, before: int | None = None) -> list[ImportBatch]:
    """Imports of the book, newest first, by keyset on the id."""
    batches = ImportBatch.objects.without_content().filter(book=book).select_related("account", "created_by")
    if before is not None:
        batches = batches.filter(pk__lt=before)
    return list(batches.order_by("-pk")[:limit])


def statements_of(*, batch: ImportBatch) -> list[ImportStatement]:
    """The file's statements in order, with their accounts."""
    statements = list(batch.statements.select_related("account").order_by("position"))
    for statement in statements:
        statement.batch = batch
    return statements


def statement_for(*, batch: ImportBatch, statement_id: int) -> ImportStatement:
    """A statement of the batch. Raises NotFound."""
    found = batch.statements.select_related("account", "batch__book").filter(pk=statement_id).first()
    if found is None:
        raise NotFound(thing="statement")
    return found


def row_for(*, batch: ImportBatch, row_id: int) -> ImportRow:
    """A row of the batch. Raises NotFound."""
    related = ("counter_account", "matched_entry", "posted_entry", "refund_of", "statement")
    found = ImportRow.objects.filter(batch=batch, pk=row_id).select_related(*related).first()
    if found is None:
        raise NotFound(thing="row")
    return found


def counts_of(*, batch: ImportBatch) -> Counts:
    """Statuses and outcomes of the batch's rows, in two queries."""
    rows = ImportRow.objects.filter(batch=batch)
    grouped = rows.values_list("fate", "outcome").annotate(number=Count("pk"))
    fates = dict.fromkeys(ImportRow.Status.values, 0)
    outcomes = dict.fromkeys(filter(None, ImportRow.Outcome.values), 0)
    for fate, outcome, number in grouped:
        fates[fate] += number
        if outcome:
            outcomes[outcome] += number
    posts = Q(decision="post") | Q(decision="", fate=ImportRow.Status.NEW)
    more = rows.aggregate(
        matches=Count("pk", filter=Q(fate=ImportRow.Status.PROBABLE_MATCH, decision="")),
        unanswered=Count("pk", filter=Q(fate=ImportRow.Status.QUESTION, decision="")),
        uncategorised=Count("pk", filter=posts & Q(counter_account=None, split=[])),
        to_post=Count("pk", filter=posts & Q(account__isnull=False)),
    )
    return Counts(
        fates=fates,
        outcomes=outcomes,
        undecided_matches=more["matches"],
        unanswered=more["unanswered"],
        uncategorised=more["uncategorised"],
        to_post=more["to_post"],
    )


def rows_page(
    *,
    batch: ImportBatch,
    fate: str = "",
    outcome: str = "",
    left_out: bool = True,
    cursor: str | None = None,
    limit: int = 50,
) -> ImportRowPage:
    """Rows of a batch, problems first, inside a status in the file's order; keyset on (urgency, id).

    Lines that are no transactions come last, and only if `left_out`.
    """
    whens = [When(fate=fate, then=Value(place)) for place, fate in enumerate(_ORDER)]
    rows = ImportRow.objects.filter(batch=batch).annotate(
        urgency=Case(*whens, default=Value(len(_ORDER)), output_field=IntegerField())
    )
    if fate:
        if fate not in ImportRow.Status.values:
            raise Invalid(
                field="fate",
                reason=_("%(fate)s is none of %(names)s.")
                % {"fate": fate, "names": ", ".join(ImportRow.Status.values)},
            )
        rows = rows.filter(fate=fate)
    elif not left_out:
        rows = rows.exclude(fate=ImportRow.Status.LEFT_OUT)
    if outcome:
        rows = rows.filter(outcome=outcome)
    after = None
    if cursor is not None:
        urgency, _dash, row_id = cursor.partition("-")
        if not (urgency.isdigit() and row_id.isdigit()) or len(row_id) > 18:
            raise Invalid(field="cursor", reason=_("This cursor is not from this list."))
        after = int(urgency), int(row_id)
    page = keyset_page(
        rows.select_related("counter_account", "matched_entry", "posted_entry", "refund_of", "statement"),
        ordering=("urgency", "pk"),
        after=after,
        limit=max(1, min(limit, MAX_PAGE)),
    )
    last = page.edge
    return ImportRowPage(
        rows=page.rows, next_cursor=f"{_ORDER.index(ImportRow.Status(last.fate))}-{last.pk}" if last else None
    )


def numbers_by_account(*, book_id: int) -> dict[int, set[str]]:
    """Account id → the numbers, bare, that confirmed files of it had; of six characters and more."""
    statements = ImportStatement.objects.filter(
        book=book_id, batch__state=ImportBatch.State.CONFIRMED, account__isnull=False
    ).exclude(external_account="")
    found: dict[int, set[str]] = {}
    for account_id, number in statements.values_list("account_id", "external_account").distinct():
        if account_id is not None and len(bare := bare_number(number)) >= SHORTEST_NUMBER:
            found.setdefault(account_id, set()).add(bare)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundLinks:
    """The purchase that an entry gives back, and the entries that give it back: the versions that count now."""

    purchase: JournalEntry | None = None
    refunds: Sequence[JournalEntry] = ()

    def __bool__(self) -> bool:
        return self.purchase is not None or bool(self.refunds)


def refund_links(*, entry: JournalEntry) -> RefundLinks:
    """How the entry is linked to refunds and purchases; one that was deleted is left out."""
    root = root_of(entry=entry)
    links = Refund.objects.filter(Q(refund=root) | Q(purchase=root), book=entry.book_id).order_by("pk")[:MAX_PAGE]
    pairs = list(links.values_list("refund_id", "purchase_id"))
    if not pairs:
        return RefundLinks()
    others = {each for pair in pairs for each in pair if each != root}
    current = current_of(book=entry.book, root_ids=others)
    entries = JournalEntry.objects.in_bulk(current.values())
    found = {other: entries[pk] for other, pk in current.items()}
    purchases = [found[purchase] for refund, purchase in pairs if refund == root and purchase in found]
    refunds = [found[refund] for refund, purchase in pairs if purchase == root and refund in found]
    return RefundLinks(purchase=purchases[0] if purchases else None, refunds=refunds)


def unvouched_lines(*, account: Account, first: datetime.date, last: datetime.date) -> dict[int, int]:
    """Entry id → amount on the account, for entries of the period that no bank row stands for."""
    parameters: dict[str, Any] = {
        "account": account.pk,
        "first": first,
        "last": last,
        # Somebody may have moved the entry since its row came.
        "since": first - _MOVED_AT_MOST,
        "until": last + _MOVED_AT_MOST,
        "format": "",
    }
    with connection.cursor() as cursor:
        cursor.execute(_UNVOUCHED, parameters)
        return {entry_id: int(amount) for entry_id, amount in cursor.fetchall()}
