"""What no Debian package brings, in small, each run as a process of the stack.

    python stand_ins.py cadvisor lifeos-web-1=PID …     in the place of cAdvisor
    python stand_ins.py statsd MAPPING.YML              in the place of statsd_exporter
    python stand_ins.py receiver                        Slack and PagerDuty: prints what it is sent, a JSON object a line

cAdvisor needs an engine. Here the processes themselves are measured and told under its names and labels.
"""

import http.server
import json
import os
import re
import socketserver
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import yaml

LIMIT = 1 << 30


def cadvisor(processes: dict[str, int]) -> str:
    lines = []
    for name, pid in processes.items():
        if not Path(f"/proc/{pid}").exists():
            continue
        where = f'{{name="{name}",image="{name}",id="/docker/{name}"}}'
        lines += [
            f"container_cpu_usage_seconds_total{where} {seconds_of(pid)}",
            f"container_memory_usage_bytes{where} {bytes_of(pid)}",
            f"container_memory_working_set_bytes{where} {bytes_of(pid)}",
            f"container_spec_memory_limit_bytes{where} {LIMIT}",
        ]
    # The whole machine has no name; prometheus.yml drops it.
    lines.append(f'container_memory_usage_bytes{{id="/"}} {LIMIT}')
    return "\n".join([*lines, ""])


def seconds_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bytes_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Statsd:
    """Counters and gauges by the rules of mapping.yml, the first one that matches."""

    def __init__(self, mapping: Path) -> None:
        self.rules = [(re.compile(rule["match"]), rule) for rule in yaml.safe_load(mapping.read_text())["mappings"]]
        self.values: Counter[str] = Counter()

    def take(self, packet: str) -> None:
        for line in packet.splitlines():
            name, _, rest = line.partition(":")
            value, kind = rest.split("|")[:2]
            series = self.series(name)
            if series and kind == "c":
                self.values[series] += float(value)
            elif series and kind == "g":
                self.values[series] = float(value)

    def series(self, name: str) -> str:
        for pattern, rule in self.rules:
            found = pattern.search(name)
            if found:
                labels = (
                    f'{key}="{found.expand(str(text).replace("$", chr(92)))}"'
                    for key, text in rule.get("labels", {}).items()
                )
                return "" if rule.get("action") == "drop" else f"{rule['name']}{{{','.join(labels)}}}"
        return ""

    def page(self) -> str:
        return "".join(f"{series} {value}\n" for series, value in self.values.items())


def serve(host: str, port: int, page: Callable[[], str]) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = page().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None: ...

    http.server.ThreadingHTTPServer((host, port), Handler).serve_forever()


def run_statsd(mapping: Path) -> None:
    figures = Statsd(mapping)

    class Packet(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            figures.take(self.request[0].decode())

    receiver = socketserver.UDPServer(("statsd-exporter", 8125), Packet)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    serve("statsd-exporter", 9102, figures.page)


def run_receiver() -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            sys.stdout.write(json.dumps({"path": self.path, "body": body}) + "\n")
            sys.stdout.flush()
            answer = b'{"status": "success", "message": "taken", "dedup_key": "1"}'
            self.send_response(202 if self.path == "/pagerduty" else 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: object) -> None: ...

    http.server.ThreadingHTTPServer(("grafana", 3000), Handler).serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "cadvisor":
        pids = {name: int(pid) for name, _, pid in (word.partition("=") for word in sys.argv[2:])}
        serve("cadvisor", 8080, lambda: cadvisor(pids))
    elif sys.argv[1] == "statsd":
        run_statsd(Path(sys.argv[2]))
    else:
        run_receiver()
