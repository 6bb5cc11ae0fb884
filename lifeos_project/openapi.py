"""The OpenAPI document: what the views say, plus what every operation shares."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework import status

from identity.drf.serializers import ErrorSerializer

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
        "A fault of the server; it was recorded.",
        "server_error",
        "Something went wrong on our side. It was recorded.",
    ),
    "Unavailable": (
        503,
        "The database is busy or away, nothing was changed; `Retry-After` says when to try again.",
        "unavailable",
        "The database is busy or away; nothing was changed. Please try again.",
    ),
}


_ERROR_CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}


class ApiSchema(AutoSchema):
    """Adds the failures that an operation can answer with."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        self.resolve_serializer(ErrorSerializer, "response")
        for name in self._failures(operation):
            code = str(FAILURES[name][0])
            operation["responses"].setdefault(code, {"$ref": f"#/components/responses/{name}"})
        for code, answer in operation["responses"].items():
            if code >= "400" and "$ref" not in answer:
                answer.setdefault("content", _ERROR_CONTENT)
        operation["responses"] = dict(sorted(operation["responses"].items()))
        return operation

    def _failures(self, operation: dict[str, Any]) -> list[str]:
        names = ["Throttled", "ServerError", "Unavailable"]
        places = {parameter["in"] for parameter in operation.get("parameters", ())}
        if {} not in operation.get("security", [{}]):
            names += ["NotAuthenticated", "Forbidden"]
        if "requestBody" in operation or "query" in places:
            names.append("Invalid")
        if "requestBody" in operation:
            names += ["PayloadTooLarge", "UnsupportedMediaType"]
        if "path" in places:
            names.append("NotFound")
        if self.method in ("POST", "PATCH", "PUT", "DELETE") and "path" in places:
            names.append("Conflict")
        return names


def add_failures(result: dict[str, Any], **_context: Any) -> dict[str, Any]:
    """Put the shared failures into components/responses (hook of drf-spectacular)."""
    result["components"]["responses"] = {name: _failure(*facts) for name, facts in FAILURES.items()}
    return result


def _failure(code: int, description: str, error: str, detail: str) -> dict[str, Any]:
    field, _colon, message = detail.partition(": ")
    fields = {field: [message]} if error == "invalid" else {}
    answer: dict[str, Any] = {
        "description": description,
        "content": {
            "application/json": {
                **_ERROR_CONTENT["application/json"],
                "example": {"code": error, "detail": detail, "fields": fields},
            }
        },
    }
    if code in (status.HTTP_429_TOO_MANY_REQUESTS, status.HTTP_503_SERVICE_UNAVAILABLE):
        seconds = {"schema": {"type": "integer"}, "description": "Seconds to wait."}
        answer["headers"] = {"Retry-After": seconds}
    return answer
