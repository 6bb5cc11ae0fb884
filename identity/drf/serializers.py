"""Serializers that refuse what they do not know, so that no typo is ignored in silence."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses members that are not declared (or that only the server may set)."""

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


class ErrorSerializer(serializers.Serializer[Any]):
    """Every refusal and failure has this shape."""

    code = serializers.CharField(help_text="Name of the error for programs; stable.")
    detail = serializers.CharField(help_text="One sentence for people.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        help_text='What is wrong where: a path into the body such as "lines.1.amount", and its sentences.',
    )
