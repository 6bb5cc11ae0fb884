"""deploy/logs/rsyslog.conf: a real rsyslogd ships what containers, units and nginx write, over TLS, and loses nothing."""

import json
import re
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest
from django.conf import settings

from lifeos_project.tests.services import free_port, program, running, wait_until

CONFIGURATION = Path(settings.BASE_DIR) / "deploy" / "logs" / "rsyslog.conf"
FRAME = re.compile(r"<134>1 \d{4}-\d\d-\d\dT\S+ \S+ (\S+) - - - (.*)")
pytestmark = pytest.mark.rsyslog


class Collector(socketserver.ThreadingTCPServer):
    """The machine that logs go to; it speaks TLS under the name logs.internal."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, port: int, directory: Path):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(directory / "fullchain.pem", directory / "privkey.pem")
        self.lines: list[tuple[str, str]] = []
        super().__init__(("127.0.0.1", port), Lines)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class Lines(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        try:
            with self.server.context.wrap_socket(self.request, server_side=True) as secured:
                for line in secured.makefile("r", encoding="utf-8"):
                    found = FRAME.fullmatch(line.rstrip("\n"))
                    self.server.lines.append(found.groups() if found else ("no frame", line))
        except OSError:
            return


class Machine:
    """Where rsyslog reads, with this machine's places in the shipped configuration."""

    def __init__(self, directory: Path, *, port: int):
        self.directory, self.port = directory, port
        self.containers, self.nginx = directory / "containers", directory / "lifeos.log"
        self.journal = directory / "journal"
        (self.containers / "3f2a").mkdir(parents=True)
        (directory / "spool").mkdir()
        for name in ("fullchain", "other"):
            (directory / name).mkdir()
        _certificate(directory, "logs.internal")
        text = CONFIGURATION.read_text()
        places = {
            "/var/lib/docker/containers": str(self.containers), "/var/log/nginx/lifeos.log": str(self.nginx),
            'target="logs.internal" port="6514"': f'target="127.0.0.1" port="{port}"',
            "/etc/ssl/certs/ca-certificates.crt": str(directory / "fullchain.pem"), 'Interval="5"': 'Interval="1"',
        }  # fmt: skip
        for there, here in places.items():
            assert text.count(there) == 1, there
            text = text.replace(there, here)
        # What Debian's /etc/rsyslog.conf says before it includes ours: a place for queues, and where the journal speaks.
        before = (
            f'global(workDirectory="{directory}/spool")\nmodule(load="imuxsock" SysSock.Use="off")\n'
            f'input(type="imuxsock" Socket="{self.journal}" CreatePath="on")\n'
        )
        (directory / "rsyslog.conf").write_text(before + text)

    def command(self, *arguments: str) -> list[str]:
        rsyslogd = program("rsyslogd", package="rsyslog")
        return [rsyslogd, "-f", str(self.directory / "rsyslog.conf"), "-i", str(self.directory / "pid"), *arguments]

    def write_container(self, line: str) -> None:
        wrapped = json.dumps({"log": f"{line}\n", "stream": "stdout", "time": "2026-03-15T02:30:00.1Z"})
        with (self.containers / "3f2a" / "3f2a-json.log").open("a") as file:
            file.write(f"{wrapped}\n")

    def write_journal(self, line: str, *, identifier: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(str(self.journal))
            sender.send(f"<30>{time.strftime('%b %e %H:%M:%S')} {identifier}[7]: {line}".encode())

    def write_nginx(self, line: str) -> None:
        with self.nginx.open("a") as file:
            file.write(f"{line}\n")


def _certificate(directory: Path, name: str) -> None:
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    keys = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(directory / "privkey.pem"), "-out", str(directory / "fullchain.pem")]
    subprocess.run(["openssl", "req", "-x509", *keys, "-days", "2", *subject, *files], check=True, capture_output=True)


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path, port=free_port())


def test_rsyslog_finds_nothing_wrong(machine):
    done = subprocess.run(machine.command("-N1"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr.lower(), done.stderr


def test_what_everybody_writes_arrives_as_it_was_and_an_outage_loses_nothing(machine):
    entries = [
        json.dumps({"event": "request", "path": "/b/1/", "text": 'a "quoted" é \\ line', "n": n}) for n in range(4)
    ]
    with running(machine.command("-n"), log=machine.directory / "rsyslog.out"):
        wait_until(machine.journal.exists, seconds=60, what="rsyslogd")
        # Nobody is there yet to take it.
        machine.write_container(entries[0])
        time.sleep(1)
        collector = Collector(machine.port, machine.directory)
        try:
            machine.write_journal(entries[1], identifier="lifeos-web")
            machine.write_journal("not ours", identifier="cron")
            machine.write_nginx(entries[2])
            machine.write_container(entries[3])
            wait_until(lambda: len(set(collector.lines)) >= 4, seconds=60, what="four lines")
        finally:
            collector.close()
    # Once or, after the outage, twice.
    assert set(collector.lines) == {
        ("lifeos", entries[0]),
        ("lifeos", entries[3]),
        ("lifeos-web", entries[1]),
        ("lifeos-nginx", entries[2]),
    }


def test_nothing_is_told_to_a_machine_of_another_name(machine):
    _certificate(machine.directory / "other", "somebody.else")
    collector = Collector(machine.port, machine.directory / "other")
    try:
        with running(machine.command("-n"), log=machine.directory / "rsyslog.out"):
            wait_until(machine.journal.exists, seconds=60, what="rsyslogd")
            machine.write_nginx('{"event": "secret"}')
            time.sleep(4)
        assert collector.lines == []
    finally:
        collector.close()


def test_the_units_call_themselves_what_rsyslog_looks_for():
    units = Path(settings.BASE_DIR) / "deploy" / "systemd"
    names = {re.search(r"^SyslogIdentifier=(\S+)", path.read_text(), re.M)[1] for path in units.glob("*.service")}
    assert names == {"lifeos-web", "lifeos-worker"}
