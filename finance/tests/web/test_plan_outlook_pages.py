"""Pages of the forecast, goals and scenarios, and the overview's card."""

import datetime

import pytest
from django.test import Client
from django.urls import reverse

from core.clock import today_in
from finance.ledger import services as ledger
from finance.ledger.posting import LineDraft
from finance.models import ForecastAccount, Goal, Scenario, Schedule
from finance.planning.forecast.projection import Holding, project
from finance.planning.upcoming import Layer, Upcoming
from finance.web.forecast_chart import HEIGHT, WIDTH, chart_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(book, owner, editor, viewer, stranger):
    """pages["owner"].get("plan_goals") → the response."""

    class Pages:
        def __init__(self, user):
            self.client = Client()
            if user is not None:
                self.client.force_login(user)

        def get(self, page, *ids, **query):
            return self.client.get(reverse(f"web:{page}", args=[book.pk, *ids]), query)

        def post(self, page, *ids, **given):
            return self.client.post(reverse(f"web:{page}", args=[book.pk, *ids]), given)

    people = {"owner": owner, "editor": editor, "viewer": viewer, "stranger": stranger, "anonymous": None}
    return {name: Pages(user) for name, user in people.items()}


@pytest.fixture
def money(book, owner, accounts):
    today = today_in(book)
    for account, amount, on in [
        (accounts.checking, 1_000_00, today),
        (accounts.savings, 500_00, today),
        (accounts.checking, -400_00, today + datetime.timedelta(days=9)),
    ]:
        lines = [
            LineDraft(account_id=account.pk, amount=amount),
            LineDraft(account_id=accounts.opening.pk, amount=-amount),
        ]
        ledger.post_entry(book=book, actor=owner, date=on, lines=lines, payee="Start")


def test_who_sees_and_who_changes(pages, money, accounts, book, owner):
    for name in ("plan_forecast", "plan_goals", "plan_scenarios"):
        seen = {person: each.get(name).status_code for person, each in pages.items()}
        assert seen == {"owner": 200, "editor": 200, "viewer": 200, "stranger": 404, "anonymous": 302}, name
    for name, given in [("plan_goals", {"name": "x", "kind": "save", "account": accounts.savings.pk}),
                        ("plan_scenarios", {"name": "x"})]:  # fmt: skip
        seen = {person: each.post(name, **given).status_code for person, each in pages.items()}
        assert seen == {"owner": 302, "editor": 302, "viewer": 403, "stranger": 404, "anonymous": 302}, name
    seen = {p: each.post("plan_forecast_account", accounts.cash.pk, floor="1").status_code for p, each in pages.items()}
    assert seen == {"owner": 302, "editor": 302, "viewer": 403, "stranger": 404, "anonymous": 302}
    for name, model in [("plan_goal", Goal), ("plan_scenario", Scenario)]:
        made = model.objects.filter(book=book).first().pk
        seen = {person: each.get(name, made).status_code for person, each in pages.items()}
        assert seen == {"owner": 200, "editor": 200, "viewer": 200, "stranger": 404, "anonymous": 302}, name
        for do in ("remove", "close" if name == "plan_goal" else "copy"):
            assert pages["viewer"].post(name, made, do=do).status_code == 403


def test_the_forecast_says_two_figures_and_has_a_table(pages, money, accounts):
    page = pages["viewer"].get("plan_forecast", account=accounts.checking.pk, days=30)
    text = page.content.decode()
    assert page.context["with_entered"] == 600_00
    assert page.context["rows"][-1].expected == 600_00
    assert "Lowest balance wanted" not in text
    assert "three whole months" in text
    together = pages["owner"].get("plan_forecast")
    assert together.context["rows"][-1].expected == 1_100_00
    assert [name for name, _title in together.context["layers"]] == ["entered"]
    assert pages["owner"].get("plan_forecast", account=accounts.rent.pk).status_code == 404


def test_floor_and_leaving_out(pages, money, accounts):
    pages["editor"].post("plan_forecast_account", accounts.checking.pk, floor="-200,00")
    assert ForecastAccount.objects.get().floor == -200_00
    refused = pages["editor"].post("plan_forecast_account", accounts.checking.pk, floor="soon")
    assert ForecastAccount.objects.get().floor == -200_00
    assert refused.status_code == 302
    pages["editor"].post("plan_forecast_account", accounts.checking.pk, floor="")
    assert ForecastAccount.objects.get().floor is None
    pages["editor"].post("plan_forecast_account", accounts.checking.pk, included="no")
    page = pages["editor"].get("plan_forecast")
    assert page.context["accounts_left_out"] == [accounts.checking]


