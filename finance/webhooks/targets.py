"""Where a webhook may go: what its address may look like, and which network addresses it may lead to.

A household chooses the address and the server calls it, so it must not lead into the operator's own network. The name in
the address proves nothing: what counts is the network address it resolves to, asked once and then connected to as it is.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST_URL = 500
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LOWEST_FREE_PORT = 1024
_PRINTABLE = re.compile(r"[!-~]+")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")

# Everything that is routed on the internet today; the rest of IPv6 is private, local, multicast or unassigned.
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What clouds answer their machines' secrets on: refused even where private addresses are allowed.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254"))
)


class BadUrl(ValueError):
    """The address cannot be a webhook's; `reason` names why, see REASONS of the callers."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the operator allows."""

    allow_http: bool = False
    allow_private: bool = False
    networks: tuple[Network, ...] = ()  # reachable although they are not public


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A webhook's address, taken apart."""

    scheme: str
    host: str  # a name in ASCII or a network address without brackets
    port: int
    path: str  # with the query

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse_url(url: str, *, policy: Policy) -> Target:
    """Take the address apart. Raises BadUrl with one of the reasons: long, form, scheme, user, host, port, private."""
    if len(url) > LONGEST_URL:
        raise BadUrl("long")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadUrl("form") from error
    if parts.scheme not in _DEFAULT_PORTS or (parts.scheme == "http" and not policy.allow_http):
        raise BadUrl("scheme")
    if parts.username is not None or parts.password is not None:
        raise BadUrl("user")
    host = _host(parts.hostname or "")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if "#" in url or not _PRINTABLE.fullmatch(path):
        raise BadUrl("form")
    target = Target(
        scheme=parts.scheme, host=host, port=_DEFAULT_PORTS[parts.scheme] if port is None else port, path=path
    )
    if target.port not in _DEFAULT_PORTS.values() and target.port < _LOWEST_FREE_PORT:
        raise BadUrl("port")
    if (literal := _literal(host)) is not None and not is_allowed(literal, policy=policy):
        raise BadUrl("private")
    return target


def is_allowed(address: Address, *, policy: Policy) -> bool:
    """Whether a webhook may be sent to this network address.

    Public addresses are allowed. Private, shared (CGNAT), loopback and link-local ones are where the operator says so.
    Multicast, broadcast, unspecified and reserved ones never are. An IPv4 address inside an IPv6 one is judged as itself.
    """
    inner = _unwrapped(address)
    if inner.is_multicast or inner.is_unspecified or inner == ipaddress.ip_address("255.255.255.255"):
        return False
    if any(inner in network for network in policy.networks if network.version == inner.version):
        return True
    public = inner.is_global
    if isinstance(inner, ipaddress.IPv6Address):
        # Tunnels lead to whatever IPv4 address is written into them.
        public = public and inner in _GLOBAL_IPV6 and inner.sixtofour is None and inner.teredo is None
    if public:
        return True
    # Private, shared, loopback or link-local: a machine can have it, unlike a reserved one.
    return (
        policy.allow_private
        and inner not in _METADATA
        and (
            inner.is_loopback
            or inner.is_link_local
            or any(inner in network for network in _PRIVATE if network.version == inner.version)
        )
    )


_PRIVATE = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    # A zone ("fe80::1%eth0") is no part of what the networks are compared with.
    return ipaddress.IPv6Address(int(address))


def _host(text: str) -> str:
    """The host in ASCII. A trailing dot is left out: certificates do not have it."""
    if (literal := _literal(text)) is not None:
        return str(literal)
    try:
        name = text.rstrip(".").encode("idna").decode().lower()
    except UnicodeError as error:
        raise BadUrl("host") from error
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise BadUrl("host")
    return name


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
