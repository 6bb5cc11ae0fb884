import datetime

import pytest

from finance.ledger import services
from finance.ledger.models import JournalEntry
from finance.ledger.posting import EntryDraft, LineDraft
from finance.tests.api.conftest import api, clients, url
from finance.tests.conftest import TODAY

__all__ = ["api", "clients", "url"]


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    now = datetime.datetime.combine(TODAY, datetime.time(12), tzinfo=datetime.UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)


@pytest.fixture
def pay(book, owner, accounts):
    """Post payments of one payee: pay("Netflix", -12_99, "2026-01-05", "2026-02-05") → their entries."""

    def post(payee, amount, *dates, category=None, account=None, description=""):
        amounts = amount if isinstance(amount, list) else [amount] * len(dates)
        drafts = [
            EntryDraft(
                date=datetime.date.fromisoformat(date), payee=payee, description=description,
                lines=[
                    LineDraft(account_id=(account or accounts.checking).pk, amount=each),
                    LineDraft(account_id=(category or accounts.rent).pk, amount=-each),
                ],
            )
            for date, each in zip(dates, amounts, strict=True)
        ]  # fmt: skip
        ids = services.post_entries(book=book, actor=owner, drafts=drafts, source="manual")
        return list(JournalEntry.objects.filter(pk__in=ids).order_by("pk"))

    return post


@pytest.fixture
def rent(pay):
    return pay("Landlord", -752_22, "2025-11-30", "2025-12-31", "2026-01-31", "2026-02-28")
