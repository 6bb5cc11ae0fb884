"""Finance's periodic jobs; the outbox's workers run them."""

import contextlib
import datetime

from django.conf import settings

from finance.imports import services as imports
from finance.ledger import services
from finance.models import Book, LedgerCheck
from finance.planning.detection.services import ask_for_missed
from finance.valuation.services import ask_for_reference_rates, post_due_months
from finance.webhooks.services import prune_deliveries
from identity import idempotency
from platform_outbox.operations.services import OperationBusy, start
from platform_outbox.scheduler import Run, every

# All books are proven again when the last proof is older.
PROOF_LASTS = datetime.timedelta(hours=23)
# Nobody repeats a request after that long; a client that does posts again.
ANSWERS_KEPT = datetime.timedelta(days=30)


@every("finance.day_clock", seconds=60)
def begin_days(run: Run) -> None:
    """finance.day.began, within a minute of each book's midnight."""
    services.begin_days(now=run.now)


@every("finance.forget_answers", seconds=86_400)
def forget_answers(run: Run) -> None:
    """Answers kept for requests with an Idempotency-Key."""
    idempotency.forget_answers(before=run.now - ANSWERS_KEPT)


@every("finance.prune_webhooks", seconds=86_400, lease_seconds=600)
def prune_webhooks(run: Run) -> None:
    """Deliveries past WEBHOOK_LOG_DAYS go from the logs of the webhooks."""
    before = run.now - datetime.timedelta(days=settings.WEBHOOK_LOG_DAYS)
    prune_deliveries(before=before, between=run.renew)


# The ECB publishes at about 16:00 on working days; four times a day is often enough to have them the same evening.
@every("finance.reference_rates", seconds=21_600)
def reference_rates(run: Run) -> None:
    """Asks for the published exchange rates, where ECB_RATES says where they are; a worker fetches them."""
    ask_for_reference_rates()


@every("finance.depreciation", seconds=3600, lease_seconds=600)
def depreciation(run: Run) -> None:
    """Posts the months of depreciation that are over by the book's own calendar."""
    post_due_months(between=run.renew)


@every("finance.seal_missed", seconds=900, lease_seconds=600)
def seal_missed(run: Run) -> None:
    """Seals entries without an event: those from before the chain, and those whose event an operator discarded."""
    if services.some_are_unsealed():
        services.seal_missed(between=run.renew)


@every("finance.erase_books", seconds=3600, lease_seconds=600)
def erase_books(run: Run) -> None:
    """Erases deleted books whose BOOK_GRACE_DAYS are over, with all that belongs to them."""
    services.erase_due_books(between=run.renew)


@every("finance.learn_missed", seconds=3600, lease_seconds=600)
def learn_missed(run: Run) -> None:
    """Suggestions learn books that are there already, as after an upgrade; nothing with ENABLE_ML off."""
    imports.learn_missed(between=run.renew)


@every("finance.recurring_missed", seconds=3600)
def recurring_missed(run: Run) -> None:
    """Asks for a look at books in which recurring payments were never looked for, as after an upgrade."""
    ask_for_missed()


@every("finance.verify_ledger", seconds=3600)
def verify_ledger(run: Run) -> None:
    """Verifies all books once a day, as an operation: it may take long, and leaves a record."""
    proven = LedgerCheck.objects.filter(book=None, checked_at__gt=run.now - PROOF_LASTS).exists()
    if not proven and Book.objects.exists():
        with contextlib.suppress(OperationBusy):
            start(name="ledger.verify", given={}, by="every day")
