"""The console's levers: pauses, breakers and replays."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.utils import timezone

from platform_outbox import testing
from platform_outbox.emit import emit_many
from platform_outbox.models import (
    Breaker,
    Pause,
)
from platform_outbox.operations.models import OperationRun
from platform_outbox.operators import actions, replay
from platform_outbox.tests.console.pages import confirm, url
from platform_outbox.tests.probe.events import Ticked
from platform_outbox.tests.probe.models import Effect

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]


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
