"""Schedules by the API: what a program sends and gets."""

import datetime

import pytest

from finance.tests.api.conftest import refused
from platform_outbox.testing import drain

pytestmark = pytest.mark.django_db

RENT = {
    "name": "Rent",
    "account": "Assets:Checking account",
    "amount": "-700.00",
    "lines": [{"account": "Expenses:Housing:Rent"}],
    "payee": "Landlord",
    "first": "2026-01-31",
}


@pytest.fixture
def add(api, url):
    def made(**changes):
        answer = api.post(url("schedules/"), {**RENT, **changes})
        assert answer.status_code == 201, answer.content
        return answer.json()

    return made


def test_sch_01_by_the_api(api, url, add):
    rent = add()
    assert (rent["amount"], rent["amount_kind"], rent["lines"][0]["path"]) == (
        "-700.00",
        "fixed",
        "Expenses:Housing:Rent",
    )
    answer = api.get(url(f"schedules/{rent['id']}/occurrences/?first=2026-01-01&last=2026-12-31&limit=7")).json()
    assert [each["nominal"] for each in answer["results"][:6]] == [
        "2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30",
    ]  # fmt: skip
    rest = api.get(answer["next"]).json()
    assert (len(rest["results"]), rest["next"]) == (5, None)


def test_sch_06_and_21_next_is_as_of_a_day(api, url, add):
    salary = add(amount="2000.00", first="2024-01-28", shift="before", lines=[{"account": "Income:Salary"}])
    one = url(f"schedules/{salary['id']}/")
    assert api.get(f"{one}?today=2024-12-01").json()["next"]["date"] == "2024-12-27"
    assert api.post(f"{one}occurrences/2024-12-28/skip/").json()["status"] == "skipped"
    assert api.get(f"{one}?today=2024-12-01").json()["next"]["date"] == "2025-01-28"
    (listed,) = api.get(url("schedules/?today=2024-12-01")).json()["results"]
    assert listed["next"]["nominal"] == "2025-01-28"


def test_sch_23_and_24_sums(api, url, add):
    bill = add(amount="-25.00", first="2026-07-03", unit="week", every=3)
    paid = api.post(url(f"schedules/{bill['id']}/occurrences/2026-07-03/pay/"), {"date": "2026-07-03"})
    assert (paid.status_code, paid.json()["lines"][0]["amount"]) == (201, "-25.00")
    (sums,) = api.get(url("schedules/sums/?first=2026-07-01&last=2026-07-31&today=2026-07-10")).json()["results"]
    assert (sums["paid"], sums["still_to_pay"], sums["late"]) == ("-25.00", "25.00", "0.00")
    api.delete(url(f"schedules/{bill['id']}/"))
    add(amount="-100.00", first="2024-01-15", days=[15, 30])
    for month, still in (("2024-11-30", "100.00"), ("2024-12-31", "200.00"), ("2025-01-31", "200.00")):
        window = f"first={month[:7]}-01&last={month}&today=2024-11-25"
        (sums,) = api.get(url(f"schedules/sums/?{window}")).json()["results"]
        assert sums["still_to_pay"] == still


def test_an_entry_pays_and_is_taken_off_again(api, url, add, spend):
    rent = add()
    entry = spend(700_00, payee="Landlord")
    occurrence = url(f"schedules/{rent['id']}/occurrences/2026-03-31/")
    linked = api.post(f"{occurrence}link/", {"entry": str(entry.uid)}).json()
    assert (linked["status"], linked["paid"], linked["left"], linked["payments"][0]["entry"]) == (
        "paid", "-700.00", "0.00", str(entry.uid),
    )  # fmt: skip
    (payment,) = api.get(url(f"schedules/{rent['id']}/payments/")).json()["results"]
    assert (payment["nominal"], payment["amount"]) == ("2026-03-31", "-700.00")
    refused(api.post(f"{occurrence}skip/"), 409, "conflict")
    again = url(f"schedules/{rent['id']}/occurrences/2026-04-30/link/")
    refused(api.post(again, {"entry": str(entry.uid)}), 409, "conflict", "entry")
    assert api.post(f"{occurrence}unlink/", {"entry": str(entry.uid)}).json()["payments"] == []


def test_a_question_is_listed_and_answered(api, url, add, spend):
    rent = add()
    entry = spend(700_00, payee="Somebody", on=datetime.date(2026, 2, 27))
    drain()
    ((question,),) = api.get(url("schedules/questions/?today=2026-03-10")).json()["results"]
    assert (question["schedule"], question["nominal"], question["entry"], question["days_apart"]) == (
        rent["id"], "2026-02-28", str(entry.uid), 1,
    )  # fmt: skip


