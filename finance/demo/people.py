"""Whom the household shares with and writes invoices to: a friend who owes, a present that another paid, an open and an overdue invoice."""

import datetime
from collections.abc import Mapping
from decimal import Decimal

from finance.demo.diary import DOLLARS, FRIEND, TRANSLATIONS, Diary
from finance.ledger.models import Account, Book
from finance.receivables import services
from finance.receivables.splitting import ME
from identity.models import User

SENDER = "Ben O'Brien\n14 Mill Lane\nDublin 8"


def make_people(*, book: Book, owner: User, diary: Diary, accounts: Mapping[str, Account]) -> None:
    """Add them through the services, after the diary was posted."""
    today = diary.today
    tom = services.save_person(book=book, changes={"name": "Tom Keane", "email": "tom@example.org"})
    services.link_account(person=tom, account=accounts[FRIEND])
    sarah = services.save_person(book=book, changes={"name": "Sarah Byrne", "email": "sarah@example.org"})
    # She paid, so neither the card nor the checking account of the story is touched.
    present = services.Bill(
        date=max(diary.start, today - datetime.timedelta(days=11)), description="Wedding present for Niamh and Cian",
        currency="EUR", total=160_00, paid={sarah.pk: 160_00}, method="equal",
        shares={ME: None, tom.pk: None, sarah.pk: None}, category=accounts["Expenses:Leisure:Gifts"],
    )  # fmt: skip
    services.save_bill(book=book, actor=owner, bill=present)
    client = services.save_person(
        book=book,
        changes={
            "name": "Beacon Review", "email": "accounts@beacon-review.example", "address": "88 Summer Street\nBoston, MA 02110",
        },
    )  # fmt: skip
    for days, text, words in (
        (44, "Translation: The Salt Road, chapters 1–6", 4200),
        (6, "Translation: two essays", 1850),
    ):
        line = services.LineGiven(text=text, quantity=Decimal(words), price=12, rate=Decimal(0))
        changes = {
            "person": client, "currency": "USD", "lines": [line], "income": accounts[TRANSLATIONS],
            "money_account": accounts[DOLLARS], "sender": SENDER, "note": "price per word",
        }  # fmt: skip
        draft = services.save_draft(book=book, actor=owner, changes=changes)
        issued = max(diary.start, today - datetime.timedelta(days=days))
        due = issued + datetime.timedelta(days=14)
        services.send(invoice=draft, actor=owner, on=issued, due_on=due, today=today)
