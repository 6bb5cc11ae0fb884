"""What follows from a request is done under its name, however many events lie between."""

import pytest
from django.db import transaction

from platform_outbox import testing
from platform_outbox.emit import emit, emit_many, emit_within, event_insert, notifier, shard_of
from platform_outbox.events import current_trace, traced
from platform_outbox.models import OutboxMessage
from platform_outbox.tests.probe import handlers
from platform_outbox.tests.probe.events import Posted, Poured, Ticked

pytestmark = pytest.mark.django_db


@pytest.fixture
def seen(monkeypatch):
    """(handler, number, trace) of each call of a probe handler."""
    found = []
    monkeypatch.setattr(handlers, "act", lambda name, event: found.append((name, event.number, current_trace())))
    monkeypatch.setattr(
        handlers, "reach_out", lambda name, event, context: found.append((name, event.number, current_trace()))
    )
    return found


def emit_under(trace, *events):
    with traced(trace), transaction.atomic():
        return emit_many(events)


def test_events_carry_the_request_that_they_come_from():
    with traced("request-1"), transaction.atomic():
        first = emit(Ticked(key="a", number=1))
        (second,) = emit_many([Ticked(key="a", number=2)])
    with transaction.atomic():
        third = emit(Ticked(key="a", number=3))
    assert dict(OutboxMessage.objects.values_list("id", "trace")) == {
        first: "request-1",
        second: "request-1",
        third: "",
    }
    assert current_trace() == ""


def test_a_statement_writes_its_event_with_what_its_row_knows_if_there_is_one(monkeypatch):
    rung = []
    monkeypatch.setattr(notifier, "notify", rung.extend)
    statement = f"""
        WITH change AS (SELECT %(given)s::int AS number WHERE %(given)s::int > 0), event AS (
            {event_insert(source="change", filled="jsonb_build_object('number', change.number)")}
        ) SELECT number FROM change"""

    def change(given):
        return emit_within(Ticked(key="a", number=0), statement=statement, values={"given": given})

    with traced("request-1"):
        assert change(7) == [(7,)]
    assert change(-7) == []

    stored = OutboxMessage.objects.get()
    assert (stored.event_type, stored.payload, stored.trace) == (
        "probe.clock.ticked",
        {"key": "a", "number": 7},
        "request-1",
    )
    assert (stored.shard, stored.ordering_key) == (shard_of("a"), "a")
    assert rung == []  # not before the commit


def test_handlers_run_under_the_request_of_their_event(seen):
    emit_under("request-1", Ticked(key="a", number=1), Posted(key="a", number=2))
    emit_under("request-2", Ticked(key="a", number=3))
    testing.drain()
    assert sorted(seen) == [
        ("probe.post", 2, "request-1"), ("probe.register", 2, "request-1"),
        ("probe.tick", 1, "request-1"), ("probe.tick", 3, "request-2"),
    ]  # fmt: skip
    assert current_trace() == ""


def test_what_a_handler_emits_belongs_to_the_same_request(monkeypatch):
    monkeypatch.setattr(
        handlers, "act", lambda name, event: name == "probe.tick" and emit(Poured(key="b", number=event.number))
    )
    emit_under("request-1", Ticked(key="a", number=1))
    testing.drain(raise_errors=False)
    assert set(OutboxMessage.objects.values_list("event_type", "trace")) >= {
        ("probe.clock.ticked", "request-1"), (Poured.name, "request-1"),
    }  # fmt: skip


def test_a_batch_of_one_request_runs_under_it_and_a_mixed_one_under_none(seen):
    emit_under("request-1", Poured(key="a", number=1), Poured(key="a", number=2))
    testing.drain()
    emit_under("request-1", Poured(key="a", number=3))
    emit_under("request-2", Poured(key="a", number=4))
    testing.drain()
    assert [(number, trace) for _, number, trace in seen] == [(1, "request-1"), (2, "request-1"), (3, ""), (4, "")]


def test_a_batch_handler_names_the_request_of_each_event_that_it_emits():
    with transaction.atomic():
        emit_many([Ticked(key="a", number=1), Ticked(key="a", number=2)], traces=["request-1", "request-2"])
    assert list(OutboxMessage.objects.order_by("id").values_list("trace", flat=True)) == ["request-1", "request-2"]
