"""The one shape of an error on the wire: {"code", "detail", "fields": {path: [messages]}}."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.exceptions import APIException, ErrorDetail
from rest_framework.settings import api_settings

# Codes by which serializers and forms say no more than "this field is wrong".
GENERIC_CODES = frozenset(
    {
        *("invalid", "required", "null", "blank", "empty", "unique", "error", "unknown_field", "invalid_choice"),
        *("does_not_exist", "incorrect_type", "not_a_list", "not_a_dict", "max_length", "min_length", "overflow"),
        *("max_value", "min_value", "max_string_length", "max_items", "min_items", "date", "datetime", "format"),
        *("make_aware", "null_characters_not_allowed", "surrogate_characters_not_allowed"),
    }
)


class ErrorBody(TypedDict):
    code: str
    detail: str
    fields: dict[str, list[str]]


class PayloadTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request body is larger than this server accepts."
    default_code = "payload_too_large"


def error_body(*, code: str, detail: str, fields: Mapping[str, Sequence[str]] | None = None) -> ErrorBody:
    """The body of an error answer; `fields` maps paths like "lines.1.amount" to sentences."""
    return {
        "code": code,
        "detail": detail,
        "fields": {path: list(said) for path, said in (fields or {}).items()},
    }


def validation_body(detail: Any) -> ErrorBody:
    """The error body of a serializer's or filter's nested error detail.

    The code is "invalid", unless every message carries one and the same more telling code.
    """
    found = list(_flatten(detail, path=""))
    fields: dict[str, list[str]] = {}
    for path, message in found:
        if path:
            fields.setdefault(path, []).append(str(message))
    whole = [str(message) for path, message in found if not path]
    return error_body(
        code=_common_code([message.code for _path, message in found]),
        detail=_headline(whole, fields),
        fields=fields,
    )


def _common_code(codes: Sequence[str | None]) -> str:
    distinct = set(codes)
    only = next(iter(distinct)) if len(distinct) == 1 else None
    return "invalid" if only is None or only in GENERIC_CODES else only


def _headline(whole: Sequence[str], fields: Mapping[str, Sequence[str]]) -> str:
    if whole:
        return " ".join(whole)
    for path, messages in fields.items():
        return f"{path}: {messages[0]}"
    return _("The request is not valid.")


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
