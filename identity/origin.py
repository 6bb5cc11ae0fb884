"""Where a request comes from, known to the audit trail without passing requests around."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

from core.network import client_address


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """Address and device of the person who acts; both empty for commands and workers."""

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
        agent = "".join(each for each in request.META.get("HTTP_USER_AGENT", "") if each.isprintable())
        with acting_from(Origin(address=client_address(request), user_agent=agent[:255])):
            return self.get_response(request)
