import dataclasses
import datetime
import os
import signal
import subprocess
import sys
from threading import Event, Thread

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from platform_outbox import registry, testing
from platform_outbox.emit import emit_many
from platform_outbox.models import Attempt, OutboxMessage, Replay
from platform_outbox.operators import actions, replay
from platform_outbox.operators.selection import first_id_since
from platform_outbox.processing import claim
from platform_outbox.tests.conftest import database_url, wait_for
from platform_outbox.tests.probe.events import Crawled, Forked, Poured, Ticked
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.outbox]


@pytest.fixture
def history(db):
    """Ten events of two keys, handled; what they did is forgotten."""
    with transaction.atomic():
        ids = emit_many([Ticked(key="ab"[number % 2], number=number) for number in range(10)])
    testing.drain()
    Effect.objects.all().delete()
    return ids


def start(plan):
    plan.save()
    return plan


def go(plan):
    run = start(plan)
    for _step in replay.run(run):
        pass
    run.refresh_from_db()
    return run


def numbers(handler="probe.tick"):
    return list(Effect.objects.filter(handler=handler).order_by("pk").values_list("number", flat=True))


def test_a_replay_runs_one_handler_over_its_past_in_order(history):
    run = go(replay.plan(handler="probe.tick", by="Olga"))
    assert numbers() == list(range(10))
    assert (run.state, run.handled, run.failed, run.cursor, run.percent) == ("finished", 10, 0, history[-1], 100)
    assert set(OutboxMessage.objects.values_list("status", "attempts")) == {("sent", 1)}


def test_the_other_handlers_of_the_events_are_not_run(db):
    with transaction.atomic():
        emit_many([Forked(key="a", number=number) for number in range(3)])
    testing.drain()
    Effect.objects.all().delete()
    go(replay.plan(handler="probe.left", by="Olga"))
    assert (numbers("probe.left"), numbers("probe.right")) == ([0, 1, 2], [])


def test_a_batch_handler_gets_batches_and_knows_that_it_is_a_replay(db, monkeypatch):
    with transaction.atomic():
        emit_many([Poured(key="a", number=number) for number in range(60)])
    testing.drain()
    met = []
    there = next(each for each in registry.all_handlers() if each.name == "probe.pour")
    watched = dataclasses.replace(
        there, function=lambda events, contexts: met.append((len(events), {c.replay for c in contexts}))
    )
    monkeypatch.setitem(registry._handlers, "probe.pour", watched)
    go(replay.plan(handler="probe.pour", by="Olga"))
    assert met == [(50, {True}), (10, {True})]


def test_what_the_handler_has_not_done_yet_is_left_to_the_ordinary_way(history):
    OutboxMessage.objects.filter(pk=history[3]).update(status="pending")
    OutboxMessage.objects.filter(pk=history[5]).update(status="dead")
    go(replay.plan(handler="probe.tick", by="Olga"))
    assert numbers() == [0, 1, 2, 4, 6, 7, 8, 9]


def test_an_event_at_which_only_another_handler_failed_is_replayed(db, settings):
    settings.WORKER_MAX_ATTEMPTS = 1
    Fault.objects.create(handler="probe.right", key="a", number=1, times=-1)
    with transaction.atomic():
        (event_id,) = emit_many([Forked(key="a", number=1)])
    testing.drain(raise_errors=False)
    assert OutboxMessage.objects.get(pk=event_id).status == "dead"
    Effect.objects.all().delete()
    Fault.objects.all().delete()
    assert go(replay.plan(handler="probe.left", by="Olga")).handled == 1
    assert go(replay.plan(handler="probe.right", by="Olga")).handled == 0
    assert (numbers("probe.left"), numbers("probe.right")) == ([1], [])


def test_type_key_and_time_narrow_a_replay(history):
    moment = timezone.now() - datetime.timedelta(hours=5)
    OutboxMessage.objects.filter(pk__lt=history[4]).update(created_at=moment)
    hour = datetime.timedelta(hours=1)
    go(replay.plan(handler="probe.tick", by="Olga", ordering_key="a", emitted_from=moment, emitted_to=moment + hour))
    assert numbers() == [0, 2]
    go(replay.plan(handler="probe.tick", by="Olga", event_types=["probe.clock.ticked"], emitted_from=moment + hour))
    assert numbers() == [0, 2, 4, 5, 6, 7, 8, 9]


