"""Cards: cycles, statements and what leaves the bank when (LOA-19); over the API and on pages."""

import datetime
from decimal import Decimal

import pytest
import time_machine

from finance.errors import Invalid
from finance.models import CardTerms
from finance.periods import WeekendShift
from finance.planning.cards import selectors, services
from finance.planning.cards.cycles import Cycle, Mode
from finance.planning.upcoming import Layer
from finance.tests.planning.conftest import refused

D = datetime.date


def test_a_cycle_keeps_its_days_in_short_months():
    cycle = Cycle(closing_day=31, due_day=15, shift=WeekendShift.AFTER)
    assert cycle.closing_before(D(2026, 3, 15)) == D(2026, 2, 28)
    assert cycle.closing_before(D(2026, 3, 31)) == D(2026, 3, 31)
    assert cycle.next_closing(D(2026, 2, 28)) == D(2026, 3, 31)
    assert cycle.due(D(2026, 2, 28)) == D(2026, 3, 15)
    assert cycle.paid_on(D(2026, 2, 28)) == D(2026, 3, 16)
    assert Cycle(closing_day=15, due_day=30).due(D(2026, 2, 15)) == D(2026, 2, 28)
    assert Cycle(closing_day=15, due_day=15).due(D(2026, 12, 15)) == D(2027, 1, 15)


def test_what_is_paid_of_a_statement():
    def of(balance, **terms):
        return Cycle(closing_day=1, due_day=20, **terms).payment(balance)

    assert (of(500_00), of(-5_00), of(0)) == (500_00, 0, 0)
    minimum = {"mode": Mode.MINIMUM, "percent": Decimal("2.5"), "amount": 25_00}
    assert [of(balance, **minimum) for balance in (2000_01, 500_00, 10_00)] == [50_00, 25_00, 10_00]
    assert of(500_00, mode=Mode.FIXED, amount=200_00) == 200_00
    for field, terms in (
        ("closing_day", {"closing_day": 32}), ("amount", {"mode": Mode.FIXED}), ("percent", {"mode": Mode.MINIMUM}),
        ("percent", {"percent": Decimal(2)}), ("amount", {"amount": 5}),
    ):  # fmt: skip
        with pytest.raises(Invalid) as said:
            Cycle(**{"closing_day": 1, "due_day": 20, **terms})
        assert field in said.value.fields


@pytest.fixture
def card(book, owner, accounts):
    """The credit card: closes on the 15th, is paid in full from the current account on the 30th."""
    return services.add_card(
        book=book, actor=owner, account=accounts.card, closing_day=15, due_day=30, pays_from=accounts.checking
    )


@pytest.fixture
def bought(accounts, post):
    """bought(amount, on) → groceries by card."""
    return lambda amount, on: post({accounts.groceries: amount, accounts.card: -amount}, on=on)


@pytest.mark.django_db
def test_loa_19_the_bank_pays_the_statement_and_not_the_balance(api, url, book, card, bought, accounts, page):
    """Statement of the 15th 500.00, paid on the 30th; the card stands at 1,100.00 then, and at 600.00 after it."""
    bought(500_00, D(2026, 3, 10)), bought(600_00, D(2026, 3, 20))
    with time_machine.travel(datetime.datetime(2026, 3, 25, 12, tzinfo=datetime.UTC), tick=False):
        shown = api.get(url(f"cards/{card.pk}/")).json()
        html = page("viewer", "plan/cards/").content.decode()
        overview = page("viewer").content.decode()
    assert (shown["owed"], shown["after_payment"]) == ("1100.00", "600.00")
    assert {name: shown["statement"][name] for name in ("closing", "pays_on", "balance", "left")} == {
        "closing": "2026-03-15", "pays_on": "2026-03-30", "balance": "500.00", "left": "500.00",
    }  # fmt: skip
    for words in ("€1,100.00", "€500.00", "€600.00"):
        assert words in html
    assert "€500.00" in overview
    today = D(2026, 3, 25)
    found = selectors.upcoming(cards=selectors.cards_of(book=book), first=today, last=D(2026, 5, 31), today=today)
    bank = [(each.date, each.amount) for each in found if each.account_id == accounts.checking.pk]
    assert bank == [(D(2026, 3, 30), -500_00), (D(2026, 4, 30), -600_00)]
    assert [each.amount for each in found if each.account_id == accounts.card.pk] == [500_00, 600_00]
    assert {each.layer for each in found} == {Layer.CARD}


