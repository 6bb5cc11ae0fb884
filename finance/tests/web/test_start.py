"""The first minutes: a book in the reader's currency and zone, what its accounts hold, and the way on."""

import pytest

from finance.ledger import services
from finance.ledger.selectors import balance_of
from finance.models import Book
from finance.web.books import currency_choices, likely_currency


@pytest.mark.parametrize(
    ("accepted", "currency"),
    [
        ("de-CH,de;q=0.9,en;q=0.8", "CHF"),
        ("de", "EUR"),
        ("en-US,en;q=0.5", "USD"),
        ("en-GB", "GBP"),
        ("sv", "SEK"),
        ("zh-Hant-TW", "TWD"),
        ("xx,pl;q=0.3", "PLN"),
        ("", "EUR"),
        ("*", "EUR"),
        (";;;q=,,\x00", "EUR"),
    ],
)
def test_the_first_currency_is_that_of_the_browsers_country(accepted, currency):
    assert likely_currency(accepted_languages=accepted) == currency


def test_currencies_of_the_past_are_not_offered_except_where_they_are_used():
    offered = {code for code, _label in currency_choices()}
    assert {"EUR", "USD", "CHF", "JPY", "BTC"} <= offered
    assert not {"DEM", "ITL", "BGM", "CHE", "XAU", "RUR"} & offered
    assert "DEM" in {code for code, _label in currency_choices(also={"DEM"})}


def test_a_new_book_takes_the_browsers_zone_unless_the_person_chose_one(as_, stranger):
    client = as_("stranger")
    html = client.get("/books/new/", headers={"Accept-Language": "de-CH"}).content.decode()
    assert 'data-time-zone=""' in html
    assert '<option value="CHF" selected>' in html

    stranger.time_zone = "Asia/Tokyo"
    stranger.save()

    html = client.get("/books/new/").content.decode()
    assert "data-time-zone" not in html
    assert '<option value="Asia/Tokyo" selected>' in html


def test_opening_a_book_leads_to_what_its_accounts_hold(as_, stranger):
    client = as_("stranger")
    body = {"name": "Home", "base_currency": "EUR", "time_zone": "UTC", "template": "household"}
    address = client.post("/books/new/", body)["Location"]
    book = Book.objects.get(name="Home")
    assert address == f"/b/{book.pk}/start/"

    html = client.get(address).content.decode()

    for name in ("Checking account", "Savings account", "Cash", "Credit card"):
        assert f"<legend>{name}" in html
    assert "Groceries" not in html


def test_an_operator_without_books_is_led_to_the_admin(as_, stranger, book):
    stranger.is_staff = True
    stranger.save()
    assert as_("stranger").get("/")["Location"] == "/admin/"
    assert as_("owner").get("/")["Location"] == f"/b/{book.pk}/"


@pytest.fixture
def fill(send, accounts):
    """fill(checking={"amount": "5"}) → the answer; what is not named is left as the page shows it."""

    def post(**values):
        data = {}
        for name in ("checking", "savings", "cash", "card"):
            account = getattr(accounts, name)
            given = {"name": account.name, "amount": "", "opened_on": "2026-03-01", **values.get(name, {})}
            data |= {f"account-{account.pk}-{key}": value for key, value in given.items()}
        return send("editor", "start/", data)

    return post


def test_names_balances_and_days_are_stored_at_once(fill, accounts, book):
    answer = fill(checking={"name": "Giro", "amount": "1.234,50", "opened_on": "2025-12-31"}, card={"amount": "87.20"})

    assert answer["Location"] == f"/b/{book.pk}/start/next/"
    accounts.checking.refresh_from_db()
    assert accounts.checking.name == "Giro"
    opening = services.opening_of(account=accounts.checking)
    assert (opening.amount, str(opening.on)) == (1234_50, "2025-12-31")
    assert balance_of(account=accounts.card) == -87_20  # owed
    assert services.opening_of(account=accounts.savings) is None


def test_what_was_said_is_shown_again_and_can_be_said_anew(fill, page, accounts):
    fill(card={"amount": "87.20"})
    assert 'value="87.20"' in page("editor", "start/").content.decode()

    fill(card={"amount": "90"})

    assert balance_of(account=accounts.card) == -90_00


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"amount": "12.3456"}, "more than the 2 decimals"),
        ({"amount": "much"}, "is not a number"),
        ({"opened_on": ""}, "This field is required"),
        ({"name": "Cash"}, "There is already an account named Cash"),
    ],
)
def test_what_is_wrong_is_said_at_its_account_and_nothing_is_stored(fill, accounts, values, sentence):
    html = fill(checking={"amount": "5"}, savings=values).content.decode()

    assert sentence in html
    assert services.opening_of(account=accounts.checking) is None


def test_the_way_on_is_offered(page, book):
    html = page("owner", "start/next/").content.decode()
    for address in ("imports/", "entries/new/", "members/"):
        assert f'href="/b/{book.pk}/{address}"' in html
    assert 'href="/books/move-in/"' in html
    assert "members/" not in page("editor", "start/next/").content.decode().split("<main")[1]


def test_the_opening_balance_is_changed_on_the_accounts_page(send, page, accounts, book):
    path = f"accounts/{accounts.checking.pk}/"
    answer = send("editor", f"{path}opening/", {"amount": "160.49", "opened_on": "2026-01-31"})
    assert answer["Location"] == f"/b/{book.pk}/{path}"
    html = page("editor", f"{path}edit/").content.decode()
    assert 'value="160.49"' in html
    assert 'value="2026-01-31"' in html
    assert f"/entries/{services.opening_of(account=accounts.checking).entry.uid}/" in html

    refused = send("editor", f"{path}opening/", {"amount": "x", "opened_on": "2026-01-31"}).content.decode()
    assert "is not a number" in refused
    assert 'aria-invalid="true"' in refused

    send("editor", f"{path}opening/", {"amount": "0", "opened_on": "2026-01-31"})
    assert services.opening_of(account=accounts.checking) is None


def test_a_category_has_no_opening_balance(page, accounts):
    assert "Opening balance" not in page("editor", f"accounts/{accounts.groceries.pk}/edit/").content.decode()


def test_the_books_zone_is_changed_by_its_owner(send, page, book):
    answer = send("owner", "settings/time-zone/", {"time_zone": "America/New_York"})
    assert answer.status_code == 302
    book.refresh_from_db()
    assert book.time_zone == "America/New_York"
    assert "Select a valid choice" in send("owner", "settings/time-zone/", {"time_zone": "Berlin"}).content.decode()
    assert "Change the time zone" not in page("editor", "settings/").content.decode()


def test_places_of_an_account_are_grouped_and_told_to_the_script(page):
    html = page("editor", "accounts/new/").content.decode()
    for title in ("We own", "We owe", "Spending", "Income"):
        assert f'<optgroup label="{title}">' in html
    assert 'data-type="asset"' in html
    assert "The usual place" in html


def test_an_empty_form_is_refused_at_its_fields(send):
    html = send("editor", "start/", {}).content.decode()
    assert "This field is required" in html
