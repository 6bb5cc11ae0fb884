"""A network of the stack's own, in which every service has the name and the port that docker-compose gives it.

Linux namespaces do what an engine would: /etc/hosts and a name server on 127.0.0.11 know the services, so the
configuration files run as they are. Needs root.
"""

import contextlib
import ctypes
import http.client
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lifeos_project.tests import services

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
# Services with one address each; the web replicas share a name.
SERVICES = [
    *(
        "lifeos-db",
        "lifeos-redis",
        "lifeos-nginx",
        "lifeos-worker",
        "prometheus",
        "alertmanager",
        "cadvisor",
        "grafana",
    ),
    *(f"{kind}-exporter" for kind in ("node", "postgres", "redis", "statsd", "blackbox")),
    "lifeos-worker",
]
ADDRESSES = {name: [f"127.0.1.{number}"] for number, name in enumerate(SERVICES, start=1)}
ADDRESSES["lifeos-web"] = ["127.0.2.1", "127.0.2.2"]
# Two names of one server.
ADDRESSES["db"] = ADDRESSES["lifeos-db"]
ADDRESSES["redis"] = ADDRESSES["lifeos-redis"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(slots=True, kw_only=True)
class Network:
    """Runs processes inside, and speaks to them from inside."""

    holder: int
    directory: Path
    inside: ThreadPoolExecutor
    processes: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def command(self, command: list[str], *, directory: Path | None = None) -> list[str]:
        enter = ["nsenter", f"--net=/proc/{self.holder}/ns/net", f"--mount=/proc/{self.holder}/ns/mnt"]
        # Whatever happens to the tests, their servers do not outlive them.
        return [*enter, f"--wd={directory or self.directory}", "setpriv", "--pdeathsig=KILL", *command]

    def start(
        self, name: str, command: list[str], *, environment: dict[str, str], directory: Path | None = None
    ) -> "subprocess.Popen[bytes]":
        """A process until the end of the stack; its output is in NAME.log."""
        return self.processes.enter_context(
            services.running(
                self.command(command, directory=directory),
                log=self.directory / f"{name}.log",
                environment={**services.bare_environment(), **environment},
            )
        )

    def run(self, command: list[str], *, environment: dict[str, str] | None = None, **options: Any) -> str:
        """A process to its end; returns its output, raises when it fails."""
        done = subprocess.run(
            self.command(command, directory=options.pop("directory", None)),
            env={**services.bare_environment(), **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            **options,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def call(self, function: Callable[[], Any]) -> Any:
        """The result of `function`, called in a thread that lives in this network."""
        return self.inside.submit(function).result(60)

    def get(self, url: str, **options: Any) -> Answer:
        return self.call(lambda: request(url, **options))

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text(errors="replace")


def request(
    url: str, *, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None, source: str = ""
) -> Answer:
    """One request on a connection of its own, redirects shown and not followed; `source` is the caller's address."""
    scheme, _, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    host, _, port = place.partition(":")
    address = ADDRESSES.get(host, [host])[0]
    options: dict[str, Any] = {"timeout": 30, "source_address": (source, 0) if source else None}
    if scheme == "https":
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(address, int(port or 443), context=trusting, **options)
    else:
        connection = http.client.HTTPConnection(address, int(port or 80), **options)
    with contextlib.closing(connection):
        connection.request(method, slash + path, body=body, headers={"Host": "localhost", **(headers or {})})
        answer = connection.getresponse()
        return Answer(status=answer.status, headers=answer.headers, body=answer.read())


def need_namespaces() -> None:
    """Skip the test where there are none, or fail it where services are required."""
    if os.geteuid() != 0 or sys.platform != "linux":
        reason = "namespaces need root on Linux"
        pytest.fail(reason) if os.environ.get("LIFEOS_REQUIRE_SERVICES") else pytest.skip(reason)
    services.program("nsenter", package="util-linux")


@contextlib.contextmanager
def network(directory: Path) -> Iterator[Network]:
    """A fresh network; everything that was started in it ends with it."""
    need_namespaces()
    with _holder(directory) as holder:
        inside = ThreadPoolExecutor(8, initializer=enter, initargs=(holder,))
        found = Network(holder=holder, directory=directory, inside=inside)
        with inside, found.processes:
            inside.submit(_answer_names, socket_made := threading.Event())
            assert socket_made.wait(10)
            try:
                yield found
            finally:
                NAMES_END.set()


@contextlib.contextmanager
def _holder(directory: Path) -> Iterator[int]:
    """A process that does nothing but keep the namespaces, with the stack's names in its /etc/hosts."""
    lines = [f"{address} {name}" for name, addresses in ADDRESSES.items() for address in addresses[:1]]
    (directory / "hosts").write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))
    (directory / "resolv.conf").write_text("nameserver 127.0.0.11\n")
    script = (
        "set -e; ip link set lo up; mount --bind hosts /etc/hosts; mount --bind resolv.conf /etc/resolv.conf;"
        "mkdir -p /run/lifeos; mount -t tmpfs none /run/lifeos"
    )
    with held(script, directory=directory) as holder:
        yield holder


@contextlib.contextmanager
def held(script: str, *, directory: Path) -> Iterator[int]:
    """A process that does nothing but keep a network and mounts of its own, prepared by a script of the shell."""
    process = subprocess.Popen(
        [
            "unshare",
            "--net",
            "--mount",
            "setpriv",
            "--pdeathsig=KILL",
            "sh",
            "-c",
            f"{script}; echo ready; exec sleep infinity",
        ],
        cwd=directory,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process.pid
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def enter(holder: int) -> None:
    """Move the calling thread, and no other, into the network."""
    descriptor = os.open(f"/proc/{holder}/ns/net", os.O_RDONLY)
    try:
        if LIBC.setns(descriptor, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(descriptor)


NAMES_END = threading.Event()


def _answer_names(ready: threading.Event) -> None:
    """Docker's name server in small: A records of the services, one for each replica."""
    NAMES_END.clear()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.11", 53))
        server.settimeout(0.2)
        ready.set()
        while not NAMES_END.is_set():
            with contextlib.suppress(TimeoutError):
                query, caller = server.recvfrom(512)
                server.sendto(name_answer(query), caller)


def name_answer(query: bytes) -> bytes:
    """The answer to one DNS question (RFC 1035); names that nobody has do not exist."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode().lower())
        at += 1 + length
    (kind,) = struct.unpack("!H", query[at + 1 : at + 3])
    found = ADDRESSES.get(".".join(labels))
    addresses = found if found and kind == 1 else []
    flags = 0x8580 if found else 0x8583
    records = b"".join(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04" + socket.inet_aton(a) for a in addresses)
    return query[:2] + struct.pack("!HHHHH", flags, 1, len(addresses), 0, 0) + query[12 : at + 5] + records


def own_directory(name: str) -> Path:
    """A directory below /tmp that other users may enter, as the servers' own users must."""
    import tempfile

    made = Path(tempfile.mkdtemp(prefix=f"lifeos-{name}-", dir="/tmp"))
    made.chmod(0o755)
    return made


def remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
