"""Budgets of the test household, and what is posted for them."""

import datetime
from types import SimpleNamespace

import pytest

from finance.ledger import services as ledger
from finance.ledger.posting import LineDraft
from finance.planning.budgets import services
from finance.planning.budgets.views import Plan, view_of
from finance.tests.api.conftest import api, clients, url
from finance.tests.web.conftest import as_, page, send

__all__ = ["api", "as_", "clients", "page", "send", "url"]

D = datetime.date


@pytest.fixture
def make(book, owner):
    """make("tracking", unit="year", …) → a budget."""

    def made(kind="tracking", *, name="Ours", unit="month", **fields):
        return services.save_budget(book=book, actor=owner, name=name, kind=kind, unit=unit, **fields)

    return made


@pytest.fixture
def give(owner):
    """give(line, "2026-03-01", 100_00) → assigns it."""

    def given(line, day, amount, **fields):
        return services.assign(
            budget=line.budget, actor=owner, day=D.fromisoformat(day), given=[services.Given(line=line, amount=amount)],
            **fields,
        )  # fmt: skip

    return given


@pytest.fixture
def post(book, owner):
    """post("2026-03-01", groceries=50_00, checking=-50_00): account → amount."""

    def posted(day, *sides, payee="Somebody"):
        lines = [LineDraft(account_id=account.pk, amount=amount) for account, amount in sides]
        return ledger.post_entry(book=book, actor=owner, date=D.fromisoformat(day), lines=lines, payee=payee)

    return posted


@pytest.fixture
def look():
    """look(budget, "2026-03-15") → the view of that period, with `cells` by the name of the line."""

    def looked(budget, day, *, count=1):
        view = view_of(Plan(budget), on=D.fromisoformat(day), count=count)
        cells = {line.name: line.cells[0] for line in view.lines}
        return SimpleNamespace(
            view=view, sums=view.periods[0], cells=cells, lines={each.name: each for each in view.lines}
        )

    return looked