def test_a_time_is_found_among_the_ids_by_bisection(history):
    for hours, ids in ((30, history[:4]), (20, history[4:7])):
        OutboxMessage.objects.filter(pk__in=ids).update(created_at=timezone.now() - datetime.timedelta(hours=hours))
    for hours, first in ((40, history[0]), (25, history[4]), (1, history[7]), (-1, history[-1] + 1)):
        assert first_id_since(timezone.now() - datetime.timedelta(hours=hours)) == first


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"handler": "probe.nobody"}, "No handler is called probe.nobody"),
        ({"handler": "probe.tick", "event_types": ["probe.road.forked"]}, "does not listen to probe.road.forked"),
        (
            {
                "handler": "probe.tick",
                "emitted_from": datetime.datetime(2026, 2, 2, tzinfo=datetime.UTC),
                "emitted_to": datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC),
            },
            "ends before it begins",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(db, asked, told):
    with pytest.raises(replay.ReplayRefused, match=told):
        replay.plan(by="Olga", **asked)
    assert not Replay.objects.exists()


def test_a_failure_stops_the_replay_before_its_event_and_it_can_go_on(history):
    fault = Fault.objects.create(handler="probe.tick", key="a", number=4, times=-1)
    run = go(replay.plan(handler="probe.tick", by="Olga"))
    assert numbers() == [0, 1, 2, 3]
    assert (run.state, run.handled, run.failed, run.cursor) == ("stopped", 4, 1, history[3])
    assert run.error == f"#{history[4]}: ProbeError: a 4 must fail"
    attempt = Attempt.objects.get()
    assert (attempt.message_id, attempt.outcome, attempt.worker) == (history[4], "replay_failed", "Olga")
    assert "misbehave" in attempt.traceback
    fault.delete()
    for _step in replay.run(replay.resume(replay_id=run.pk)):
        pass
    assert numbers() == list(range(10))


def test_a_replay_that_keeps_going_notes_failures_and_passes_them(history):
    Fault.objects.create(handler="probe.tick", key="a", number=4, times=-1)
    run = go(replay.plan(handler="probe.tick", by="Olga", keep_going=True))
    assert numbers() == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert (run.state, run.handled, run.failed) == ("finished", 9, 1)


def test_a_swallowed_database_error_is_a_failure(history, monkeypatch):
    there = next(each for each in registry.all_handlers() if each.name == "probe.tick")
    swallows = dataclasses.replace(there, function=lambda event, context: transaction.set_rollback(True))
    monkeypatch.setitem(registry._handlers, "probe.tick", swallows)
    run = go(replay.plan(handler="probe.tick", by="Olga"))
    assert (run.state, numbers()) == ("stopped", [])
    assert "BrokenTransaction" in run.error


def test_a_stopped_or_finished_replay_does_nothing_more(history):
    run = start(replay.plan(handler="probe.tick", by="Olga"))
    assert replay.step(replay_id=run.pk, limit=3).handled == 3
    assert replay.stop(replay_id=run.pk) is True
    assert replay.step(replay_id=run.pk).over
    assert numbers() == [0, 1, 2]
    assert go(replay.plan(handler="probe.tick", by="Olga", ordering_key="c")).state == "finished"
    finished = Replay.objects.get(state="finished")
    assert replay.stop(replay_id=finished.pk) is False
    with pytest.raises(replay.ReplayRefused, match="finished"):
        replay.resume(replay_id=finished.pk)


def test_a_paused_handler_is_not_replayed(history):
    actions.pause(kind="handler", target="probe.tick", by="Olga", reason="")
    run = go(replay.plan(handler="probe.tick", by="Olga"))
    assert (run.state, run.error, numbers()) == ("stopped", "The handler is paused.", [])


def test_a_rare_event_among_many_is_looked_for_in_portions(history, monkeypatch):
    monkeypatch.setattr(replay, "WINDOW", 2)
    monkeypatch.setattr(replay, "WINDOWS_PER_STEP", 2)
    OutboxMessage.objects.exclude(pk=history[9]).update(event_type="probe.tree.fallen")
    run = start(replay.plan(handler="probe.tick", by="Olga"))
    steps = [replay.step(replay_id=run.pk) for _ in range(3)]
    assert [step.handled for step in steps] == [0, 0, 1]
    assert numbers() == [9]


def test_the_pace_is_kept(history, monkeypatch):
    slept = []
    monkeypatch.setattr(replay.time, "sleep", slept.append)
    monkeypatch.setattr(replay.time, "monotonic", lambda: 100.0)
    go(replay.plan(handler="probe.tick", by="Olga", rate=4))
    assert slept == [1.0, 2.0]
    assert numbers() == list(range(10))


