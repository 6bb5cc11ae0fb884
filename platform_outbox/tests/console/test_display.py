"""What the console shows: the queue, workers, charts and errors, in a fixed number of queries."""

import datetime

import pytest
from django.db import transaction
from django.utils import timezone

from platform_outbox.emit import emit_many
from platform_outbox.models import (
    CurrentTurn,
    Delivery,
    Minute,
    OutboxMessage,
    Worker,
)
from platform_outbox.monitoring import history, overview
from platform_outbox.tests.console.pages import LIST, url
from platform_outbox.tests.probe.events import Ticked

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]


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
