"""What operators can do with dead letters, many at once or one with a corrected payload."""

import datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from platform_outbox import testing
from platform_outbox.emit import emit, emit_many, health
from platform_outbox.models import Attempt, Delivery, OutboxMessage
from platform_outbox.monitoring import overview
from platform_outbox.operators import actions, editing
from platform_outbox.operators.editing import MASK, masked, masked_text, unmasked
from platform_outbox.operators.selection import Selection, carry_out
from platform_outbox.tests.probe.events import Forked, Ticked
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]


@pytest.fixture
def one_try(settings):
    settings.WORKER_MAX_ATTEMPTS = 1


@pytest.fixture
def dead(one_try):
    """Three dead letters of one error and one of another."""
    for number in range(3):
        Fault.objects.create(handler="probe.tick", key="a", number=number, times=-1)
    Fault.objects.create(handler="probe.right", key="a", number=7, times=-1)
    with transaction.atomic():
        ids = emit_many([*(Ticked(key="a", number=number) for number in range(3)), Forked(key="a", number=7)])
    OutboxMessage.objects.filter(pk=ids[3]).update(payload={"key": "a", "number": 7, "colour": "red"})
    testing.drain(raise_errors=False)
    Fault.objects.all().delete()
    return ids


def row(event_id):
    return OutboxMessage.objects.get(pk=event_id)


def test_dead_letters_of_one_reason_form_a_group(dead):
    groups = list(OutboxMessage.objects.order_by("id").values_list("error_group", flat=True))
    assert len(set(groups[:3])) == 1
    assert groups[3] not in ("", groups[0])


def test_an_event_that_is_handled_in_the_end_belongs_to_no_group(dead):
    actions.requeue(ids=dead[:1], by="Olga")
    testing.drain()
    assert (row(dead[0]).status, row(dead[0]).error_group, row(dead[0]).error) == ("sent", "", "")


def test_errors_are_told_with_count_times_types_and_handlers(dead):
    latest, older = overview.error_groups()
    assert (latest.count, latest.types, latest.handlers) == (1, {"probe.road.forked": 1}, [])
    assert (older.count, older.types, older.handlers) == (3, {"probe.clock.ticked": 3}, ["probe.tick"])
    assert older.newest == dead[2]
    assert older.first_at <= older.last_at
    assert [each.count for each in overview.error_groups(group=older.key)] == [3]
    assert overview.error_groups(group="ffffffffffffffff") == []


def test_the_figures_stop_where_counting_becomes_dear(monkeypatch):
    monkeypatch.setattr(overview, "SAMPLE", 2)
    monkeypatch.setattr(overview, "_OPEN", overview._OPEN.replace("10001", "3"))
    with transaction.atomic():
        emit_many([Ticked(key="z", number=number) for number in range(5)])
    queue = overview.backlog(now=timezone.now())
    assert (queue.sampled, queue.by_status["pending"]) == (True, 3)


def test_a_selection_is_narrowed_by_group_type_time_and_what_the_operator_saw(dead):
    group = row(dead[0]).error_group
    yesterday = timezone.now() - datetime.timedelta(days=1)
    OutboxMessage.objects.filter(pk=dead[0]).update(created_at=yesterday)
    chosen = [
        (Selection(), dead),
        (Selection(error_group=group), dead[:3]),
        (Selection(event_type="probe.road.forked"), dead[3:]),
        (Selection(emitted_from=yesterday + datetime.timedelta(hours=1)), dead[1:]),
        (Selection(emitted_to=yesterday + datetime.timedelta(hours=1)), dead[:1]),
        (Selection(through=dead[1]), dead[:2]),
        (Selection(error_group=""), []),
    ]
    for selection, ids in chosen:
        assert [each for batch in selection.batches() for each in batch] == ids
        assert selection.count() == len(ids)
    assert Selection().until_now().through == dead[3]


def test_many_are_worked_off_in_batches_each_a_transaction_of_its_own(dead, monkeypatch):
    monkeypatch.setattr("platform_outbox.operators.selection.BATCH", 2)
    assert list(carry_out(Selection(), service=actions.discard, by="Olga")) == [2, 2]
    assert health().dead == 0


def test_a_discarded_event_can_be_taken_back(dead):
    actions.discard(ids=dead, by="Olga")
    assert actions.restore(ids=dead[:2], by="Olga") == 2
    assert health().dead == 2
    assert actions.restore(ids=dead[:2], by="Olga") == 0
    assert [each.outcome for each in row(dead[0]).history.order_by("id")] == ["dead", "discarded", "restored"]


def test_an_edited_event_takes_the_place_of_the_dead_letter(dead):
    new = editing.edit_as_new(event_id=dead[3], payload={"key": "a", "number": 8}, by="Sue")
    assert (row(new).payload, row(new).edited_from, row(new).status) == ({"key": "a", "number": 8}, dead[3], "pending")
    assert row(dead[3]).discarded_at is not None
    assert row(dead[3]).payload == {"key": "a", "number": 7, "colour": "red"}
    testing.drain()
    assert set(Effect.objects.values_list("handler", "number")) == {("probe.left", 8), ("probe.right", 8)}
    told = Attempt.objects.filter(outcome="edited").order_by("message_id")
    assert [(each.message_id, each.worker, each.error_message) for each in told] == [
        (dead[3], "Sue", f"#{dead[3]} → #{new}"),
        (new, "Sue", f"#{dead[3]} → #{new}"),
    ]


