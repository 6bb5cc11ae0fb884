"""Forecast, goals and scenarios by the API: shapes, roles, and field cases as strangers try them."""

import datetime
from decimal import Decimal

import pytest

from core.clock import today_in
from finance.ledger import services as ledger
from finance.ledger.posting import LineDraft
from finance.models import Schedule

pytestmark = pytest.mark.django_db


@pytest.fixture
def today(book):
    return today_in(book)


@pytest.fixture
def fund(book, owner, accounts, today):
    def run(amount, *, account=None, on=None):
        account = account or accounts.checking
        lines = [
            LineDraft(account_id=account.pk, amount=amount),
            LineDraft(account_id=accounts.opening.pk, amount=-amount),
        ]
        return ledger.post_entry(book=book, actor=owner, date=on or today, payee="Start", lines=lines)

    return run


@pytest.fixture
def scheduled(accounts, book, owner, today):
    def run(amount, first, *, category=None, **more):
        from finance.planning.recurrence import Unit
        from finance.planning.schedules.definition import CounterLine, Definition
        from finance.planning.schedules.services import create_schedule

        definition = Definition(
            name="Rent", account_id=accounts.checking.pk, amount=amount, first=first, unit=Unit.MONTH,
            lines=(CounterLine(account_id=(category or accounts.rent).pk),), **more,
        )  # fmt: skip
        return create_schedule(book=book, actor=owner, definition=definition, today=today)

    return run


def test_forecast_of_a_book(api, url, fund, scheduled, accounts, today):
    fund(1_000_00)
    fund(-100_00, on=today + datetime.timedelta(days=20))
    scheduled(-700_00, today + datetime.timedelta(days=10))
    body = api.get(url("forecast/"), {"days": 60}).json()
    [checking] = [each for each in body["accounts"] if each["account"] == accounts.checking.pk]
    assert (checking["today"], checking["with_entered"], checking["band"]) == ("1000.00", "900.00", "none")
    assert checking["first_below_floor"]["amount"] == "-500.00"
    assert (checking["safe_to_spend"], body["totals"][0]["currency"]) == ("0.00", "EUR")
    layers = {each["layer"]: each["net"] for each in body["layers"]}
    assert layers == {"entered": "-100.00", "schedule": "-1400.00"}
    days = api.get(url("forecast/days/"), {"account": accounts.checking.pk, "limit": 11}).json()
    assert days["results"][10]["layers"] == [{"layer": "schedule", "change": "-700.00"}]
    assert api.get(days["next"]).json()["results"][0]["expected"] == "300.00"
    ahead = api.get(url("forecast/upcoming/"), {"layer": "entered"}).json()["results"]
    assert [(each["label"], each["amount"]) for each in ahead] == [("Start", "-100.00")]
    assert api.get(url("forecast/days/"), {"account": accounts.rent.pk}).status_code == 404
    assert api.get(url("forecast/days/"), {"currency": "USD"}).status_code == 404
    assert api.get(url("forecast/"), {"days": 401}).status_code == 400


def test_fct_08_by_the_api(api, url, fund, scheduled, accounts, today):
    fund(400_00)
    first = (today.replace(day=1) + datetime.timedelta(days=62)).replace(day=28)
    scheduled(300_00, first, category=accounts.salary)
    scheduled(-200_00, first)
    scheduled(-600_00, first.replace(year=first.year + (first.month > 9), month=(first.month + 2) % 12 + 1), count=1)
    body = api.get(url("forecast/")).json()
    assert body["totals"][0]["safe_to_spend"] == "200.00"
    assert body["totals"][0]["lowest"]["amount"] == "200.00"


