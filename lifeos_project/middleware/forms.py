"""The address of a form that was refused can be opened again: it leads to the page that the form is on."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import Resolver404, resolve


class FormAddressMiddleware:
    """Sends a browser that opens an address which only takes forms to the next page above it.

    Such an address stands in the browser after a refused form, and reloading or sharing it showed an empty 405. Programs,
    which do not ask for HTML, still get the 405.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 405 or request.method != "GET":
            return response
        if "text/html" not in request.headers.get("Accept", "") or request.path.startswith("/api/"):
            return response
        return HttpResponseRedirect(_page_above(request.path))


def _page_above(path: str) -> str:
    """The nearest address above that is anything at all; the start page at the end."""
    while path != "/":
        path = path.rstrip("/").rpartition("/")[0] + "/"
        try:
            resolve(path)
        except Resolver404:
            continue
        break
    return path
