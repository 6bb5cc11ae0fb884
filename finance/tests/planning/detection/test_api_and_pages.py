"""Findings on the API and on their page, by role."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from finance.ledger import services as ledger
from finance.models import RecurringFinding, Schedule
from finance.tests.planning.detection.test_services import OLDER
from platform_outbox.testing import drain

pytestmark = pytest.mark.django_db


@pytest.fixture
def finding(book, rent):
    drain()
    return RecurringFinding.objects.get()


@pytest.fixture
def page(book, owner):
    def at(name, *args, data=None, query="", user=owner):
        client = Client()
        if user is not None:
            client.force_login(user)
        address = reverse(f"web:{name}", args=[book.pk, *args]) + query
        return client.get(address) if data is None else client.post(address, data)

    return at


def test_the_list_says_what_was_found_and_by_which_entries(api, url, finding, rent, accounts):
    (told,) = api.get(url("recurring/")).json()["results"]
    assert told == api.get(url(f"recurring/{finding.pk}/")).json()
    assert told["evidence"] == [str(entry.uid) for entry in reversed(rent)]
    assert {name: told[name] for name in ("amount", "currency", "rhythm", "unit", "every", "days", "next", "payments")} == {
        "amount": "-752.22", "currency": "EUR", "rhythm": "month", "unit": "month", "every": 1, "days": [31],
        "next": "2026-03-31", "payments": 4,
    }  # fmt: skip
    assert (told["account"], told["category"], told["per_year"]) == (accounts.checking.pk, accounts.rent.pk, "-9026.64")
    assert api.get(url("recurring/?state=dismissed")).json()["results"] == []
    assert api.get(url("recurring/?state=lost")).status_code == 400


def test_it_is_made_a_schedule_with_another_amount(api, url, finding, accounts):
    answer = api.post(url(f"recurring/{finding.pk}/schedule/"), {"amount": "-760.00", "name": "Flat"}, format="json")
    assert answer.status_code == 201, answer.json()
    told = answer.json()
    assert (told["name"], told["amount"], told["first"], told["days"]) == ("Flat", "-760.00", "2026-03-31", [31])
    assert told["lines"][0]["account"] == accounts.rent.pk
    assert api.get(url("recurring/")).json()["results"] == []
    assert api.get(url(f"recurring/{finding.pk}/")).json()["schedule"] == told["id"]
    assert api.post(url(f"recurring/{finding.pk}/schedule/"), {}, format="json").status_code == 409
    assert api.post(url(f"recurring/{finding.pk}/dismiss/")).status_code == 409


def test_without_a_category_the_body_says_it(api, url, finding):
    RecurringFinding.objects.update(counter=None)
    refused = api.post(url(f"recurring/{finding.pk}/schedule/"), {}, format="json")
    assert refused.status_code == 400
    assert "category" in str(refused.json())
    body = {"lines": [{"account": "Expenses:Housing:Rent"}]}
    assert api.post(url(f"recurring/{finding.pk}/schedule/"), body, format="json").status_code == 201


def test_it_is_dismissed_and_offered_again(api, url, finding):
    assert api.post(url(f"recurring/{finding.pk}/offer/")).status_code == 409
    assert api.post(url(f"recurring/{finding.pk}/dismiss/")).json()["state"] == "dismissed"
    assert api.get(url("recurring/?state=dismissed")).json()["results"][0]["id"] == finding.pk
    assert api.post(url(f"recurring/{finding.pk}/offer/")).json()["state"] == "offered"


WHO = {"anonymous": (401, 401), "stranger": (404, 404), "viewer": (200, 403), "editor": (200, 200), "owner": (200, 200)}


@pytest.mark.parametrize("who", WHO)
def test_who_may_see_and_decide(clients, url, finding, page, who, viewer, editor, owner, stranger):
    read, write = WHO[who]
    client = clients[who]
    assert client.get(url("recurring/")).status_code == read
    assert client.get(url(f"recurring/{finding.pk}/")).status_code == read
    assert client.post(url(f"recurring/{finding.pk}/dismiss/")).status_code == write
    assert client.post(url(f"recurring/{finding.pk}/offer/")).status_code == write
    made = client.post(url(f"recurring/{finding.pk}/schedule/"), {}, format="json").status_code
    assert made == (201 if write == 200 else write)
    user = {"viewer": viewer, "editor": editor, "owner": owner, "stranger": stranger, "anonymous": None}[who]
    seen = page("plan_found", user=user)
    assert seen.status_code == {"anonymous": 302, "stranger": 404}.get(who, 200)
    posted = page("plan_finding", finding.pk, data={"do": "dismiss"}, user=user).status_code
    assert posted == {"anonymous": 302, "stranger": 404, "viewer": 403}.get(who, 302)


def test_a_finding_of_another_book_is_not_found(api, book, owner, finding):
    other = ledger.create_book(owner=owner, name="Other", base_currency="EUR", time_zone="Europe/Berlin")
    assert api.get(f"/api/v1/books/{other.pk}/recurring/{finding.pk}/").status_code == 404


def test_the_page_fills_the_form_of_a_schedule_which_decides_it(book, page, finding, pay):
    shown = page("plan_found").content.decode()
    assert "Landlord" in shown
    assert "4 payments" in shown
    assert "Every month, on the last day" in shown
    query = f"?from_finding={finding.pk}"
    assert query in shown
    form = page("plan_schedule_new", query=query)
    initial = form.context["form"].initial
    assert (str(initial["first"]), initial["payee"]) == ("2026-03-31", "Landlord")
    bound = form.context["form"]
    data = {name: value for name in bound.fields if (value := bound.initial.get(name)) not in (None, "")}
    assert page("plan_schedule_new", query=query, data=data).status_code == 302
    finding.refresh_from_db()
    assert finding.schedule == Schedule.objects.get()
    assert "Landlord" not in page("plan_found").content.decode()
    assert page("plan_schedule_new", query="?from_finding=x").status_code == 404


def test_it_is_dismissed_on_the_page(page, finding):
    assert page("plan_finding", finding.pk, data={"do": "dismiss"}).status_code == 302
    assert "Landlord" in page("plan_found", query="?state=dismissed").content.decode()
    page("plan_finding", finding.pk, data={"do": "offer"})
    finding.refresh_from_db()
    assert finding.state == "offered"
    assert page("plan_finding", finding.pk, data={"do": "lose"}).status_code == 302
    assert page("plan_finding", finding.pk, data={}).status_code == 302


def test_lists_take_the_same_statements_for_more_findings(api, url, page, finding, pay):
    for read in (lambda: api.get(url("recurring/")), lambda: page("plan_found")):
        read()
        with CaptureQueriesContext(connection) as one:
            read()
        pay("Gym" if read().status_code and len(one) % 2 else "Club", -20_00, *OLDER)
        drain()
        with CaptureQueriesContext(connection) as more:
            read()
        assert len(more) == len(one)
