"""DRF's throttles, counting callers as the lock-out does: behind our proxies, and an IPv6 household once."""

from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle

from core.network import counted_address


class _ByNetwork:
    def get_ident(self, request: Request) -> str:
        return counted_address(request._request) or "-"


class AnonThrottle(_ByNetwork, AnonRateThrottle):
    """Requests of callers who are not signed in, per client address."""


class UserThrottle(_ByNetwork, UserRateThrottle):
    """Requests per signed-in user."""
