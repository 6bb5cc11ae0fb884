"""Who may open a page of a book. The book comes from the address; strangers get 404, too low a role 403."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase

from finance.errors import Forbidden, NotFound
from finance.ledger.selectors import book_for, memberships_of
from finance.models import Book, Role
from finance.reconciliation.services import reopening
from identity.models import User

P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, Book, P], HttpResponseBase]


def user_of(request: HttpRequest) -> User:
    """The signed-in user of a page that requires one."""
    return cast(User, request.user)


def id_in(text: str, *, thing: str) -> int:
    """The id of a `thing` as an address or a form has it. Raises NotFound for what can be none."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFound(thing=thing)
    return int(text)


def book_page(
    at_least: Role = Role.VIEWER, *, partly: bool = False
) -> Callable[[Page[P]], Callable[..., HttpResponseBase]]:
    """Decorate a view of `/b/<book_id>/…`: it is called with the book, for members of at least that role.

    Members who see some accounts only are refused, unless the view says that it shows no more than these (`partly`).

    NotFound and Forbidden that the view itself raises become 404 and 403 as well. `reopen=on` in a form agrees that
    reconciled statements are reopened.
    """

    def decorate(view: Page[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def page(request: HttpRequest, /, book_id: int, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            user, memberships = user_of(request), None
            if request.method in ("GET", "HEAD"):  # a change would make what was read before it old
                # The frame of the page asks for all of them (lifeos_project/console/context_processors.py).
                memberships = request.memberships = memberships_of(user=user)  # type: ignore[attr-defined]
            try:
                book = book_for(user=user, book_id=book_id, at_least=at_least, partly=partly, among=memberships)
                # What a form asks for once a change of a reconciled row was refused.
                with reopening(agreed=request.method == "POST" and request.POST.get("reopen") == "on"):
                    return view(request, book, *args, **kwargs)
            except NotFound as error:
                raise Http404(error.detail) from error
            except Forbidden as error:
                raise PermissionDenied(error.detail) from error

        return login_required(page)

    return decorate
