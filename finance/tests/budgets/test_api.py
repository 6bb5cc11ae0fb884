"""Budgets over the API: who may, what is refused, and whole stories as strangers try them."""

import datetime

import pytest
from django.db import transaction

from finance.api import urls
from finance.models import Assignment, Budget
from finance.planning.budgets import services
from finance.tests.api.conftest import foreign, refused
from platform_outbox.models import OutboxMessage

__all__ = ["foreign"]
D = datetime.date
READ, EDIT = "read", "edit"
PERIOD = {"period": "2026-03-01"}
ROUTES = [
    ("api-budgets", "get", READ, None),
    ("api-budgets", "post", EDIT, {"name": "New", "kind": "tracking"}),
    ("api-budget", "get", READ, None),
    ("api-budget", "patch", EDIT, {"name": "Other"}),
    ("api-budget", "delete", EDIT, None),
    ("api-budget-lines", "get", READ, None),
    ("api-budget-lines", "post", EDIT, {"account": "Expenses:Housing:Rent"}),
    ("api-budget-line", "get", READ, None),
    ("api-budget-line", "patch", EDIT, {"carry": "none"}),
    ("api-budget-line", "delete", EDIT, None),
    ("api-budget-line-records", "get", READ, None),
    ("api-budget-assignments", "get", READ, None),
    ("api-budget-assignments", "post", EDIT, {**PERIOD, "line": "line_id", "amount": "5.00"}),
    ("api-budget-move", "post", EDIT, {**PERIOD, "source": "line_id", "target": "other", "amount": "5.00"}),
    ("api-budget-copy", "post", EDIT, PERIOD),
    ("api-budget-fund", "post", EDIT, PERIOD),
    ("api-budget-shares", "get", READ, None),
    ("api-budget-shares", "put", EDIT, {"shared_by": "", "shares": []}),
    ("api-budget-figures", "get", READ, None),
    ("api-budget-days", "get", READ, {"first": "2026-03-01", "last": "2026-03-31"}),
]


@pytest.fixture
def ids(book, make, accounts, owner):
    budget = make("envelope")
    lines = [
        services.add_line(budget=budget, actor=owner, account=a) for a in (accounts.groceries, accounts.restaurants)
    ]
    return {"book_id": book.pk, "budget_id": budget.pk, "line_id": lines[0].pk, "other": lines[1].pk}


def ask(client, route, method, body, ids):
    address = str(next(each for each in urls.urlpatterns if each.name == route).pattern)
    for name in ("book_id", "budget_id", "line_id"):
        address = address.replace(f"<int:{name}>", str(ids[name]))
    sent = (
        {key: ids.get(value, value) if isinstance(value, str) else value for key, value in body.items()}
        if body
        else body
    )
    return getattr(client, method)(f"/api/v1/{address}", sent, **({} if method == "get" else {"format": "json"}))


def test_the_table_names_every_route():
    assert {route for route, *_rest in ROUTES} == {
        each.name for each in urls.urlpatterns if each.name.startswith("api-budget")
    }


@pytest.mark.parametrize(("route", "method", "takes", "body"), ROUTES, ids=[f"{r[1]}-{r[0]}" for r in ROUTES])
def test_each_route_serves_whom_it_should(clients, ids, foreign, route, method, takes, body):
    refusals = {"anonymous": 401, "stranger": 404, "viewer": 403}
    for person, client in clients.items():
        allowed = person in ("editor", "owner") or (takes == READ and person == "viewer")
        with transaction.atomic():
            answer = ask(client, route, method, body, ids)
            assert (answer.status_code in (200, 201, 204)) if allowed else answer.status_code == refusals[person], (
                person, answer.content,
            )  # fmt: skip
            transaction.set_rollback(True)
    assert ask(clients["owner"], route, method, body, {**ids, "book_id": foreign[0].pk}).status_code == 404
    for name in ("budget_id", "line_id"):
        if f"<int:{name}>" in str(next(each for each in urls.urlpatterns if each.name == route).pattern):
            assert ask(clients["owner"], route, method, body, {**ids, name: 10**9}).status_code == 404


