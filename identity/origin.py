"""Where a request comes from: the client's address, believed only as far as our own proxies vouch for it."""

import dataclasses
import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """Address and device of whoever acts; both empty for commands and workers."""

    address: str | None = None
    user_agent: str = ""


_current: ContextVar[Origin] = ContextVar("identity_origin", default=Origin())  # noqa: B039 -- frozen


def current_origin() -> Origin:
    """The origin of the request being answered."""
    return _current.get()


@contextmanager
def acting_from(origin: Origin) -> Iterator[None]:
    """Let everything inside be recorded as done from this origin."""
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)


class OriginMiddleware:
    """Makes the client's address known to the audit trail, so that services need not know of HTTP."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        origin = Origin(address=client_address(request), user_agent=_printable(request.META.get("HTTP_USER_AGENT", "")))
        with acting_from(origin):
            return self.get_response(request)


def client_address(request: HttpRequest) -> str | None:
    """The client's address as TRUSTED_PROXY_COUNT proxies of ours report it.

    Each of our proxies appends the address it was called from to X-Forwarded-For, so the client's stands that many places from the
    right. What is left of it was written by the client and may be a lie. A header shorter than that did not pass all our
    proxies, and is not believed at all.
    """
    peer = _address(request.META.get("REMOTE_ADDR", ""))
    count: int = settings.TRUSTED_PROXY_COUNT
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    if count == 0 or len(hops) < count:
        return peer
    return _address(hops[-count]) or peer


def counted_address(request: HttpRequest) -> str | None:
    """The address under which failures are counted: one household, not one device, in IPv6.

    A single IPv6 customer owns 2^64 addresses, so only the network part counts.
    """
    address = client_address(request)
    if address is None or ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False).network_address)


def _address(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:255]
