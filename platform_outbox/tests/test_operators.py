import datetime
import json

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from platform_outbox import retention, testing
from platform_outbox.emit import emit, emit_many, health
from platform_outbox.external import leases
from platform_outbox.models import Attempt, Delivery, OutboxMessage, Periodic, Worker
from platform_outbox.operators import actions
from platform_outbox.processing.process import process_batch
from platform_outbox.registry import handler_named
from platform_outbox.tests.probe.events import Forked, Posted, Ticked
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]

LIST = "admin:platform_outbox_outboxmessage_changelist"
DETAIL = "admin:platform_outbox_outboxmessage_change"


@pytest.fixture
def dead(settings):
    """The id of an event that both handlers gave up on half: left is through, right is dead."""
    settings.WORKER_MAX_ATTEMPTS = 1
    Fault.objects.create(handler="probe.right", key="a", number=1, times=-1)
    with transaction.atomic():
        event_id = emit(Forked(key="a", number=1))
    testing.drain(raise_errors=False)
    return event_id


@pytest.fixture
def operator(client):
    user = get_user_model().objects.create_user(email="operator@example.org", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="change_outboxmessage"))
    client.force_login(user)
    return user


def row(event_id):
    return OutboxMessage.objects.get(pk=event_id)


def test_requeue_runs_only_what_had_failed(dead):
    Fault.objects.all().delete()
    assert actions.requeue(ids=[dead], by="Olga") == 1
    assert (row(dead).status, row(dead).attempts) == ("pending", 0)
    testing.drain()
    assert row(dead).status == "sent"
    assert sorted(Effect.objects.values_list("handler", flat=True)) == ["probe.left", "probe.right"]
    assert Attempt.objects.filter(outcome="requeued", worker="Olga", message=dead).count() == 1


def test_requeue_leaves_what_is_handled_alone():
    with transaction.atomic():
        event_id = emit(Ticked(key="a", number=1))
    testing.drain()
    assert actions.requeue(ids=[event_id], by="Olga") == 0
    assert row(event_id).status == "sent"


def test_a_discarded_event_is_out_of_the_way_but_not_lost(dead):
    assert health().dead == 1
    assert actions.discard(ids=[dead], by="Olga") == 1
    assert health().dead == 0
    assert actions.discard(ids=[dead], by="Olga") == 0
    assert actions.requeue(ids=[dead], by="Olga") == 1
    assert row(dead).discarded_at is None


def test_discarding_a_sick_event_lets_the_younger_ones_go_on():
    Fault.objects.create(handler="probe.left", key="a", number=1, times=-1)
    with transaction.atomic():
        first, second = emit_many([Forked(key="a", number=1), Forked(key="a", number=2)])
    testing.drain(raise_errors=False)
    assert testing.drain() == 0
    actions.discard(ids=[first], by="Olga")
    assert testing.drain() == 1
    assert (row(first).status, row(second).status) == ("dead", "sent")
    assert Delivery.objects.filter(handler="probe.left", status="sent").count() == 1


def test_prune_deletes_only_what_is_finished_and_old(dead):
    with transaction.atomic():
        old, young, waiting = emit_many([Ticked(key="b", number=n) for n in range(3)])
    testing.drain()
    long_ago = timezone.now() - datetime.timedelta(days=40)
    OutboxMessage.objects.filter(pk=waiting).update(status="pending", finished_at=None)
    OutboxMessage.objects.exclude(pk=young).update(created_at=long_ago)
    OutboxMessage.objects.filter(pk__in=[old, dead]).update(finished_at=long_ago)
    assert retention.prune(before=timezone.now() - datetime.timedelta(days=30)).rows == 1
    assert set(OutboxMessage.objects.values_list("id", flat=True)) == {dead, young, waiting}
    OutboxMessage.objects.filter(pk=dead).update(discarded_at=long_ago)
    call_command("prune_outbox", "--older-than", "30d")
    assert set(OutboxMessage.objects.values_list("id", flat=True)) == {young, waiting}
    assert not Delivery.objects.filter(message=dead).exists()
    assert not Attempt.objects.filter(message=dead).exists()


def test_prune_refuses_an_age_it_cannot_read():
    with pytest.raises(CommandError, match="30d"):
        call_command("prune_outbox", "--older-than", "a month")


