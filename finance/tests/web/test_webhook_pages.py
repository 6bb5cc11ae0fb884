"""The pages of webhooks: who sees them, what they show, what their forms do."""

import datetime

import pytest

from finance.events.books import BookRenamed
from finance.ledger.services import create_book
from finance.webhooks import services
from finance.webhooks.bodies import Happened
from finance.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookSecret
from platform_outbox.models import OutboxMessage

URL = "https://hooks.example.org/lifeos?token=geheim"
NOW = datetime.datetime(2026, 3, 15, 11, 30, tzinfo=datetime.UTC)

PAGES = ["webhooks/", "webhooks/{webhook}/", "webhooks/{webhook}/deliveries/{delivery}/"]
OWNERS_PAGES = ["webhooks/new/", "webhooks/{webhook}/edit/"]
FORMS = {
    "webhooks/new/": {"url": URL, "which": "all"},
    "webhooks/{webhook}/edit/": {"url": f"{URL}2", "which": "all"},
    "webhooks/{webhook}/switch/": {"active": "off"},
    "webhooks/{webhook}/secret/": {"overlap": "24"},
    "webhooks/{webhook}/remove/": {},
    "webhooks/{webhook}/test/": {},
    "webhooks/{webhook}/replay/": {"days": "7"},
    "webhooks/{webhook}/deliveries/{delivery}/replay/": {},
}


def make(book, actor, **changes):
    fresh = services.add_endpoint(book=book, actor=actor, url=URL, description="Budget robot")
    services.queue_deliveries(happened=[Happened(event=BookRenamed(book_id=book.pk), event_id=1, at=NOW)])
    failed = {"state": "failed", "failure": "status", "status_code": 422, "attempts_made": 1}
    WebhookDelivery.objects.filter(endpoint=fresh.endpoint).update(**{**failed, **changes})
    return fresh


@pytest.fixture
def fresh(book, owner):
    return make(book, owner)


@pytest.fixture
def numbers(fresh):
    return {"webhook": fresh.endpoint.pk, "delivery": WebhookDelivery.objects.get().pk}


def state_of_things():
    tables = (WebhookEndpoint, WebhookSecret, WebhookDelivery)
    return [list(table.objects.order_by("pk").values()) for table in tables], OutboxMessage.objects.count()


@pytest.mark.parametrize("path", [*PAGES, *OWNERS_PAGES])
def test_pages_are_for_editors_and_those_that_change_for_owners(as_, book, numbers, path):
    where = f"/b/{book.pk}/{path.format(**numbers)}"
    assert as_(None).get(where).status_code == 302
    assert as_("stranger").get(where).status_code == 404
    assert as_("viewer").get(where).status_code == 403
    assert as_("editor").get(where).status_code == (200 if path in PAGES else 403)
    assert as_("owner").get(where).status_code == 200


@pytest.mark.parametrize("path", FORMS)
def test_only_owners_change_anything(as_, book, numbers, path):
    where, before = f"/b/{book.pk}/{path.format(**numbers)}", state_of_things()
    assert as_(None).post(where, FORMS[path]).status_code == 302
    assert as_("stranger").post(where, FORMS[path]).status_code == 404
    assert as_("viewer").post(where, FORMS[path]).status_code == 403
    assert as_("editor").post(where, FORMS[path]).status_code == 403
    assert state_of_things() == before
    assert as_("owner").post(where, FORMS[path]).status_code in (200, 302)
    assert state_of_things() != before


@pytest.mark.parametrize("path", [path for path in [*PAGES, *OWNERS_PAGES, *FORMS] if "{webhook}" in path])
def test_numbers_of_another_book_lead_nowhere(as_, book, numbers, stranger, path):
    other = make(create_book(owner=stranger, name="Next door", base_currency="EUR", time_zone="UTC"), stranger)
    theirs = {"webhook": other.endpoint.pk, "delivery": WebhookDelivery.objects.get(endpoint=other.endpoint).pk}
    before = state_of_things()
    client = as_("owner")
    for wrong in (theirs, {**numbers, "webhook": theirs["webhook"]}, {**numbers, "delivery": theirs["delivery"]}):
        if wrong["webhook"] == numbers["webhook"] and "{delivery}" not in path:
            continue
        where = f"/b/{book.pk}/{path.format(**wrong)}"
        if path in FORMS:
            assert client.post(where, FORMS[path]).status_code == 404
        if path in [*PAGES, *OWNERS_PAGES]:
            assert client.get(where).status_code == 404
    assert state_of_things() == before


