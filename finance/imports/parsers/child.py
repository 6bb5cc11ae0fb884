"""Read a bank file in a process of its own, with limits of memory and time: `python -m finance.imports.parsers.child`.

A stranger wrote the file. Whatever it makes the parsers do, the parent process survives and says what happened.
The child gets the question and the bytes on its standard input, answers on its standard output and sees neither the
database nor the settings.
"""

import contextlib
import json
import logging
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from core.texts import gettext as _
from core.texts import gettext_noop, language, speak
from finance.errors import FinanceError, Invalid, StatementUnreadable
from finance.imports.parsers.packing import ROW_CLASSES, NamedUnpickler, PackedRows
from finance.imports.parsers.question import Question, to_json
from finance.imports.parsers.statement import ParsedFile

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parents[3]
_MODULE = "finance.imports.parsers.child"
_PATIENCE = 0.2  # seconds between two checks whether to continue
_OUT_OF_MEMORY = 3
_ROOM = 2 * 1024 * 1024  # bytes; Python takes memory for small objects by the megabyte
# The answer names these classes and no others: what comes out of the child is not trusted either.
_ANSWERS = {
    *ROW_CLASSES,
    ("finance.imports.parsers.statement", "ParsedFile"),
    ("finance.imports.parsers.statement", "ParsedStatement"),
    ("finance.imports.parsers.packing", "PackedRows"),
    ("finance.imports.parsers.profile", "CsvProfile"),
}


class ReadingStopped(Exception):
    """The reading was ended from outside before it had an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the reading of one file may take."""

    seconds: int
    megabytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A reader in a process of its own: its module, the classes that its answer may name, and what to advise people."""

    module: str
    classes: Collection[tuple[str, str]]
    advice: str = gettext_noop("Please export a shorter period.")
    broken: str = gettext_noop("Please export the transactions as CSV or OFX again.")

    def ask(
        self, data: bytes, question: Mapping[str, Any], *, limits: Limits, goes_on: Callable[[], bool] = lambda: True
    ) -> tuple[str, Any]:
        """The child's answer to the question (JSON-able) about the bytes: ("file", …) or ("refused", code, detail, fields).

        Raises StatementUnreadable when the child takes too much or breaks, and ReadingStopped once `goes_on` says no.
        """
        asked = json.dumps(
            {"limits": [limits.seconds, limits.megabytes], "question": question, "language": language()}
        ).encode()
        # A pipe would have to be fed while the answer is awaited; a file without a name is just there.
        with tempfile.TemporaryFile() as source:
            source.write(asked + b"\n")
            source.write(data)
            source.seek(0)
            with subprocess.Popen(
                [sys.executable, "-s", "-m", self.module],
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=_ROOT,
                env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(_ROOT), "LC_ALL": "C.UTF-8"},
            ) as child:
                try:
                    answer, said = _wait_for(child, limits=limits, goes_on=goes_on, advice=self.advice)
                finally:
                    child.kill()
        if child.returncode == 0:
            return self._answered(answer)
        logger.warning(
            "The reader of a file ended with %s: %s", child.returncode, said[-2000:].decode(errors="replace").strip()
        )
        raise StatementUnreadable(reason=self._what_happened(child.returncode, limits))

    def _what_happened(self, code: int, limits: Limits) -> str:
        if code == -signal.SIGXCPU:
            return _too_long(limits, self.advice)
        if code == _OUT_OF_MEMORY:
            return _too_much(limits, self.advice)
        return _("The file made the reader stop. The operator finds the cause in the server's log. %(broken)s") % {
            "broken": _(self.broken)
        }

    def _answered(self, answer: bytes) -> tuple[str, Any]:
        try:
            kind, value = NamedUnpickler(BytesIO(answer), self.classes).load()
        except (pickle.UnpicklingError, EOFError, AttributeError, TypeError, ValueError, IndexError) as error:
            logger.exception("The reader of a file gave no answer.")
            raise StatementUnreadable(reason=self._what_happened(1, Limits(seconds=0, megabytes=0))) from error
        return kind, value


def read_in_child(
    data: bytes, question: Question, *, limits: Limits, goes_on: Callable[[], bool] = lambda: True
) -> ParsedFile:
    """As `read_file`, in a child process within limits.

    Raises also StatementUnreadable when the child takes too much or breaks, and ReadingStopped once `goes_on` says no.
    """
    kind, value = Child(module=_MODULE, classes=_ANSWERS).ask(data, to_json(question), limits=limits, goes_on=goes_on)
    if kind == "file":
        parsed: ParsedFile = value
        return parsed
    code, detail, fields = value
    raise Invalid(reason=detail, fields=fields) if code == Invalid.code else StatementUnreadable(reason=detail)


def _wait_for(
    child: "subprocess.Popen[bytes]", *, limits: Limits, goes_on: Callable[[], bool], advice: str
) -> tuple[bytes, bytes]:
    until = time.monotonic() + limits.seconds
    full = False
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.communicate(timeout=_PATIENCE)
        if not goes_on():
            raise ReadingStopped
        if time.monotonic() > until:
            raise StatementUnreadable(reason=_too_long(limits, advice))
        full, was_full = _has_no_memory_left(child.pid, limits=limits), full
        if full and was_full:
            raise StatementUnreadable(reason=_too_much(limits, advice))


def _has_no_memory_left(pid: int, *, limits: Limits) -> bool:
    """Whether the child is at its limit, where it may turn round for ever instead of ending.

    Python 3.11 takes memory to enter an `except` clause and, refused it, tries to enter it again.
    """
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    except (OSError, ValueError, IndexError):  # it has just ended, or this is not Linux
        return False
    return pages * resource.getpagesize() > limits.megabytes * 1024 * 1024 - _ROOM


def _too_long(limits: Limits, advice: str) -> str:
    return _("Reading the file took longer than %(seconds)s seconds and was ended. %(advice)s") % {
        "seconds": limits.seconds,
        "advice": _(advice),
    }


def _too_much(limits: Limits, advice: str) -> str:
    return _("Reading the file takes more than %(megabytes)s MB of memory and was ended. %(advice)s") % {
        "megabytes": limits.megabytes,
        "advice": _(advice),
    }


def serve(answer: Callable[[bytes, Any], Any]) -> int:
    """The child's side of `Child.ask`: limits first, then the question, then the file. Returns the exit code."""
    source = sys.stdin.buffer
    asked = json.loads(source.readline())
    speak(asked["language"])
    seconds, megabytes = asked["limits"]
    resource.setrlimit(resource.RLIMIT_AS, (megabytes * 1024 * 1024,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it has nothing to write but its answer
    try:
        try:
            said: tuple[str, Any] = "file", answer(source.read(), asked["question"])
        except FinanceError as error:
            said = "refused", (error.code, error.detail, error.fields)
        pickle.dump(said, sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL)
        sys.stdout.buffer.flush()
    except MemoryError:
        return _OUT_OF_MEMORY
    return 0


def main() -> int:
    """The child that reads bank files."""
    # Not for those who ask: the readers of all formats.
    from finance.imports.parsers.reading import read_file

    return serve(lambda data, question: _packed(read_file(data, Question(**question))))


def _packed(parsed: ParsedFile) -> ParsedFile:
    statements = tuple(replace(statement, rows=PackedRows(statement.rows)) for statement in parsed.statements)
    return replace(parsed, statements=statements, left_out=PackedRows(parsed.left_out))


if __name__ == "__main__":
    sys.exit(main())
