"""Reading insights: the feed, one insight with its evidence, the count in the rail."""

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet

from core.keyset import dated_place, keyset_page, read_dated_place
from finance import facts as books
from finance.errors import NotFound
from insights.errors import InsightsOff
from insights.models import Insight, InsightEvidence, MutedPayee

FEED_ORDER = ("-subject_date", "-id")
# Figures of an insight that are read at once.
EVIDENCE_ROWS = 500


def require_insights() -> None:
    """Raise InsightsOff where the operator switched the feature off."""
    if not settings.ENABLE_INSIGHTS:
        raise InsightsOff


def insights_of(*, book_id: int) -> QuerySet[Insight]:
    """All insights of the book, the newest subject first."""
    return Insight.objects.filter(book_id=book_id).order_by(*FEED_ORDER)


def insight_for(*, book_id: int, insight_id: int) -> Insight:
    """The book's insight. Raises NotFound."""
    insight = Insight.objects.filter(book_id=book_id, pk=insight_id).first()
    if insight is None:
        raise NotFound(thing="insight")
    return insight


def unread_count(*, book_id: int, on: datetime.date) -> int:
    """How many current insights nobody has opened yet; 0 while the feature is off."""
    if not settings.ENABLE_INSIGHTS:
        return 0
    return Insight.objects.current(on=on).filter(book_id=book_id, state=Insight.State.NEW).count()


def latest(*, book_id: int, on: datetime.date, limit: int = 5) -> list[Insight]:
    """The first current insights for a dashboard: what needs attention most first, then the newest."""
    if not settings.ENABLE_INSIGHTS:
        return []
    order = {Insight.Severity.WARNING: 0, Insight.Severity.NOTICE: 1, Insight.Severity.INFO: 2}
    newest = list(Insight.objects.current(on=on).filter(book_id=book_id).order_by(*FEED_ORDER)[: 4 * limit])
    return sorted(newest, key=lambda each: order[Insight.Severity(each.severity)])[:limit]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """A part of the feed; `after` is where the next part begins, None at the end."""

    insights: Sequence[Insight]
    after: str | None


def feed_page(found: QuerySet[Insight], *, after: str = "", limit: int = 30) -> FeedPage:
    """The next part of the insights behind `after`; a mark that cannot be read begins at the top."""
    try:
        edge = read_dated_place(after)
    except ValueError:
        edge = None
    page = keyset_page(found, ordering=FEED_ORDER, after=edge, limit=limit)
    return FeedPage(insights=page.rows, after=dated_place(page.edge.subject_date, page.edge.pk) if page.edge else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """One cited figure as it is shown, in minor units.

    With `uid` it is of an entry: what was paid by it (negative: money came in), and whether it still stands. Without,
    it is what was spent in the month that begins on `date`, or held at the end of that day; `payee` is the category
    or the account.
    """

    role: str
    uid: uuid.UUID | None
    date: datetime.date
    payee: str
    description: str
    amount: int
    currency: str
    expected_on: datetime.date | None
    stands: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePage:
    """A part of an insight's evidence; `after` is the position where the next part begins, None at the end."""

    rows: Sequence[EvidenceRow]
    after: int | None


def evidence_page(*, insight: Insight, after: int = 0, limit: int = EVIDENCE_ROWS) -> EvidencePage:
    """The figures behind the insight in their order, from the one after that position."""
    page = keyset_page(insight.evidence.all(), ordering=("position",), after=(after,), limit=limit)
    rows = evidence_rows(page.rows, insight=insight)
    return EvidencePage(rows=rows, after=page.edge.position if page.edge else None)


def evidence_rows(cited: Sequence[InsightEvidence], *, insight: Insight) -> list[EvidenceRow]:
    """These figures as they are shown."""
    ids = [each.entry_id for each in cited if each.entry_id is not None]
    entries = {entry.id: entry for entry in books.entries(book_id=insight.book_id, entry_ids=ids)} if ids else {}
    # The category or the account that a figure without an entry is of.
    name = insight.params.get("category") or insight.params.get("account", "")
    rows = []
    for each in cited:
        entry = entries.get(each.entry_id or 0)
        date = entry.date if entry else each.date
        assert date is not None, "the database knows no evidence without an entry and without a date"
        rows.append(
            EvidenceRow(
                role=each.role,
                uid=entry.uid if entry else None,
                date=date,
                payee=entry.payee if entry else name,
                description=entry.description if entry else "",
                amount=each.amount,
                currency=each.currency,
                expected_on=each.expected_on,
                stands=entry.stands if entry else True,
            )
        )
    return rows


def muted_payees(*, book_id: int) -> list[MutedPayee]:
    """What the household does not want to hear of, by payee; at most the first 200."""
    return list(MutedPayee.objects.filter(book_id=book_id).order_by("payee_key", "kind")[:200])


def muted_payee_for(*, book_id: int, muted_id: int) -> MutedPayee:
    """The book's muted payee. Raises NotFound."""
    muted = MutedPayee.objects.filter(book_id=book_id, pk=muted_id).first()
    if muted is None:
        raise NotFound(thing="muted payee")
    return muted
