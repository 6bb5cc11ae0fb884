"""Machines as namespaces on one switch: each has an address, knows the names of all, and can lose its power."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lifeos_project.tests.services import wait_until
from lifeos_project.tests.stack.network import Network, enter, held, need_namespaces

HOSTS = ["client", "lb", "web1", "web2", "worker1", "worker2", "db", "db2", "pgbouncer", "redis"]
ADDRESSES = {name: f"10.77.0.{number}" for number, name in enumerate(HOSTS, start=1)}
# What each kind of server wants of its machine: files below /run that its user may write, and its configuration in /etc.
PREPARED = {
    "pgbouncer": "mount -t tmpfs -o uid=$(id -u postgres),mode=700 none /run/lifeos; mount --bind pgbouncer /etc/pgbouncer",
}


@contextlib.contextmanager
def switched(directory: Path) -> Iterator[dict[str, Network]]:
    """The machines by name; everything that was started on them ends with them."""
    need_namespaces()
    lines = ["127.0.0.1 localhost", *(f"{address} {name}" for name, address in ADDRESSES.items())]
    (directory / "hosts").write_text("\n".join([*lines, ""]))
    with contextlib.ExitStack() as stack:
        switch = stack.enter_context(
            held("set -e; ip link add switch type bridge; ip link set switch up", directory=directory)
        )
        yield {name: stack.enter_context(_machine(name, directory=directory, switch=switch)) for name in HOSTS}


@contextlib.contextmanager
def _machine(name: str, *, directory: Path, switch: int) -> Iterator[Network]:
    mounts = f"mount --bind hosts /etc/hosts; mkdir -p /run/lifeos; {PREPARED.get(name, ':')}"
    with held(f"set -e; ip link set lo up; {mounts}", directory=directory) as holder:
        inside = ThreadPoolExecutor(8, initializer=enter, initargs=(holder,))
        machine = Network(holder=holder, directory=directory, inside=inside)
        _plug_in(name, machine=machine, switch=switch, directory=directory)
        with inside, machine.processes:
            yield machine
            # Nobody waits for what they would still have to do.
            cut_the_power(machine)


def _plug_in(name: str, *, machine: Network, switch: int, directory: Path) -> None:
    """A cable from the machine to the switch."""
    box = Network(holder=switch, directory=directory, inside=machine.inside)
    box.run(["ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(machine.holder)])
    box.run(["ip", "link", "set", name, "master", "switch", "up"])
    machine.run(["ip", "address", "add", f"{ADDRESSES[name]}/24", "dev", "eth0"])
    machine.run(["ip", "link", "set", "eth0", "up"])


def cut_the_power(machine: Network) -> float:
    """SIGKILL to every process of the machine at once; returns the moment."""
    moment = time.monotonic()
    wait_until(lambda: not _killed(machine), seconds=60, what="the end of all processes of a machine")
    return moment


def _killed(machine: Network) -> list[int]:
    """Those that were still there."""
    found = [pid for pid in _processes(machine) if pid != machine.holder]
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        # Those that were started from here stay in the list of processes until they are asked for, and PostgreSQL would
        # take the number in its lock file for a living server. Others are collected by their own parents.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
    return found


def _processes(machine: Network) -> Iterator[int]:
    """All processes in the machine's network; threads of the tests that are in it belong to a process that is not."""
    network = Path(f"/proc/{machine.holder}/ns/net").readlink()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            # A process that is dead and not yet collected is in no namespace.
            with contextlib.suppress(OSError):
                if (entry / "ns" / "net").readlink() == network:
                    yield int(entry.name)
