"""Adding, changing, switching and removing webhooks, and their secrets."""

import datetime

import pytest
from django.core import mail as outbox_of_mails

from finance.errors import Conflict, Forbidden, Invalid, NotFound
from finance.ledger.models import Membership, Role
from finance.webhooks import selectors, services
from finance.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookSecret
from finance.webhooks.services.switching import give_up_on
from identity.models import AuditRecord
from platform_outbox import testing
from platform_outbox.models import OutboxMessage

URL = "https://hooks.example.org/lifeos?token=geheim"
NOW = datetime.datetime(2026, 3, 15, 12, tzinfo=datetime.UTC)
USER = "The address must not contain a user or password; the signature proves each request."
FORM = "This is not a valid address; write special characters as %20 and the like."
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def endpoint(book, owner):
    return services.add_endpoint(book=book, actor=owner, url=URL).endpoint


def announced(name):
    return list(OutboxMessage.objects.filter(event_type=name).values_list("payload", flat=True))


def recorded():
    return [
        (each.action, each.actor_email, each.target, each.facts)
        for each in AuditRecord.objects.filter(action__startswith="webhook").order_by("id")
    ]


def test_an_owner_adds_a_webhook_and_gets_its_secret_once(book, owner):
    fresh = services.add_endpoint(
        book=book,
        actor=owner,
        url=URL,
        event_types=["finance.journal.reversed", "finance.journal.posted", "finance.journal.posted"],
        description="  Budget \n robot ",
    )
    stored = WebhookEndpoint.objects.get(book=book)
    assert (stored.url, stored.description, stored.active) == (URL, "Budget robot", True)
    assert stored.event_types == ["finance.journal.posted", "finance.journal.reversed"]
    assert selectors.valid_secrets(endpoint=stored, now=NOW) == [fresh.secret]
    assert announced("finance.webhook.added") == [{"book_id": book.pk, "webhook_id": stored.pk}]
    facts = {"book": book.pk, "webhook": stored.pk}
    assert recorded() == [("webhook_added", owner.email, "hooks.example.org", facts)]


def test_nothing_that_may_be_printed_shows_the_secret_or_the_address(book, owner):
    fresh = services.add_endpoint(book=book, actor=owner, url=URL)
    secret = WebhookSecret.objects.get()
    for shown in (repr(fresh), str(fresh.endpoint), repr(fresh.endpoint), str(secret), repr(secret)):
        assert fresh.secret not in shown
        assert "geheim" not in shown
    assert "geheim" not in str(recorded())
    assert fresh.secret not in str(OutboxMessage.objects.values_list("payload", flat=True))


