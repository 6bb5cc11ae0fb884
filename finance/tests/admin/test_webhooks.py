"""Operators look at webhooks and their log, without secrets and addresses, and have three safe actions."""

import datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from finance.events.books import BookRenamed
from finance.webhooks import services
from finance.webhooks.bodies import Happened
from finance.webhooks.models import WebhookDelivery, WebhookEndpoint
from identity.models import AuditRecord
from platform_outbox.models import OutboxMessage

NOW = datetime.datetime(2026, 3, 15, 12, tzinfo=datetime.UTC)


@pytest.fixture
def fresh(book, owner):
    fresh = services.add_endpoint(book=book, actor=owner, url="https://hooks.example.org:8443/pass/geheim?token=geheim")
    services.queue_deliveries(happened=[Happened(event=BookRenamed(book_id=book.pk), event_id=1, at=NOW)])
    WebhookDelivery.objects.update(state="failed")
    return fresh


@pytest.fixture
def pages(fresh):
    delivery = WebhookDelivery.objects.get()
    delivery.attempts.create(
        book_id=delivery.book_id,
        number=1,
        at=NOW,
        milliseconds=84,
        status_code=400,
        failure="status",
        response_body="no",
    )
    return [
        "/admin/finance/webhookendpoint/",
        f"/admin/finance/webhookendpoint/{fresh.endpoint.pk}/change/",
        "/admin/finance/webhookdelivery/",
        f"/admin/finance/webhookdelivery/{delivery.pk}/change/",
    ]


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def test_operators_see_hosts_and_states_but_neither_secrets_nor_addresses(operator, pages, fresh):
    client = signed_in(operator)
    shown = [client.get(page) for page in pages]
    assert [each.status_code for each in shown] == [200] * 4
    for each in shown:
        text = each.content.decode()
        assert "hooks.example.org:8443" in text
        assert "geheim" not in text
        assert fresh.secret not in text
        assert "whsec_" not in text


def test_lists_ask_the_same_for_one_row_and_for_many(operator, book, owner, fresh, django_assert_max_num_queries):
    for _ in range(5):
        services.add_endpoint(book=book, actor=owner, url="https://hooks.example.org/")
    services.queue_deliveries(
        happened=[Happened(event=BookRenamed(book_id=book.pk), event_id=number, at=NOW) for number in range(2, 7)]
    )
    client = signed_in(operator)
    for page in ("/admin/finance/webhookendpoint/", "/admin/finance/webhookdelivery/"):
        client.get(page)
        with django_assert_max_num_queries(10):
            assert client.get(page).status_code == 200


def test_looking_takes_a_permission_and_acting_another(staff, pages, fresh):
    looking = signed_in(staff("view_webhookendpoint", "view_webhookdelivery"))
    assert [looking.get(page).status_code for page in pages] == [200] * 4
    actions = [pages[1].replace("change/", "switch-off/"), pages[3].replace("change/", "replay/")]
    for where in actions:
        assert looking.post(where, {"confirmed": "yes"}).status_code == 403
    assert WebhookEndpoint.objects.get().active
    assert WebhookDelivery.objects.get().state == "failed"


def test_nobody_else_comes_in(pages, owner):
    client = signed_in(owner)
    assert [client.get(page).status_code for page in pages] == [302] * 4


def test_switching_is_asked_for_confirmed_and_written_down(operator, pages, fresh):
    client = signed_in(operator)
    off, on = (pages[1].replace("change/", f"switch-{which}/") for which in ("off", "on"))
    assert "Nothing more is sent" in client.get(off).content.decode()
    assert WebhookEndpoint.objects.get().active
    assert client.post(off, {"confirmed": "yes"}).status_code == 302
    assert WebhookEndpoint.objects.get().stopped == "by_hand"
    client.post(on, {"confirmed": "yes"})
    assert WebhookEndpoint.objects.get().active
    assert list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True)) == [
        "switched off",
        "switched on",
    ]
    actions = (
        AuditRecord.objects.filter(action__startswith="webhook_st").order_by("pk").values_list("action", flat=True)
    )
    assert list(actions) == ["webhook_stopped", "webhook_started"]


def test_a_message_is_sent_once_more_after_a_question(operator, pages, fresh):
    client = signed_in(operator)
    where, before = pages[3].replace("change/", "replay/"), OutboxMessage.objects.count()
    assert "with the same id again" in client.get(where).content.decode()
    assert OutboxMessage.objects.count() == before
    client.post(where, {"confirmed": "yes"})
    assert WebhookDelivery.objects.get().state == "waiting"
    assert OutboxMessage.objects.count() == before + 1
    said = client.post(where, {"confirmed": "yes"}, follow=True).content.decode()
    assert "already on its way" in said
    assert OutboxMessage.objects.count() == before + 1