@pytest.mark.django_db
def test_loa_19_second_sample_both_figures_are_shown(api, url, card, bought, page):
    bought(400_00, D(2026, 3, 10)), bought(130_00, D(2026, 3, 16))
    with time_machine.travel(datetime.datetime(2026, 3, 17, 12, tzinfo=datetime.UTC), tick=False):
        shown = api.get(url("cards/")).json()["results"][0]
        html = page("viewer", f"plan/cards/{card.pk}/").content.decode()
    assert (shown["owed"], shown["statement"]["left"]) == ("530.00", "400.00")
    assert "€530.00" in html
    assert "€400.00" in html


@pytest.mark.django_db
def test_payments_lower_what_is_left_and_refunds_do_not(book, card, bought, accounts, post):
    bought(500_00, D(2026, 2, 10))
    post({accounts.card: 200_00, accounts.checking: -200_00}, on=D(2026, 2, 20))
    post({accounts.card: 30_00, accounts.groceries: -30_00}, on=D(2026, 2, 21))
    state = selectors.state_of(terms=card, today=D(2026, 2, 25))
    assert (state.statement.payment, state.statement.paid, state.statement.left) == (500_00, 200_00, 300_00)
    late = selectors.upcoming(
        cards=selectors.cards_of(book=book), first=D(2026, 3, 5), last=D(2026, 3, 12), today=D(2026, 3, 5)
    )
    assert {(each.date, each.nominal) for each in late} == {(D(2026, 3, 5), D(2026, 2, 28))}
    # With the next statement the rest is part of its balance, and nothing is asked twice.
    rows, _following = selectors.statements_of(terms=card, until=D(2026, 3, 20), limit=10)
    assert [(row.closing, row.balance) for row in rows] == [(D(2026, 3, 15), 270_00), (D(2026, 2, 15), 500_00)]


@pytest.mark.django_db
def test_a_minimum_is_paid_statement_by_statement(book, owner, card, bought, accounts, django_assert_max_num_queries):
    services.change_card(terms=card, actor=owner, mode="minimum", percent=Decimal(10), amount=50_00)
    bought(1000_00, D(2026, 3, 10))
    with django_assert_max_num_queries(4):
        found = selectors.upcoming(
            cards=selectors.cards_of(book=book), first=D(2026, 3, 20), last=D(2026, 6, 30), today=D(2026, 3, 20)
        )
    assert [each.amount for each in found if each.account_id == accounts.checking.pk] == [
        -100_00,
        -90_00,
        -81_00,
        -72_90,
    ]


@pytest.mark.django_db
def test_cards_are_set_over_the_api(api, url, accounts, opened, bought):
    body = {"account": "Liabilities:Credit card", "closing_day": 15, "due_day": 30, "pays_from": accounts.checking.pk}
    for field, changes in (
        ("account", {"account": accounts.cash.pk}),
        ("closing_day", {"closing_day": 0}),
        ("pays_from", {"pays_from": accounts.rent.pk}),
        ("amount", {"mode": "fixed"}),
    ):
        refused(api.post(url("cards/"), {**body, **changes}, format="json"), 400, "invalid", field)
    made = api.post(url("cards/"), body, format="json")
    assert made.status_code == 201, made.json()
    refused(api.post(url("cards/"), body, format="json"), 409, "conflict", "account")
    path = url(f"cards/{made.json()['id']}/")
    changed = api.patch(path, {"mode": "fixed", "amount": "75.00"}, format="json").json()
    assert (changed["mode"], changed["amount"], changed["due_day"]) == ("fixed", "75.00", 30)
    for month in range(1, 4):
        bought(10_00, D(2026, month, 1))
    first = api.get(f"{path}statements/?limit=2").json()
    rows = first["results"] + api.get(first["next"]).json()["results"]
    assert [row["balance"] for row in rows] == ["30.00", "20.00", "10.00"]
    assert api.delete(path).status_code == 204
    assert not CardTerms.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("person", "read", "write"),
    [("owner", 200, 200), ("editor", 200, 200), ("viewer", 200, 403), ("stranger", 404, 404), ("anonymous", 401, 401)],
)
def test_access(clients, url, card, person, read, write):
    client = clients[person]
    for tail in ("cards/", f"cards/{card.pk}/", f"cards/{card.pk}/statements/"):
        assert client.get(url(tail)).status_code == read
    assert client.patch(url(f"cards/{card.pk}/"), {"due_day": 28}, format="json").status_code == write
    assert client.delete(url(f"cards/{card.pk}/")).status_code == (204 if write == 200 else write)
