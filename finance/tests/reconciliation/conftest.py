"""Statements for tests: state(opening, closing, …) of the household's checking account, in March 2026."""

import datetime

import pytest

from finance.ledger.models import JournalLine
from finance.reconciliation import services
from finance.reconciliation.selectors import rows_page, statement_for, view_of
from finance.tests.api.conftest import api, clients, foreign, groceries, url
from finance.tests.imports.conftest import confirm, stage
from finance.tests.web.conftest import as_, page, send

__all__ = ["api", "as_", "clients", "confirm", "foreign", "groceries", "page", "send", "stage", "url"]


def day(text):
    """day("2026-03-14")"""
    return datetime.date.fromisoformat(text)


def line_of(entry, account):
    """The entry's line on the account."""
    return JournalLine.objects.get(entry=entry, account=account).pk


def ask(statement):
    """The statement as the pages show it, read again."""
    return view_of(statement_for(book=statement.book, statement_id=statement.pk))


def rows_of(statement, **options):
    """What the statement's page lists, read again."""
    view = ask(statement)
    return rows_page(statement=view.statement, sums=view.sums, **options)


@pytest.fixture
def state(book, owner, accounts):
    def add(opening, closing, start="2026-03-01", end="2026-03-31", account=None):
        return services.add_statement(
            book=book, account=account or accounts.checking, actor=owner, start=day(start), end=day(end),
            opening=opening, closing=closing,
        )  # fmt: skip

    return add


@pytest.fixture
def reconciled(state, spend, owner, accounts):
    """A finished statement of March with one purchase of 40.00: (statement, entry)."""
    entry = spend(40_00, on=day("2026-03-10"))
    statement = state(100_00, 60_00)
    services.tick(statement=statement, actor=owner, line_ids=[line_of(entry, accounts.checking)])
    services.reconcile(statement=statement, actor=owner)
    return statement, entry
