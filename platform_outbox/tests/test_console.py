"""The console and its levers: who may look, who may act, and that nothing happens before it is confirmed."""

import datetime
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from platform_outbox import testing
from platform_outbox.emit import emit, emit_many, health
from platform_outbox.models import (
    Attempt,
    Breaker,
    CurrentTurn,
    Delivery,
    Minute,
    OutboxMessage,
    Pause,
    Replay,
    Worker,
)
from platform_outbox.monitoring import history, overview
from platform_outbox.operations.models import OperationRun
from platform_outbox.operators import actions, replay
from platform_outbox.tests.probe.events import Forked, Ticked
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]

LIST = "/admin/platform_outbox/outboxmessage/"
SECRET = "hunter2hunter2"


def url(name, *parts, **query):
    text = "&".join(f"{key}={value}" for key, value in query.items())
    return reverse(f"admin:platform_outbox_{name}", args=parts) + (f"?{text}" if text else "")


@pytest.fixture
def dead(settings):
    """Three dead letters of one error."""
    settings.WORKER_MAX_ATTEMPTS = 1
    for number in range(3):
        Fault.objects.create(handler="probe.right", key="a", number=number, times=-1)
    with transaction.atomic():
        ids = emit_many([Forked(key="a", number=number) for number in range(3)])
    testing.drain(raise_errors=False)
    Fault.objects.all().delete()
    return ids


@pytest.fixture
def group(dead):
    return row(dead[0]).error_group


def row(event_id):
    return OutboxMessage.objects.get(pk=event_id)


def confirm(client, address, **more):
    """Press the button on a confirmation page: send all that is in its form."""
    page = client.get(address)
    assert page.status_code == 200, page
    text = page.content.decode()
    form = text[text.index('<input type="hidden" name="confirmed"') :]
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form))
    action = re.search(r'<form method="post" action="([^"]+)">', text)
    return client.post(action[1] if action else address, {**fields, **more}, follow=True)


def looks(dead, group):
    return [url("console"), url("live"), url("errors"), url("error", group), LIST, f"{LIST}{dead[0]}/change/"]


def acts(dead, group):
    """Everything that changes something, as address and the fields of its form."""
    started = replay.plan(handler="probe.left", by="Olga")
    started.save()
    return [
        (url("act", "requeue"), {"error": group, "through": dead[-1]}),
        (url("act", "discard"), {"error": group, "through": dead[-1]}),
        (url("act_on_chosen", "requeue"), {"ids": dead[0]}),
        (url("act_on_chosen", "discard"), {"ids": dead[0]}),
        (url("act_on_chosen", "restore"), {"ids": dead[0]}),
        (url("take_back"), {"since": "2020-01-01T00:00:00+00:00", "until": "2099-01-01T00:00:00+00:00"}),
        (url("pause"), {"kind": "handler", "target": "probe.tick", "reason": "x"}),
        (url("resume"), {"kind": "handler", "target": "probe.tick"}),
        (url("break_open"), {"handler": "probe.post", "reason": "x"}),
        (url("reset_breaker"), {"handler": "probe.post", "neighbour": "probe.post"}),
        (url("stop_replay", started.pk), {}),
        (url("resume_replay", started.pk), {}),
    ]


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


def test_nothing_happens_without_the_confirmation(as_, dead, group):
    client = as_("operator")
    for address, fields in acts(dead, group):
        client.get(address, fields)
        client.post(address, fields)
    assert health().dead == 3
    assert (Pause.objects.count(), Breaker.objects.count(), Replay.objects.count()) == (0, 0, 1)
    assert not LogEntry.objects.exists()
    assert not Attempt.objects.exclude(outcome="dead").exists()


def test_an_operator_opens_every_page(as_, dead, group):
    client = as_("operator")
    for address in looks(dead, group):
        assert client.get(address).status_code == 200, address
    page = client.get(url("error", group)).content.decode()
    for told in ("ProbeError", "misbehave", "probe.road.forked", "Try again…", f"#{dead[0]}"):
        assert told in page


def test_all_of_an_error_are_tried_again_at_once(as_, people, dead, group):
    client = as_("operator")
    address = url("act", "requeue", error=group)
    page = client.get(address).content.decode()
    assert "Try again: 3 events" in page
    assert "probe.left, probe.right" in page
    done = confirm(client, address)
    assert "3 events are due again." in done.content.decode()
    assert health().dead == 0
    assert Attempt.objects.filter(outcome="requeued", worker="operator@example.org").count() == 3
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.change_message) == (people["operator"], None, "requeue (3 events)")
    assert entry.object_repr == f"dead letters: error {group}"


