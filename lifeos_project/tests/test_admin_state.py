import datetime

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from finance.ledger import services
from finance.models import Book, LedgerCheck, WebhookEndpoint
from identity.models import AuditRecord, User
from insights.models import RuleSetting
from insights.rules.catalogue import RULES
from lifeos_project.console import landing_page
from lifeos_project.monitoring import health
from lifeos_project.tests.documents import read_page
from platform_outbox.models import OutboxMessage, Periodic, Status, Worker

NOW = datetime.datetime(2026, 3, 15, 12, 30, tzinfo=datetime.UTC)
INDEX = "/admin/"


@pytest.fixture(autouse=True)
def _fresh_badges(db):
    cache.clear()


@pytest.fixture
def operator(db):
    return User.objects.create_superuser("operator@example.org", "correct horse battery")


@pytest.fixture
def as_operator(client, operator):
    client.force_login(operator)
    return client


@pytest.fixture
def book(operator):
    return services.create_book(
        owner=operator, name="Home", base_currency="EUR", time_zone="Europe/Berlin", template=None
    )


def panels(response):
    return {panel.title: panel for panel in response.context["panels"]}


def facts(panel):
    return {fact.name: (fact.value, fact.state) for fact in panel.facts}


def event(**fields):
    now = timezone.now()
    given = {"event_type": "finance.book.created", "ordering_key": "book:1", "shard": 1, "payload": {}}
    return OutboxMessage.objects.create(**{**given, "created_at": now, "available_at": now, **fields})


class TestAccess:
    def test_the_anonymous_are_sent_to_sign_in(self, client):
        response = client.get(INDEX)
        assert response.status_code == 302
        assert "login" in response["Location"]

    def test_people_who_are_no_operators_are_sent_to_sign_in(self, client):
        client.force_login(User.objects.create_user("vera@example.org", "correct horse battery"))
        assert "login" in client.get(INDEX)["Location"]

    def test_staff_without_permissions_sees_the_state_but_no_levers_into_the_books(self, client, book):
        client.force_login(User.objects.create_user("s@example.org", "correct horse battery", is_staff=True))
        response = client.get(INDEX)
        assert response.status_code == 200
        assert panels(response)["Books"].figure == "1"
        text = response.content.decode()
        for model in ("book", "account", "journalentry", "importbatch", "ledgercheck"):
            assert f"/admin/finance/{model}/" not in text
        assert "/admin/identity/user/" not in text


def test_every_link_of_the_sidebar_and_every_lever_opens(as_operator):
    response = as_operator.get(INDEX)
    links = [item["link"] for group in response.context["sidebar_navigation"] for item in group["items"]]
    links += [panel.lever.url for panel in response.context["panels"] if panel.lever]
    assert len(links) > 20
    for link in links:
        assert as_operator.get(link, follow=True).status_code in (200, 503), link


def test_the_page_costs_a_bounded_number_of_queries(as_operator, django_assert_max_num_queries):
    as_operator.get(INDEX)
    with django_assert_max_num_queries(31):
        as_operator.get(INDEX)


def test_without_a_worker_services_are_in_trouble(as_operator):
    panel = panels(as_operator.get(INDEX))["Services"]
    assert panel.state == "trouble"
    assert facts(panel)["Workers"] == ("none: events wait until one is started", "trouble")
    assert facts(panel)["Migrations"][1] == "ok"
    assert facts(panel)["Database"][0].startswith("PostgreSQL ")


def test_a_worker_that_lives_is_counted(as_operator):
    now = timezone.now()
    Worker.objects.create(name="here:1", broker="stub", started_at=now, heartbeat_at=now)
    panel = panels(as_operator.get(INDEX))["Services"]
    assert (panel.state, facts(panel)["Workers"][0]) == ("ok", "1 alive")


def test_a_periodic_job_that_fails_is_named(as_operator):
    now = timezone.now()
    Periodic.objects.create(name="finance.day_clock", seconds=60, due_at=now)
    assert "Periodic jobs" not in facts(panels(as_operator.get(INDEX))["Services"])
    Periodic.objects.update(failures=3, error="Traceback\nValueError: no luck")
    response = as_operator.get(INDEX)
    assert facts(panels(response)["Services"])["Periodic jobs"] == ("failing: finance.day_clock", "trouble")
    page = as_operator.get("/admin/platform_outbox/periodic/").content.decode()
    assert "finance.day_clock" in page
    assert "Failing" in page
    assert "no luck" in as_operator.get("/admin/platform_outbox/periodic/finance.day_5Fclock/change/").content.decode()


