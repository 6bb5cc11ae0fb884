"""The household of finance's tests, and evaluating as the outbox would."""

# ruff: noqa: F811 (a fixture that asks for another is named as it is)

import datetime

import pytest

from finance.tests.conftest import (  # noqa: F401 (fixtures)
    accounts,
    book,
    editor,
    ledger,
    owner,
    spend,
    stranger,
    viewer,
)
from insights.models import Insight

NOW = datetime.datetime(2026, 3, 15, 12, tzinfo=datetime.UTC)
MONTHS = ["2025-09", "2025-10", "2025-11", "2025-12", "2026-01", "2026-02"]


@pytest.fixture
def clock(monkeypatch):
    """Noon of 15 March 2026 for handlers, pages and actions."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    return NOW


@pytest.fixture
def every_month(spend):
    """every_month(80_00, payee="Stadtwerke", day=3) → six entries, September to February."""

    def post(amount, *, payee, day=3, **how):
        return [
            spend(amount, payee=payee, on=datetime.date.fromisoformat(f"{month}-{day:02}"), **how) for month in MONTHS
        ]

    return post


@pytest.fixture
def insight(book, every_month, spend, clock):
    """One raised insight: an unusual electricity bill."""
    from insights.services import evaluate

    every_month(80_00, payee="Stadtwerke")
    bill = spend(320_00, payee="Stadtwerke", on=datetime.date(2026, 3, 10))
    evaluate(book_id=book.pk, entry_ids=[bill.pk], now=NOW)
    return Insight.objects.get(kind="unusual_amount")
