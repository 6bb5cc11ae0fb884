"""Web, worker and database as one thing in the foreground: one log, one Ctrl-C."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

STOP_TIMEOUT = 25.0
START_TIMEOUT = 60.0
PR_SET_PDEATHSIG = 1


class StopRequested(BaseException):
    """Ctrl-C or SIGTERM; not an Exception, so that no handler on the way swallows it."""


class ChildEnded(Exception):
    """A process that should run for ever has ended; the message names it."""


@contextlib.contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into StopRequested, and ignore further ones while stopping."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise StopRequested

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop)
    yield


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """Runs processes side by side and stops all of them when one ends or a signal comes."""

    write: Callable[[str], object]
    children: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, source: str, line: str) -> None:
        with self._lock:
            self.write(f"{source:<6} | {line}")

    def start(self, name: str, command: list[str], *, environment: dict[str, str]) -> None:
        """Run `command` with its output in our log. Its own session keeps a terminal's Ctrl-C to us alone."""
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**environment, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
        self.children[name] = child
        assert child.stdout is not None
        threading.Thread(target=self._copy, args=(name, child.stdout), daemon=True).start()

    def follow(self, name: str, path: Path) -> None:
        """Show what is appended to a log file from now on."""
        threading.Thread(target=self._tail, args=(name, path), daemon=True).start()

    def wait_for_answer(self, url: str) -> None:
        """Return when `url` answers 200; raise ChildEnded when that cannot happen any more."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            self._raise_if_ended()
            with contextlib.suppress(urllib.error.URLError, OSError):
                if urllib.request.urlopen(url, timeout=2).status == 200:  # noqa: S310
                    return
            time.sleep(0.05)
        raise ChildEnded(f"Nothing answers at {url} after {START_TIMEOUT:.0f} seconds; the lines above say why.")

    def watch(self) -> None:
        """Block until a child ends, which raises ChildEnded, or a signal comes."""
        while True:
            self._raise_if_ended()
            time.sleep(0.2)

    def stop(self) -> None:
        """End every child: politely, then after STOP_TIMEOUT seconds with force."""
        for child in self.children.values():
            _signal_session(child, signal.SIGTERM, everybody=False)
        deadline = time.monotonic() + STOP_TIMEOUT
        for name, child in self.children.items():
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say("lifeos", f"{name} did not stop within {STOP_TIMEOUT:.0f} seconds and is killed.")
            _signal_session(child, signal.SIGKILL, everybody=True)
            child.wait()

    def _raise_if_ended(self) -> None:
        for name, child in self.children.items():
            if child.poll() is not None:
                raise ChildEnded(f"{name} ended with code {child.returncode}; the lines above say why.")

    def _copy(self, name: str, stream: IO[bytes]) -> None:
        for line in stream:
            self.say(name, line.decode(errors="replace").rstrip())

    def _tail(self, name: str, path: Path) -> None:
        with path.open(errors="replace") as file:
            file.seek(0, os.SEEK_END)
            while True:
                line = file.readline()
                if line:
                    self.say(name, line.rstrip())
                else:
                    time.sleep(0.2)


def _end_with_parent() -> None:
    """If the supervisor is killed outright, nobody else would tell its children to stop (Linux only)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal_session(child: "subprocess.Popen[bytes]", number: signal.Signals, *, everybody: bool) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if everybody:
            os.killpg(child.pid, number)
        elif child.poll() is None:
            child.send_signal(number)
