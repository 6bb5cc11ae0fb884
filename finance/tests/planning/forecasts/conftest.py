"""Households for tests of the plan: money that is there, spending of a year."""

import datetime
from types import SimpleNamespace

import pytest

from finance.ledger import services as ledger
from finance.ledger.posting import EntryDraft, LineDraft
from platform_outbox.models import OutboxMessage

TODAY = datetime.date(2026, 3, 15)


@pytest.fixture
def post(book, owner):
    """Post an entry between two accounts: post(amount, to=…, source=…, on=…)."""

    def run(amount, *, to, source, on=TODAY, payee="Market"):
        lines = [LineDraft(account_id=to.pk, amount=amount), LineDraft(account_id=source.pk, amount=-amount)]
        return ledger.post_entry(book=book, actor=owner, date=on, payee=payee, lines=lines)

    return run


@pytest.fixture
def fund(post, accounts):
    """Give an account of the household money: fund(400_00)."""

    def run(amount, *, account=None, on=TODAY):
        return post(amount, to=account or accounts.checking, source=accounts.opening, on=on)

    return run


@pytest.fixture
def year_of_groceries(book, owner, accounts):
    """25.00 each Friday for 17 months before TODAY, and a salary of 2,000.00 on each 1st."""
    drafts = []
    for back in range(1, 530):
        date = TODAY - datetime.timedelta(days=back)
        if date.weekday() == 4:
            drafts.append((date, accounts.groceries, accounts.checking, 25_00, "Market"))
        if date.day == 1:
            drafts.append((date, accounts.checking, accounts.salary, 2_000_00, "Employer"))
    ledger.post_entries(
        book=book,
        actor=owner,
        source="demo",
        drafts=[
            EntryDraft(
                date=date,
                payee=payee,
                lines=[LineDraft(account_id=to.pk, amount=amount), LineDraft(account_id=source.pk, amount=-amount)],
            )
            for date, to, source, amount, payee in drafts
        ],
    )


class _Emitted:
    """Events that were emitted and wait in the outbox."""

    def of(self, event_class):
        rows = OutboxMessage.objects.filter(event_type=event_class.name).order_by("pk")
        return [SimpleNamespace(**row.payload) for row in rows]


@pytest.fixture
def outbox():
    return _Emitted()
