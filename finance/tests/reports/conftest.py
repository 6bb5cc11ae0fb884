"""Reports of the test household, by their parameters."""

import datetime

import pytest

from finance.ledger import services
from finance.ledger.posting import LineDraft
from finance.report_sources import rates_of
from finance.reports.building import build_report
from finance.reports.definition import read_definition
from finance.tests.conftest import TODAY
from finance.tests.valuation.conftest import exchange, hold, quote

__all__ = ["exchange", "hold", "quote"]


@pytest.fixture(autouse=True)
def _today(time_machine):
    time_machine.move_to(datetime.datetime.combine(TODAY, datetime.time(12), tzinfo=datetime.UTC), tick=False)


@pytest.fixture
def report(book):
    """report("spending", period="2026-03", …) → the report, with the book's rates."""

    def make(kind, *, today=TODAY, **texts):
        definition = read_definition(kind, texts, time_zone=book.time_zone, today=today)
        return build_report(book=book, definition=definition, today=today, rates_of=rates_of(book))

    return make


@pytest.fixture
def post(book, owner):
    """post({account: amount, …}, on=…) → the entry."""

    def entry(amounts, *, on=TODAY, payee="", actor=owner):
        lines = [LineDraft(account_id=account.pk, amount=amount) for account, amount in amounts.items()]
        return services.post_entry(book=book, actor=actor, date=on, payee=payee, lines=lines)

    return entry