def test_the_way_in_is_shown_to_those_who_may_go(page, book):
    link = f'href="/b/{book.pk}/webhooks/"'
    assert link in page("owner", "settings/").content.decode()
    assert link in page("editor", "settings/").content.decode()
    assert link not in page("viewer", "settings/").content.decode()
    assert "Add a webhook" in page("owner", "webhooks/").content.decode()
    assert "Add a webhook" not in page("editor", "webhooks/").content.decode()


def test_a_new_webhook_shows_its_secret_this_once(send, page, book):
    answer = send(
        "owner",
        "webhooks/new/",
        {
            "url": URL,
            "description": "Budget robot",
            "which": "chosen",
            "event_types": ["finance.journal.posted", "finance.import.confirmed"],
        },
    )
    endpoint, secret = WebhookEndpoint.objects.get(), WebhookSecret.objects.get().secret
    assert endpoint.event_types == ["finance.import.confirmed", "finance.journal.posted"]
    assert answer.status_code == 200
    assert secret in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert secret not in page("owner", f"webhooks/{endpoint.pk}/").content.decode()
    assert "whsec_" not in page("owner", "webhooks/").content.decode()


def test_choices_that_are_hidden_do_not_count(send, book):
    data = {"url": URL, "which": "all", "event_types": ["finance.journal.posted"]}
    assert send("owner", "webhooks/new/", data).status_code == 200
    assert WebhookEndpoint.objects.get().event_types == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"url": "http://hooks.example.org/", "which": "all"}, "The address must begin with https://."),
        (
            {"url": "https://192.168.1.7/", "which": "all"},
            "The address leads to a network that webhooks may not reach.",
        ),
        ({"url": "", "which": "all"}, "This field is required."),
        ({"url": URL, "which": "chosen"}, "Choose at least one event."),
        ({"url": URL, "which": "chosen", "event_types": ["no.such"]}, "no.such is not one of the available choices"),
    ],
)
def test_a_refused_form_says_why_and_adds_nothing(send, book, data, said):
    answer = send("owner", "webhooks/new/", data)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_an_edit_starts_from_what_is_there(page, send, fresh, numbers):
    shown = page("owner", f"webhooks/{numbers['webhook']}/edit/").content.decode()
    assert "Budget robot" in shown
    answer = send("owner", f"webhooks/{numbers['webhook']}/edit/", {"url": "https://b.example/", "which": "all"})
    assert answer.status_code == 302
    fresh.endpoint.refresh_from_db()
    assert (fresh.endpoint.url, fresh.endpoint.description) == ("https://b.example/", "")
    refused = send("owner", f"webhooks/{numbers['webhook']}/edit/", {"url": "nonsense", "which": "all"})
    assert refused.status_code == 400
    fresh.endpoint.refresh_from_db()
    assert fresh.endpoint.url == "https://b.example/"


def test_a_new_secret_is_shown_once_with_the_end_of_the_old_one(send, page, fresh, numbers):
    answer = send("owner", f"webhooks/{numbers['webhook']}/secret/", {"overlap": "24"}).content.decode()
    secret = WebhookSecret.objects.get(expires_at=None).secret
    assert secret in answer
    assert secret != fresh.secret
    assert "Until Mar 16, 2026, 12:00 each message is also signed with the previous secret." in answer
    later = page("editor", f"webhooks/{numbers['webhook']}/").content.decode()
    assert "the previous one" in later
    assert "whsec_" not in later
    assert send("owner", f"webhooks/{numbers['webhook']}/secret/", {"overlap": "9"}).status_code == 400


def test_the_log_pages_by_state_newest_first(as_, page, book, fresh, numbers, django_assert_max_num_queries):
    services.queue_deliveries(
        happened=[Happened(event=BookRenamed(book_id=book.pk), event_id=number, at=NOW) for number in range(10, 35)]
    )
    where = f"webhooks/{numbers['webhook']}/"
    client = as_("owner")
    with django_assert_max_num_queries(8):
        first = client.get(f"/b/{book.pk}/{where}")
    rows = [each.pk for each in first.context["log"].rows]
    assert rows == list(WebhookDelivery.objects.order_by("-pk").values_list("pk", flat=True))[:20]
    second = page("owner", where, before=first.context["log"].next_id).context["log"]
    assert [each.pk for each in second.rows][-1] == numbers["delivery"]
    assert second.next_id is None
    assert [each.pk for each in page("owner", where, state="failed").context["log"].rows] == [numbers["delivery"]]
    assert page("owner", where, state="'; --", before="x").status_code == 200


