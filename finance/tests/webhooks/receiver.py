"""A real HTTP(S) server in a thread that plays the other side of a webhook."""

import http.server
import ssl
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Received:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers with `status` and `body` (or does what `act` does with the handler), and remembers what came."""

    port: int = 0
    scheme: str = "http"
    status: int = 204
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    act: object = None
    requests: list[Received] = field(default_factory=list)

    def url(self, path="/hook", host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}{path}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.requests.append(Received(self.path, headers, body))
        if receiver.act is not None:
            receiver.act(self)
            return
        self.send_response(receiver.status)
        for name, value in receiver.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(receiver.body)))
        self.end_headers()
        self.wfile.write(receiver.body)

    def do_GET(self):
        self.server.receiver.requests.append(Received(self.path, {}, b""))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        pass  # clients that hang up are part of the tests


@contextmanager
def receiving(*, host="127.0.0.1", tls=None):
    """A running Receiver; `tls` is (certificate file, key file)."""
    server = _Server((host, 0), _Handler)
    receiver = Receiver(port=server.server_address[1], scheme="https" if tls else "http")
    server.receiver = receiver
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_authority(directory, *, names):
    """A certificate authority and a certificate for the names: (CA file, (certificate file, key file))."""
    run = lambda *arguments: subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)  # noqa: E731
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    run(
        *("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test authority"),
        *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"),
    )
    run("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=webhook")
    extensions = f"subjectAltName={','.join(names)}\nauthorityKeyIdentifier=keyid\nextendedKeyUsage=serverAuth\n"
    (directory / "ext").write_text(extensions)
    run(
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-out", "server.pem", "-days", "2", "-extfile", "ext"),
    )
    return directory / "ca.pem", (directory / "server.pem", directory / "server.key")
