"""Web, worker and database together in the foreground: one log, one Ctrl-C."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

STOP_TIMEOUT = 25.0
# How often a process may end within how many seconds; beyond that, restarts do not help.
MOST_RESTARTS = 5
RESTART_WINDOW = 60.0
START_TIMEOUT = 60.0
PR_SET_PDEATHSIG = 1


class StopRequested(BaseException):
    """Ctrl-C or SIGTERM; not an Exception, so that no handler on the way swallows it."""


class ChildEnded(Exception):
    """A process that should keep running has ended; the message names it."""


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
    """Runs processes side by side and stops all of them when one ends that is not kept alive, or a signal comes."""

    write: Callable[[str], object]
    children: dict[str, "subprocess.Popen[bytes] | ForkedProcess"] = field(default_factory=dict)
    kept: dict[str, "KeptAlive"] = field(default_factory=dict)
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
        assert child.stdout is not None
        self._add(name, child, child.stdout)

    def keep_alive(self, name: str, command: list[str], *, environment: dict[str, str]) -> None:
        """Like `start`, and start it again whenever it ends, unless that happens too often."""
        self.kept[name] = KeptAlive(command, environment)
        self.start(name, command, environment=environment)

    def fork(self, name: str, run: Callable[[], object]) -> None:
        """Run a function in a child that keeps what this process has imported, which saves it seconds.

        To be called before any thread is started and with no database connection open.
        """
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            _become_child(run, output=writing)
        os.close(writing)
        self._add(name, ForkedProcess(pid), os.fdopen(reading, "rb"))

    def run(self, name: str, command: list[str], *, environment: dict[str, str]) -> None:
        """Run `command` to its end with its output in our log; raise ChildEnded when it fails."""
        self.start(name, command, environment=environment)
        child = self.children[name]
        while child.poll() is None:
            time.sleep(0.05)
        del self.children[name]
        if child.returncode:
            raise ChildEnded(f"{name} ended with code {child.returncode}; the lines above say why.")

    def _add(self, name: str, child: "subprocess.Popen[bytes] | ForkedProcess", output: IO[bytes]) -> None:
        self.children[name] = child

        def copy() -> None:
            with output:
                for line in output:
                    self.say(name, line.decode(errors="replace").rstrip())

        threading.Thread(target=copy, daemon=True).start()

    def follow(self, name: str, path: Path) -> None:
        """Show what is appended to a log file from now on."""

        def tail() -> None:
            with path.open(errors="replace") as file:
                file.seek(0, os.SEEK_END)
                while True:
                    line = file.readline()
                    if line:
                        self.say(name, line.rstrip())
                    else:
                        time.sleep(0.2)

        threading.Thread(target=tail, daemon=True).start()

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
        """End every child: by signal, then after STOP_TIMEOUT seconds by force."""
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
            # A child's own children die a little later, and until then they hold the database's users' lock.
            latest = time.monotonic() + STOP_TIMEOUT
            with contextlib.suppress(ProcessLookupError, PermissionError):
                while time.monotonic() < latest:
                    os.killpg(child.pid, 0)
                    time.sleep(0.02)

    def _raise_if_ended(self) -> None:
        for name, child in list(self.children.items()):
            if child.poll() is None:
                continue
            if name not in self.kept or not self.kept[name].may_restart():
                raise ChildEnded(f"{name} ended with code {child.returncode}; the lines above say why.")
            self.say("lifeos", f"{name} ended with code {child.returncode} and is started again.")
            self.start(name, self.kept[name].command, environment=self.kept[name].environment)


@dataclass(slots=True)
class KeptAlive:
    """How to start a process again, and when that was done."""

    command: list[str]
    environment: dict[str, str]
    restarts: list[float] = field(default_factory=list)

    def may_restart(self) -> bool:
        """Note one more restart; False if there were too many recently."""
        now = time.monotonic()
        self.restarts = [*(moment for moment in self.restarts if moment > now - RESTART_WINDOW), now]
        return len(self.restarts) <= MOST_RESTARTS


class ForkedProcess:
    """A forked child with the part of subprocess.Popen that the supervisor uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


def _become_child(run: Callable[[], object], *, output: int) -> NoReturn:
    """The forked side: own session, default signals, output into the pipe; never returns to the caller's code."""
    code = 1
    try:
        os.setsid()
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_DFL)
        if sys.platform == "linux":
            _end_with_parent()
        for descriptor in (1, 2):
            os.dup2(output, descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end_with_parent() -> None:
    """If the supervisor is killed outright, nobody else would tell its children to stop (Linux only)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal_session(
    child: "subprocess.Popen[bytes] | ForkedProcess", number: signal.Signals, *, everybody: bool
) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if everybody:
            os.killpg(child.pid, number)
        elif child.poll() is None:
            child.send_signal(number)
