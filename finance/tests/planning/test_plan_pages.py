"""The pages of loans and cards: who may open them, and what a household does there."""

import datetime
from decimal import Decimal

import pytest

from finance.models import CardTerms, JournalEntry, Loan, LoanMovement, LoanRate
from finance.planning.cards.services import add_card
from finance.planning.loans import services

pytestmark = pytest.mark.django_db
D = datetime.date
TERMS = {
    "name": "House", "principal": "200,000.00", "percent": "6", "start": "2026-01-01", "first_payment": "2026-02-01",
    "payments": "360", "payment": "", "method": "annuity", "day_count": "30/360", "every": "1", "unit": "month",
    "grace": "0", "fee": "", "shift": "none", "share": "",
}  # fmt: skip
CARD = {"closing_day": "15", "due_day": "28", "shift": "none", "mode": "full"}


@pytest.fixture
def things(book, owner, opened, accounts):
    account = opened("Mortgage", amount=-200_000_00, on=D(2026, 1, 1))
    loan = services.add_loan(
        book=book, actor=owner, account=account, name="House", principal=200_000_00, percent=Decimal(6), start=D(2026, 1, 1),
        first_payment=D(2026, 2, 1), payments=360, pays_from=accounts.checking, interest_account=accounts.rent,
    )  # fmt: skip
    rate = services.set_rate(loan=loan, actor=owner, since=D(2030, 1, 1), percent=Decimal(4))
    planned = services.add_movement(loan=loan, actor=owner, date=D(2031, 1, 1), amount=1000_00)
    card = add_card(book=book, actor=owner, account=accounts.card, closing_day=15, due_day=30)
    return {"loan": loan.pk, "rate": rate.pk, "movement": planned.pk, "card": card.pk}


READING = ["plan/loans/", "plan/loans/{loan}/", "plan/cards/", "plan/cards/{card}/"]
WRITING = [
    "plan/loans/new/",
    "plan/loans/{loan}/edit/",
    "plan/loans/{loan}/pay/",
    "plan/cards/new/",
    "plan/cards/{card}/edit/",
]
FORMS = {
    "plan/loans/{loan}/pay/": {"do": "pay", "date": "2026-02-01", "amount": "1199.10"},
    "plan/loans/{loan}/rates/": {"since": "2029-01-01", "percent": "3"},
    "plan/loans/{loan}/movements/": {"date": "2029-01-01", "kind": "extra", "amount": "5", "effect": "lower"},
    "plan/loans/{loan}/rates/{rate}/remove/": {},
    "plan/loans/{loan}/movements/{movement}/remove/": {},
    "plan/loans/{loan}/edit/": TERMS,
    "plan/loans/{loan}/remove/": {},
    "plan/cards/{card}/edit/": CARD,
    "plan/cards/{card}/remove/": {},
}
STATUS = {
    None: (302, 302, 302), "stranger": (404, 404, 404), "viewer": (200, 403, 403), "editor": (200, 200, 302),
    "owner": (200, 200, 302),
}  # fmt: skip


@pytest.mark.parametrize("person", STATUS)
def test_everybody_reads_and_editors_write(as_, book, things, person):
    client, (read, write, posted) = as_(person), STATUS[person]
    places = {path: f"/b/{book.pk}/{path.format(**things)}" for path in [*READING, *WRITING, *FORMS]}
    assert {path: client.get(places[path]).status_code for path in READING} == dict.fromkeys(READING, read)
    assert {path: client.get(places[path]).status_code for path in WRITING} == dict.fromkeys(WRITING, write)
    assert {path: client.post(places[path], data).status_code for path, data in FORMS.items()} == dict.fromkeys(
        FORMS, posted
    )
    assert Loan.objects.exists() is CardTerms.objects.exists() is (posted != 302 or person is None)


def test_a_loan_is_added_paid_and_paid_extra(send, page, opened, accounts, book):
    account = opened("Mortgage", amount=-200_000_00, on=D(2026, 1, 1))
    said = {**TERMS, "account": account.pk, "pays_from": accounts.checking.pk, "interest_account": accounts.rent.pk}
    wrong = send("editor", "plan/loans/new/", {**said, "percent": "2000"})
    assert wrong.status_code == 400
    assert wrong.context["form"]["percent"].errors
    assert send("editor", "plan/loans/new/", said).status_code == 302
    loan = Loan.objects.get()
    path = f"plan/loans/{loan.pk}/"
    html = page("viewer", path).content.decode()
    for words in ("€200,000.00", "1,199.10", "by the table", "<polygon"):
        assert words in html
    look = page("editor", f"{path}pay/").content.decode()
    assert "€998.00" in look
    again = send("editor", f"{path}pay/", {"do": "look", "date": "2026-04-01", "amount": "1500"})
    assert "€502.00" in again.content.decode()
    refused = send("editor", f"{path}pay/", {"do": "pay", "date": "2026-04-01", "amount": "10"})
    assert refused.status_code == 400
    assert send("editor", f"{path}pay/", {"do": "pay", "date": "2026-04-01", "amount": "1199.10"}).status_code == 302
    assert JournalEntry.objects.latest("pk").payee == "House"
    assert "/entries/" in page("viewer", path).content.decode()
    sent = {"date": "2029-01-01", "kind": "drawdown", "amount": "5000", "effect": "shorten"}
    send("editor", f"{path}movements/", {**sent, "amount": "-5"})
    assert not LoanMovement.objects.exists()
    send("editor", f"{path}movements/", sent)
    assert LoanMovement.objects.get().amount == -5000_00
    assert send("editor", f"{path}rates/", {"since": "2020-01-01", "percent": "3"}).status_code == 400
    assert not LoanRate.objects.exists()
    # The table pages, and a strategy is compared on the list.
    later = page("viewer", path, **{"from": "300"}).content.decode()
    assert "Earlier rows" in later
    assert page("viewer", path, **{"from": "x"}).status_code == 404
    compared = page("viewer", "plan/loans/", extra="500").content.decode()
    assert "months sooner" in compared
    assert "Highest rate first" in compared
    assert "notice-warn" in page("viewer", "plan/loans/", extra="x").content.decode()


def test_a_card_is_set_and_changed(send, page, accounts, book):
    assert send("editor", "plan/cards/new/", {**CARD, "mode": "fixed", "account": accounts.card.pk}).status_code == 400
    said = {**CARD, "account": accounts.card.pk, "pays_from": accounts.checking.pk}
    assert send("editor", "plan/cards/new/", said).status_code == 302
    terms = CardTerms.objects.get()
    send("editor", f"plan/cards/{terms.pk}/edit/", {**CARD, "mode": "fixed", "amount": "75.00"})
    terms.refresh_from_db()
    assert (terms.mode, terms.amount, terms.pays_from) == ("fixed", 75_00, None)
    assert page("viewer", f"plan/cards/{terms.pk}/", before="x").status_code == 404
    assert page("viewer", "plan/cards/").content.decode().count("Credit card") >= 1


def test_what_is_of_another_book_is_not_there(as_, foreign, things):
    client = as_("stranger")
    for path in ("plan/loans/{loan}/", "plan/loans/{loan}/pay/", "plan/cards/{card}/"):
        assert client.get(f"/b/{foreign[0].pk}/{path.format(**things)}").status_code == 404
