import json

import pytest
from django.core.management import CommandError, call_command

from platform_outbox import testing
from platform_outbox.operations.models import OperationRun
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]


def told(capsys, *arguments):
    call_command("operation", *arguments)
    return capsys.readouterr().out


def test_list_tells_what_each_operation_takes(capsys):
    text = told(capsys, "list")
    assert "probe.count: Count. Writes one effect for each number." in text
    assert "  to=int  Count to, default: 5." in text
    assert "  key=str  Key, needed. What is counted." in text


def test_run_carries_it_out_here_and_prints_the_result(capsys):
    assert json.loads(told(capsys, "run", "probe.count", "key=a", "to=2").removeprefix("Counted.\n")) == {"numbers": 2}
    assert Effect.objects.count() == 2
    assert not OperationRun.objects.exists()


def test_a_dry_run_here_changes_nothing(capsys):
    told(capsys, "run", "probe.count", "key=a", "--dry-run")
    assert not Effect.objects.exists()


def test_files_are_read_and_written_where_they_are_named(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.txt").write_text("hello")
    told(capsys, "run", "probe.echo", "file=note.txt")
    assert (tmp_path / "echo.txt").read_text() == "HELLO"


def test_start_status_cancel_resume_and_watch(capsys):
    call_command("operation", "start", "probe.count", "key=a", "to=2")
    started = capsys.readouterr()
    assert "waits for a worker" in started.out
    assert "No worker is running: start one with manage.py outbox_worker." in started.err
    run = OperationRun.objects.get()
    assert run.by.endswith(" (command)")
    assert "Cancelled" in told(capsys, "cancel", str(run.pk))
    assert "Waiting for a worker" in told(capsys, "resume", str(run.pk))
    testing.drain()
    assert '"numbers": 2' in told(capsys, "watch", str(run.pk))
    assert "Counted." in told(capsys, "status", str(run.pk))
    (described,) = json.loads(told(capsys, "status", "--json"))
    assert (described["state"], described["result"], described["operation"]) == ("done", {"numbers": 2}, "probe.count")


def test_watching_a_run_that_fails_is_an_error(capsys):
    Fault.objects.create(handler="probe.count", key="a", number=1, times=-1)
    told(capsys, "start", "probe.count", "key=a")
    testing.drain()
    with pytest.raises(CommandError, match="1 is not liked"):
        told(capsys, "watch", str(OperationRun.objects.get().pk))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "probe.dance"], "no operation probe.dance; there are: "),
        (["run", "probe.count", "a"], "a is not of the form parameter=value"),
        (["run", "probe.count", "to=x"], "key: it is needed; to: it must be a whole number"),
        (["start", "probe.echo", "file=x", "--dry-run"], "no dry run"),
        (["run", "probe.echo", "file=x", "--dry-run"], "no dry run"),
        (["watch", "7"], "There is no run 7"),
        (["cancel", "7"], "There is no run 7"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(arguments, complaint):
    with pytest.raises(CommandError, match=complaint):
        call_command("operation", *arguments)
    assert not OperationRun.objects.exists()
