"""Accounts in other currencies, money on them, and rates."""

import datetime

import pytest

from finance.ledger import services as ledger
from finance.ledger.models import Account
from finance.ledger.posting import LineDraft
from finance.tests.api.conftest import api, clients, foreign, url
from finance.tests.conftest import TODAY
from finance.tests.web.conftest import _today, as_, page, send
from finance.valuation import services
from finance.valuation.models import ReferenceRate

__all__ = ["_today", "api", "as_", "clients", "foreign", "page", "send", "url"]


@pytest.fixture
def hold(book, owner):
    """hold("USD", 110_00, on=…) → an account of that currency that was opened with the amount."""

    def open_account(currency, amount=0, *, on=TODAY, name=None, kind="savings", type="asset"):
        return ledger.open_account(
            book=book, actor=owner, name=name or f"{currency} {kind}", type=type, kind=kind, currency=currency,
            opening_balance=amount, opened_on=on,
        )  # fmt: skip

    return open_account


@pytest.fixture
def quote(book, owner):
    """quote("EUR", "USD", "1.10", on=…) → the saved rate."""

    def save(base, quote, rate, *, on=TODAY):
        return services.save_rate(book=book, actor=owner, base=base, quote=quote, date=on, rate=rate)

    return save


@pytest.fixture
def publish(db):
    """publish("USD", "1.1000", on=…) → a reference rate of the euro."""

    def save(currency, rate, *, on=TODAY):
        return ReferenceRate.objects.create(source="ecb", base="EUR", quote=currency, date=on, rate=rate)

    return save


@pytest.fixture
def exchange(book, owner):
    """exchange(account, 92_00, other, 100_00, on=…) → the entry."""

    def post(source, given, target, taken, *, on=TODAY):
        return ledger.exchange(
            book=book, actor=owner, date=on, source_account=source, source_amount=given, target_account=target,
            target_amount=taken,
        )  # fmt: skip

    return post


@pytest.fixture
def post(book, owner):
    """post({account: amount, …}, on=…) → the entry."""

    def run(lines, *, on=TODAY, payee="Somebody"):
        drafts = [LineDraft(account_id=account.pk, amount=amount) for account, amount in lines.items()]
        return ledger.post_entry(book=book, actor=owner, date=on, payee=payee, lines=drafts)

    return run


@pytest.fixture
def trading(book):
    return lambda currency: Account.objects.get(book=book, kind="trading", currency=currency)


def days_before(count):
    return TODAY - datetime.timedelta(days=count)
