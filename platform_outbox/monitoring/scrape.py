"""A port on which a worker process tells what it has counted, for Prometheus.

The gauges of the whole outbox are not here but on the web's /metrics, which answers also when every worker is dead.
"""

import hmac
import ipaddress
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

logger = logging.getLogger("platform_outbox.worker")


class _Page(BaseHTTPRequestHandler):
    """GET /metrics, for callers with METRICS_TOKEN or, when there is none, from private addresses."""

    timeout = 10

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self._answer(404, b"Only /metrics is here.\n")
        elif not self._may_read():
            self._answer(403, b"Metrics are for the monitoring only.\n")
        else:
            self._answer(200, generate_latest(), CONTENT_TYPE_LATEST)

    def log_message(self, *args: Any) -> None:
        """A line per scrape would bury the log."""

    def _may_read(self) -> bool:
        if settings.METRICS_TOKEN:
            given = self.headers.get("Authorization", "").removeprefix("Bearer ")
            return hmac.compare_digest(given.encode("utf-8", "replace"), settings.METRICS_TOKEN.encode())
        address = ipaddress.ip_address(self.client_address[0].partition("%")[0])
        return (getattr(address, "ipv4_mapped", None) or address).is_private

    def _answer(self, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


# Workers of one machine share the setting; each takes the next free port.
PORTS = 10


def serve(bind: str) -> ThreadingHTTPServer | None:
    """Answer on `host:port`, or on the first free one of the nine ports after it, from threads of its own.

    None, with a line in the log, when there is none: handling events matters more than telling of it.
    """
    host, _, port = bind.rpartition(":")
    for offset in range(PORTS):
        try:
            server = ThreadingHTTPServer((host.strip("[]") or "127.0.0.1", int(port) + offset), _Page)
            break
        except OSError as error:
            problem = error
    else:
        logger.warning("No metrics on %s or the %d ports after it: %s", bind, PORTS - 1, problem)
        return None
    logger.info("Metrics on port %d.", server.server_port)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="outbox-metrics", daemon=True).start()
    return server
