from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from core.network import counted_address


class AuthThrottle(SimpleRateThrottle):
    """Requests to the sign-in endpoints per client address; the lock-out counts failures, this counts everything."""

    scope = "auth"

    def get_rate(self) -> str:
        rate: str = settings.AUTH_THROTTLE_RATE
        return rate

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return self.cache_format % {"scope": self.scope, "ident": counted_address(request._request) or "-"}


class MailThrottle(AuthThrottle):
    """Requests that send a mail, per client address."""

    scope = "auth-mail"

    def get_rate(self) -> str:
        rate: str = settings.AUTH_MAIL_THROTTLE_RATE
        return rate