def test_what_dies_after_the_operator_looked_is_left_alone(as_, dead, group):
    client = as_("operator")
    newest = row(dead[2])
    OutboxMessage.objects.filter(pk=dead[2]).update(status="sent")
    page = client.get(url("act", "discard", error=group))
    OutboxMessage.objects.filter(pk=dead[2]).update(status="dead")
    through = dict(page.context["question"].hidden)["through"]
    assert through == dead[1]
    client.post(url("act", "discard"), {"error": group, "through": through, "confirmed": "yes"})
    assert row(dead[1]).discarded_at is not None
    assert row(newest.pk).discarded_at is None


def test_a_time_range_and_a_type_narrow_the_choice(as_, dead):
    client = as_("operator")
    OutboxMessage.objects.filter(pk=dead[0]).update(created_at=timezone.now() - datetime.timedelta(days=3))
    yesterday = timezone.localtime() - datetime.timedelta(days=1)
    day = f"{yesterday:%Y-%m-%dT%H:%M}"
    assert "Discard: 1 event" in client.get(url("act", "discard", until=day)).content.decode()
    assert "Discard: 2 events" in client.get(url("act", "discard", since=day)).content.decode()
    assert "nothing that this" in client.get(url("act", "discard", event_type="probe.clock.ticked")).content.decode()
    refused = client.get(url("act", "discard", since="yesterday"), follow=True)
    assert "cannot be read" in refused.content.decode()
    assert client.get(url("act", "explode")).status_code == 404


def test_a_discard_of_many_is_taken_back_by_the_link_in_its_message(as_, dead, group):
    client = as_("operator")
    done = confirm(client, url("act", "discard", error=group)).content.decode()
    assert health().dead == 0
    link = re.search(r'href="([^"]*take-back[^"]*)"', done)[1].replace("&amp;", "&")
    assert "3 events are dead letters again." in confirm(client, link).content.decode()
    assert health().dead == 3
    for moments in (("x", "y"), ("2026-01-01", "2026-01-02"), ("", "")):
        assert client.get(url("take_back", since=moments[0], until=moments[1])).status_code == 404


def test_chosen_events_are_confirmed_and_only_what_fits_is_changed(as_, people, dead):
    client = as_("operator")
    with transaction.atomic():
        pending = emit(Ticked(key="z", number=1))
    page = client.post(LIST, {"action": "discard", "_selected_action": [dead[0], pending]})
    assert page.status_code == 200
    assert "Discard: 1 event" in page.content.decode()
    assert health().dead == 3
    question = page.context["question"]
    assert question.facts == {"Chosen": 2, "Not changed": 1}
    done = client.post(question.action, {**dict(question.hidden), "confirmed": "yes"}, follow=True)
    assert "1 event was discarded." in done.content.decode()
    assert (row(dead[0]).discarded_at is not None, row(pending).status) == (True, "pending")
    assert {entry.object_id for entry in LogEntry.objects.all()} == {str(dead[0]), str(pending)}
    assert Attempt.objects.filter(worker="operator@example.org", message=dead[0]).count() == 1


@pytest.mark.parametrize(("deed", "status"), [("requeue", "pending"), ("discard", "dead")])
def test_one_event_is_dealt_with_from_its_page(as_, dead, deed, status):
    client = as_("operator")
    confirm(client, f"{LIST}{dead[0]}/{deed}/")
    assert (row(dead[0]).status, row(dead[0]).discarded_at is not None) == (status, deed == "discard")
    if deed == "discard":
        confirm(client, f"{LIST}{dead[0]}/restore/")
        assert row(dead[0]).discarded_at is None


def test_an_event_offers_only_what_can_be_done_to_it(as_, dead):
    client = as_("operator")
    assert client.get(f"{LIST}{dead[0]}/restore/").status_code == 403
    actions.requeue(ids=dead[:1], by="Olga")
    testing.drain()
    page = client.get(f"{LIST}{dead[0]}/change/").content.decode()
    for deed in ("requeue", "discard", "restore", "edit"):
        assert f"/{dead[0]}/{deed}/" not in page
        assert client.get(f"{LIST}{dead[0]}/{deed}/").status_code == 403
    assert client.post(url("act_on_chosen", "requeue"), {"ids": "1,x", "confirmed": "yes"}).status_code == 404
    nothing = client.get(url("act_on_chosen", "requeue", ids=f"-1,0,{10**30}"))
    assert "nothing that this could be done to" in nothing.content.decode()


