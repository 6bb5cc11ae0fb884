"""The API of webhooks: who may do what, what is answered, and what never is."""

import datetime

import pytest
from django.db import transaction

from finance.api import urls
from finance.events.books import BookRenamed
from finance.ledger import services as ledger
from finance.tests.api.conftest import client_of, refused
from finance.webhooks import services
from finance.webhooks.bodies import Happened, announced_events
from finance.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookSecret
from identity.models import AuditRecord
from platform_outbox.models import OutboxMessage

URL = "https://hooks.example.org/lifeos"
NOW = datetime.datetime(2026, 3, 15, 12, tzinfo=datetime.UTC)
LOOK, CHANGE = "look", "change"

# route, method, what it takes, body, status
ROUTES = [
    ("api-webhooks", "get", LOOK, None, 200),
    ("api-webhooks", "post", CHANGE, {"url": URL}, 201),
    ("api-webhook-event-types", "get", LOOK, None, 200),
    ("api-webhook", "get", LOOK, None, 200),
    ("api-webhook", "patch", CHANGE, {"description": "Other"}, 200),
    ("api-webhook", "delete", CHANGE, None, 204),
    ("api-webhook-rotate-secret", "post", CHANGE, {"overlap_hours": 1}, 200),
    ("api-webhook-test", "post", CHANGE, {}, 202),
    ("api-webhook-replay", "post", CHANGE, {"since": "2026-03-01T00:00:00Z"}, 202),
    ("api-webhook-deliveries", "get", LOOK, None, 200),
    ("api-webhook-delivery", "get", LOOK, None, 200),
    ("api-webhook-delivery-replay", "post", CHANGE, {}, 202),
]
ALLOWED = {LOOK: {"owner", "editor"}, CHANGE: {"owner"}}
REFUSALS = {
    "anonymous": (401, "not_authenticated"),
    "stranger": (404, "not_found"),
    "viewer": (403, "forbidden"),
    "editor": (403, "forbidden"),
}


def webhook_with_message(book, owner):
    fresh = services.add_endpoint(book=book, actor=owner, url=URL)
    services.queue_deliveries(happened=[Happened(event=BookRenamed(book_id=book.pk), event_id=1, at=NOW)])
    WebhookDelivery.objects.filter(endpoint=fresh.endpoint).update(state="failed", failure="status", status_code=400)
    delivery = WebhookDelivery.objects.get(endpoint=fresh.endpoint)
    delivery.attempts.create(
        book_id=delivery.book_id,
        number=1, at=NOW, milliseconds=84, address="93.184.215.14", status_code=400, failure="status",
        request_headers={"webhook-id": delivery.message_id}, response_body="no",
    )  # fmt: skip
    return fresh, delivery


@pytest.fixture
def endpoint(book, owner):
    return webhook_with_message(book, owner)[0].endpoint


@pytest.fixture
def delivery(endpoint):
    return WebhookDelivery.objects.get(endpoint=endpoint)


def address(route, *, book, endpoint, delivery):
    pattern = str(next(each.pattern for each in urls.urlpatterns if each.name == route))
    for converter, value in (("book_id", book), ("webhook_id", endpoint), ("delivery_id", delivery)):
        pattern = pattern.replace(f"<int:{converter}>", str(value.pk))
    return f"/api/v1/{pattern}"


def test_the_table_names_every_route_of_webhooks():
    assert {route for route, *_rest in ROUTES} == {
        each.name for each in urls.urlpatterns if each.callback.view_class.__module__.startswith("finance.api.webhook")
    }


@pytest.mark.parametrize(("route", "method", "takes", "body", "status"), ROUTES, ids=[f"{r[1]}-{r[0]}" for r in ROUTES])
def test_each_route_serves_whom_it_should(book, endpoint, delivery, clients, route, method, takes, body, status):
    where, before = address(route, book=book, endpoint=endpoint, delivery=delivery), state_of_things()
    for person, client in clients.items():
        with transaction.atomic():
            response = getattr(client, method)(where, body)
            if person in ALLOWED[takes]:
                assert response.status_code == status, response.content
            else:
                assert (response.status_code, response.json()["code"]) == REFUSALS[person]
            if person not in ALLOWED[takes] or takes == LOOK:
                assert state_of_things() == before
            transaction.set_rollback(True)


def state_of_things():
    tables = (WebhookEndpoint, WebhookSecret, WebhookDelivery)
    return [list(table.objects.order_by("pk").values()) for table in tables], OutboxMessage.objects.count()