def test_a_message_shows_what_was_sent_and_what_came_back(as_, book, fresh, numbers, django_assert_max_num_queries):
    delivery = WebhookDelivery.objects.get()
    delivery.attempts.create(
        book_id=delivery.book_id,
        number=1, at=NOW, milliseconds=84, address="93.184.215.14", status_code=422, failure="status",
        request_headers={"webhook-id": delivery.message_id}, response_body="<b>no such budget</b>",
    )  # fmt: skip
    client = as_("editor")
    with django_assert_max_num_queries(8):
        shown = client.get(f"/b/{book.pk}/webhooks/{numbers['webhook']}/deliveries/{delivery.pk}/").content.decode()
    for expected in (
        "HTTP 422",
        "84 ms",
        "93.184.215.14",
        "&lt;b&gt;no such budget",
        delivery.message_id,
        "&quot;data&quot;",
    ):
        assert expected in shown
    assert "every 2s" not in shown


def test_a_page_asks_again_only_while_the_message_is_on_its_way(page, as_, book, fresh, numbers):
    WebhookDelivery.objects.update(state="waiting")
    path = f"webhooks/{numbers['webhook']}/deliveries/{numbers['delivery']}/"
    assert "every 2s" in page("owner", path).content.decode()
    part = as_("owner").get(f"/b/{book.pk}/{path}", headers={"HX-Request": "true"}).content.decode()
    assert part.startswith('<div id="delivery"')
    WebhookDelivery.objects.update(state="delivered")
    assert "every 2s" not in as_("owner").get(f"/b/{book.pk}/{path}", headers={"HX-Request": "true"}).content.decode()


def test_a_test_leads_to_its_message(send, fresh, numbers, book):
    answer = send("owner", f"webhooks/{numbers['webhook']}/test/", {})
    made = WebhookDelivery.objects.latest("pk")
    assert made.event_type == "webhook.test"
    assert answer.url == f"/b/{book.pk}/webhooks/{numbers['webhook']}/deliveries/{made.pk}/"


def test_replays_say_how_much_is_on_its_way(as_, book, fresh, numbers):
    client = as_("owner")
    WebhookDelivery.objects.update(created_at=datetime.datetime(2026, 3, 14, tzinfo=datetime.UTC))
    where = f"/b/{book.pk}/webhooks/{numbers['webhook']}/replay/"
    assert "Nothing failed in that time." in client.post(where, {"days": "1"}, follow=True).content.decode()
    assert "1 message is on its way again." in client.post(where, {"days": "7"}, follow=True).content.decode()
    services.stop_endpoint(endpoint=fresh.endpoint, actor=None, now=NOW)
    assert "Switch it on first." in client.post(where, {"days": "7"}, follow=True).content.decode()
    assert client.post(where, {"days": "x"}).status_code == 400
    again = f"/b/{book.pk}/webhooks/{numbers['webhook']}/deliveries/{numbers['delivery']}/replay/"
    assert "Switch it on first." in client.post(again, follow=True).content.decode()


@pytest.mark.parametrize(
    ("stopped", "said"),
    [
        ("by_hand", "it was switched off."),
        ("failing", "for days nothing could be delivered"),
        ("gone", "answered that it is gone"),
    ],
)
def test_a_switched_off_webhook_says_why_and_can_be_switched_on(page, send, fresh, numbers, stopped, said):
    WebhookEndpoint.objects.update(active=False, stopped=stopped, stopped_at=NOW)
    where = f"webhooks/{numbers['webhook']}/"
    assert said in page("editor", where).content.decode()
    assert "Switch on" not in page("editor", where).content.decode()
    assert send("owner", f"{where}switch/", {"active": "on"}).status_code == 302
    assert WebhookEndpoint.objects.get().active


def test_removing_leads_back_to_the_list(send, fresh, numbers, book):
    assert send("owner", f"webhooks/{numbers['webhook']}/remove/", {}).url == f"/b/{book.pk}/webhooks/"
    assert not WebhookEndpoint.objects.exists()
