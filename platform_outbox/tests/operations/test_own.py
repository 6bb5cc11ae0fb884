"""The outbox's own operations: pruning and running a handler over the past."""

import datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from platform_outbox import testing
from platform_outbox.emit import emit_many
from platform_outbox.models import OutboxMessage, Replay
from platform_outbox.operations.operations import ReplayStopped
from platform_outbox.operations.registry import operation_named, read
from platform_outbox.operations.runs import TerminalRun
from platform_outbox.operators import replay
from platform_outbox.tests.probe.events import Ticked
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]


def carry_out(name, *, dry_run=False, kept=None, **given):
    run = TerminalRun(by="Olga", dry_run=dry_run, write=lambda line: None, quiet=True)
    run.kept = kept if kept is not None else {}
    operation = operation_named(name)
    return operation.function(read(operation.parameters, given), run)


@pytest.fixture
def past():
    with transaction.atomic():
        ids = emit_many([Ticked(key="a", number=number) for number in range(5)])
    testing.drain()
    Effect.objects.all().delete()
    return ids


def test_pruning_deletes_what_is_old_and_handled(past):
    OutboxMessage.objects.filter(pk__in=past[:2]).update(
        created_at=timezone.now() - datetime.timedelta(days=40),
        finished_at=timezone.now() - datetime.timedelta(days=40),
    )
    assert carry_out("outbox.prune") == {"deleted": 2, "partitions dropped": "none"}
    assert list(OutboxMessage.objects.order_by("id").values_list("id", flat=True)) == past[2:]


def test_a_dry_replay_counts_and_a_real_one_runs_the_handler_again(past):
    assert carry_out("outbox.replay", dry_run=True, handler="probe.tick") == {"events": 5}
    assert not Effect.objects.exists()
    assert carry_out("outbox.replay", handler="probe.tick") == {"handled": 5, "failed": 0}
    assert list(Effect.objects.order_by("id").values_list("number", flat=True)) == [0, 1, 2, 3, 4]


def test_a_replay_that_met_an_error_goes_on_once_it_is_mended(past):
    Fault.objects.create(handler="probe.tick", key="a", number=3, times=-1)
    kept = {}
    with pytest.raises(ReplayStopped, match="must fail"):
        carry_out("outbox.replay", handler="probe.tick", kept=kept)
    assert Effect.objects.count() == 3
    Fault.objects.all().delete()
    assert carry_out("outbox.replay", handler="probe.tick", kept=kept) == {"handled": 5, "failed": 1}
    assert Effect.objects.count() == 5


def test_a_replay_ended_by_ctrl_c_is_stopped_and_can_be_resumed(past, monkeypatch):
    def interrupt(run, steps=1):
        raise KeyboardInterrupt

    monkeypatch.setattr(replay, "BATCH", 2)
    monkeypatch.setattr(TerminalRun, "advance", interrupt)
    with pytest.raises(KeyboardInterrupt):
        carry_out("outbox.replay", handler="probe.tick")
    assert Replay.objects.get().state == "stopped"


def test_a_replay_that_is_stopped_in_the_console_ends_its_command_with_a_word(past, monkeypatch):
    monkeypatch.setattr(TerminalRun, "show", lambda run, done: Replay.objects.update(state="stopped", finished_at=None))
    monkeypatch.setattr(replay, "BATCH", 2)
    with pytest.raises(CommandError, match="Stopped"):
        call_command("operation", "run", "outbox.replay", "handler=probe.tick")
    assert 0 < Effect.objects.count() < 5