def test_what_was_replaced_never_runs_any_more(dead):
    editing.edit_as_new(event_id=dead[3], payload={"key": "a", "number": 8}, by="Sue")
    assert actions.requeue(ids=dead, by="Olga") == 3
    assert actions.restore(ids=dead, by="Olga") == 0
    assert row(dead[3]).status == "dead"


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"key": "a"}, "lacks its field number"),
        ({"key": "a", "number": "8"}, "is not of type int"),
        ({"key": "a", "number": 8, "more": 1}, "has no field more"),
        ({"key": "b", "number": 8}, "ordering key would change from a to b"),
        ({"key": "a", "number": 7, "colour": "red"}, "has no field colour"),
    ],
)
def test_an_edited_event_is_validated_strictly(dead, payload, told):
    with pytest.raises(editing.EditRefused, match=told):
        editing.edit_as_new(event_id=dead[3], payload=payload, by="Sue")
    assert row(dead[3]).discarded_at is None
    assert OutboxMessage.objects.count() == 4


def test_only_an_open_dead_letter_can_be_edited_and_only_to_something_else(dead):
    with pytest.raises(editing.EditRefused, match="Nothing is changed"):
        editing.edit_as_new(event_id=dead[0], payload={"key": "a", "number": 0}, by="Sue")
    actions.discard(ids=dead[:1], by="Olga")
    with transaction.atomic():
        waiting = emit(Ticked(key="z", number=1))
    for event_id in (dead[0], waiting, 999_999):
        with pytest.raises(editing.EditRefused, match="nobody has dealt with"):
            editing.edit_as_new(event_id=event_id, payload={"key": "z", "number": 5}, by="Sue")


def test_an_event_of_an_unknown_version_is_edited_into_the_known_one(one_try):
    with transaction.atomic():
        event_id = emit(Ticked(key="a", number=1))
    OutboxMessage.objects.update(event_version=9, created_at=timezone.now() - datetime.timedelta(hours=1))
    testing.drain(raise_errors=False)
    new = editing.edit_as_new(event_id=event_id, payload={"key": "a", "number": 2}, by="Sue")
    testing.drain()
    assert (row(new).event_version, row(new).status) == (1, "sent")


def test_the_requeue_command_takes_an_error_and_a_time_range(dead, capsys):
    group = row(dead[0]).error_group
    today = timezone.localdate()
    call_command("requeue_outbox", "--error", group, "--dry-run")
    assert "Would be requeued: 3" in capsys.readouterr().out
    call_command("requeue_outbox", "--id", *map(str, dead[:2]), "--dry-run")
    assert "Would be requeued: 2" in capsys.readouterr().out
    assert health().dead == 4
    call_command("requeue_outbox", "--from", str(today + datetime.timedelta(days=1)))
    call_command("requeue_outbox", "--to", str(today - datetime.timedelta(days=1)))
    assert health().dead == 4
    call_command("requeue_outbox", "--error", group, "--from", str(today - datetime.timedelta(days=1)))
    assert "Requeued: 3" in capsys.readouterr().out
    assert list(Delivery.objects.filter(status="pending").order_by("message_id").values_list("message_id")) == [
        (each,) for each in dead[:3]
    ]
    with pytest.raises(CommandError, match="neither a day"):
        call_command("requeue_outbox", "--from", "2026-02-30")


def test_secrets_are_masked_by_name_by_shape_and_by_value(settings):
    secret = settings.SECRET_KEY
    payload = {
        "book_id": 7,
        "api_key": "abc",
        "nested": [{"Password": "hunter2", "token": None}],
        "url": "https://anna:hunter2@example.org/x",
        "note": f"key {secret}",
        "secret": {"inner": "visible name, hidden below"},
    }
    shown = masked(payload)
    assert shown["book_id"] == 7
    assert shown["api_key"] == MASK
    assert shown["nested"] == [{"Password": MASK, "token": None}]
    assert shown["url"] == f"https://{MASK}@example.org/x"
    assert shown["note"] == f"key {MASK}"
    assert shown["secret"] == MASK
    assert unmasked(shown, original=payload) == payload


def test_what_an_operator_changed_stays_changed_beside_a_mask():
    original = {"token": "t0ps3cret", "number": 1, "list": [{"password": "a"}, {"password": "b"}]}
    edited = {**masked(original), "number": 2, "list": [{"password": MASK}, {"password": "c"}]}
    assert unmasked(edited, original=original) == {
        "token": "t0ps3cret",
        "number": 2,
        "list": [{"password": "a"}, {"password": "c"}],
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Authorization: Bearer abcdef123456", f"Authorization: Bearer {MASK}"),
        ("password=hunter2 host=db", f"password={MASK} host=db"),
        ("redis://:pass@host/0", f"redis://{MASK}@host/0"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", MASK),
        ("eyJhbGciOi.eyJzdWIi.sig", MASK),
        ("Entry 17 has no line", "Entry 17 has no line"),
    ],
)
def test_secrets_in_error_texts_are_masked(text, told):
    assert masked_text(text) == told
