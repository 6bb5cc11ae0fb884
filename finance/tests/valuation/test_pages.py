"""The pages of rates, gains and valuables; and where other currencies show on the overview and among the accounts."""

import datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from finance.tests.conftest import TODAY
from finance.tests.valuation.conftest import days_before
from finance.valuation import services
from finance.valuation.models import AssetPlan, AssetValue, ExchangeRate, ReferenceFetch, ValuationChoice

pytestmark = pytest.mark.django_db
RATE = {"base": "USD", "rate": "0.92", "quote": "EUR", "date": "2026-03-14"}


@pytest.fixture
def house(hold):
    return hold("EUR", 300_000_00, kind="property", name="House", on=datetime.date(2025, 6, 1))


@pytest.fixture
def things(quote, house, owner):
    value = services.appraise(account=house, actor=owner, date=days_before(3), value=310_000_00)
    return {"rate": quote("USD", "EUR", "0.90").pk, "house": house.pk, "value": value.pk}


READING = ["rates/", "currencies/", "accounts/{house}/values/"]
WRITING = ["rates/new/", "rates/{rate}/", "rates/import/"]
FORMS = {
    "rates/new/": RATE,
    "rates/choose/": {"crossing": "on"},
    "accounts/{house}/values/new/": {"date": "2026-03-14", "value": "305000"},
    "accounts/{house}/values/plan/": {"months": "120", "residual": "1000"},
    "accounts/{house}/values/post/": {},
    "accounts/{house}/values/{value}/remove/": {},
    "rates/{rate}/": RATE,
    "rates/{rate}/remove/": {},
}
STATUS = {
    None: (302, 302, 302), "stranger": (404, 404, 404), "viewer": (200, 403, 403), "editor": (200, 200, 302),
    "owner": (200, 200, 302),
}  # fmt: skip


@pytest.mark.parametrize("person", STATUS)
def test_everybody_reads_and_editors_write(as_, book, things, person):
    client, (read, write, post) = as_(person), STATUS[person]
    places = {path: f"/b/{book.pk}/{path.format(**things)}" for path in [*READING, *WRITING, *FORMS]}
    assert {client.get(places[path]).status_code for path in READING} == {read}
    assert {client.get(places[path]).status_code for path in WRITING} == {write}
    assert {path: client.post(places[path], data).status_code for path, data in FORMS.items()} == dict.fromkeys(
        FORMS, post
    )
    if person in (None, "stranger", "operator", "viewer"):
        assert not ExchangeRate.objects.exclude(pk=things["rate"]).exists()


def test_what_is_of_another_book_is_not_there(as_, foreign, book, things, stranger):
    theirs = services.save_rate(book=foreign[0], actor=stranger, base="USD", quote="EUR", date=TODAY, rate="1")
    client = as_("owner")
    for path in (f"rates/{theirs.pk}/", f"accounts/{foreign[1].pk}/values/"):
        assert client.get(f"/b/{book.pk}/{path}").status_code == 404
    assert client.post(f"/b/{book.pk}/rates/{theirs.pk}/remove/").status_code == 404
    assert client.post(f"/b/{book.pk}/accounts/{foreign[1].pk}/values/new/", {}).status_code == 404


def test_a_missing_rate_is_said_where_the_figure_is_and_leads_to_the_form(page, send, as_, hold, book):
    hold("USD", 1_000_00)
    for path in ("", "accounts/", "rates/"):
        html = page("editor", path).content.decode()
        assert "$1,000.00" in html
        link = next(part for part in html.split('"') if "/rates/new/?" in part).replace("&amp;", "&")
        assert parse_qs(urlsplit(link).query) == {"from": ["USD"], "to": ["EUR"], "date": ["2026-03-15"]}
        assert "/rates/new/" not in page("viewer", path).content.decode()
    form = as_("editor").get(link).context["form"]
    assert (form["base"].value(), form["quote"].value(), form["date"].value()) == ("USD", "EUR", "2026-03-15")
    answer = send("editor", "rates/new/", {**RATE, "date": "2026-03-15", "rate": "0,92"}, follow=True)
    assert "1 USD = 0.92 EUR on 2026-03-15 is saved." in answer.content.decode()
    for path in ("", "accounts/"):
        html = page("viewer", path).content.decode()
        assert "€920.00" in html
        assert "1 USD = 0.92 EUR" in html
        assert "entered by hand" in html


def test_a_rate_that_cannot_be_keeps_what_was_typed(send):
    answer = send("editor", "rates/new/", {**RATE, "rate": "0"})
    assert answer.status_code == 400
    assert answer.context["form"]["rate"].errors == ["A rate is greater than zero."]
    assert answer.context["form"]["date"].value() == "2026-03-14"


