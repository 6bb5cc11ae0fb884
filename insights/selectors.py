"""Reading insights: the feed, one insight with its proof, the count in the rail."""

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.db.models import Q, QuerySet

from finance import facts as books
from finance import money
from finance.errors import NotFound
from insights import sentences
from insights.errors import InsightsOff
from insights.models import Insight, MutedPayee

FEED_ORDER = ("-subject_date", "-id")


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
    edge = _edge(after)
    if edge is not None:
        date, pk = edge
        found = found.filter(Q(subject_date__lt=date) | Q(subject_date=date, pk__lt=pk), subject_date__lte=date)
    rows = list(found.order_by(*FEED_ORDER)[: limit + 1])
    more, rows = len(rows) > limit, rows[:limit]
    return FeedPage(insights=rows, after=f"{rows[-1].subject_date}_{rows[-1].pk}" if more else None)


def _edge(after: str) -> tuple[datetime.date, int] | None:
    date, _separator, pk = after.partition("_")
    try:
        return datetime.date.fromisoformat(date), int(pk)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """A cited entry as it is shown: minor units paid (negative: money came in), and whether the entry still stands."""

    role: str
    role_name: str
    uid: uuid.UUID
    date: datetime.date
    payee: str
    description: str
    amount: int
    currency: str
    expected_on: datetime.date | None
    stands: bool

    @property
    def decimal(self) -> Decimal:
        return money.to_decimal(self.amount, currency=self.currency)

    @property
    def amount_text(self) -> str:
        """The figure as the reader writes it."""
        return sentences.money_text(self.decimal, self.currency)


def evidence_of(*, insight: Insight) -> list[EvidenceRow]:
    """The entries behind the insight, in their order."""
    cited = list(insight.evidence.order_by("position"))
    entries = {
        entry.id: entry for entry in books.entries(book_id=insight.book_id, entry_ids=[each.entry_id for each in cited])
    }
    return [
        EvidenceRow(
            role=each.role,
            role_name=each.get_role_display(),
            uid=entries[each.entry_id].uid,
            date=entries[each.entry_id].date,
            payee=entries[each.entry_id].payee,
            description=entries[each.entry_id].description,
            amount=each.amount,
            currency=each.currency,
            expected_on=each.expected_on,
            stands=entries[each.entry_id].stands,
        )
        for each in cited
        if each.entry_id in entries
    ]


def muted_payees(*, book_id: int) -> list[MutedPayee]:
    """What the household does not want to hear of, by payee; at most the first 200."""
    return list(MutedPayee.objects.filter(book_id=book_id).order_by("payee_key", "kind")[:200])


def muted_payee_for(*, book_id: int, muted_id: int) -> MutedPayee:
    """The book's muted payee. Raises NotFound."""
    muted = MutedPayee.objects.filter(book_id=book_id, pk=muted_id).first()
    if muted is None:
        raise NotFound(thing="muted payee")
    return muted
