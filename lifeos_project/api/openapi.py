"""The OpenAPI document: what the views say, plus what every operation shares."""

from typing import Any

from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_doc
from rest_framework import serializers, status
from rest_framework.permissions import SAFE_METHODS

from core.api.serializers import ErrorSerializer, StrictSerializer
from identity.api.idempotency import IDEMPOTENCY_KEY, REPLAYED, OncePerKey

# Components named here are referred to by every operation; code and sentence are the examples shown.
FAILURES: dict[str, tuple[int, str, str, str]] = {
    "Invalid": (
        400,
        "The request is not valid; `fields` says where.",
        "invalid",
        "date: This field is required.",
    ),
    "NotAuthenticated": (
        401,
        "No or no valid credentials.",
        "not_authenticated",
        "Authentication credentials were not provided.",
    ),
    "Forbidden": (
        403,
        "Your role does not allow this.",
        "forbidden",
        "Your role in this book does not allow this.",
    ),
    "NotFound": (404, "Not there, or not yours to see.", "not_found", "No such book in this book."),
    "Conflict": (
        409,
        "At odds with what the books hold by now, or with an earlier request of the same `Idempotency-Key`.",
        "period_closed",
        "The books are closed through 2026-06-30; 2026-06-12 cannot be posted to.",
    ),
    "PayloadTooLarge": (
        413,
        "The body is too large.",
        "payload_too_large",
        "The request body is larger than this server accepts.",
    ),
    "UnsupportedMediaType": (
        415,
        "The body has another type than the operation takes.",
        "unsupported_media_type",
        'Unsupported media type "text/plain" in request.',
    ),
    "Throttled": (
        429,
        "Too many requests; `Retry-After` says when to come back.",
        "throttled",
        "Request was throttled. Expected available in 12 seconds.",
    ),
    "ServerError": (
        500,
        "A fault of the server; it was recorded under the id of the request, which is also in `X-Request-ID`.",
        "server_error",
        "Something went wrong on our side. It was recorded as 4f1d6f0a5c0e4e0f9a53c0ffee000001.",
    ),
    "Unavailable": (
        503,
        "The database is busy or away, nothing was changed; `Retry-After` says when to try again.",
        "unavailable",
        "The database is busy or down; nothing was changed. Please try again.",
    ),
}


_OF_BODIES = ("PayloadTooLarge", "UnsupportedMediaType")
_ERROR_CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}


class MemberTokensScheme(SimpleJWTScheme):  # type: ignore[no-untyped-call]
    """Our tokens are described as the library's own."""

    target_class = "finance.api.authentication.MemberTokens"


class ApiSchema(AutoSchema):
    """Adds the failures that an operation can answer with."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        self.resolve_serializer(ErrorSerializer, "response")
        names = ["Throttled", "ServerError", "Unavailable"]
        places = {parameter["in"] for parameter in operation.get("parameters", ())}
        if self.method not in SAFE_METHODS:
            names += ["Invalid", "NotAuthenticated", "Forbidden", "NotFound", "Conflict", *_OF_BODIES]
        else:
            if {} not in operation.get("security", [{}]):
                names += ["NotAuthenticated", "Forbidden"]
            if "query" in places:
                names.append("Invalid")
            if "path" in places:
                names.append("NotFound")
        for name in names:
            code = str(FAILURES[name][0])
            operation["responses"].setdefault(code, {"$ref": f"#/components/responses/{name}"})
        for code, answer in operation["responses"].items():
            if code >= "400" and "$ref" not in answer:
                answer.setdefault("content", _ERROR_CONTENT)
        operation["responses"] = dict(sorted(operation["responses"].items()))
        return operation

    def get_override_parameters(self) -> list[Any]:
        keyed = isinstance(self.view, OncePerKey) and self.method not in SAFE_METHODS
        return [IDEMPOTENCY_KEY, REPLAYED] if keyed else []

    def _postprocess_serializer_schema(self, schema: Any, serializer: Any, direction: str) -> Any:
        schema = super()._postprocess_serializer_schema(schema, serializer, direction)  # type: ignore[no-untyped-call]
        strict = issubclass(serializer if isinstance(serializer, type) else type(serializer), StrictSerializer)
        if strict and direction == "request":
            schema["additionalProperties"] = False
            if schema.get("description") == get_doc(StrictSerializer):  # a class without words of its own
                del schema["description"]
        return schema

    def _map_serializer_field(self, field: Any, direction: str, bypass_extensions: bool = False) -> Any:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if isinstance(field, serializers.ListSerializer):
            bounds = {"minItems": getattr(field, "min_length", None), "maxItems": getattr(field, "max_length", None)}
            schema |= {name: bound for name, bound in bounds.items() if bound is not None}
        return schema

    def _get_request_for_media_type(self, serializer: Any, direction: Any = "request") -> Any:
        """A body that is whole even for PATCH keeps its required members."""
        if not getattr(serializer, "whole", False):
            return super()._get_request_for_media_type(serializer, direction)  # type: ignore[no-untyped-call]
        return self.resolve_serializer(serializer, direction).ref, True


def add_failures(result: dict[str, Any], **_context: Any) -> dict[str, Any]:
    """Put the shared failures into components/responses (hook of drf-spectacular)."""
    answers: dict[str, dict[str, Any]] = {}
    for name, (code, description, error, detail) in FAILURES.items():
        field, _colon, message = detail.partition(": ")
        fields = {field: [message]} if error == "invalid" else {}
        example = {"code": error, "detail": detail, "fields": fields}
        answers[name] = {
            "description": description,
            "content": {"application/json": {**_ERROR_CONTENT["application/json"], "example": example}},
        }
        if code in (status.HTTP_429_TOO_MANY_REQUESTS, status.HTTP_503_SERVICE_UNAVAILABLE):
            seconds = {"schema": {"type": "integer"}, "description": "Seconds to wait."}
            answers[name]["headers"] = {"Retry-After": seconds}
    result["components"]["responses"] = answers
    return result