def test_webhooks_that_fail_are_counted_and_lead_to_their_list(as_operator, book):
    now = timezone.now()
    quiet = {"book": book, "url": "https://example.org/hook"}
    WebhookEndpoint.objects.create(**quiet)
    panel = panels(as_operator.get(INDEX))["Webhooks"]
    assert (panel.figure, panel.state) == ("1", "ok")
    assert {fact.url for fact in panel.facts} == {""}

    failing = WebhookEndpoint.objects.create(**quiet, failing_since=now)
    stopped = WebhookEndpoint.objects.create(
        **quiet, failing_since=now, active=False, stopped="failing", stopped_at=now
    )
    gone = WebhookEndpoint.objects.create(**quiet, active=False, stopped="gone", stopped_at=now)
    by_hand = WebhookEndpoint.objects.create(**quiet, active=False, stopped="by_hand", stopped_at=now)
    panel = panels(as_operator.get(INDEX))["Webhooks"]
    assert (panel.figure, panel.state) == ("2", "notice")
    expected = {
        "Failing": ("1", {failing}),
        "Switched off after failing": ("2", {stopped, gone}),
        "Switched off by their owners": ("1", {by_hand}),
    }
    assert {fact.name: fact.value for fact in panel.facts} == {name: value for name, (value, _rows) in expected.items()}
    for fact in panel.facts:
        listed = as_operator.get(fact.url)
        assert set(listed.context["cl"].result_list) == expected[fact.name][1], fact.name


def test_a_backup_and_a_verification_that_are_missing_lead_to_where_they_are_started(as_operator, book):
    found = {fact.name: fact for fact in panels(as_operator.get(INDEX))["Books"].facts}
    assert {fact.value for fact in found.values()} == {"never: start it under Operations"}
    for name, button in (("All verified", "Verify books"), ("Backed up", "Back up")):
        page = as_operator.get(found[name].url)
        assert page.status_code == 200
        assert button in page.content.decode()


def test_staff_who_may_not_start_an_operation_get_no_link_to_it(client, book):
    client.force_login(User.objects.create_user("s@example.org", "correct horse battery", is_staff=True))
    assert {fact.url for name in ("Books", "Webhooks") for fact in panels(client.get(INDEX))[name].facts} == {""}


def lists_of(client):
    """Every list of the admin that the operator may open, with its page."""
    for model, model_admin in admin.site._registry.items():
        response = client.get(
            reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), follow=True
        )
        if response.status_code == 200 and "cl" in (response.context or {}):
            yield model_admin, response


def test_an_empty_list_says_only_what_is_true(as_operator):
    seen = 0
    for model_admin, response in lists_of(as_operator):
        page = response.content.decode()
        assert "Create a new item" not in page, model_admin
        if not response.context["cl"].result_list:
            seen += 1
            may_add = model_admin.has_add_permission(response.wsgi_request)
            assert ("lo-empty" in page) is True, model_admin
            offered = page.partition("lo-empty")[2].partition("</div>")[0]
            assert (f"Add {model_admin.opts.verbose_name}" in offered) is may_add, model_admin
            searched = as_operator.get(response.wsgi_request.path, {"q": "zzz"})
            if model_admin.search_fields:
                assert "Nothing matches these filters." in searched.content.decode(), model_admin
    assert seen > 15


def test_the_list_of_rules_tells_which_run(as_operator, settings):
    url = "/admin/insights/rulesetting/"
    read = read_page(as_operator.get(url).content.decode()).first("section", cls="lo-rules")
    assert [each.text.partition(" · ")[0] for each in read.all("dd")] == ["on"] * len(RULES)
    assert len(list(read.all("dd"))) == 5
    RuleSetting.objects.create(kind="unusual_amount", enabled=False)
    read = read_page(as_operator.get(url).content.decode()).first("section", cls="lo-rules")
    assert sorted(each.text.partition(" · ")[0] for each in read.all("dd")) == ["off", "on", "on", "on", "on"]
    assert as_operator.get(next(read.all("a")).attributes["href"]).status_code == 200
    settings.ENABLE_INSIGHTS = False
    assert "no rule runs" in as_operator.get(url).content.decode()


def test_a_service_that_fails_is_named_and_the_page_still_comes(as_operator, monkeypatch):
    def refused():
        raise ConnectionRefusedError

    monkeypatch.setattr(health, "_broker", refused)
    response = as_operator.get(INDEX)
    assert facts(panels(response)["Services"])["Broker"] == ("ConnectionRefusedError", "trouble")
    assert "asks for attention" in response.content.decode() or "need attention" in response.content.decode()


