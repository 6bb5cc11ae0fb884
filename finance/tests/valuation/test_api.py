"""Rates, net worth, gains and valuables in the API."""

import datetime

import pytest

from finance.tests.api.conftest import refused
from finance.tests.conftest import TODAY
from finance.tests.valuation.conftest import days_before
from finance.valuation import services
from finance.valuation.models import AssetPlan, ExchangeRate

pytestmark = pytest.mark.django_db
RATE = {"base": "USD", "quote": "EUR", "date": "2026-03-13", "rate": "0.92490"}


@pytest.fixture
def car(hold):
    return hold("EUR", 5_000_00, kind="property", name="Car", on=datetime.date(2025, 6, 1))


@pytest.fixture
def ids(quote, car, owner):
    value = services.appraise(account=car, actor=owner, date=days_before(3), value=4_000_00)
    return {"rate": quote("GBP", "EUR", "1.17").pk, "asset": car.pk, "value": value.pk}


ROUTES = [
    ("get", "net-worth/", None, "read"),
    ("get", "exchange-gains/", None, "read"),
    ("get", "rates/", None, "read"),
    ("post", "rates/", RATE, "edit"),
    ("post", "rates/import/", {"csv": "date,from,to,rate\n2026-03-13,USD,EUR,0.9249\n"}, "edit"),
    ("get", "rates/choice/", None, "read"),
    ("patch", "rates/choice/", {"crossing": False}, "edit"),
    ("get", "rates/{rate}/", None, "read"),
    ("patch", "rates/{rate}/", {"rate": "1.18"}, "edit"),
    ("get", "assets/{asset}/values/", None, "read"),
    ("post", "assets/{asset}/values/", {"date": "2026-03-14", "value": "3900.00"}, "edit"),
    ("post", "assets/{asset}/post-values/", None, "edit"),
    ("put", "assets/{asset}/depreciation/", {"percent": "1.5"}, "edit"),
    ("get", "assets/{asset}/depreciation/", None, "read"),
    ("delete", "assets/{asset}/depreciation/", None, "edit"),
    ("delete", "assets/{asset}/values/{value}/", None, "edit"),
    ("delete", "rates/{rate}/", None, "edit"),
]


def ask(client, method, url, body):
    return getattr(client, method)(url, body, format="json") if body is not None else getattr(client, method)(url)


def test_everybody_reads_and_editors_write(clients, url, ids):
    refusals = {"anonymous": 401, "stranger": 404, "viewer": 403}
    for method, path, body, takes in ROUTES:
        for person, status in refusals.items():
            answer = ask(clients[person], method, url(path.format(**ids)), body)
            if person == "viewer" and takes == "read":
                assert answer.status_code in (200, 404), (path, answer.content)
            else:
                assert answer.status_code == status, (person, path, answer.content)
    for method, path, body, _takes in ROUTES:
        answer = ask(clients["editor"], method, url(path.format(**ids)), body)
        assert answer.status_code in (200, 201, 204), (path, answer.content)


def test_ids_of_another_book_lead_nowhere(api, url, foreign, stranger, ids):
    theirs = services.save_rate(book=foreign[0], actor=stranger, base="USD", quote="EUR", date=TODAY, rate="1")
    other = {"rate": theirs.pk, "asset": foreign[1].pk, "value": ids["value"]}
    for method, path, body, _takes in ROUTES:
        if "{" in path:
            assert ask(api, method, url(path.format(**other)), body).status_code == 404, path
        elsewhere = f"/api/v1/books/{foreign[0].pk}/{path.format(**ids)}"
        assert ask(api, method, elsewhere, body).status_code == 404, path


def test_a_rate_is_entered_changed_and_listed(api, url, book):
    made = api.post(url("rates/"), RATE).json()
    assert {name: made[name] for name in ("rate", "source", "saved_by")} == {
        "rate": "0.9249", "source": "hand", "saved_by": "olga@example.org",
    }  # fmt: skip
    changed = api.patch(url(f"rates/{made['id']}/"), {"date": "2026-03-12"}).json()
    assert (changed["id"], changed["date"], changed["rate"]) == (made["id"], "2026-03-12", "0.9249")
    api.post(url("rates/"), {**RATE, "base": "GBP"})
    assert [row["base"] for row in api.get(url("rates/")).json()["results"]] == ["GBP", "USD"]
    assert [row["base"] for row in api.get(url("rates/"), {"base": "USD"}).json()["results"]] == ["USD"]
    assert api.delete(url(f"rates/{made['id']}/")).status_code == 204
    assert ExchangeRate.objects.filter(book=book).count() == 1


