"""The client's address: the one place that reads X-Forwarded-For, trusted only as far as our own proxies wrote it."""

import ipaddress
import re
from typing import TypeAlias

from django.conf import settings
from django.http import HttpRequest

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# Some proxies write the client's port too: 198.51.100.7:4711, [2001:db8::1]:4711.
_WITH_PORT = re.compile(r"(?:\[(?P<bracketed>[^\]]*)\]|(?P<plain>[^:]*))(?::\d{1,5})?", re.ASCII)
# Not `is_private`, which also counts ranges for documentation and future use.
_NEARBY = [
    ipaddress.ip_network(network)
    for network in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
]


def client_address(request: HttpRequest) -> str | None:
    """The client's address as TRUSTED_PROXY_COUNT proxies of ours report it; None for a Unix socket.

    Each of our proxies appends the address it was called from to X-Forwarded-For, so the client's stands that many places from
    the right. What is left of it was written by the client and may be a lie. A header that is shorter, or has something else
    than an address there, is not trusted at all: then the client is the peer of the connection.
    """
    count: int = settings.TRUSTED_PROXY_COUNT
    passed = hops(request)
    client = _address(passed[-count]) if 0 < count <= len(passed) else None
    found = client or _address(_peer(request))
    return str(found) if found else None


def counted_address(request: HttpRequest) -> str | None:
    """The address under which requests and failures are counted: one household, not one device, in IPv6.

    A single IPv6 customer owns 2^64 addresses, so only the network part counts.
    """
    address = client_address(request)
    if address is None or ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False).network_address)


def is_nearby(request: HttpRequest) -> bool:
    """Whether the request comes from this machine or a private network, all the way.

    Every address of the chain has to be near, not the client's alone: then neither a wrong TRUSTED_PROXY_COUNT nor an entry
    that the client made up opens to the outside what is meant for monitoring. A Unix socket has no address, and is near.
    """
    chain = [_address(hop) for hop in (*hops(request), *filter(None, [_peer(request)]))]
    return all(address is not None and any(address in network for network in _NEARBY) for address in chain)


def hops(request: HttpRequest) -> list[str]:
    """The header's entries, oldest first; the web server joins several headers of this name by commas."""
    return [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]


def _peer(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


def _address(text: str) -> Address | None:
    """The address without port and zone; None for anything else."""
    written = _WITH_PORT.fullmatch(text)
    if written:
        text = written["bracketed"] or written["plain"] or ""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