def test_many_chosen_events_leave_one_line_in_the_log(as_, settings):
    settings.WORKER_MAX_ATTEMPTS = 1
    Fault.objects.bulk_create(Fault(handler="probe.tick", key="a", number=n, times=-1) for n in range(30))
    with transaction.atomic():
        ids = emit_many([Ticked(key="a", number=number) for number in range(30)])
    testing.drain(raise_errors=False)
    client = as_("operator")
    client.post(url("act_on_chosen", "discard"), {"ids": ",".join(map(str, ids)), "confirmed": "yes"})
    assert health().dead == 0
    assert LogEntry.objects.get().object_repr == f"30 events, #{ids[0]} to #{ids[-1]}"


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


def test_only_a_superuser_edits_an_event(as_, dead):
    client = as_("operator")
    for answer in (client.get(url("edit", dead[0])), client.post(url("edit", dead[0]), {"payload": "{}"})):
        assert answer.status_code == 403
    assert f"{dead[0]}/edit/" not in client.get(f"{LIST}{dead[0]}/change/").content.decode()
    assert f"{dead[0]}/edit/" in as_("superuser").get(f"{LIST}{dead[0]}/change/").content.decode()


def test_an_edit_is_shown_before_it_is_made_and_both_events_tell_of_it(as_, people, dead):
    client = as_("superuser")
    edited = '{"key": "a", "number": 9}'
    page = client.post(url("edit", dead[0]), {"payload": edited})
    question = page.context["question"]
    assert question.rows == [("number", "0", "9")]
    assert question.facts == {"Handlers that run": "probe.left, probe.right"}
    assert question.warning.endswith("run again for the new event: probe.left.")
    assert OutboxMessage.objects.count() == 3
    done = client.post(url("edit", dead[0]), {"payload": edited, "confirmed": "yes"}, follow=True)
    new = OutboxMessage.objects.get(edited_from=dead[0])
    assert f"#{new.pk} was emitted in the place of #{dead[0]}" in done.content.decode()
    assert f"in the place of #{dead[0]}" in done.content.decode()
    assert f"replaced by #{new.pk}" in client.get(f"{LIST}{dead[0]}/change/").content.decode()
    assert set(LogEntry.objects.values_list("user__email", "object_id")) == {
        ("sue@example.org", str(dead[0])),
        ("sue@example.org", str(new.pk)),
    }
    testing.drain()
    assert Effect.objects.filter(number=9).count() == 2
    assert "nobody has dealt with" in client.get(url("edit", dead[0])).content.decode()


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ("{", "This is not JSON"),
        ("[]", "A payload is a JSON object"),
        ('{"key": "a", "key": "a", "number": 1}', "a key stands there twice"),
        ('{"key": "a", "number": NaN}', "NaN is no number"),
        ('{"key": "a", "number": 1.5}', "is not of type int"),
        ('{"key": "b", "number": 1}', "ordering key would change"),
        ('{"key": "a", "number": 0}', "Nothing is changed"),
        ("[" * 50_000, "This is not JSON"),
    ],
)
def test_a_payload_that_is_not_right_is_refused_also_when_confirmed(as_, dead, payload, told):
    for confirmed in ({}, {"confirmed": "yes"}):
        page = as_("superuser").post(url("edit", dead[0]), {"payload": payload, **confirmed})
        assert told in page.content.decode()
    assert OutboxMessage.objects.count() == 3
    assert row(dead[0]).discarded_at is None


@pytest.mark.parametrize(
    ("kind", "target", "name"), [("handler", "probe.tick", "probe.tick"), ("shard", "17", "shard 17")]
)
def test_a_handler_or_a_shard_is_paused_with_a_reason_and_resumed(as_, kind, target, name):
    client = as_("operator")
    address = url("pause", kind=kind, target=target)
    assert client.post(address, {"kind": kind, "target": target, "confirmed": "yes"}).status_code == 200
    assert not Pause.objects.exists()  # no reason given
    confirm(client, address, reason="the mail server moves")
    found = Pause.objects.get()
    assert (found.kind, found.target, found.by, found.reason) == (
        kind, target, "operator@example.org", "the mail server moves",
    )  # fmt: skip
    page = client.get(url("console")).content.decode()
    assert "the mail server moves" in page
    assert "Resume…" in page
    confirm(client, url("resume", kind=kind, target=target))
    assert actions.pauses() == []
    assert list(LogEntry.objects.order_by("id").values_list("change_message", flat=True)) == [
        f"paused {kind} {target}: the mail server moves",
        f"resumed {kind} {target}",
    ]
    assert (
        f"{target} is not paused" in client.get(url("resume", kind=kind, target=target), follow=True).content.decode()
    )


