"""What an operation reports to while it runs, on a terminal or in the database."""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

from platform_outbox.operations import files

# Steps may be short: the database hears of them no more often than this.
REPORT_SECONDS = 0.5
LONGEST_LOG = 200_000


class OperationStopped(BaseException):
    """Base of the reasons to end early. Not an Exception: an operation's own error handling must not swallow it."""


class OperationCancelled(OperationStopped):
    """Somebody asked for the operation to end."""


class OperationInterrupted(OperationStopped):
    """The worker is going away, or another one has taken over; the run goes on elsewhere from what it kept."""


class Run(Protocol):
    """One carrying out of an operation, as the operation sees it."""

    dry_run: bool
    kept: dict[str, Any]
    by: str

    def expect(self, total: int, *, unit: str = "") -> None:
        """Tell how many steps there are in all, those included that an earlier run has done."""

    def advance(self, steps: int = 1) -> None:
        """Tell that steps are done. Raises OperationStopped when the operation shall end here."""

    def show(self, done: int) -> None:
        """Tell how many steps are done, in a stretch that cannot end early."""

    def say(self, text: str) -> None:
        """Add a line to the run's log."""

    def keep(self, **state: Any) -> None:
        """Store where to go on after a stop: JSON values, merged into `kept`."""

    def read(self, name: str) -> bytes:
        """The content of a file that the operation was given. Raises OSError."""

    def write(self, name: str, pieces: Iterable[str]) -> str:
        """Write a file for whoever started the operation; returns where it is. All of it or nothing."""


class TerminalRun:
    """Shows a bar on standard error and keeps nothing: Ctrl-C ends it, and the operation's own rows say how far it came."""

    def __init__(self, *, by: str, dry_run: bool, write: Callable[[str], Any], quiet: bool = False) -> None:
        self.dry_run = dry_run
        self.kept: dict[str, Any] = {}
        self.by = by
        self._write = write
        self._bar: Any = tqdm(disable=True if quiet else None, leave=False)

    def expect(self, total: int, *, unit: str = "") -> None:
        self._bar.total = total
        self._bar.unit = unit or "step"
        self._bar.refresh()

    def advance(self, steps: int = 1) -> None:
        self._bar.update(steps)

    def show(self, done: int) -> None:
        self._bar.update(done - self._bar.n)

    def say(self, text: str) -> None:
        self._write(text)

    def keep(self, **state: Any) -> None:
        self.kept |= state

    def read(self, name: str) -> bytes:
        return Path(name).read_bytes()

    def write(self, name: str, pieces: Iterable[str]) -> str:
        return str(files.write_private(Path(name), pieces))

    def close(self) -> None:
        self._bar.close()


_REPORT = """
    UPDATE platform_operation_run
    SET done = %(done)s, total = %(total)s, unit = %(unit)s, kept = %(kept)s::jsonb,
        log = right(log || %(log)s, %(longest)s), heartbeat_at = statement_timestamp()
    WHERE id = %(id)s AND token = %(token)s AND state = 'running'
    RETURNING cancel_requested_at IS NOT NULL
"""


class RecordedRun:
    """Writes progress into the run's row; `execute` must commit by itself, to be seen while a step's transaction is open.

    The token fences: once another worker has taken the run over, nothing is written here any more.
    """

    def __init__(
        self,
        *,
        run_id: int,
        token: str,
        by: str,
        dry_run: bool,
        kept: dict[str, Any],
        done: int,
        execute: Callable[[str, dict[str, Any]], tuple[Any, ...] | None],
        goes_on: Callable[[], bool],
    ) -> None:
        self.dry_run = dry_run
        self.kept = kept
        self.by = by
        self._id = run_id
        self._token = token
        self._done = done
        self._total: int | None = None
        self._unit = ""
        self._lines: list[str] = []
        self._execute = execute
        self._goes_on = goes_on
        self._reported = 0.0

    def expect(self, total: int, *, unit: str = "") -> None:
        self._total, self._unit = total, unit
        self.report()

    def advance(self, steps: int = 1) -> None:
        self._done += steps
        if not self._goes_on():
            raise OperationInterrupted
        if time.monotonic() - self._reported >= REPORT_SECONDS:
            self.report()

    def show(self, done: int) -> None:
        self._done = done
        if time.monotonic() - self._reported >= REPORT_SECONDS:
            self.report()

    def say(self, text: str) -> None:
        self._lines.append(text)
        if time.monotonic() - self._reported >= REPORT_SECONDS:
            self.report()

    def keep(self, **state: Any) -> None:
        self.kept |= state
        self.report()

    def read(self, name: str) -> bytes:
        return files.given(name)

    def write(self, name: str, pieces: Iterable[str]) -> str:
        return files.write_private(files.directory_of(self._id) / name, pieces).name

    def report(self) -> None:
        """Write what is new. Raises OperationCancelled or OperationInterrupted when the run shall end."""
        values = {
            "id": self._id,
            "token": self._token,
            "done": self._done,
            "total": self._total,
            "unit": self._unit[:20],
            "kept": json.dumps(self.kept),
            "log": "".join(f"{line}\n" for line in self._lines),
            "longest": LONGEST_LOG,
        }
        row = self._execute(_REPORT, values)
        self._lines.clear()
        self._reported = time.monotonic()
        if row is None:
            raise OperationInterrupted
        if row[0]:
            raise OperationCancelled