@pytest.mark.parametrize(("person", "refusal"), [("editor", Forbidden), ("viewer", Forbidden), ("stranger", NotFound)])
def test_only_owners_change_webhooks(book, endpoint, request, person, refusal):
    actor = request.getfixturevalue(person)
    delivery = WebhookDelivery.objects.create(
        book=book, endpoint=endpoint, message_id="msg_1", event_type="x", occurred_at=NOW, body="{}", state="failed"
    )
    before = list(WebhookEndpoint.objects.values()), list(WebhookSecret.objects.values()), OutboxMessage.objects.count()
    changes = [
        lambda: services.add_endpoint(book=book, actor=actor, url=URL),
        lambda: services.change_endpoint(endpoint=endpoint, actor=actor, description="mine"),
        lambda: services.change_and_switch(endpoint=endpoint, actor=actor, now=NOW, active=False),
        lambda: services.start_endpoint(endpoint=endpoint, actor=actor),
        lambda: services.stop_endpoint(endpoint=endpoint, actor=actor, now=NOW),
        lambda: services.rotate_secret(endpoint=endpoint, actor=actor, now=NOW),
        lambda: services.remove_endpoint(endpoint=endpoint, actor=actor),
        lambda: services.send_test(endpoint=endpoint, actor=actor, now=NOW),
        lambda: services.replay_delivery(delivery=delivery, actor=actor, now=NOW),
        lambda: services.replay_failed(endpoint=endpoint, actor=actor, since=NOW),
    ]
    for change in changes:
        with pytest.raises(refusal):
            change()
    assert before == (
        list(WebhookEndpoint.objects.values()),
        list(WebhookSecret.objects.values()),
        OutboxMessage.objects.count(),
    )
    assert WebhookDelivery.objects.get().state == "failed"


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"url": "http://hooks.example.org/"}, "url", "The address must begin with https://."),
        ({"url": "https://10.0.0.1/"}, "url", "The address leads to a network that webhooks may not reach."),
        ({"url": "https://u:p@hooks.example.org/"}, "url", USER),
        ({"url": "https://hooks.example.org:25/"}, "url", "The port must be 80, 443, or 1024 and higher."),
        ({"url": "https://hooks.example.org/ä"}, "url", FORM),
        ({"url": "https://x/" + "y" * 500}, "url", "An address has at most 500 characters."),
        ({"event_types": ["finance.journal.postet"]}, "event_types", "There is no event called finance.journal.postet."),
        ({"event_types": ["finance.webhook.queued"]}, "event_types", "There is no event called finance.webhook.queued."),
        ({"description": "x" * 201}, "description", "A description has at most 200 characters."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_at_its_field(book, owner, endpoint, wrong, field, said):
    with pytest.raises(Invalid) as adding:
        services.add_endpoint(book=book, actor=owner, **{"url": URL, **wrong})
    with pytest.raises(Invalid) as changing:
        services.change_endpoint(endpoint=endpoint, actor=owner, **wrong)
    assert adding.value.fields == changing.value.fields == {field: said}
    assert WebhookEndpoint.objects.count() == 1


def test_http_is_named_where_the_operator_allows_it(book, owner, settings):
    settings.WEBHOOK_ALLOW_HTTP = True
    services.add_endpoint(book=book, actor=owner, url="http://hooks.example.org/")
    with pytest.raises(Invalid, match=r"must begin with https:// or http://"):
        services.add_endpoint(book=book, actor=owner, url="ftp://hooks.example.org/")


def test_a_book_has_at_most_twenty_webhooks(book, owner):
    for _ in range(20):
        services.add_endpoint(book=book, actor=owner, url=URL)
    with pytest.raises(Conflict, match="at most 20 webhooks"):
        services.add_endpoint(book=book, actor=owner, url=URL)
    assert WebhookEndpoint.objects.count() == WebhookSecret.objects.count() == 20


def test_a_change_says_what_was_changed_and_no_change_says_nothing(book, owner, endpoint):
    services.change_endpoint(endpoint=endpoint, actor=owner, url=URL, description="")
    assert announced("finance.webhook.changed") == []
    services.change_endpoint(
        endpoint=endpoint, actor=owner, url="https://other.example/", event_types=["finance.book.renamed"]
    )
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.event_types) == ("https://other.example/", ["finance.book.renamed"])
    assert announced("finance.webhook.changed") == [{"book_id": book.pk, "webhook_id": endpoint.pk}]
    assert recorded()[-1] == (
        *("webhook_changed", owner.email, "other.example"),
        {"book": book.pk, "webhook": endpoint.pk, "changed": ["event_types", "url"]},
    )


def test_both_secrets_sign_until_the_overlap_ends(owner, endpoint):
    first = selectors.valid_secrets(endpoint=endpoint, now=NOW)[0]
    fresh = services.rotate_secret(endpoint=endpoint, actor=owner, now=NOW, overlap=2 * HOUR)
    assert fresh.old_valid_until == NOW + 2 * HOUR
    at = [NOW, NOW + 2 * HOUR - datetime.timedelta(seconds=1), NOW + 2 * HOUR]
    assert [selectors.valid_secrets(endpoint=endpoint, now=moment) for moment in at] == [
        [fresh.secret, first],
        [fresh.secret, first],
        [fresh.secret],
    ]
    assert selectors.old_secret_valid_until(endpoint=endpoint, now=NOW) == NOW + 2 * HOUR
    assert selectors.old_secret_valid_until(endpoint=endpoint, now=NOW + 2 * HOUR) is None
    assert recorded()[-1][0] == "webhook_secret_changed"
    assert first not in str(recorded())
    assert fresh.secret not in str(recorded())


def test_never_more_than_two_secrets_are_valid(owner, endpoint):
    second = services.rotate_secret(endpoint=endpoint, actor=owner, now=NOW).secret
    third = services.rotate_secret(endpoint=endpoint, actor=owner, now=NOW).secret
    assert selectors.valid_secrets(endpoint=endpoint, now=NOW) == [third, second]


def test_without_overlap_the_old_secret_ends_at_once(owner, endpoint):
    fresh = services.rotate_secret(endpoint=endpoint, actor=owner, now=NOW, overlap=0 * HOUR)
    assert fresh.old_valid_until is None
    assert selectors.valid_secrets(endpoint=endpoint, now=NOW) == [fresh.secret]