def test_the_pause_of_a_handler_that_is_gone_can_be_ended(as_):
    Pause.objects.create(kind="handler", target="gone.handler", by="Olga", reason="old", at=timezone.now())
    confirm(as_("operator"), url("resume", kind="handler", target="gone.handler"))
    assert actions.pauses() == []


def test_what_does_not_exist_cannot_be_paused(as_):
    client = as_("operator")
    for kind, target in (("handler", "probe.nobody"), ("shard", "64"), ("shard", "x"), ("planet", "mars")):
        fields = {"kind": kind, "target": target, "reason": "x", "confirmed": "yes"}
        assert "no such handler or shard" in client.post(url("pause"), fields, follow=True).content.decode()
        assert client.get(url("pause"), fields, follow=True).status_code == 200
    assert not Pause.objects.exists()


def test_a_breaker_is_opened_with_a_reason_and_reset(as_):
    client = as_("operator")
    confirm(client, url("break_open"), handler="probe.post", neighbour="bank.example", reason="they asked us to")
    found = Breaker.objects.get()
    assert (found.handler, found.destination, found.state) == ("probe.post", "bank.example", "open")
    assert found.error == "Opened by operator@example.org: they asked us to"
    page = client.get(url("console")).content.decode()
    assert "Calls of probe.post to bank.example have been waiting" in page
    confirm(client, url("reset_breaker", handler="probe.post", neighbour="bank.example"))
    assert actions.breakers() == []
    assert LogEntry.objects.count() == 2
    again = client.get(url("reset_breaker", handler="probe.post", neighbour="bank.example"), follow=True)
    assert "This breaker is not open" in again.content.decode()


def test_a_handler_without_calls_has_no_breaker(as_):
    page = as_("operator").post(url("break_open"), {"handler": "probe.tick", "reason": "x", "confirmed": "yes"})
    assert page.status_code == 200
    assert not Breaker.objects.exists()


def test_a_replay_that_stopped_goes_on_in_the_workers_and_can_be_stopped_again(as_):
    with transaction.atomic():
        emit_many([Ticked(key="a", number=number) for number in range(5)])
    testing.drain()
    Effect.objects.all().delete()
    run = replay.plan(handler="probe.tick", by="Olga")
    run.save()
    client = as_("operator")
    assert "/start/outbox.replay/" in client.get(url("console")).content.decode()
    confirm(client, url("stop_replay", run.pk))
    testing.drain()
    assert Effect.objects.count() == 0
    confirm(client, url("resume_replay", run.pk))
    run.refresh_from_db()
    assert (run.state, Effect.objects.count()) == ("worker", 0)
    confirm(client, url("stop_replay", run.pk))
    testing.drain()
    run.refresh_from_db()
    assert (run.state, Effect.objects.count(), OperationRun.objects.get().state) == ("stopped", 0, "cancelled")
    confirm(client, url("resume_replay", run.pk))
    testing.drain()
    run.refresh_from_db()
    assert (run.state, run.handled, Effect.objects.count()) == ("finished", 5, 5)
    assert [entry.change_message for entry in LogEntry.objects.order_by("id")] == [
        f"replay {run.pk} of probe.tick {deed}" for deed in ("stopped", "resumed", "stopped", "resumed")
    ]
    assert "is finished" in confirm(client, url("resume_replay", run.pk)).content.decode()


