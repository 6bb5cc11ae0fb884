"""Serializers that refuse what they do not know, so that no typo is ignored in silence."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses members that are not declared (or that only the server may set).

    `whole` says in the OpenAPI document that required members are required of a PATCH, too.
    """

    whole = False

    default_error_messages = {
        "unknown_field": _("This field is not known here."),
        "read_only_field": _("This field is set by the server."),
    }

    def to_internal_value(self, data: Any) -> Any:
        strangers = self._strangers(data)
        if not strangers:
            return super().to_internal_value(data)
        try:
            super().to_internal_value(data)
        except serializers.ValidationError as error:
            if isinstance(error.detail, Mapping):
                raise serializers.ValidationError({**error.detail, **strangers}) from error
            raise
        raise serializers.ValidationError(strangers)

    def _strangers(self, data: Any) -> dict[str, list[Any]]:
        if not isinstance(data, Mapping):
            return {}
        found: dict[str, list[Any]] = {}
        for name in data:
            field = self.fields.get(name)
            if field is None or field.read_only:
                key = "unknown_field" if field is None else "read_only_field"
                found[str(name)] = [serializers.ErrorDetail(str(self.error_messages[key]), code="unknown_field")]
        return found


def paged(serializer_class: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The shape of one page of these, for the OpenAPI document of views that page by themselves."""
    link: dict[str, Any] = {
        "allow_null": True,
        "help_text": "Address of the neighbouring page, or null where there is none.",
    }
    name = "Paginated" + serializer_class.__name__.removesuffix("Serializer") + "List"
    members = {
        "next": serializers.URLField(**link),
        "previous": serializers.URLField(**link),
        "results": serializer_class(many=True),
    }
    return type(name, (serializers.Serializer,), members)


def in_page(row: Mapping[str, Any]) -> dict[str, Any]:
    """An example of a page that holds just this row."""
    return {"next": None, "previous": None, "results": [row]}


class ErrorSerializer(serializers.Serializer[Any]):
    """Every refusal and failure has this shape."""

    code = serializers.CharField(help_text="Name of the error for programs; stable.")
    detail = serializers.CharField(help_text="One sentence for people.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        help_text='What is wrong where: a path into the body such as "lines.1.amount", and its sentences.',
    )
