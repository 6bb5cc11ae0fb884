"""The refresh token in a cookie that scripts cannot read, for browsers that would otherwise keep it in their storage.

Against forged requests: the cookie is SameSite=Strict and sent to the token endpoints only, and a request that relies on it must be JSON,
which no form of another site can send.
"""

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.settings import api_settings

NAME = "lifeos_refresh"
PATH = "/api/v1/auth/token/"


def put(response: Response, *, refresh: str) -> None:
    """Give the browser the token to keep."""
    response.set_cookie(
        NAME,
        refresh,
        max_age=int(api_settings.REFRESH_TOKEN_LIFETIME.total_seconds()),
        path=PATH,
        secure=settings.JWT_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def take_away(response: Response) -> None:
    """Let the browser forget the token."""
    response.delete_cookie(NAME, path=PATH, samesite="Strict")


def read(request: Request) -> str:
    """The token that the browser sent."""
    token = request.COOKIES.get(NAME)
    if not token:
        raise NotAuthenticated(_("Send the refresh token in the body, or sign in again."), code="token_missing")
    if (request.content_type or "").partition(";")[0].strip() != "application/json":
        raise PermissionDenied(_("A request that uses the cookie must be sent as application/json."), code="csrf")
    return token