def test_a_rate_is_changed_and_removed(book, send, quote):
    saved = quote("USD", "EUR", "0.90")
    send("editor", f"rates/{saved.pk}/", {**RATE, "quote": "GBP"})
    changed = ExchangeRate.objects.get(book=book)
    assert str(changed) == "1 USD = 0.92 GBP on 2026-03-14"
    send("editor", f"rates/{changed.pk}/remove/", {})
    assert not ExchangeRate.objects.exists()


def test_rates_come_from_a_file_or_say_which_row_is_wrong(book, send):
    def upload(text):
        return send("editor", "rates/import/", {"file": SimpleUploadedFile("rates.csv", text)}, follow=True)

    answer = upload(b"date,from,to,rate\n2026-03-14,USD,EUR,none\n")
    assert answer.status_code == 400
    assert "Row 2, rate" in answer.content.decode()
    answer = upload(b"date,from,to,rate\n2026-03-14,USD,EUR,0.92\n")
    assert "1 rates added, 0 changed, 0 were there already." in answer.content.decode()


def test_the_list_pages_by_pair_and_says_sources_and_age(
    page, quote, hold, publish, django_assert_max_num_queries, as_, book
):
    hold("USD", 100_00, on=days_before(90)), hold("GBP", 10_00, on=days_before(90))
    for back in range(60):
        quote("USD", "EUR", f"0.9{back:02}", on=days_before(back + 40))
    publish("GBP", "0.8000", on=days_before(2))
    ReferenceFetch.objects.create(source="ecb", succeeded=False, said="The server answered 503.")
    client = as_("viewer")
    with django_assert_max_num_queries(13):
        first = client.get(f"/b/{book.pk}/rates/", {"pair": "USD-EUR"})
    assert (len(first.context["rows"]), first.context["pair"].count) == (50, 60)
    second = page("viewer", "rates/", pair="USD-EUR", after=first.context["next"])
    assert [row.date for row in [*first.context["rows"], *second.context["rows"]]] == [
        days_before(back + 40) for back in range(60)
    ]
    html = first.content.decode()
    for words in (
        "1 GBP = 1.25 EUR",
        "European Central Bank",
        "2 days earlier",
        "40 days earlier",
        "The server answered 503.",
    ):
        assert words in html
    for query in ({"pair": "XXX-EUR"}, {"after": "yesterday"}):
        assert page("viewer", "rates/", **query).status_code == 404


def test_choices_are_kept_and_figures_follow(book, send, page, accounts, hold, exchange):
    exchange(accounts.checking, 92_00, hold("USD"), 100_00)
    assert "your own exchange" in page("viewer", "rates/").content.decode()
    send("editor", "rates/choose/", {"reference": "on"})
    choice = ValuationChoice.objects.get(book=book)
    assert (choice.own_exchanges, choice.reference, choice.crossing) == (False, True, False)
    assert "not valued" in page("viewer", "rates/").content.decode()


def test_gains_of_a_period_lead_to_their_rows(page, accounts, hold, exchange, quote):
    dollars = hold("USD")
    exchange(accounts.checking, 90_00, dollars, 100_00, on=days_before(60))
    quote("USD", "EUR", "0.95")
    answer = page("viewer", "currencies/", start="2026-01-01", end="2026-03-15")
    html = answer.content.decode()
    assert answer.context["report"].gain == 5_00
    assert f"/accounts/{dollars.pk}/?start=2026-01-01&amp;end=2026-03-15" in html
    assert "+€5.00" in html
    assert page("viewer", "currencies/", start="2026-03-15", end="2026-01-01").status_code == 400


def test_past_months_are_valued_by_their_own_rates(page, hold, quote):
    hold("USD", 100_00, on=datetime.date(2025, 12, 1))
    quote("USD", "EUR", "0.50", on=datetime.date(2026, 1, 15))
    quote("USD", "EUR", "0.90", on=datetime.date(2026, 3, 1))
    held = page("viewer").context["wealth"]
    by_day = {point.day.isoformat(): (point.amount, point.unvalued) for point in held.points}
    assert by_day["2025-12-31"] == (0, {"USD": 100_00})
    assert by_day["2026-01-31"] == (50_00, {})
    assert by_day["2026-03-15"] == (90_00, {})
    assert (held.change, held.incomplete_until) == (40_00, datetime.date(2025, 12, 31))


def test_two_months_of_which_only_one_is_valued_are_not_compared(page, hold, quote):
    hold("USD", 100_00, on=datetime.date(2025, 12, 1))
    quote("USD", "EUR", "0.50", on=datetime.date(2026, 3, 10))
    answer = page("viewer")
    assert answer.context["wealth"].change is None
    assert "Not comparable with the end of last month" in answer.content.decode()