def test_a_goal_from_its_form_to_its_end(pages, money, accounts, book):
    by = (today_in(book) + datetime.timedelta(days=200)).isoformat()
    given = {"name": "Boat", "kind": "save", "account": accounts.savings.pk, "target": "400", "by": by, "saved": "50"}
    assert pages["editor"].post("plan_goals", **given).status_code == 302
    goal = Goal.objects.get()
    today = today_in(book).isoformat()
    move = {"do": "put", "amount": "100", "account": accounts.savings.pk, "date": today}
    assert pages["editor"].post("plan_goal", goal.pk, **move).status_code == 302
    page = pages["viewer"].get("plan_goal", goal.pk)
    assert (page.context["view"].saved, len(page.context["moves"])) == (150_00, 2)
    too_much = pages["editor"].post("plan_goal", goal.pk, **move | {"amount": "900"})
    assert too_much.status_code == 400
    assert "goals would hold" in too_much.content.decode()
    assert pages["owner"].get("plan_forecast", account=accounts.savings.pk).context["safe"] == 350_00
    change = {"do": "save", "name": "Ship", "kind": "save", "target": "500", "by": by}
    assert pages["editor"].post("plan_goal", goal.pk, **change).status_code == 302
    pages["editor"].post("plan_goal", goal.pk, do="close")
    assert not pages["viewer"].get("plan_goals").context["views"]
    assert pages["viewer"].get("plan_goals", closed=1).context["views"][0].goal.name == "Ship"
    assert pages["editor"].post("plan_goal", goal.pk, do="remove").url == reverse("web:plan_goals", args=[book.pk])
    wrong = pages["editor"].post("plan_goals", **given | {"target": ""})
    assert "target" in wrong.context["form"].errors


def test_a_scenario_from_its_form_to_the_plan(pages, money, accounts, book):
    pages["editor"].post("plan_scenarios", name="Boat")
    scenario = Scenario.objects.get()
    start = (today_in(book) + datetime.timedelta(days=20)).isoformat()
    step = {"do": "add", "kind": "add", "start": start, "account": accounts.checking.pk, "every": "1", "unit": "month",
            "category": accounts.rent.pk, "amount": "-100", "label": "Berth"}  # fmt: skip
    assert pages["editor"].post("plan_scenario", scenario.pk, **step).status_code == 302
    refused = pages["editor"].post("plan_scenario", scenario.pk, **step | {"unit": ""})
    assert list(refused.context["form"].errors) == ["unit"]
    page = pages["viewer"].get("plan_scenario", scenario.pk, days=90)
    [(compared, chart)] = page.context["compared"]
    assert compared.end_difference == -300_00
    assert len(chart.lines) == 2
    pages["editor"].post("plan_scenario", scenario.pk, do="copy")
    pages["editor"].post("plan_scenario", scenario.pk, do="promote")
    assert Schedule.objects.get().amount == -100_00
    copied = Scenario.objects.latest("pk")
    pages["editor"].post("plan_scenario", copied.pk, do="drop", step=copied.steps.get().pk)
    assert copied.steps.count() == 0
    nothing = pages["editor"].post("plan_scenario", copied.pk, do="promote")
    assert nothing.status_code == 200
    assert "No step of this scenario can become a schedule" in nothing.content.decode()
    pages["editor"].post("plan_scenario", copied.pk, do="remove")
    assert Scenario.objects.count() == 1


def test_the_overview_says_the_lowest_point_of_the_next_days(pages, money, accounts):
    page = pages["viewer"].get("overview")
    assert (page.context["ahead"].lowest.amount, page.context["ahead"].now) == (1_100_00, 1_500_00)
    assert "Next 30 days" in page.content.decode()


def test_charts_stay_inside_and_begin_today():
    today = datetime.date(2026, 3, 1)
    moves = [
        Upcoming(
            date=today + datetime.timedelta(days=day), nominal=today, account_id=1, amount=amount, currency="EUR",
            layer=layer, label="x",
        )
        for day, amount, layer in [(0, 5, Layer.SCHEDULE), (3, -50_00, Layer.SCHEDULE), (3, -25_00, Layer.HABIT)]
    ]  # fmt: skip
    [found] = project(
        holdings=[Holding(account_id=1, currency="EUR", balance=10_00)], upcoming=moves, today=today, days=400
    )
    chart = chart_of(found, None)
    places = [tuple(map(int, point.split(","))) for point in chart.lines[0].split()]
    assert (places[0][0], places[-1][0]) == (0, WIDTH)
    assert all(0 <= y <= HEIGHT for _x, y in places)
    assert chart.zero is not None
    down = [bar for bar in chart.bars if bar.y >= chart.middle]
    assert sum(bar.height for bar in down) == 36
    assert all(bar.y + bar.height <= chart.height for bar in chart.bars)