def test_the_console_tells_the_queue_by_status_type_and_handler(as_, dead):
    with transaction.atomic():
        emit_many([Ticked(key="z", number=number) for number in range(4)])
    OutboxMessage.objects.filter(event_type="probe.clock.ticked").update(created_at=timezone.now())
    Delivery.objects.create(
        message_id=dead[0], handler="probe.tick", ordering_key="z", shard=1, status="failed", attempts=1,
        available_at=timezone.now(),
    )  # fmt: skip
    queue = overview.backlog(now=timezone.now())
    assert queue.by_status == {"pending": 4, "failed": 0, "sending": 0}
    assert [(line.name, line.waiting) for line in queue.by_type] == [("probe.clock.ticked", 4)]
    handlers = {line.name: (line.waiting, line.retrying) for line in queue.by_handler}
    assert handlers["probe.tick"] == (4, 1)
    assert handlers["probe.left"] == (0, 0)
    page = as_("onlooker").get(url("console")).content.decode()
    assert "probe.clock.ticked" in page
    assert "No worker is running" in page


def test_workers_are_shown_with_their_heartbeat_and_what_they_are_at(as_):
    now = timezone.now()
    Worker.objects.create(name="w1", broker="redis", started_at=now, heartbeat_at=now)
    Worker.objects.create(name="w2", broker="redis", started_at=now, heartbeat_at=now - datetime.timedelta(minutes=5))
    CurrentTurn.objects.update_or_create(
        shard=7, defaults={"worker": "w1", "ids": [1, 2], "handler": "probe.tick", "at": now}
    )
    first, second = overview.workers(now=now)
    assert (first.worker.name, first.alive, [turn.shard for turn in first.turns]) == ("w1", True, [7])
    assert (second.worker.name, second.alive, second.turns) == ("w2", False, [])
    page = as_("onlooker").get(url("console")).content.decode()
    assert "shard 7: 2 events" in page
    assert "silent" in page


def test_the_charts_have_a_step_for_every_minute_and_a_table_beside_them(as_):
    now = timezone.now().replace(second=0, microsecond=0)
    buckets = [0] * (len(history.BOUNDS) + 1)
    buckets[1] = 6
    Minute.objects.create(
        minute=now - datetime.timedelta(minutes=2), handler="probe.tick", event_type="probe.clock.ticked",
        sent=6, failed=2, dead=1, seconds=1.0, latencies=buckets,
    )  # fmt: skip
    client = as_("onlooker")
    page = client.get(url("console"))
    chart = page.context["chart"]
    assert len(chart["labels"]) == 60
    assert (sum(chart["sent"]), sum(chart["failed"]), sum(chart["dead"])) == (6, 2, 1)
    assert [value for value in chart["median"] if value] == [7.5]
    assert len(page.context["steps"]) == 1
    for hours, steps in ((6, 72), (24, 96), (7, 60)):
        assert len(client.get(url("console", hours=hours)).context["chart"]["labels"]) == steps
    figures = {figure["name"]: figure["value"] for figure in page.context["figures"]}
    assert figures["Handled a minute"] == "1.2"


def test_staff_without_any_permission_sees_nothing_of_the_outbox(as_, dead, group):
    client = as_("staff")
    for address in looks(dead, group):
        assert client.get(address).status_code == 403, address
    for address, fields in acts(dead, group):
        assert client.post(address, {**fields, "confirmed": "yes"}).status_code == 403, address
    assert health().dead == 3
    assert not Pause.objects.exists()


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


def test_dead_letters_without_a_group_have_their_page(as_, dead):
    OutboxMessage.objects.update(error_group="", error="")
    client = as_("operator")
    assert "Without an error" in client.get(url("errors")).content.decode()
    assert client.get(url("error", "none")).context["group"].count == 3
    assert "Try again: 3 events" in client.get(url("act", "requeue", error="none")).content.decode()
    assert client.get(url("error", "ffffffffffffffff")).status_code == 404


def test_the_events_of_an_error_are_paged_by_key(as_, dead, group, monkeypatch):
    monkeypatch.setattr("platform_outbox.admin.console.EVENTS_SHOWN", 2)
    client = as_("onlooker")
    first = client.get(url("error", group))
    assert [event.pk for event in first.context["events"]] == [dead[2], dead[1]]
    second = client.get(url("error", group, before=first.context["next_before"]))
    assert ([event.pk for event in second.context["events"]], second.context["next_before"]) == ([dead[0]], None)


def test_pages_cost_a_fixed_number_of_queries(as_, dead, group, django_assert_max_num_queries):
    client = as_("superuser")
    for address, most in (
        (url("console"), 23),
        (url("live"), 23),
        (url("errors"), 8),
        (url("error", group), 10),
        (url("act", "requeue", error=group), 9),
        (f"{LIST}{dead[0]}/change/", 22),
    ):
        client.get(address)
        with django_assert_max_num_queries(most):
            client.get(address)