def made(api, url, tail, body):
    answer = api.post(url(tail), body, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def figures(api, url, budget, **query):
    answer = api.get(url(f"budgets/{budget}/figures/"), query)
    assert answer.status_code == 200, answer.json()
    return answer.json()["periods"]


def test_bud_03_a_story_of_envelopes(api, url, spend, accounts, owner):
    budget = made(api, url, "budgets/", {"name": "Household", "kind": "envelope"})["id"]
    line = made(api, url, f"budgets/{budget}/lines/", {"account": "Expenses:Food:Groceries", "carry": "both"})
    assert (line["carry"], line["closed"], line["target"]["amount"]) == ("both", False, "0.00")
    for period, amount in (("2026-01-10", "50.57"), ("2026-02-01", "200.00"), ("2026-03-31", "50.00")):
        record = made(
            api, url, f"budgets/{budget}/assignments/", {"line": line["id"], "period": period, "amount": amount}
        )
        assert (record["period"], record["made_by"]) == (f"{period[:7]}-01", owner.email)
    spend(286_42, on=D(2026, 2, 20))
    found = figures(api, url, budget, on="2026-02-01", count=2)
    assert [period["label"] for period in found] == ["February 2026", "March 2026"]
    cells = [
        {name: period["lines"][0][name] for name in ("carried", "assigned", "spent", "available")} for period in found
    ]
    assert cells == [
        {"carried": "50.57", "assigned": "200.00", "spent": "286.42", "available": "-35.85"},
        {"carried": "-35.85", "assigned": "50.00", "spent": "0.00", "available": "14.15"},
    ]
    funds = found[1]["funds"]
    assert (funds["returned"], funds["to_budget"], funds["adds_up"]) == ("0.00", "-300.57", True)
    assert found[0]["funds"]["assigned_later"] == "50.00"
    records = api.get(url(f"budgets/{budget}/lines/{line['id']}/assignments/"), {"limit": 2}).json()
    assert [each["amount"] for each in records["results"]] == ["50.00", "200.00"]
    assert [each["amount"] for each in api.get(records["next"]).json()["results"]] == ["50.57"]


def test_bud_07_the_policy_of_a_line_can_be_changed_for_all_periods_or_from_one_on(api, url, spend, accounts):
    budget = made(api, url, "budgets/", {"name": "Limits", "kind": "tracking"})["id"]
    line = made(api, url, f"budgets/{budget}/lines/", {"account": accounts.groceries.pk, "carry": "surplus"})["id"]
    for month, amount in (("2026-02", "100.00"), ("2026-03", "167.50"), ("2026-04", "0.01")):
        made(api, url, f"budgets/{budget}/assignments/", {"line": line, "period": f"{month}-01", "amount": amount})
    spend(120_00, on=D(2026, 2, 20))

    def available(month):
        return figures(api, url, budget, on=f"{month}-01")[0]["lines"][0]["available"]

    assert available("2026-03") == "167.50"
    api.patch(url(f"budgets/{budget}/lines/{line}/"), {"carry": "both"}, format="json")
    assert available("2026-03") == "147.50"
    changed = api.patch(
        url(f"budgets/{budget}/lines/{line}/"), {"carry": "none", "carry_from": "2026-03-20"}, format="json"
    )
    assert changed.json()["carry"] == "none"
    assert (available("2026-03"), available("2026-04")) == ("147.50", "0.01")


def test_bud_09_bud_31_weeks_seen_by_month(api, url, accounts):
    calendar = {"unit": "week", "anchor": "2024-01-01"}
    budget = made(api, url, "budgets/", {"name": "Weeks", "kind": "tracking", "calendar": calendar})["id"]
    line = made(api, url, f"budgets/{budget}/lines/", {"account": accounts.groceries.pk})["id"]
    for first in (D(2024, 1, 29), D(2025, 1, 27)):
        for week in range(5):
            period = (first + datetime.timedelta(weeks=week)).isoformat()
            made(api, url, f"budgets/{budget}/assignments/", {"line": line, "period": period, "amount": "70.00"})
    for first, last, planned in (("2024-02-01", "2024-02-29", "290.00"), ("2025-02-01", "2025-02-28", "280.00")):
        seen = api.get(url(f"budgets/{budget}/days/"), {"first": first, "last": last}).json()["lines"][0]
        assert (seen["planned"], seen["spent"], seen["left"]) == (planned, "0.00", planned)
    pace = figures(api, url, budget, on="2025-02-03")[0]["lines"][0]["pace"]
    assert (pace["days_left"], pace["left_per_day_with_today"]) == (6, "10.00")


def test_bud_26_the_user_chooses_what_a_period_is_called(api, url):
    body = {"name": "Pay month", "kind": "tracking", "calendar": {"day": 24}}
    budget = made(api, url, "budgets/", body)["id"]
    found = figures(api, url, budget, on="2016-12-24")[0]
    assert (found["first"], found["last"], found["label"][:13]) == ("2016-12-24", "2017-01-23", "December 2016")
    api.patch(url(f"budgets/{budget}/"), {"label_by": "end"}, format="json")
    assert figures(api, url, budget, on="2017-01-23")[0]["label"].startswith("January 2017")
    assert figures(api, url, budget, on="2017-01-24")[0]["first"] == "2017-01-24"


def test_bud_30_pace_and_rest(api, url, spend, accounts):
    budget = made(api, url, "budgets/", {"name": "Limits", "kind": "tracking"})["id"]
    line = made(api, url, f"budgets/{budget}/lines/", {"account": accounts.groceries.pk})["id"]
    made(api, url, f"budgets/{budget}/assignments/", {"line": line, "period": "2026-01-01", "amount": "100.00"})
    spend(70_00, on=D(2026, 1, 15))
    spend(5_00, on=D(2026, 1, 16))
    found = figures(api, url, budget, on="2026-01-15")[0]["lines"][0]
    assert (found["pace"]["expected"], found["pace"]["ahead"], found["available"]) == ("48.39", "21.61", "25.00")
    assert (found["pace"]["days_left"], found["pace"]["left_per_day"]) == (16, "1.88")


def test_bud_33_copying_leaves_what_is_there_and_says_what_overwriting_would_change(api, url, accounts):
    budget = made(api, url, "budgets/", {"name": "Household", "kind": "envelope"})["id"]
    tuition, rent = (
        made(api, url, f"budgets/{budget}/lines/", {"account": account.pk})["id"]
        for account in (accounts.groceries, accounts.rent)
    )
    for line, period, amount in (
        (tuition, "2026-03-01", "100.00"), (rent, "2026-03-01", "800.00"), (tuition, "2026-04-01", "300.00"),
    ):  # fmt: skip
        made(api, url, f"budgets/{budget}/assignments/", {"line": line, "period": period, "amount": amount})

    def copy(**body):
        answer = api.post(url(f"budgets/{budget}/copy/"), {"period": "2026-04-01", **body}, format="json")
        assert answer.status_code == 200, answer.json()
        return {each["line"]: (each["had"], each["becomes"], each["keeps"]) for each in answer.json()["lines"]}

    def april():
        return {each["line"]: each["assigned"] for each in figures(api, url, budget, on="2026-04-01")[0]["lines"]}

    asked = copy(overwrite=True, dry_run=True)
    assert asked == {tuition: ("300.00", "100.00", False), rent: ("0.00", "800.00", False)}
    assert april() == {tuition: "300.00", rent: "0.00"}
    assert copy(source="last") == {tuition: ("300.00", "300.00", True), rent: ("0.00", "800.00", False)}
    assert april() == {tuition: "300.00", rent: "800.00"}
    copy(overwrite=True)
    assert april() == {tuition: "100.00", rent: "800.00"}


def test_bud_20_bud_21_funding_adds_what_is_missing(api, url, accounts):
    budget = made(api, url, "budgets/", {"name": "Household", "kind": "envelope"})["id"]
    gift = {"kind": "by_date", "amount": "50.00", "due": "2026-01-31"}
    charge = {"kind": "sinking", "amount": "1400.00", "due": "2026-03-31", "every": 12}
    lines = [
        made(api, url, f"budgets/{budget}/lines/", {"account": account.pk, "target": target})["id"]
        for account, target in ((accounts.groceries, gift), (accounts.rent, charge))
    ]
    made(api, url, f"budgets/{budget}/assignments/", {"line": lines[1], "period": "2025-10-01", "amount": "1500.00"})

    def fund(month):
        answer = api.post(url(f"budgets/{budget}/fund/"), {"period": f"{month}-01"}, format="json")
        return {each["line"]: each["becomes"] for each in answer.json()["lines"]}

    assert fund("2025-10") == {lines[0]: "12.50"}
    made(api, url, f"budgets/{budget}/assignments/", {"line": lines[0], "period": "2025-11-01", "total": "60.00"})
    december = figures(api, url, budget, on="2025-12-01")[0]["lines"]
    assert [(each["proposed"], each["carried"]) for each in december] == [("0.00", "72.50"), ("0.00", "1500.00")]
    assert fund("2025-12") == {}


def test_moving_is_two_records_in_one_change(api, url, ids, give):
    body = {**PERIOD, "source": ids["line_id"], "target": ids["other"], "amount": "5.00", "note": "birthday"}
    records = made(api, url, f"budgets/{ids['budget_id']}/move/", body)["records"]
    assert [(each["line"], each["amount"], each["why"]) for each in records] == [
        (ids["line_id"], "-5.00", "move"), (ids["other"], "5.00", "move"),
    ]  # fmt: skip
    assert len({each["change"] for each in records}) == 1
    (event,) = OutboxMessage.objects.filter(event_type="finance.budget.assigned")
    assert event.payload["line_ids"] == sorted([ids["line_id"], ids["other"]])


@pytest.mark.parametrize(
    ("body", "status", "code", "path"),
    [
        ({"calendar": {"unit": "week"}}, 400, "invalid", "anchor"),
        ({"calendar": {"unit": "pay"}}, 400, "invalid", "unit"),
        ({"currency": "XXZ"}, 400, "currency_unknown", "currency"),
        ({"pays_from": "Expenses:Food:Groceries"}, 400, "invalid", "pays_from"),
        ({"name": "Ours"}, 409, "conflict", "name"),
        ({"starts_on": "0001-01-01"}, 400, "invalid", "starts_on"),
    ],
)
def test_a_budget_that_cannot_be_names_the_field(api, url, make, body, status, code, path):
    make()
    answer = api.post(url("budgets/"), {"name": "New", "kind": "envelope", **body}, format="json")
    refused(answer, status, code, path)


def test_a_line_that_cannot_be_names_the_field(api, url, ids, accounts):
    lines = f"budgets/{ids['budget_id']}/lines/"
    for body, status, code, path in (
        ({}, 400, "invalid", "account"),
        ({"account": accounts.checking.pk}, 400, "invalid", "account"),
        ({"account": accounts.groceries.pk}, 409, "conflict", "account"),
        ({"account": accounts.rent.pk, "target": {"kind": "by_date", "amount": "5"}}, 400, "invalid", "target.due"),
        (
            {"account": accounts.rent.pk, "target": {"kind": "refill", "amount": "5.001"}},
            400,
            "amount_invalid",
            "target.amount",
        ),
        ({"tag": 10**9}, 404, "not_found", None),
    ):
        answer = api.post(url(lines), body, format="json")
        refused(answer, status, code, *([path] if path else []))


def test_a_line_with_records_is_closed_and_never_removed(api, url, ids, make):
    line = url(f"budgets/{ids['budget_id']}/lines/{ids['line_id']}/")
    given = {"line": ids["line_id"], "period": "2026-03-01", "amount": "5.00"}
    made(api, url, f"budgets/{ids['budget_id']}/assignments/", given)
    refused(api.delete(line), 409, "conflict")
    refused(api.patch(line, {"closed": True}, format="json"), 409, "conflict", "closed")
    made(api, url, f"budgets/{ids['budget_id']}/assignments/", {**given, "amount": "-5.00"})
    assert api.patch(line, {"closed": True}, format="json").json()["closed"] is True
    refused(api.post(url(f"budgets/{ids['budget_id']}/assignments/"), given, format="json"), 409, "conflict", "amount")
    assert Assignment.objects.count() == 2
    assert api.delete(url(f"budgets/{ids['budget_id']}/lines/{ids['other']}/")).status_code == 204
    assert api.delete(url(f"budgets/{ids['budget_id']}/")).status_code == 204
    assert not Budget.objects.exists()


def test_nothing_is_recorded_for_what_a_line_has_already(api, url, ids):
    body = {"line": ids["line_id"], "period": "2026-03-01", "total": "5.00"}
    made(api, url, f"budgets/{ids['budget_id']}/assignments/", body)
    assert api.post(url(f"budgets/{ids['budget_id']}/assignments/"), body, format="json").status_code == 204
    assert Assignment.objects.count() == 1


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "8999-01-01"])
def test_the_ends_of_the_calendar_are_answered(api, url, ids, day):
    for tail in (f"figures/?on={day}", f"days/?first={day}&last={day}"):
        assert api.get(url(f"budgets/{ids['budget_id']}/{tail}")).status_code in (200, 400)
    given = {"line": ids["line_id"], "period": day, "amount": "5.00"}
    assert api.post(url(f"budgets/{ids['budget_id']}/assignments/"), given, format="json").status_code in (201, 400)
