"""The one shape of an error on the wire: {"code", "detail", "fields": {path: [messages]}}."""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import status
from rest_framework.exceptions import APIException, ErrorDetail
from rest_framework.settings import api_settings


class ErrorBody(TypedDict):
    code: str
    detail: str
    fields: dict[str, list[str]]


class PayloadTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = gettext_lazy("The request body is larger than this server accepts.")
    default_code = "payload_too_large"


def error_body(*, code: str, detail: str, fields: Mapping[str, Sequence[str]] | None = None) -> ErrorBody:
    """The body of an error answer; `fields` maps paths like "lines.1.amount" to sentences."""
    return {
        "code": code,
        "detail": detail,
        "fields": {path: list(said) for path, said in (fields or {}).items()},
    }


def validation_body(detail: Any, *, telling: Container[str] = ()) -> ErrorBody:
    """The error body of a serializer's or filter's nested error detail.

    The code is "invalid", unless every message carries one and the same of the `telling` codes.
    """
    found = list(_flatten(detail, path=""))
    fields: dict[str, list[str]] = {}
    for path, message in found:
        if path:
            fields.setdefault(path, []).append(str(message))
    # What is said of the whole body, or else of its first field.
    headline = " ".join(str(message) for path, message in found if not path)
    if not headline:
        headline = next((f"{path}: {messages[0]}" for path, messages in fields.items()), _("The request is not valid."))
    codes = {message.code or "invalid" for _path, message in found}
    only = codes.pop() if len(codes) == 1 else "invalid"
    return error_body(
        code=only if only in telling else "invalid",
        detail=headline,
        fields=fields,
    )


def _flatten(detail: Any, *, path: str) -> Iterator[tuple[str, ErrorDetail]]:
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            own = key in (api_settings.NON_FIELD_ERRORS_KEY, "__all__")
            yield from _flatten(inner, path=path if own else _join(path, str(key)))
    elif isinstance(detail, (list, tuple)):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, (Mapping, list, tuple))
            yield from _flatten(inner, path=_join(path, str(index)) if nested else path)
    elif isinstance(detail, ErrorDetail):
        yield path, detail
    else:
        yield path, ErrorDetail(str(detail), code="invalid")


def _join(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step