def test_effects_outside_are_repeated_only_on_demand(history, monkeypatch):
    called = []

    class Outside:
        name, io, batch, events = "probe.tick", True, False, (Ticked,)

        @staticmethod
        def function(event, context):
            called.append((event.number, context.replay, connection.savepoint_ids))
            if event.number == 2 and len(called) == 3:
                raise ConnectionError("down")

    monkeypatch.setitem(registry._handlers, "probe.tick", Outside)
    with pytest.raises(replay.ReplayRefused, match="outside the database"):
        replay.plan(handler="probe.tick", by="Olga")
    run = go(replay.plan(handler="probe.tick", by="Olga", including_io=True))
    assert (run.state, run.error) == ("stopped", f"#{history[2]}: ConnectionError: down")
    for _step in replay.run(replay.resume(replay_id=run.pk)):
        pass
    assert [number for number, *_ in called] == [0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9]


@pytest.mark.django_db(transaction=True)
def test_a_shard_that_a_worker_is_at_is_waited_for(transactional_db):
    with transaction.atomic():
        emit_many([Ticked(key="a", number=number) for number in range(3)])
    testing.drain()
    Effect.objects.all().delete()
    shard = OutboxMessage.objects.values_list("shard", flat=True)[0]
    taken, release = Event(), Event()

    def hold():
        with transaction.atomic():
            assert claim.lock_shard(shard)
            taken.set()
            release.wait(10)
        connection.close()

    worker = Thread(target=hold)
    worker.start()
    taken.wait(10)
    run = start(replay.plan(handler="probe.tick", by="Olga"))
    assert replay.step(replay_id=run.pk).busy
    assert numbers() == []
    release.set()
    worker.join()
    assert replay.step(replay_id=run.pk).handled == 3


def test_the_command_counts_runs_and_reports(history, capsys):
    call_command("replay_events", "--handler", "probe.tick", "--dry-run")
    assert "Would be handled by probe.tick: 10" in capsys.readouterr().out
    assert (numbers(), Replay.objects.count()) == ([], 0)
    call_command("replay_events", "--handler", "probe.tick", "--key", "a", "--from", "2020-01-01")
    assert "Handled: 5, failed: 0" in capsys.readouterr().out
    assert numbers() == [0, 2, 4, 6, 8]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Say --handler NAME"),
        (["--handler", "probe.tick", "--resume", "1"], "Say --handler NAME"),
        (["--handler", "probe.nobody"], "No handler"),
        (["--handler", "probe.tick", "--rate", "0"], "--rate"),
        (["--handler", "probe.tick", "--from", "last week"], "last week"),
        (["--resume", "987654321"], "There is no replay 987654321"),
    ],
)
def test_the_command_refuses_what_it_does_not_understand(db, arguments, told):
    with pytest.raises(CommandError, match=told):
        call_command("replay_events", *arguments)


def test_the_command_says_how_to_go_on(history):
    Fault.objects.create(handler="probe.tick", key="a", number=4, times=-1)
    with pytest.raises(CommandError, match=r"a 4 must fail. Continue with: manage.py replay_events --resume"):
        call_command("replay_events", "--handler", "probe.tick")
    call_command("replay_events", "--resume", str(Replay.objects.get().pk), "--keep-going")
    assert len(numbers()) == 9


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("killer", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_ends_in_the_middle_leaves_every_event_done_once(transactional_db, killer):
    with transaction.atomic():
        emit_many([Crawled(key=f"k{number % 7}", number=number) for number in range(400)])
    OutboxMessage.objects.update(status="sent")
    command = [sys.executable, "manage.py", "replay_events", "--handler", "probe.crawl"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "lifeos_project.test_settings",
        "DATABASE_URL": database_url(connection.settings_dict),
    }
    process = subprocess.Popen(
        command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    wait_for(
        lambda: Replay.objects.filter(handled__gt=0).exists() or process.poll() is not None,
        seconds=90,
        what="the replay",
    )
    process.send_signal(killer)
    output, _ = process.communicate(timeout=90)
    run = Replay.objects.get()
    assert 0 < run.handled < 400, output
    assert Effect.objects.count() == run.handled
    assert ("Continue with" in output) == (killer == signal.SIGINT), output
    assert run.state == ("stopped" if killer == signal.SIGINT else "running")
    for _step in replay.run(replay.resume(replay_id=run.pk)):
        pass
    assert sorted(numbers("probe.crawl")) == list(range(400))


@pytest.mark.parametrize(
    ("state", "cursor", "percent"),
    [("running", 99, 0), ("running", 108, 90), ("worker", 109, 99), ("finished", 104, 100)],
)
def test_only_a_finished_replay_is_at_100_percent(state, cursor, percent):
    assert Replay(state=state, first=100, last=109, cursor=cursor).percent == percent
