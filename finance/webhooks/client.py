"""One POST to an address that a household chose: bounded in time and size, to a checked network address, never further.

The name is resolved once, every address that it has must be allowed, and the connection goes to one of those very
addresses; the name then only serves in the Host header and for the certificate. So a name that changes between check and
use leads nowhere. Redirects are not followed, proxies of the environment are not used.
"""

import contextlib
import functools
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import TypeAlias

from core.texts import gettext as _
from finance.webhooks.targets import Policy, Target, is_allowed

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0  # of silence
LONGEST_ANSWER = 2048  # bytes that are read and kept
# Further addresses of the same name are the same service on other machines.
MOST_ADDRESSES = 3

Resolve: TypeAlias = Callable[[str, int], Sequence[str]]

# getaddrinfo knows no time-out: a name server that does not answer holds a thread here, not the caller.
_resolvers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="webhook-dns")


class SendingFailed(Exception):
    """No answer came. `kind` is one of: address, dns, connect, tls, timeout, protocol."""

    def __init__(self, kind: str, detail: str) -> None:
        self.kind = kind
        super().__init__(detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the other side said. `body` is the beginning of it."""

    status: int
    body: bytes
    retry_after: str
    address: str


def system_addresses(host: str, port: int) -> list[str]:
    """The network addresses of a name, in the system's order. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


def post(
    target: Target,
    *,
    headers: Mapping[str, str],
    body: bytes,
    policy: Policy,
    seconds: float,
    ca_file: str = "",
    resolve: Resolve | None = None,
) -> Answer:
    """Send the body and read the beginning of the answer, all within `seconds`. Raises SendingFailed.

    `ca_file` holds certificates that are trusted beside the system's.
    """
    deadline = time.monotonic() + seconds
    addresses = _checked_addresses(target, policy=policy, resolve=resolve or system_addresses, deadline=deadline)
    raw = _connected(addresses, target.port, deadline=deadline)
    address = str(raw.getpeername()[0])
    with contextlib.ExitStack() as stack:
        stack.callback(raw.close)
        overdue = stack.enter_context(_cut_off_at(deadline, raw))
        try:
            sock = _tls(ca_file).wrap_socket(raw, server_hostname=target.host) if target.scheme == "https" else raw
            stack.callback(sock.close)
            with contextlib.closing(_asked(sock, target, headers=headers, body=body)) as response:
                if overdue.is_set():  # headers that are cut off look complete to the library
                    raise TimeoutError
                return Answer(
                    status=response.status,
                    body=_beginning(response),
                    retry_after=response.getheader("Retry-After", ""),
                    address=address,
                )
        except (OSError, http.client.HTTPException, ValueError) as error:
            # The socket's own time-out can fire at the deadline before the guard does.
            late = overdue.is_set() or time.monotonic() >= deadline
            raise _failure(error, overdue=late, seconds=seconds) from error


def _checked_addresses(target: Target, *, policy: Policy, resolve: Resolve, deadline: float) -> list[str]:
    try:
        found = _resolvers.submit(resolve, target.host, target.port).result(timeout=_left(deadline, CONNECT_SECONDS))
    except FutureTimeout as error:
        raise SendingFailed(
            "timeout", _("The name %(host)s was not resolved in time.") % {"host": target.host}
        ) from error
    except (OSError, UnicodeError) as error:
        raise SendingFailed("dns", _("The name %(host)s cannot be resolved.") % {"host": target.host}) from error
    # All of them: a name that has one address inside and one outside is trying something.
    for address in found:
        if not is_allowed(ipaddress.ip_address(address), policy=policy):
            # Without the address: households read this, and the operator's names are not theirs to explore.
            raise SendingFailed(
                "address", _("%(host)s leads to a network that webhooks may not reach.") % {"host": target.host}
            )
    if not found:
        raise SendingFailed("dns", _("The name %(host)s has no address.") % {"host": target.host})
    return list(found[:MOST_ADDRESSES])


def _connected(addresses: Sequence[str], port: int, *, deadline: float) -> socket.socket:
    failure: OSError | None = None
    for address in addresses:
        try:
            # An address, not a name: nothing is resolved here again.
            sock = socket.create_connection((address, port), timeout=_left(deadline, CONNECT_SECONDS))
        except OSError as error:
            failure = error
            continue
        sock.settimeout(_left(deadline, READ_SECONDS))
        return sock
    if isinstance(failure, TimeoutError):
        raise SendingFailed("timeout", _("No connection was made in time.")) from failure
    raise SendingFailed(
        "connect", _("No connection: %(strerror)s") % {"strerror": failure.strerror or failure} if failure else ""
    ) from failure


@functools.lru_cache(maxsize=4)
def _tls(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context


def _asked(sock: socket.socket, target: Target, *, headers: Mapping[str, str], body: bytes) -> http.client.HTTPResponse:
    """The answer's status and headers, after sending the request."""
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = sock
    connection.auto_open = 0  # this connection or none
    connection.putrequest("POST", target.path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": target.host_header, **headers, "Connection": "close"}.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    return connection.getresponse()


def _beginning(response: http.client.HTTPResponse) -> bytes:
    """The first bytes of the body. The status is the answer: a body that breaks off or drips changes nothing."""
    found = b""
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        while len(found) < LONGEST_ANSWER and (more := response.read1(LONGEST_ANSWER - len(found))):
            found += more
    return found


@contextlib.contextmanager
def _cut_off_at(deadline: float, sock: socket.socket) -> Iterator[threading.Event]:
    """End the connection at the deadline; a socket's own time-out starts again with every byte."""
    overdue = threading.Event()
    # TLS takes the socket over, so the guard has a handle of its own.
    guard = sock.dup()

    def cut_off() -> None:
        overdue.set()
        with contextlib.suppress(OSError):
            guard.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(_left(deadline), cut_off)
    timer.daemon = True
    timer.start()
    try:
        yield overdue
    finally:
        timer.cancel()
        timer.join()
        guard.close()


def _failure(error: Exception, *, overdue: bool, seconds: float) -> SendingFailed:
    if overdue:
        return SendingFailed(
            "timeout", _("The answer was not complete after %(seconds)s seconds.") % {"seconds": f"{seconds:g}"}
        )
    match error:
        case TimeoutError():
            return SendingFailed(
                "timeout",
                _("There was no answer for %(read_seconds)s seconds.") % {"read_seconds": f"{READ_SECONDS:g}"},
            )
        case ssl.SSLCertVerificationError():
            return SendingFailed(
                "tls",
                _("The certificate is not accepted: %(verify_message)s.") % {"verify_message": error.verify_message},
            )
        case ssl.SSLError():
            return SendingFailed("tls", _("No TLS connection: %(reason)s.") % {"reason": error.reason or error})
        case ConnectionError():
            return SendingFailed("protocol", _("The connection was closed before an answer came."))
    return SendingFailed("protocol", _("The answer is not HTTP (%(error)s).") % {"error": type(error).__name__})


def _left(deadline: float, most: float = float("inf")) -> float:
    """Seconds until the deadline, at most `most`; never quite 0, which would mean "do not wait" to a socket."""
    return max(0.001, min(most, deadline - time.monotonic()))