def test_changing_from_a_day_on_answers_with_what_continues(api, url, add):
    rent = add()
    one = url(f"schedules/{rent['id']}/")
    later = api.patch(one, {"amount": "-750.00", "effective_from": "2026-04-01"}).json()
    assert (later["continues"], later["amount"], later["first"], later["days"]) == (
        rent["id"],
        "-750.00",
        "2026-04-30",
        [31],
    )
    before = api.get(one).json()
    assert (before["until"], before["continued_by"]) == ("2026-03-31", later["id"])
    ended = api.post(url(f"schedules/{later['id']}/end/"), {"last": "2026-06-30"}).json()
    assert ended["until"] == "2026-06-30"
    coming = api.get(url("schedules/upcoming/?today=2026-03-20&last=2026-12-31")).json()["results"]
    assert [(each["date"], each["left"]) for each in coming][-4:] == [
        ("2026-03-31", "-700.00"), ("2026-04-30", "-750.00"), ("2026-05-31", "-750.00"), ("2026-06-30", "-750.00"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"amount": "-700.001"}, 400, "amount_invalid", "amount"),
        ({"amount": -700}, 400, "amount_invalid", "amount"),
        ({"amount": "0.00"}, 400, "invalid", "amount"),
        ({"account": "Expenses:Housing:Rent"}, 400, "invalid", "account"),
        ({"account": "Assets"}, 400, "invalid", "account"),
        ({"account": 1}, 404, "not_found", "account"),
        ({"lines": [{"account": "Expenses:Nowhere"}]}, 404, "not_found", "lines.0.account"),
        ({"lines": [{"account": "Assets:Checking account"}]}, 400, "invalid", "lines.0.account"),
        ({"days": [29, 31]}, 400, "invalid", "days"),
        ({"weekday": 2}, 400, "invalid", "weekday"),
        ({"unit": "fortnight"}, 400, "invalid", "unit"),
        ({"amount_kind": "range", "least": "-900.00"}, 400, "invalid", "least"),
        ({"until": "2026-01-30"}, 400, "invalid", "until"),
        ({"name": "", "payee": ""}, 400, "invalid", "name"),
    ],
)
def test_what_is_wrong_is_named_by_field(api, url, changes, status, code, field):
    refused(api.post(url("schedules/"), {**RENT, **changes}), status, code, field)


def test_another_currency_is_refused(api, url, dollars):
    body = {**RENT, "lines": [{"account": dollars.pk}]}
    refused(api.post(url("schedules/"), body), 400, "invalid", "lines.0.account")


def test_a_window_has_bounds(api, url):
    refused(api.get(url("schedules/upcoming/?first=2026-02-01&last=2026-01-01")), 400, "invalid", "last")
    refused(api.get(url("schedules/upcoming/?first=2026-02-01&last=2036-01-01")), 400, "invalid", "last")
    refused(api.get(url("schedules/?today=9999-12-31")), 400, "invalid", "today")


ROUTES = [
    ("get", ""),
    ("get", "upcoming/"),
    ("get", "sums/"),
    ("get", "questions/"),
    ("get", "{id}/"),
    ("get", "{id}/occurrences/"),
    ("get", "{id}/payments/"),
    ("get", "{id}/occurrences/2026-03-31/"),
    ("post", ""),
    ("patch", "{id}/"),
    ("post", "{id}/end/"),
    *(("post", f"{{id}}/occurrences/2026-03-31/{action}/") for action in ("skip", "reopen", "move", "pay", "link")),
    ("delete", "{id}/"),
]
BODIES = {"move/": {"to": "2026-04-02"}, "end/": {"last": "2026-12-31"}, "": RENT, "{id}/": {"payee": "Other"}}


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_who_may_do_what(clients, url, add, method, route):
    address = url("schedules/" + route.format(id=add()["id"]))
    body = BODIES.get(route) or next((BODIES[each] for each in ("move/", "end/") if route.endswith(each)), {})
    body = body if method in ("post", "patch") else None
    allowed = {"viewer", "editor", "owner"} if method == "get" else {"editor", "owner"}
    codes = {"anonymous": 401, "stranger": 404, "viewer": 403}
    for person in ("anonymous", "stranger", "viewer", "owner"):
        code = getattr(clients[person], method)(address, body).status_code
        if person in allowed:
            assert code in (200, 201, 204, 400), (person, code)
        else:
            assert code == codes[person], (person, code)


def test_a_schedule_of_another_book_is_not_there(api, url, add, foreign, clients):
    book, _cash, entry = foreign
    rent = add()
    assert clients["stranger"].get(f"/api/v1/books/{book.pk}/schedules/{rent['id']}/").status_code == 404
    link = url(f"schedules/{rent['id']}/occurrences/2026-03-31/link/")
    refused(api.post(link, {"entry": str(entry.uid)}), 404, "not_found", "entry")