@pytest.mark.parametrize(("route", "method", "takes", "body", "status"), ROUTES, ids=[f"{r[1]}-{r[0]}" for r in ROUTES])
def test_numbers_of_another_book_lead_nowhere(
    book,
    owner,
    stranger,
    endpoint,
    delivery,
    api,
    route,
    method,
    takes,
    body,
    status,
):
    other = ledger.create_book(owner=stranger, name="Next door", base_currency="EUR", time_zone="UTC")
    fresh, theirs = webhook_with_message(other, stranger)
    wheres = [address(route, book=other, endpoint=fresh.endpoint, delivery=theirs)]
    if route not in ("api-webhooks", "api-webhook-event-types"):
        wheres.append(address(route, book=book, endpoint=fresh.endpoint, delivery=theirs))
    if "delivery" in route:
        wheres.append(address(route, book=book, endpoint=endpoint, delivery=theirs))
    for where in wheres:
        refused(getattr(api, method)(where, body), 404, "not_found")
    fresh.endpoint.refresh_from_db()
    theirs.refresh_from_db()
    assert (fresh.endpoint.description, theirs.state) == ("", "failed")
    assert WebhookSecret.objects.get(endpoint=fresh.endpoint).secret == fresh.secret


def test_a_webhook_is_added_and_its_secret_answered_this_once(api, url, book):
    response = api.post(
        url("webhooks/"), {"url": URL, "event_types": ["finance.journal.posted"], "description": "Budget robot"}
    )
    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    secret = response.json()["secret"]
    assert WebhookSecret.objects.get().secret == secret
    shown = {
        "id": WebhookEndpoint.objects.get().pk,
        "url": URL,
        "description": "Budget robot",
        "event_types": ["finance.journal.posted"],
        "active": True,
        "stopped": None,
        "stopped_at": None,
        "failing_since": None,
        "created_at": response.json()["created_at"],
    }
    assert response.json() == {**shown, "secret": secret}
    assert api.get(url("webhooks/")).json()["results"] == [shown]
    assert api.get(url(f"webhooks/{shown['id']}/")).json() == {**shown, "old_secret_valid_until": None}


def test_no_list_page_log_or_record_holds_a_secret(api, url, book, owner):
    fresh, _delivery = webhook_with_message(book, owner)
    rotated = api.post(url(f"webhooks/{fresh.endpoint.pk}/rotate-secret/"), {}).json()["secret"]
    pages = ["webhooks/", f"webhooks/{fresh.endpoint.pk}/", f"webhooks/{fresh.endpoint.pk}/deliveries/"]
    pages += [f"webhooks/{fresh.endpoint.pk}/deliveries/{_delivery.pk}/"]
    told = "".join(api.get(url(page)).content.decode() for page in pages)
    told += str(list(AuditRecord.objects.values())) + str(list(OutboxMessage.objects.values()))
    assert fresh.secret not in told
    assert rotated not in told
    assert "whsec_" not in told


def test_a_rotation_answers_the_new_secret_and_when_the_old_one_ends(api, url, endpoint):
    response = api.post(url(f"webhooks/{endpoint.pk}/rotate-secret/"), {"overlap_hours": 48})
    assert response["Cache-Control"] == "no-store"
    until = datetime.datetime.fromisoformat(response.json()["old_secret_valid_until"])
    assert datetime.timedelta(hours=47) < until - datetime.datetime.now(tz=datetime.UTC) <= datetime.timedelta(hours=48)
    assert api.get(url(f"webhooks/{endpoint.pk}/")).json()["old_secret_valid_until"] is not None
    at_once = api.post(url(f"webhooks/{endpoint.pk}/rotate-secret/"), {"overlap_hours": 0}).json()
    assert at_once["old_secret_valid_until"] is None
    assert WebhookSecret.objects.get(expires_at=None).secret == at_once["secret"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "http://hooks.example.org/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": 5}, "url"),
        ({"url": URL, "event_types": ["nothing.like.this"]}, "event_types"),
        ({"url": URL, "event_types": "finance.journal.posted"}, "event_types"),
        ({"url": URL, "description": "x" * 201}, "description"),
        ({"url": URL, "secret": "whsec_abc"}, "secret"),
        ({"url": URL, "active": False}, "active"),
    ],
)
def test_a_bad_body_is_refused_at_its_field(api, url, body, field):
    response = api.post(url("webhooks/"), body)
    assert response.status_code == 400
    assert list(response.json()["fields"]) == [field]
    assert not WebhookEndpoint.objects.exists()


def test_switching_off_and_on(api, url, endpoint):
    where = url(f"webhooks/{endpoint.pk}/")
    off = api.patch(where, {"active": False}).json()
    assert (off["active"], off["stopped"]) == (False, "by_hand")
    assert off["stopped_at"] is not None
    refused(api.post(url(f"webhooks/{endpoint.pk}/replay/"), {"since": "2026-03-01T00:00:00Z"}), 409, "conflict")
    on = api.patch(where, {"active": True, "url": f"{URL}2"}).json()
    assert (on["active"], on["stopped"], on["stopped_at"], on["url"]) == (True, None, None, f"{URL}2")
    refused(api.patch(where, {"active": False, "url": "ftp://x/"}), 400, "invalid", "url")
    endpoint.refresh_from_db()
    assert endpoint.active