@pytest.mark.parametrize("hours", [-1, 169])
def test_the_overlap_is_a_week_at_most(owner, endpoint, hours):
    before = selectors.valid_secrets(endpoint=endpoint, now=NOW)
    with pytest.raises(Invalid) as refusal:
        services.rotate_secret(endpoint=endpoint, actor=owner, now=NOW, overlap=hours * HOUR)
    assert refusal.value.fields == {"overlap_hours": "The old secret stays valid for 0 to 168 hours."}
    assert selectors.valid_secrets(endpoint=endpoint, now=NOW) == before


def test_switching_off_skips_what_waits_and_switching_on_forgets_the_failures(book, owner, endpoint):
    WebhookEndpoint.objects.update(failing_since=NOW - 24 * HOUR)
    for number, state in enumerate(("waiting", "failed", "delivered")):
        WebhookDelivery.objects.create(
            *(), book=book, endpoint=endpoint, message_id=f"msg_{number}", event_type="x",
            occurred_at=NOW, body="{}", state=state,
        )  # fmt: skip
    services.stop_endpoint(endpoint=endpoint, actor=owner, now=NOW)
    endpoint.refresh_from_db()
    assert (endpoint.active, endpoint.stopped, endpoint.stopped_at) == (False, "by_hand", NOW)
    assert list(WebhookDelivery.objects.order_by("pk").values_list("state", flat=True)) == [
        *("skipped", "failed", "delivered")
    ]
    assert announced("finance.webhook.stopped") == [
        {"book_id": book.pk, "webhook_id": endpoint.pk, "reason": "by_hand"}
    ]
    services.start_endpoint(endpoint=endpoint, actor=owner)
    endpoint.refresh_from_db()
    assert (endpoint.active, endpoint.stopped, endpoint.stopped_at, endpoint.failing_since) == (True, "", None, None)
    services.start_endpoint(endpoint=endpoint, actor=owner)
    assert [action for action, *_rest in recorded()] == ["webhook_added", "webhook_stopped", "webhook_started"]
    assert len(outbox_of_mails.outbox) == 0


def test_removing_takes_secrets_and_log_along_and_leaves_a_record(book, owner, endpoint):
    WebhookDelivery.objects.create(
        book=book, endpoint=endpoint, message_id="msg_1", event_type="x", occurred_at=NOW, body="{}"
    )
    number = endpoint.pk
    services.remove_endpoint(endpoint=endpoint, actor=owner)
    assert not WebhookEndpoint.objects.exists()
    assert not WebhookSecret.objects.exists()
    assert not WebhookDelivery.objects.exists()
    assert announced("finance.webhook.removed") == [{"book_id": book.pk, "webhook_id": number}]
    assert recorded()[-1][:3] == ("webhook_removed", owner.email, "hooks.example.org")
    with pytest.raises(NotFound):
        services.send_test(endpoint=WebhookEndpoint(pk=number, book=book), actor=owner, now=NOW)


@pytest.mark.parametrize(
    ("reason", "text"), [("failing", "for 5 days nothing could be delivered"), ("gone", "answered that it is gone")]
)
def test_owners_are_told_when_a_webhook_is_given_up(
    book, owner, editor, viewer, endpoint, reason, text, settings, django_capture_on_commit_callbacks
):
    settings.SITE_URL = "https://books.example.org/"
    Membership.objects.filter(user=editor).update(role=Role.OWNER)
    with django_capture_on_commit_callbacks(execute=True):
        give_up_on(endpoint, reason=WebhookEndpoint.Stopped(reason), now=NOW)
        give_up_on(endpoint, reason=WebhookEndpoint.Stopped(reason), now=NOW)
    testing.drain()
    mails = sorted(outbox_of_mails.outbox, key=lambda each: each.to)
    assert [each.to for each in mails] == [["edgar@example.org"], ["olga@example.org"]]
    for each in mails:
        assert each.subject == "A webhook of “Home” was switched off"
        html = each.alternatives[0][0]
        for body in (each.body, html):
            assert text in body
            assert "hooks.example.org" in body
            assert "geheim" not in body
            assert f"https://books.example.org/b/{book.pk}/webhooks/{endpoint.pk}/" in body
    assert recorded()[-1] == (
        *("webhook_stopped", "", "hooks.example.org"),
        {"book": book.pk, "webhook": endpoint.pk, "reason": reason},
    )
    assert len(announced("finance.webhook.stopped")) == 1


def test_without_a_site_url_the_mail_has_no_link(endpoint, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        give_up_on(endpoint, reason=WebhookEndpoint.Stopped.FAILING, now=NOW)
    testing.drain()
    (sent,) = outbox_of_mails.outbox
    assert "href" not in sent.alternatives[0][0]
    assert "Look at the webhook" not in sent.body
