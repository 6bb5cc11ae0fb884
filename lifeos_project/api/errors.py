"""Every error of the API gets the same shape; this is the only table from error codes to HTTP status."""

import logging
from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from rest_framework import exceptions, status
from rest_framework.response import Response

from core.api.errors import PayloadTooLarge, error_body, validation_body
from finance.errors import FinanceError, PartlyHidden
from platform_outbox.events import current_trace

logger = logging.getLogger(__name__)

# A code that is not here has the status of its base class in finance.errors.
STATUS_OF_CODE = {
    "finance_error": status.HTTP_400_BAD_REQUEST,
    "not_found": status.HTTP_404_NOT_FOUND,
    "forbidden": status.HTTP_403_FORBIDDEN,
    "conflict": status.HTTP_409_CONFLICT,
    "invalid": status.HTTP_400_BAD_REQUEST,
    "amount_invalid": status.HTTP_400_BAD_REQUEST,
    "currency_unknown": status.HTTP_400_BAD_REQUEST,
    "entry_invalid": status.HTTP_400_BAD_REQUEST,
    "entry_unbalanced": status.HTTP_400_BAD_REQUEST,
    "period_closed": status.HTTP_409_CONFLICT,
    "reconciled": status.HTTP_409_CONFLICT,
    "already_reversed": status.HTTP_409_CONFLICT,
    "changed_since": status.HTTP_409_CONFLICT,
    "account_closed": status.HTTP_409_CONFLICT,
    "account_name_taken": status.HTTP_409_CONFLICT,
    "statement_unreadable": status.HTTP_400_BAD_REQUEST,
    "book_unreadable": status.HTTP_400_BAD_REQUEST,
    "book_differs": status.HTTP_409_CONFLICT,
}

# Seconds after which trying again is sensible when the database was busy or away.
RETRY_AFTER_DATABASE = 2

API_PREFIX = "/api/"

# Codes of DRF that mean the same as one of ours.
SAME_AS = {"permission_denied": "forbidden", "parse_error": "invalid"}


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """The answer to an exception in an API view; None lets Django report it and call `server_error`."""
    if isinstance(exc, FinanceError):
        return finance_response(exc)
    if isinstance(exc, OperationalError):
        # Lock time-outs, deadlocks, a restarting server: nothing was written, the request may come again.
        logger.error("The database refused an API request", exc_info=exc)
        detail = _("The database is busy or away; nothing was changed. Please try again.")
        body = error_body(code="unavailable", detail=detail)
        return Response(
            body, status=status.HTTP_503_SERVICE_UNAVAILABLE, headers={"Retry-After": str(RETRY_AFTER_DATABASE)}
        )
    match exc:
        case exceptions.APIException():
            known = exc
        case Http404():
            known = exceptions.NotFound()
        case PermissionDenied():
            known = exceptions.PermissionDenied()
        case RequestDataTooBig():
            known = PayloadTooLarge()
        case BadRequest() | SuspiciousOperation():
            known = exceptions.ParseError()
        case _:
            return None
    headers = {}
    if auth_header := getattr(known, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(known, "wait", None):
        headers["Retry-After"] = str(ceil(wait))
    return Response(_api_body(known), status=known.status_code, headers=headers)


def status_of(error: FinanceError) -> int:
    """HTTP status of a domain error, by its code or its nearest base's."""
    codes = (getattr(cls, "code", "") for cls in type(error).__mro__)
    return next(STATUS_OF_CODE[code] for code in codes if code in STATUS_OF_CODE)


def finance_response(error: FinanceError) -> Response:
    fields = {path: [message] for path, message in error.fields.items()}
    return Response(error_body(code=error.code, detail=error.detail, fields=fields), status=status_of(error))


def _api_body(error: exceptions.APIException) -> Mapping[str, Any]:
    detail = error.detail
    if isinstance(error, exceptions.ValidationError):
        return validation_body(detail, telling=STATUS_OF_CODE)
    if isinstance(detail, Mapping):
        # SimpleJWT puts its sentence and code among other members.
        return error_body(
            code=str(detail.get("code", error.default_code)),
            detail=str(detail.get("detail", error.default_detail)),
        )
    if isinstance(detail, list):
        return validation_body(detail, telling=STATUS_OF_CODE)
    code = str(detail.code or error.default_code)
    return error_body(code=SAME_AS.get(code, code), detail=str(detail))


def _json(code: str, detail: str, status_code: int) -> JsonResponse:
    return JsonResponse(error_body(code=code, detail=detail), status=status_code)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Requests that Django itself refuses (bad host, too many fields), in the API's shape below /api/."""
    if not request.path.startswith(API_PREFIX):
        return _page(request, 400)
    return _json("invalid", _("The request could not be understood."), 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not request.path.startswith(API_PREFIX):
        # A member who sees some accounts only is told so.
        hidden = exception.__cause__ if isinstance(exception.__cause__, PartlyHidden) else None
        return _page(request, 403, sentence=hidden.detail if hidden else "")
    return _json("forbidden", _("You may not do this."), 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Addresses that lead to no view."""
    if not request.path.startswith(API_PREFIX):
        return _page(request, 404)
    return _json("not_found", _("There is nothing at this address."), 404)


def _page(request: HttpRequest, status: int, **context: str) -> HttpResponse:
    """Django's own views of errors read the body for a token: once more, where it is the body that cannot be read."""
    try:
        return HttpResponse(render_to_string(f"{status}.html", context, request=request), status=status)
    except Exception:
        # Django answers with `server_error` then, and logs nothing.
        logger.exception("The page of an answer %s could not be made", status)
        return server_error(request)


def method_not_allowed(request: HttpRequest, *, allow: Iterable[str]) -> HttpResponse:
    """Methods that no view of ours has, such as TRACE, PROPFIND or misspellings."""
    answer: HttpResponse = HttpResponseNotAllowed(sorted(allow))
    if request.path.startswith(API_PREFIX):
        # The method itself may be anything, so it is not repeated.
        answer.content = _json("method_not_allowed", _("This method is not allowed."), 405).content
        answer["Content-Type"] = "application/json"
    return answer


def server_error(request: HttpRequest) -> HttpResponse:
    """An error on our side. Django has logged it under the request's id, which is all that the client is told."""
    request_id = current_trace()
    if not request.path.startswith(API_PREFIX):
        # Without the request: what is broken may be the session or the database that the frame would ask.
        return HttpResponse(render_to_string("500.html", {"request_id": request_id}), status=500)
    said = _("Something went wrong on our side. It was recorded as {request_id}.")
    return _json("server_error", said.format(request_id=request_id), 500)