def test_the_log_is_read_page_by_page_newest_first(api, url, book, endpoint, django_assert_max_num_queries):
    services.queue_deliveries(
        happened=[Happened(event=BookRenamed(book_id=book.pk), event_id=number, at=NOW) for number in range(10, 16)]
    )
    numbers = list(WebhookDelivery.objects.order_by("-pk").values_list("pk", flat=True))
    seen, where = [], url(f"webhooks/{endpoint.pk}/deliveries/?limit=3")
    while where:
        with django_assert_max_num_queries(3):
            page = api.get(where).json()
        seen += [each["id"] for each in page["results"]]
        where = page["next"]
    assert seen == numbers
    failed = api.get(url(f"webhooks/{endpoint.pk}/deliveries/?state=failed")).json()["results"]
    assert [each["id"] for each in failed] == numbers[-1:]
    refused(api.get(url(f"webhooks/{endpoint.pk}/deliveries/?cursor=5")), 400, "invalid", "cursor")
    refused(api.get(url(f"webhooks/{endpoint.pk}/deliveries/?state=lost")), 400, "invalid", "state")


def test_a_delivery_shows_both_sides_of_each_attempt(api, url, endpoint, delivery, django_assert_max_num_queries):
    with django_assert_max_num_queries(4):
        shown = api.get(url(f"webhooks/{endpoint.pk}/deliveries/{delivery.pk}/")).json()
    assert (shown["state"], shown["status_code"], shown["failure"]) == ("failed", 400, "status")
    assert shown["body"] == delivery.body
    assert shown["attempts"] == [
        {
            "number": 1,
            "at": "2026-03-15T12:00:00Z",
            "milliseconds": 84,
            "address": "93.184.215.14",
            "request_headers": {"webhook-id": delivery.message_id},
            "status_code": 400,
            "response_body": "no",
            "failure": "status",
            "detail": "",
        }
    ]


def test_the_choice_of_events_is_answered_with_meanings(api, url, book):
    kinds = api.get(url("webhooks/event-types/")).json()
    assert [each["name"] for each in kinds] == [cls.name for cls in announced_events()]
    posted = next(each for each in kinds if each["name"] == "finance.journal.posted")
    assert posted == {
        "name": "finance.journal.posted",
        "version": 1,
        "meaning": "Entries were posted: one, or up to 500 of a bulk posting.",
    }


def test_a_replay_with_a_key_happens_once(api, url, endpoint, delivery):
    before = OutboxMessage.objects.count()
    where = url(f"webhooks/{endpoint.pk}/deliveries/{delivery.pk}/replay/")
    first = api.post(where, {}, HTTP_IDEMPOTENCY_KEY="once")
    again = api.post(where, {}, HTTP_IDEMPOTENCY_KEY="once")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert first.json()["state"] == "waiting"
    assert OutboxMessage.objects.count() == before + 1
    refused(api.post(where, {}), 409, "conflict")


def test_all_that_failed_is_replayed_since_a_moment(api, url, endpoint, delivery):
    where = url(f"webhooks/{endpoint.pk}/replay/")
    refused(api.post(where, {}), 400, "invalid", "since")
    assert api.post(where, {"since": "2035-01-01T00:00:00Z"}).json() == {"queued": 0}
    assert api.post(where, {"since": "2026-01-01T00:00:00Z"}).json() == {"queued": 1}
    delivery.refresh_from_db()
    assert delivery.state == "waiting"


def test_tests_are_counted_per_book_and_hour(api, url, endpoint, monkeypatch):
    monkeypatch.setattr("finance.webhooks.services.queueing.TESTS_PER_HOUR", 3)
    where = url(f"webhooks/{endpoint.pk}/test/")
    answers = [api.post(where, {}).status_code for _ in range(4)]
    assert answers == [202] * 3 + [429]
    assert WebhookDelivery.objects.filter(event_type="webhook.test").count() == 3


def test_the_list_costs_the_same_for_one_webhook_and_for_many(api, url, book, owner, django_assert_max_num_queries):
    for _ in range(5):
        services.add_endpoint(book=book, actor=owner, url=URL)
    with django_assert_max_num_queries(2):
        assert len(api.get(url("webhooks/")).json()["results"]) == 5


@pytest.mark.parametrize("route", [route for route, method, *_rest in ROUTES if method == "get"])
def test_every_page_of_the_browsable_api_opens(book, endpoint, delivery, owner, route):
    client = client_of(owner)
    client.credentials(HTTP_ACCEPT="text/html")
    response = client.get(address(route, book=book, endpoint=endpoint, delivery=delivery))
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/html")
