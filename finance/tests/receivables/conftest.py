import datetime
from decimal import Decimal

import pytest

from finance.ledger import services as ledger
from finance.receivables import services
from finance.receivables.splitting import ME
from finance.tests.api.conftest import api, clients, dollars, foreign, url  # noqa: F401  # fixtures
from finance.tests.web.conftest import as_, page, send  # noqa: F401  # fixtures

DAY = datetime.date(2026, 3, 10)


@pytest.fixture
def repeat(book, owner, invoice):
    """repeat(first=…, every=2) → a monthly recurring invoice like the draft."""

    def save(*, saved=None, today=DAY, **changes):
        names = ("person", "income", "tax_account", "money_account")
        line = services.LineGiven(text="Hosting", quantity=Decimal(1), price=50_00, rate=Decimal(19))
        given = {name: getattr(invoice, name) for name in names} | {"lines": [line]} | changes
        return services.save_recurring(
            book=book, actor=owner, recurring=saved, changes=changes if saved else given, today=today
        )

    return save


@pytest.fixture
def ben(book):
    return services.save_person(book=book, changes={"name": "Ben", "email": "ben@example.org"})


@pytest.fixture
def cleo(book):
    return services.save_person(book=book, changes={"name": "Cleo"})


@pytest.fixture
def share(book, owner, accounts):
    """share(120_00, {ME: 120_00}, [ME, ben.pk]) → the bill, shared equally; exact shares as a mapping."""

    def save(total, paid, shares, *, group=None, date=DAY, saved=None, currency="EUR"):
        exact = isinstance(shares, dict)
        bill = services.Bill(
            date=date, description="Dinner", currency=currency, total=total, paid=paid, group=group,
            method="exact" if exact else "equal", shares=shares if exact else dict.fromkeys(shares),
            account=accounts.checking, category=accounts.restaurants,
        )  # fmt: skip
        return services.save_bill(book=book, actor=owner, bill=bill, saved=saved)

    return save


@pytest.fixture
def settle(book, owner, accounts):
    def save(payer, payee, amount, *, account=None, date=DAY, group=None, currency="EUR"):
        return services.settle(
            book=book, actor=owner, date=date, payer=payer, payee=payee, currency=currency, amount=amount, group=group,
            account=(account or accounts.checking) if ME in (payer, payee) else None,
        )  # fmt: skip

    return save


@pytest.fixture
def invoice(book, owner, accounts, ben):
    """A draft over 100.00 and 19 % tax."""
    tax = ledger.open_account(book=book, actor=owner, name="VAT", type="liability", kind="tax", currency="EUR")
    line = services.LineGiven(text="Consulting", quantity=Decimal(2), price=50_00, rate=Decimal(19))
    changes = {
        "person": ben, "income": accounts.salary, "tax_account": tax, "money_account": accounts.checking, "lines": [line],
    }  # fmt: skip
    return services.save_draft(book=book, actor=owner, changes=changes)
