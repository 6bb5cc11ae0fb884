import datetime

import pytest

from finance.demo.services import seed_household
from finance.ledger import services
from finance.ledger.models import Account
from finance.ledger.posting import LineDraft

TODAY = datetime.date(2026, 3, 15)

# What people call things, and what it could mean to somebody's parser.
WEIRD = [
    "Bread  and   butter",
    "50% off; or (not) \"quoted\" 'names'",
    "with:colon",
    "[brackets] {braces} *star !bang ~tilde = equals | pipe @ price",
    "家計",
    "Straße & Café №1",
    "straße & café №1",
    "Foo Bar",
    "Foo-Bar",
    "emoji 🍞 bread",
    "مصاريف",
    "non\u00a0breaking\u00a0\u00a0blanks",
    "tab\tand\nnewline",
    "---",
    "%3A",
    "\\backslash\\",
    "e\u0301tudes",
    "; comment",
    "2026-01-01",
]


@pytest.fixture
def weird_book(owner):
    """The demonstration household, with accounts and texts that other programs could misread, in five currencies."""
    book = seed_household(owner=owner, months=6, seed=1, today=TODAY)
    checking = Account.objects.select_related("book").get(book=book, name="Checking account")
    expenses = Account.objects.get(book=book, name="Expenses")
    for index, name in enumerate(WEIRD, start=1):
        account = open_account(book, owner, name, expenses, "EUR")
        services.post_entry(
            book=book,
            actor=owner,
            date=TODAY,
            payee=name,
            description=name if index % 2 else "",
            lines=[
                LineDraft(account_id=account.pk, amount=index * 101, memo=f"date: {name}"),
                LineDraft(account_id=checking.pk, amount=-index * 101, memo="[2026-13-45]"),
            ],
        )
        services.rename_account(account=checking, actor=owner, name=f"Checking {name}")
    for currency in ("JPY", "KWD", "BTC"):
        pair = [open_account(book, owner, f"{side} {currency}", None, currency, "asset") for side in ("From", "To")]
        services.post_entry(
            book=book,
            actor=owner,
            date=TODAY,
            payee="",
            lines=[
                LineDraft(account_id=pair[0].pk, amount=-1_234_567_890),
                LineDraft(account_id=pair[1].pk, amount=1_234_567_890),
            ],
        )
    shut = open_account(book, owner, "Shut", expenses, "EUR")
    services.close_account(account=shut, actor=owner, on=datetime.date(2026, 1, 1))
    return book


def open_account(book, owner, name, parent, currency, type="expense"):
    kind = "category" if type == "expense" else "other"
    return services.open_account(
        book=book, actor=owner, name=name, type=type, kind=kind, currency=currency, parent=parent
    )