def test_what_cannot_be_a_rate_is_refused_by_field(api, url):
    refused(api.post(url("rates/"), {**RATE, "rate": "0"}), 400, "invalid", "rate")
    refused(api.post(url("rates/"), {**RATE, "base": "XXQ"}), 400, "currency_unknown", "base")
    refused(api.post(url("rates/"), {**RATE, "date": "2026-03-16"}), 400, "invalid", "date")
    body = refused(
        api.post(url("rates/import/"), {"csv": "date,from,to,rate\n2026-03-13,USD,EUR,x\n"}), 400, "invalid", "csv"
    )
    assert "Row 2, rate" in body["detail"]


def test_net_worth_names_its_rates_and_what_it_leaves_out(api, url, hold, quote, accounts, book):
    hold("USD", 1_000_00, on=days_before(1)), hold("JPY", 5_000)
    quote("USD", "EUR", "0.9249", on=days_before(2))
    answer = api.get(url("net-worth/"), {"months": "2"}).json()
    before, now = answer["points"]
    assert (before["date"], before["value"], before["complete"], before["parts"]) == ("2026-02-28", "0.00", True, [])
    assert (answer["currency"], now["value"], now["complete"]) == ("EUR", "924.90", False)
    assert now["parts"] == [
        {"currency": "JPY", "amount": "5000", "value": None, "quote": None},
        {
            "currency": "USD", "amount": "1000.00", "value": "924.90",
            "quote": {"rate": "0.9249", "date": "2026-03-13", "age_days": 2, "sources": ["hand"], "via": ""},
        },
    ]  # fmt: skip
    assert api.get(url("net-worth/"), {"as_of": "2026-03-14", "months": "1"}).json()["points"][0]["value"] == "924.90"
    refused(api.get(url("net-worth/"), {"months": "601"}), 400, "invalid", "months")
    refused(api.get(url("net-worth/"), {"as_of": "1900-02-01"}), 400, "invalid", "as_of")


def test_gains_tell_cost_worth_and_what_is_missing(api, url, accounts, hold, exchange, quote):
    dollars = hold("USD")
    exchange(accounts.checking, 90_00, dollars, 100_00, on=days_before(60))
    quote("USD", "EUR", "0.95")
    hold("JPY", 5_000)
    answer = api.get(url("exchange-gains/"), {"start": "2025-01-01"}).json()
    yen, usd = answer["rows"]
    assert (answer["gain"], answer["unrealised"], answer["incomplete"]) == ("5.00", "5.00", ["JPY"])
    assert (answer["at_cost"], answer["at_market"]) == ("0.00", "5.00")
    assert (usd["cost"], usd["value"], usd["closing"], usd["accounts"]) == ("90.00", "95.00", "100.00", [dollars.pk])
    assert (yen["cost"], yen["value"], yen["gain"], yen["unvalued"], yen["quote"]) == (None, None, None, 1, None)
    refused(api.get(url("exchange-gains/"), {"start": "2026-03-02", "end": "2026-03-01"}), 400, "invalid", "start")


def test_a_car_is_appraised_and_loses_value(api, url, car):
    first = api.post(
        url(f"assets/{car.pk}/values/"), {"date": "2026-01-15", "value": "4800.00", "note": "Dealer"}
    ).json()
    assert (first["kind"], first["value"], first["held"], first["note"]) == (
        "appraisal",
        "4800.00",
        "4800.00",
        "Dealer",
    )
    plan = api.put(url(f"assets/{car.pk}/depreciation/"), {"months": 4, "residual": "4000.00"}).json()
    assert plan == {"method": "straight", "percent": None, "months": 4, "residual": "4000.00"}
    page = api.get(url(f"assets/{car.pk}/values/"), {"limit": "2"}).json()
    assert [row["value"] for row in page["results"]] == ["4400.00", "4600.00"]
    assert [row["value"] for row in api.get(page["next"]).json()["results"]] == ["4800.00"]
    assert api.delete(url(f"assets/{car.pk}/depreciation/")).status_code == 204
    assert api.get(url(f"assets/{car.pk}/depreciation/")).status_code == 404
    assert not AssetPlan.objects.exists()
    refused(api.delete(url(f"assets/{car.pk}/values/{page['results'][0]['id']}/")), 409, "conflict")
    refused(api.put(url(f"assets/{car.pk}/depreciation/"), {}), 400, "invalid", "percent")
    refused(
        api.post(url(f"assets/{car.pk}/values/"), {"date": "2026-01-15", "value": "1.234"}),
        400,
        "amount_invalid",
        "value",
    )
    refused(api.get(url(f"assets/{car.pk}/values/"), {"cursor": "x"}), 400, "invalid", "cursor")
