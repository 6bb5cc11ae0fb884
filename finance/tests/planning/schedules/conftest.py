import datetime

import pytest

from finance.planning.recurrence import Unit
from finance.planning.schedules.definition import CounterLine, Definition
from finance.planning.schedules.services import create_schedule
from finance.tests.api.conftest import api, clients, dollars, foreign, url

__all__ = ["api", "clients", "dollars", "foreign", "url"]


@pytest.fixture
def plan(book, owner, accounts):
    """Make a schedule: plan(-752_22, "2026-01-31", payee="Landlord") → a monthly one for the rent."""

    def make(amount, first, *, today=None, category=None, lines=None, **more):
        given = {"name": "Rent", "account_id": accounts.checking.pk, "unit": Unit.MONTH, **more}
        given["lines"] = lines or (CounterLine(account_id=(category or accounts.rent).pk),)
        first = datetime.date.fromisoformat(first)
        definition = Definition(amount=amount, first=first, **given)
        today = datetime.date.fromisoformat(today) if today else first
        return create_schedule(book=book, actor=owner, definition=definition, today=today)

    return make