def test_dead_letters_and_old_events_are_trouble_and_badged(as_operator):
    event(status=Status.DEAD)
    event(created_at=timezone.now() - datetime.timedelta(hours=3))
    response = as_operator.get(INDEX)
    panel = panels(response)["Events"]
    assert (panel.figure, panel.state) == ("1", "trouble")
    assert facts(panel) == {"Oldest waits": ("3 h", "trouble"), "Dead letters": ("1", "trouble")}
    badges = {
        item["title"]: item.get("badge") for group in response.context["sidebar_navigation"] for item in group["items"]
    }
    assert badges["Dead letters"] == "1"
    assert badges["Imports"] is None


@pytest.mark.parametrize(
    ("days", "problems", "told", "state"),
    [
        (0, [], "0\xa0minutes ago, sound", "ok"),
        (8, [], "1\xa0week ago, sound", "notice"),
        (0, [{"code": "x"}], "0\xa0minutes ago, 1 promise broken", "trouble"),
    ],
)
def test_the_latest_proof_of_all_books_is_told(as_operator, book, days, problems, told, state):
    at = timezone.now() - datetime.timedelta(days=days)
    LedgerCheck.objects.create(book=book, checked_at=timezone.now(), entries=1, lines=2)
    LedgerCheck.objects.create(book=None, checked_at=at, entries=1, lines=2, problems=problems)
    assert facts(panels(as_operator.get(INDEX))["Books"])["All verified"] == (told, state)


def test_books_never_proven_ask_for_it(as_operator, book):
    LedgerCheck.objects.create(book=book, checked_at=timezone.now(), entries=1, lines=2)
    told = facts(panels(as_operator.get(INDEX))["Books"])["All verified"]
    assert told == ("never: start it under Operations", "notice")


def test_refused_sign_ins_are_counted_by_the_hour(db):
    refused = AuditRecord.Action.SIGN_IN_FAILED
    for hours in (0.1, 0.2, 5, 23.9, 24.1, 100):
        AuditRecord.objects.create(action=refused, target="x", at=NOW - datetime.timedelta(hours=hours))
    AuditRecord.objects.create(action=AuditRecord.Action.SIGNED_IN, at=NOW - datetime.timedelta(hours=1))
    trend = landing_page._trend(AuditRecord, "at", "Refused", NOW, only=landing_page.REFUSED)
    assert len(trend.values) == 24
    assert {hour: count for hour, count in enumerate(trend.values) if count} == {0: 1, 18: 1, 23: 2}
    assert trend.told == "Refused: 4 in 24 hours, at most 2 in an hour."


def test_sign_ins_refused_at_every_door_are_told(as_operator, client):
    assert panels(as_operator.get(INDEX))["Sign-ins"].figure == "0"
    stranger = Client()
    wrong = {"username": "vera@example.org", "password": "wrong"}
    stranger.post("/accounts/sign-in/", wrong)
    stranger.post("/admin/login/", wrong)
    api = {"email": "vera@example.org", "password": "wrong"}
    stranger.post("/api/v1/auth/token/", api, content_type="application/json")
    assert panels(as_operator.get(INDEX))["Sign-ins"].figure == "3"
    assert facts(panels(as_operator.get(INDEX))["Sign-ins"])["Locked out now"] == ("0", "ok")
    stranger.post("/accounts/sign-in/", wrong)
    stranger.post("/accounts/sign-in/", wrong)
    panel = panels(as_operator.get(INDEX))["Sign-ins"]
    assert (panel.figure, panel.trend.values[-1]) == ("5", 5)
    assert facts(panel)["Locked out now"] == ("1", "notice")


def test_an_account_locked_from_everywhere_is_told(as_operator, settings):
    settings.LOGIN_FAILURE_LIMIT_WIDE = 6
    for number in range(6):
        wrong = {"username": "vera@example.org", "password": "wrong"}
        Client(REMOTE_ADDR=f"198.51.100.{number}").post("/accounts/sign-in/", wrong)
    assert facts(panels(as_operator.get(INDEX))["Sign-ins"])["Locked out now"] == ("1", "notice")


def test_the_line_of_a_trend_fits_its_box():
    trend = landing_page.Trend(label="Files", values=[0] * 23 + [7])
    assert trend.points.split()[0] == "0,38.0"
    assert trend.points.split()[-1] == "230,2.0"
    assert landing_page.Trend(label="Files", values=[0] * 24).points.split()[-1] == "230,38.0"


def test_the_badge_names_the_environment(as_operator, settings):
    assert "Development" in as_operator.get(INDEX).content.decode()
    settings.PRODUCTION = True
    assert "Production" in as_operator.get(INDEX).content.decode()


def test_a_fresh_installation_has_its_page(as_operator):
    assert not Book.objects.exists()
    response = as_operator.get(reverse("admin:index"))
    assert panels(response)["Books"].figure == "0"
    assert panels(response)["Events"].state == "ok"
