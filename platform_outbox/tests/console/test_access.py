"""Who may look at the console, who may act, and what is hidden from whom."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission

from platform_outbox.emit import health
from platform_outbox.models import (
    Attempt,
    Breaker,
    OutboxMessage,
    Pause,
    Replay,
)
from platform_outbox.tests.console.pages import LIST, acts, looks, url

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]

SECRET = "hunter2hunter2"


@pytest.mark.parametrize("name", ["anonymous", "member"])
def test_strangers_are_sent_to_sign_in(as_, dead, group, name):
    client = as_(name)
    for address in looks(dead, group):
        assert "login" in client.get(address)["Location"], address
    for address, fields in [*acts(dead, group), (url("edit", dead[0]), {"payload": "{}"})]:
        assert client.post(address, {**fields, "confirmed": "yes"}).status_code == 302, address
    assert health().dead == 3
    assert not LogEntry.objects.exists()
    assert not Pause.objects.exists()


def test_staff_without_any_permission_sees_nothing_of_the_outbox(as_, dead, group):
    client = as_("staff")
    for address in looks(dead, group):
        assert client.get(address).status_code == 403, address
    for address, fields in acts(dead, group):
        assert client.post(address, {**fields, "confirmed": "yes"}).status_code == 403, address
    assert health().dead == 3
    assert not Pause.objects.exists()


def test_an_onlooker_sees_everything_and_can_do_nothing(as_, dead, group):
    client = as_("onlooker")
    for address in looks(dead, group):
        page = client.get(address)
        assert page.status_code == 200, address
        for lever in ("Pause…", "Try again…", "Discard…", "Resume…", "Replay…"):
            assert lever not in page.content.decode(), (address, lever)
    for address, fields in [*acts(dead, group), (url("edit", dead[0]), {"payload": "{}"})]:
        assert client.get(address, fields).status_code == 403, address
        assert client.post(address, {**fields, "confirmed": "yes"}).status_code == 403, address
    client.post(LIST, {"action": "requeue", "_selected_action": dead})
    for deed in ("requeue", "discard", "restore"):
        assert client.get(f"{LIST}{dead[0]}/{deed}/").status_code == 403
    assert health().dead == 3
    assert not LogEntry.objects.exists()
    assert not Pause.objects.exists()


def test_an_operator_opens_every_page(as_, dead, group):
    client = as_("operator")
    for address in looks(dead, group):
        assert client.get(address).status_code == 200, address
    page = client.get(url("error", group)).content.decode()
    for told in ("ProbeError", "misbehave", "probe.road.forked", "Try again…", f"#{dead[0]}"):
        assert told in page


def test_nothing_happens_without_the_confirmation(as_, dead, group):
    client = as_("operator")
    for address, fields in acts(dead, group):
        client.get(address, fields)
        client.post(address, fields)
    assert health().dead == 3
    assert (Pause.objects.count(), Breaker.objects.count(), Replay.objects.count()) == (0, 0, 1)
    assert not LogEntry.objects.exists()
    assert not Attempt.objects.exclude(outcome="dead").exists()


def test_only_a_superuser_edits_an_event(as_, dead):
    client = as_("operator")
    for answer in (client.get(url("edit", dead[0])), client.post(url("edit", dead[0]), {"payload": "{}"})):
        assert answer.status_code == 403
    assert f"{dead[0]}/edit/" not in client.get(f"{LIST}{dead[0]}/change/").content.decode()
    assert f"{dead[0]}/edit/" in as_("superuser").get(f"{LIST}{dead[0]}/change/").content.decode()


def test_secrets_are_masked_on_every_page(as_, dead, group):
    OutboxMessage.objects.filter(pk__in=dead).update(
        payload={"key": "a", "number": 1, "api_key": SECRET}, error=f"ProbeError: password={SECRET}"
    )
    Attempt.objects.update(error_message=f"token: {SECRET}", traceback=f"postgres://anna:{SECRET}@db/x")
    for name in ("operator", "superuser"):
        client = as_(name)
        for address in [*looks(dead, group), url("act", "requeue", error=group)]:
            assert SECRET not in client.get(address).content.decode(), (name, address)
    page = as_("superuser").get(url("edit", dead[0])).content.decode()
    assert SECRET not in page
    assert "••••••" in page


@pytest.mark.parametrize(("name", "permitted"), [("onlooker", False), ("operator", False), ("superuser", True)])
def test_payloads_take_a_permission_of_their_own(as_, dead, group, name, permitted):
    OutboxMessage.objects.filter(pk=dead[0]).update(
        payload={"to": "anna@example.org", "text": "Your secretary wrote"},
        ordering_key="mail:anna@example.org",
        error="SMTPRecipientsRefused: anna@example.org",
    )
    Attempt.objects.filter(message=dead[0]).update(
        error_message="550 <anna@example.org>", traceback="for anna@example.org"
    )
    client = as_(name)
    for address in looks(dead, group):
        page = client.get(address).content.decode()
        own = address.endswith(f"/{dead[0]}/change/")
        assert ("Your secretary wrote" in page) is (permitted and own), address
        assert ("anna@example.org" in page) is (permitted and own), address


@pytest.mark.parametrize(
    "lookup", ["payload__contains", "payload__to", "payload__icontains", "ordering_key__startswith"]
)
@pytest.mark.parametrize("name", ["onlooker", "operator", "superuser"])
def test_the_address_of_the_list_tells_nothing_about_hidden_columns(as_, dead, name, lookup):
    assert as_(name).get(LIST, {lookup: "a"}).status_code == 400


def test_the_permission_for_payloads_opens_them(as_, dead, people):
    people["onlooker"].user_permissions.add(Permission.objects.get(codename="view_payload"))
    assert "&quot;number&quot;: 0" in as_("onlooker").get(f"{LIST}{dead[0]}/change/").content.decode()