def test_spending_in_another_currency_takes_the_rate_of_its_day(page, hold, post, quote):
    dollars, food = hold("USD", 500_00), hold("USD", kind="category", type="expense", name="Street food")
    quote("USD", "EUR", "0.50", on=days_before(10))
    post({food: 10_00, dollars: -10_00}, on=days_before(12))
    post({food: 20_00, dollars: -20_00}, on=days_before(9))
    quote("USD", "EUR", "0.90", on=days_before(1))
    spending = page("viewer").context["spending"]
    assert (spending.total, spending.unvalued) == (10_00, {"USD": 10_00})


def test_a_group_of_accounts_is_one_sum_in_the_base_currency(page, hold, quote, accounts, owner):
    from finance.ledger.services import post_opening_balance

    hold("USD", 100_00), hold("JPY", 5_000)
    quote("USD", "EUR", "0.90")
    post_opening_balance(account=accounts.checking, actor=owner, amount=10_00, on=TODAY)
    answer = page("viewer", "accounts/")
    assert (answer.context["worth"].value, answer.context["worth"].unvalued) == (100_00, {"JPY": 5_000})
    assert "¥5,000 not valued" in answer.content.decode()


def test_a_house_is_appraised_loses_value_and_shows_what_differs(book, send, page, house, post, accounts):
    path = f"accounts/{house.pk}/values/"
    answer = send(
        "editor", f"{path}new/", {"date": "2026-01-15", "value": "310.000,00", "note": "Sworn valuer"}, follow=True
    )
    assert "House is worth €310,000.00" in answer.content.decode()
    send("editor", f"{path}plan/", {"percent": "1"})
    assert AssetPlan.objects.get(book=book).percent == 1
    assert [row.value for row in AssetValue.objects.filter(account=house).order_by("date")] == [
        310_000_00,
        306_900_00,
        303_831_00,
    ]
    post({house: 500_00, accounts.checking: -500_00}, on=datetime.date(2026, 2, 1), payee="Roof")
    assert "Post the difference" in page("editor", path).content.decode()
    send("editor", f"{path}post/", {})
    assert "Post the difference" not in page("editor", path).content.decode()
    send("editor", f"{path}plan/", {"do": "stop"})
    assert not AssetPlan.objects.exists()


def test_a_refused_form_of_a_valuable_says_why_and_can_be_opened_again(as_, book, send, house):
    path = f"accounts/{house.pk}/values/"
    answer = send("editor", f"{path}new/", {"date": "2026-03-20", "value": "1"})
    assert (answer.status_code, list(answer.context["appraisal"].errors)) == (400, ["date"])
    assert as_("editor").get(f"/b/{book.pk}/{path}new/").status_code == 302
    answer = send("editor", f"{path}plan/", {"months": "12"})
    assert answer.status_code == 400
    assert "depreciation begins there" in answer.content.decode()


def test_a_bank_account_is_not_appraised(page, accounts):
    assert page("owner", f"accounts/{accounts.checking.pk}/values/").status_code == 404


def test_the_overview_asks_few_questions_whatever_the_currencies(
    as_, book, hold, post, quote, accounts, exchange, django_assert_max_num_queries
):
    for currency in ("USD", "GBP", "CHF", "JPY"):
        held, food = hold(currency, 500_00), hold(currency, kind="category", type="expense", name=f"Food in {currency}")
        quote(currency, "EUR", "0.50", on=days_before(10))
        exchange(accounts.checking, 10_00, held, 10_00)
        post({food: 10_00, held: -10_00}, on=days_before(5))
    client = as_("viewer")
    # One for accounts left out, two for the rates of the months' ends, two for those of the days, one for what moved in other currencies.
    with django_assert_max_num_queries(29 + 5):
        answer = client.get(f"/b/{book.pk}/")
    assert (answer.context["wealth"].unvalued, answer.context["spending"].unvalued) == ({}, {})


def test_operators_read_and_change_nothing(as_, book, things):
    client = as_("operator")
    for model in ("exchangerate", "referencerate", "referencefetch", "assetvalue", "assetplan"):
        assert client.get(f"/admin/finance/{model}/").status_code == 200
        assert client.get(f"/admin/finance/{model}/add/").status_code == 403
    assert client.get(f"/admin/finance/exchangerate/{things['rate']}/change/").status_code == 200
    assert client.post(f"/admin/finance/exchangerate/{things['rate']}/delete/", {"post": "yes"}).status_code == 403
