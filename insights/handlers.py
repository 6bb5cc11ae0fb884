"""Which events of the books are looked at. Thin and idempotent: everything is decided from the books as they are."""

from collections import defaultdict
from collections.abc import Sequence

from django.conf import settings
from django.utils import timezone

from core.batches import in_batches
from finance.events.base import BookEvent
from finance.events.journal import AccountClosed, JournalCorrected, JournalPosted, JournalReversed
from finance.events.plans import DayBegan
from insights import services
from platform_outbox.registry import Context, on

# A batch of the outbox may name fifty thousand entries; their histories need not be in memory together.
ENTRIES_AT_ONCE = 10_000


@on(JournalPosted, JournalCorrected, JournalReversed, name="insights.observe", batch=True)
def evaluate_postings(events: Sequence[BookEvent], contexts: Sequence[Context]) -> None:
    """Evaluate everything that the batch touched once, book by book. All events of an import are evaluated together."""
    if not settings.ENABLE_INSIGHTS:
        return
    seen: dict[int, dict[int, int]] = defaultdict(dict)
    for event, context in zip(events, contexts, strict=True):
        seen[event.book_id].update(dict.fromkeys(entries_of(event), context.event_id))
    for book_id, by_entry in sorted(seen.items()):
        for entry_ids in in_batches(list(by_entry), size=ENTRIES_AT_ONCE):
            services.evaluate(
                book_id=book_id,
                entry_ids=entry_ids,
                events=by_entry,
                event_id=max(by_entry.values()),
                now=timezone.now(),
            )


@on(AccountClosed, name="insights.observe_account")
def evaluate_account(event: AccountClosed, context: Context) -> None:
    """Insights about a closed account resolve."""
    if settings.ENABLE_INSIGHTS:
        services.evaluate_account(book_id=event.book_id, account_id=event.account_id, now=timezone.now())


@on(DayBegan, name="insights.observe_day")
def evaluate_day(event: DayBegan, context: Context) -> None:
    """A low balance comes nearer with time, even if nobody posts."""
    if settings.ENABLE_INSIGHTS:
        services.evaluate_day(book_id=event.book_id, event_id=context.event_id, now=timezone.now())


def entries_of(event: BookEvent) -> tuple[int, ...]:
    """Entries that an event of the journal names."""
    match event:
        case JournalPosted():
            return event.entry_ids
        case JournalReversed():
            return (event.entry_id, event.reversal_id)
        case JournalCorrected():
            return (event.entry_id, event.reversal_id, event.replacement_id)
        case _:
            raise TypeError(f"{type(event).__name__} names no entries.")
