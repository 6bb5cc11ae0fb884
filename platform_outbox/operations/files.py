"""Files that operations are given, and files that they leave for whoever started them.

They lie in MEDIA_ROOT/operations, readable by the application only. Where web and workers run on several hosts, that
directory has to be shared.
"""

import datetime
import os
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from django.conf import settings

_GIVEN = "given"


def directory() -> Path:
    return Path(settings.MEDIA_ROOT) / "operations"


def directory_of(run_id: int) -> Path:
    """Where a run leaves its files; made when the first one is written."""
    return directory() / str(run_id)


def keep_given(upload: Iterable[bytes], *, name: str) -> str:
    """Keep an uploaded file for a run; returns the name by which the run reads it."""
    stored = f"{uuid.uuid4().hex}-{Path(name).name[-80:]}"
    target = directory() / _GIVEN / stored
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _private(target) as file:
        for chunk in upload:
            file.write(chunk)
    return stored


def given(name: str) -> bytes:
    """The content of a file that was kept for a run. Raises OSError."""
    return (directory() / _GIVEN / Path(name).name).read_bytes()


def left_by(run_id: int) -> list[Path]:
    """The files that a run has left, by name."""
    there = directory_of(run_id)
    return sorted(path for path in there.iterdir() if not path.name.startswith(".")) if there.is_dir() else []


def write_private(target: Path, pieces: Iterable[str]) -> Path:
    """Write the text for its owner alone (0600); it appears when it is complete. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with _private(draft) as file:
            for piece in pieces:
                file.write(piece.encode())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target


def prune(*, before: datetime.datetime) -> int:
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
