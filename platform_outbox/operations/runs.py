"""A run as its operation sees it: where it reports progress and learns that it shall stop, and the files it is given and leaves.

Files lie in MEDIA_ROOT/operations, readable by the application only. Where web and workers run on several hosts, that
directory has to be shared.
"""

import datetime
import os
import shutil
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from tqdm import tqdm


class OperationStopped(BaseException):
    """Base of the reasons to end early. Not an Exception: an operation's own error handling must not swallow it."""


class OperationCancelled(OperationStopped):
    """An operator asked for the operation to end."""


class OperationInterrupted(OperationStopped):
    """The worker is going away, or another one has taken over; the run continues elsewhere from what it kept."""


class Run(ABC):
    def __init__(self, *, by: str, dry_run: bool = False, kept: dict[str, Any] | None = None, done: int = 0) -> None:
        self.by = by
        self.dry_run = dry_run
        self.kept: dict[str, Any] = {} if kept is None else kept
        self.done = done
        self.total: int | None = None
        self.unit = ""

    def expect(self, total: int, *, unit: str = "") -> None:
        """Tell how many steps there are in all, those included that an earlier run has done."""
        self.total, self.unit = total, unit
        self.report()

    def advance(self, steps: int = 1) -> None:
        """Tell that steps are done. Raises OperationStopped when the operation shall end here."""
        self.show(self.done + steps)

    @abstractmethod
    def show(self, done: int) -> None:
        """Tell how many steps are done, in a stretch that cannot end early."""

    @abstractmethod
    def say(self, text: str) -> None:
        """Add a line to the run's log."""

    def keep(self, **state: Any) -> None:
        """Store where to continue after a stop: JSON values, merged into `kept`."""
        self.kept |= state
        self.report()

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The content of a file that the operation was given. Raises OSError."""

    @abstractmethod
    def write(self, name: str, pieces: Iterable[str | bytes]) -> str:
        """Write a file for the person who started the operation; returns where it is. All of it or nothing."""

    @abstractmethod
    def report(self) -> None:
        """Bring what is new to where people watch it. Raises OperationStopped when the run shall end."""


class TerminalRun(Run):
    """Shows a bar on standard error and keeps nothing: the operation's own rows say how far it came.

    `stopping` asks whether to end at the next step; without it Ctrl-C ends the operation where it is.
    """

    def __init__(
        self,
        *,
        by: str,
        write: Callable[[str], Any],
        dry_run: bool = False,
        quiet: bool = False,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(by=by, dry_run=dry_run)
        self._write = write
        self._stopping = stopping
        self._bar: Any = tqdm(disable=True if quiet else None, leave=False)

    def advance(self, steps: int = 1) -> None:
        super().advance(steps)
        if self._stopping():
            raise OperationCancelled

    def show(self, done: int) -> None:
        self.done = done
        self._bar.update(done - self._bar.n)

    def say(self, text: str) -> None:
        self._write(text)

    def read(self, name: str) -> bytes:
        return Path(name).read_bytes()

    def write(self, name: str, pieces: Iterable[str | bytes]) -> str:
        return str(write_private(Path(name), pieces))

    def report(self) -> None:
        self._bar.total, self._bar.unit = self.total, self.unit or "step"
        self._bar.refresh()

    def close(self) -> None:
        self._bar.close()


def directory() -> Path:
    return Path(settings.MEDIA_ROOT) / "operations"


def directory_of(run_id: int) -> Path:
    """Where a run leaves its files; made when the first one is written."""
    return directory() / str(run_id)


def keep_given(upload: Iterable[bytes], *, name: str) -> str:
    """Keep an uploaded file for a run; returns the name by which the run reads it."""
    stored = f"{uuid.uuid4().hex}-{Path(name).name[-80:]}"
    target = directory() / "given" / stored
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _private(target) as file:
        for chunk in upload:
            file.write(chunk)
    return stored


def given(name: str) -> bytes:
    """The content of a file that was kept for a run. Raises OSError."""
    return (directory() / "given" / Path(name).name).read_bytes()


def left_by(run_id: int) -> list[Path]:
    there = directory_of(run_id)
    return sorted(path for path in there.iterdir() if not path.name.startswith(".")) if there.is_dir() else []


def write_private(target: Path, pieces: Iterable[str | bytes]) -> Path:
    """Write text or bytes for their owner alone (0600); it appears when it is complete. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with _private(draft) as file:
            for piece in pieces:
                file.write(piece if isinstance(piece, bytes) else piece.encode())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target


def remove_files(run_id: int, *, names: Iterable[str] = ()) -> None:
    """Delete what a run left, and the files of these names that it was given."""
    shutil.rmtree(directory_of(run_id), ignore_errors=True)
    for name in names:
        (directory() / "given" / Path(name).name).unlink(missing_ok=True)


def prune_files(*, before: datetime.datetime) -> int:
    """Delete what was given to or left by runs before the moment; returns the number of files."""
    deleted = 0
    limit = before.timestamp()
    for path in directory().glob("*/*"):
        if path.is_file() and path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)
            deleted += 1
    for path in directory().glob("[0-9]*"):
        if not any(path.iterdir()):
            shutil.rmtree(path, ignore_errors=True)
    return deleted


def _private(path: Path) -> IO[Any]:
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
