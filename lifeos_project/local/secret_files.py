"""Secrets that development makes for itself, kept between starts."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def development_secret(*, production: bool, directory: Path, name: str) -> str:
    """The secret in `directory`, made on first use; empty in production, which a system check then refuses."""
    if production:
        return ""
    return kept_secret(directory=directory, name=name, make=lambda: secrets.token_urlsafe(48))


def kept_secret(*, directory: Path, name: str, make: Callable[[], str]) -> str:
    """The content of `directory/name`, made and stored with mode 0600 when it is not there."""
    path = directory / name
    try:
        return path.read_text().strip() or _store(path, make())
    except FileNotFoundError:
        return _store(path, make())
    except PermissionError:
        # Another user's checkout: a secret for this process alone still lets commands run.
        return make()


def _store(path: Path, value: str) -> str:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Several processes may start at once: the first to link its file wins, the others read it.
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(value)
        try:
            os.link(draft, path)
        except FileExistsError:
            return path.read_text().strip()
        finally:
            draft.unlink()
    except OSError:
        # A read-only disk: without the file, sessions end with the process. What needs the disk says so.
        return value
    return value