def test_floors_kept_forecasts_and_scores(api, url, fund, accounts, today):
    fund(100_00)
    answer = api.patch(url(f"forecast/accounts/{accounts.checking.pk}/"), {"floor": "-500.00"}, format="json")
    assert answer.json()["floor"] == "-500.00"
    assert api.get(url("forecast/")).json()["totals"][0]["safe_to_spend"] == "600.00"
    wrong = api.patch(url(f"forecast/accounts/{accounts.checking.pk}/"), {"floor": "1.234"}, format="json")
    assert list(wrong.json()["fields"]) == ["floor"]
    assert api.patch(url(f"forecast/accounts/{accounts.rent.pk}/"), {}, format="json").status_code == 404
    assert len(api.get(url("forecast/accounts/")).json()["results"]) == 4
    kept = api.post(url("forecast/kept/"))
    assert kept.status_code == 201
    [listed] = api.get(url("forecast/kept/")).json()["results"]
    assert listed["made_on"] == today.isoformat()
    figures = api.get(url(f"forecast/kept/{listed['id']}/figures/"), {"limit": 2}).json()
    assert (figures["results"][0]["horizon"], figures["results"][0]["actual"]) == (7, None)
    assert figures["next"]
    assert api.get(url("forecast/scores/")).json()["results"] == []
    assert api.get(url("forecast/kept/999999/figures/")).status_code == 404


def test_gol_01_and_gol_04_by_the_api(api, url, fund, accounts, book, owner, today):
    fund(290_00, account=accounts.savings)
    fund(50_00)
    goal = api.post(
        url("goals/"), {"name": "Boat", "account": "Assets:Savings account", "saved": "290.00"}, format="json"
    ).json()
    assert (goal["saved"], goal["target"], goal["proposal"]) == ("290.00", None, "0.00")
    lines = [
        LineDraft(account_id=accounts.savings.pk, amount=5_00),
        LineDraft(account_id=accounts.checking.pk, amount=-5_00),
    ]
    transfer = ledger.post_entry(book=book, actor=owner, date=today, lines=lines)
    linked = api.post(url(f"goals/{goal['id']}/entries/"), {"entry": str(transfer.uid)}, format="json")
    assert linked.json()["saved"] == "295.00"
    again = api.post(url(f"goals/{goal['id']}/entries/"), {"entry": str(transfer.uid)}, format="json")
    assert again.status_code == 409
    released = api.post(url(f"goals/{goal['id']}/moves/"), {"amount": "-195.00"}, format="json").json()
    assert released["saved"] == "100.00"
    kept = {"name": "Reserve", "kind": "keep", "target": "100.00", "account": accounts.savings.pk, "saved": "100.00"}
    reserve = api.post(url("goals/"), kept, format="json").json()
    assert (reserve["is_met"], reserve["proposal"]) == (True, "0.00")
    spent = api.post(url(f"goals/{reserve['id']}/moves/"), {"amount": "-35.00"}, format="json").json()
    assert spent["proposal"] == "35.00"
    too_much = api.post(url(f"goals/{reserve['id']}/moves/"), {"amount": "500.00"}, format="json")
    assert (too_much.status_code, list(too_much.json()["fields"])) == (409, ["amount"])
    [holder] = [each for each in api.get(url("goals/accounts/")).json()["results"] if each["set_aside"] != "0.00"]
    assert (holder["balance"], holder["set_aside"], holder["free"]) == ("295.00", "165.00", "130.00")
    moves = api.get(url(f"goals/{goal['id']}/moves/"), {"limit": 1}).json()
    assert moves["results"][0]["amount"] == "-195.00"
    assert api.get(moves["next"]).json()["results"][0]["entry"] == str(transfer.uid)


def test_gol_03_by_the_api(api, url, fund, accounts, today):
    fund(2_000_00, account=accounts.savings)
    by = (today.replace(day=28) + datetime.timedelta(days=92)).replace(day=28)
    given = {
        "name": "Bike",
        "account": accounts.savings.pk,
        "target": "1200.00",
        "by": by.isoformat(),
        "saved": "200.00",
    }
    goal = api.post(url("goals/"), given, format="json").json()
    assert sum(Decimal(each["amount"]) for each in goal["contributions"]) == 1000
    changed = api.patch(
        url(f"goals/{goal['id']}/"), {"target": None, "by": None, "note": "later"}, format="json"
    ).json()
    assert (changed["target"], changed["contributions"], changed["note"]) == (None, [], "later")
    closed = api.patch(url(f"goals/{goal['id']}/"), {"closed": True}, format="json").json()
    assert closed["closed"] is True
    assert api.get(url("goals/")).json()["results"] == []
    assert len(api.get(url("goals/"), {"closed": "true"}).json()["results"]) == 1
    assert api.delete(url(f"goals/{goal['id']}/")).status_code == 204
    wrong = api.post(url("goals/"), {**given, "target": "0"}, format="json")
    assert list(wrong.json()["fields"]) == ["target"]


