"""Reading in a process of its own: the limits hold, and the one who asked always gets an answer."""

import os
import pickle
import signal
import time

import pytest

from finance.errors import Invalid, StatementUnreadable
from finance.imports.parsers import child
from finance.imports.parsers.child import Child, Limits, ReadingStopped, read_in_child
from finance.imports.parsers.reading import Question, read_file
from finance.tests.imports.conftest import CSV

pytestmark = pytest.mark.long

ROOMY = Limits(seconds=60, megabytes=512)
# Longer than a pipe holds, and longer to read than the parent waits between two looks.
LONG = b"Date,Payee,Amount\n" + b"".join(b"2026-03-%02d,P%d,-%d.00\n" % (1 + n % 28, n, n + 1) for n in range(20_000))


@pytest.mark.parametrize("data", [CSV, LONG], ids=["short", "long"])
def test_the_child_reads_as_the_parent_would(data):
    question = Question(currency="EUR")
    assert read_in_child(data, question, limits=ROOMY) == read_file(data, question)


def test_refusals_come_back_as_they_are():
    with pytest.raises(StatementUnreadable, match="PDF"):
        read_in_child(b"%PDF", Question(), limits=ROOMY)
    wrong = Question(profile={"amount_column": 3, "date_order": "ydm"})
    with pytest.raises(Invalid) as refused:
        read_in_child(CSV, wrong, limits=ROOMY)
    assert "date_order" in refused.value.fields


@pytest.mark.parametrize("megabytes", [60, 85, 90, 95, 100, 105, 110])
def test_too_much_memory_is_told(megabytes):
    """Wherever it is that the child gets no more: in some places Python turns round for ever."""
    with pytest.raises(StatementUnreadable, match=f"more than {megabytes} MB of memory"):
        read_in_child(LONG * 8, Question(), limits=Limits(seconds=60, megabytes=megabytes))


def test_too_much_time_is_told_and_the_child_is_gone(monkeypatch):
    started = []
    original = child.subprocess.Popen
    monkeypatch.setattr(child.subprocess, "Popen", lambda *a, **k: started.append(original(*a, **k)) or started[-1])
    began = time.monotonic()
    with pytest.raises(StatementUnreadable, match="longer than 1 second"):
        read_in_child(LONG * 8, Question(), limits=Limits(seconds=1, megabytes=1024))
    assert time.monotonic() - began < 60
    assert [each.returncode for each in started] in ([-signal.SIGKILL], [-signal.SIGXCPU])


def test_a_reading_can_be_stopped():
    with pytest.raises(ReadingStopped):
        read_in_child(LONG * 8, Question(), limits=ROOMY, goes_on=lambda: False)


def test_a_child_that_breaks_is_told_without_a_traceback(monkeypatch, caplog):
    monkeypatch.setattr(child, "_MODULE", "finance.no_such_module")
    with pytest.raises(StatementUnreadable, match="made the reader stop"):
        read_in_child(CSV, Question(), limits=ROOMY)
    assert "no_such_module" in caplog.text


def test_an_answer_cannot_name_other_classes():
    with pytest.raises(StatementUnreadable, match="made the reader stop"):
        Child(module="finance.imports.parsers.child", classes=set())._answered(pickle.dumps(("file", os.system)))


def test_the_child_sees_no_secrets(monkeypatch):
    """Nothing of the parent's environment but what starting Python takes."""
    seen = {}
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    original = child.subprocess.Popen
    monkeypatch.setattr(child.subprocess, "Popen", lambda *a, **k: seen.update(k) or original(*a, **k))
    read_in_child(CSV, Question(), limits=ROOMY)
    assert set(seen["env"]) == {"PATH", "PYTHONPATH", "LC_ALL"}


def test_the_child_knows_neither_django_nor_the_download_client_of_ofxtools():
    script = "import sys, finance.imports.parsers.child; print([m for m in ('django', 'ofxtools') if m in sys.modules])"
    told = child.subprocess.run([child.sys.executable, "-c", script], cwd=child._ROOT, capture_output=True, text=True)
    assert told.stdout.strip() == "[]", told.stderr
