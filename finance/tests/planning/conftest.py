"""Loans and cards of the household, and clients by role."""

import pytest

from finance.ledger import services as ledger
from finance.ledger.posting import LineDraft
from finance.tests.api.conftest import api, clients, foreign, refused, url
from finance.tests.conftest import TODAY
from finance.tests.web.conftest import _today, as_, page, send

__all__ = ["_today", "api", "as_", "clients", "foreign", "page", "refused", "send", "url"]


@pytest.fixture
def opened(book, owner):
    """opened("Mortgage", "liability", "loan", -200_000_00, on=…) → an account with that opening balance."""

    def run(name, type="liability", kind="loan", amount=0, *, on=TODAY, currency="EUR"):
        return ledger.open_account(
            book=book, actor=owner, name=name, type=type, kind=kind, currency=currency, opening_balance=amount,
            opened_on=on,
        )  # fmt: skip

    return run


@pytest.fixture
def post(book, owner):
    """post({account: amount, …}, on=…) → the entry."""

    def run(lines, *, on=TODAY, payee="Somebody"):
        drafts = [LineDraft(account_id=account.pk, amount=amount) for account, amount in lines.items()]
        return ledger.post_entry(book=book, actor=owner, date=on, payee=payee, lines=drafts)

    return run