def test_a_scenario_from_its_first_step_to_the_plan(api, url, fund, scheduled, accounts, today):
    fund(3_000_00)
    rent = scheduled(-700_00, today + datetime.timedelta(days=10))
    scenario = api.post(url("scenarios/"), {"name": "New flat"}, format="json").json()
    steps = url(f"scenarios/{scenario['id']}/steps/")
    later = (today + datetime.timedelta(days=30)).isoformat()
    change = {"kind": "change", "from": later, "source": rent.pk, "amount": "-900.00"}
    step = api.post(steps, change, format="json")
    assert (step.status_code, step.json()["amount"], step.json()["from"]) == (201, "-900.00", later)
    wrong = api.post(
        steps, {"kind": "add", "from": later, "account": accounts.checking.pk, "amount": "1.00"}, format="json"
    )
    assert (wrong.status_code, list(wrong.json()["fields"])) == (400, ["unit"])
    compared = api.get(url(f"scenarios/{scenario['id']}/compare/"), {"days": 60}).json()
    [euros] = compared["currencies"]
    assert (euros["forecast"]["end"]["amount"], euros["end_difference"]) == ("1600.00", "-200.00")
    one = f"{steps}{step.json()['id']}/"
    assert api.put(one, {**change, "amount": "-800.00"}, format="json").json()["amount"] == "-800.00"
    assert api.get(one).json()["amount"] == "-800.00"
    extra = api.post(steps, {"kind": "shock", "from": later, "flow": "income", "percent": 50}, format="json").json()
    assert api.get(url(f"scenarios/{scenario['id']}/compare/")).json()["without_effect"] == [extra["id"]]
    copied = api.post(url(f"scenarios/{scenario['id']}/copy/"), {"name": "Again"}, format="json").json()
    assert len(copied["steps"]) == 2
    done = api.post(url(f"scenarios/{scenario['id']}/promote/")).json()
    assert (len(done["schedules"]), done["left"]) == (1, [extra["id"]])
    assert Schedule.objects.get(pk=done["schedules"][0]).amount == -800_00
    assert api.post(steps, change, format="json").status_code == 409
    assert len(api.get(url("scenarios/")).json()["results"]) == 2
    assert api.delete(f"{url('scenarios/')}{copied['id']}/").status_code == 204


READING = ["forecast/", "forecast/days/", "forecast/upcoming/", "forecast/accounts/", "forecast/scores/",
           "forecast/kept/", "goals/", "goals/accounts/", "scenarios/"]  # fmt: skip


def test_who_may_do_what(clients, url, accounts):
    for tail in READING:
        seen = {name: client.get(url(tail)).status_code for name, client in clients.items()}
        assert seen == {"owner": 200, "editor": 200, "viewer": 200, "stranger": 404, "anonymous": 401}, tail
    changes = [
        ("post", "goals/", {"name": "x", "account": accounts.savings.pk}, 201),
        ("post", "scenarios/", {"name": "x"}, 201),
        ("post", "forecast/kept/", {}, 201),
        ("patch", f"forecast/accounts/{accounts.cash.pk}/", {"floor": "1.00"}, 200),
    ]
    for method, tail, body, good in changes:
        seen = {
            name: getattr(client, method)(url(tail), body, format="json").status_code
            for name, client in clients.items()
        }
        assert seen == {"owner": good, "editor": good, "viewer": 403, "stranger": 404, "anonymous": 401}, tail
