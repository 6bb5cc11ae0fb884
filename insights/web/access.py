"""Who may open the pages of insights: strangers get 404, too low a role 403."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from finance import facts as books
from finance.errors import Forbidden, NotFound
from finance.facts import Role
from identity.models import User
from insights import selectors
from insights.errors import InsightsOff

P = ParamSpec("P")
# The book is finance's; insights only carry it.
Page = Callable[Concatenate[HttpRequest, Any, P], HttpResponse]


def user_of(request: HttpRequest) -> User:
    """The signed-in user of a page that requires one."""
    return cast(User, request.user)


def insights_page(at_least: Role = Role.VIEWER) -> Callable[[Page[P]], Callable[..., HttpResponse]]:
    """Decorate a view below `/b/<book_id>/insights/`: it is called with the book, for members of at least that role."""

    def decorate(view: Page[P]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def page(request: HttpRequest, /, book_id: int, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                book = books.book_for(user=user_of(request), book_id=book_id, at_least=at_least)
                selectors.require_insights()
                return view(request, book, *args, **kwargs)
            except InsightsOff:
                return render(request, "insights/off.html", {"book": book})
            except NotFound as error:
                raise Http404(error.detail) from error
            except Forbidden as error:
                raise PermissionDenied(error.detail) from error

        return login_required(page)

    return decorate