def test_the_status_command_tells_people_and_programs(dead, capsys):
    Worker.objects.create(name="w1", broker="redis", started_at=timezone.now(), heartbeat_at=timezone.now())
    call_command("outbox_status", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["pending"], told["dead"], told["workers_alive"]) == (0, 1, 1)
    assert told["newest_dead"][0]["id"] == dead
    assert told["errors"][0]["handlers"] == ["probe.right"]
    assert {each["handler"]: each["paused"] for each in told["by_handler"]}["probe.tick"] is False
    actions.pause(kind="handler", target="probe.tick", by="Olga", reason="mail moves")
    actions.break_open(handler="probe.post", neighbour="bank.example", by="Olga")
    Periodic.objects.create(
        name="probe.job", seconds=60, due_at=timezone.now(), failures=3, error="Traceback\nValueError: no luck"
    )
    with transaction.atomic():
        emit(Ticked(key="z", number=1))
    call_command("outbox_status")
    out = capsys.readouterr().out
    for line in (
        "Dead letters: 1",
        "probe.clock.ticked: 1 waiting, 0 sending, 0 to be retried",
        "probe.tick: 0 sent, 0 failed, 0 gave up, PAUSED",
        "handler probe.tick mail moves",
        "Breaker probe.post → bank.example: open",
        "Periodic job probe.job failed 3 times in a row: ValueError: no luck",
        "1 × ProbeError: a 1 must fail",
    ):
        assert line in out


def test_the_requeue_command_needs_to_know_what(dead, capsys):
    for arguments in ([], ["--id", "1", "--dead"]):
        with pytest.raises(CommandError):
            call_command("requeue_outbox", *arguments)
    call_command("requeue_outbox", "--type", "probe.clock.ticked")
    assert row(dead).status == "dead"
    call_command("requeue_outbox", "--dead")
    assert row(dead).status == "pending"
    call_command("requeue_outbox", "--id", str(dead), "999999")
    assert "left alone: 2" in capsys.readouterr().out


def test_only_staff_sees_the_outbox(client, dead):
    for address in (reverse(LIST), reverse(DETAIL, args=[dead])):
        assert client.get(address).status_code == 302
    client.force_login(get_user_model().objects.create_user(email="member@example.org", password="x"))
    for address in (reverse(LIST), reverse(DETAIL, args=[dead])):
        assert client.get(address).status_code == 302
    answer = client.post(reverse(LIST), {"action": "requeue", "_selected_action": [dead]})
    assert answer.status_code == 302
    assert row(dead).status == "dead"


def test_the_list_begins_with_what_needs_somebody(client, operator, dead):
    with transaction.atomic():
        pending = emit(Ticked(key="z", number=1))
    page = client.get(reverse(LIST))
    assert [message.pk for message in page.context["cl"].result_list] == [dead, pending]
    assert "No worker is running" in page.content.decode()
    assert "Dead letter (1)" in page.content.decode()
    assert client.get(reverse(LIST), {"status": "sent"}).context["cl"].result_count == 0


def test_the_list_costs_a_fixed_number_of_queries(client, operator, django_assert_max_num_queries):
    with transaction.atomic():
        emit_many([Ticked(key="z", number=n) for n in range(120)])
    with django_assert_max_num_queries(28):
        client.get(reverse(LIST))


def test_the_list_is_searched_by_number_type_and_key(client, operator, dead):
    with transaction.atomic():
        first, second = emit_many([Ticked(key="book:7", number=1), Ticked(key="book:8", number=1)])

    def found(**query):
        return {message.pk for message in client.get(reverse(LIST), query).context["cl"].result_list}

    assert found(q=str(second)) == {second}
    assert found(q="book:7") == {first}
    assert found(q="clock") == {first, second}
    assert found(q="clock", status="dead") == set()
    assert found(q="9" * 30) == set()
    assert found(status="pending") == {first, second}
    assert found(status="dead") == {dead}
    assert found(status="lost") == {first, second, dead}
    actions.discard(ids=[dead], by="Olga")
    assert found() == {first, second}
    assert found(status="discarded") == {dead}


def test_the_page_of_an_event_tells_who_is_called_and_who_waits(client, operator):
    with transaction.atomic():
        first, second = emit_many([Posted(key="host", number=1), Posted(key="host", number=2)])
    process_batch(shard=row(first).shard)
    (found,) = leases.look()
    leases.claim(handler=handler_named("probe.post"), queue=found, worker="worker 7")
    assert "host · with worker 7, leased until " in client.get(reverse(DETAIL, args=[first])).content.decode()
    assert "host · queued behind an older one" in client.get(reverse(DETAIL, args=[second])).content.decode()


def test_the_page_of_an_event_tells_its_whole_story(client, operator, dead):
    operator.user_permissions.add(Permission.objects.get(codename="view_payload"))
    page = client.get(reverse(DETAIL, args=[dead])).content.decode()
    for told in ("probe.road.forked", "probe.left", "probe.right", "ProbeError", "misbehave", "&quot;number&quot;: 1"):
        assert told in page


def test_events_cannot_be_changed_by_hand(client, operator, dead):
    client.post(reverse(DETAIL, args=[dead]), {"payload": "{}", "status": "sent"})
    assert (row(dead).status, row(dead).payload) == ("dead", {"key": "a", "number": 1})
    assert client.post(f"/admin/platform_outbox/outboxmessage/{dead}/delete/", {"post": "yes"}).status_code == 403
