"""Serializers that refuse unknown fields, so that no typo is silently ignored."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses members that are not declared (or that only the server may set), and values of another JSON type.

    `whole` says in the OpenAPI document that required members are required of a PATCH, too. `of_text` is for what
    comes from a query string or a form, where every value is text.
    """

    whole = False
    of_text = False

    default_error_messages = {
        "unknown_field": _("This field is unknown."),
        "read_only_field": _("This field is set by the server."),
        "mistyped": _("This must be {wanted}, not {given}."),
    }

    def to_internal_value(self, data: Any) -> Any:
        wrong = self._strangers(data) if isinstance(data, Mapping) else {}
        if isinstance(data, Mapping) and not self.of_text:
            # DRF reads 0 as "0", "yes" as true and "12" as 12; a program that sends those has made a mistake.
            known = {name: self.fields[name] for name in data if name in self.fields}
            found = {name: self._mistakes(field, data[name]) for name, field in known.items() if not field.read_only}
            wrong |= {name: said for name, said in found.items() if said}
        if not wrong:
            return super().to_internal_value(data)
        try:
            super().to_internal_value(data)
        except serializers.ValidationError as error:
            if isinstance(error.detail, Mapping):
                raise serializers.ValidationError({**error.detail, **wrong}) from error
            raise
        raise serializers.ValidationError(wrong)

    def _strangers(self, data: Mapping[Any, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in data:
            field = self.fields.get(name)
            if field is None or field.read_only:
                key = "unknown_field" if field is None else "read_only_field"
                said = serializers.ErrorDetail(str(self.error_messages[key]), code="unknown_field")
                found[str(name)[:MAX_TOLD_NAME]] = [said]
                if len(found) == MAX_TOLD:
                    break
        return found

    def _mistakes(self, field: serializers.Field[Any, Any, Any, Any], value: Any) -> Any:
        if value is None:
            return None  # allow_null decides
        if isinstance(field, serializers.ListField) and isinstance(value, list) and field.child is not None:
            of_items = ((index, self._mistakes(field.child, item)) for index, item in enumerate(value))
            return dict(islice(((index, each) for index, each in of_items if each), MAX_TOLD))
        wanted = next((each for each in JSON_TYPES if isinstance(field, each[0])), None)
        if wanted is None or (isinstance(value, wanted[1]) and isinstance(value, bool) == (wanted[1] is bool)):
            return None
        said = str(self.error_messages["mistyped"]).format(wanted=wanted[2], given=json_type(value))
        return [serializers.ErrorDetail(said, code="invalid")]


# What is told of a body full of mistakes.
MAX_TOLD = 50
MAX_TOLD_NAME = 100

# What the fields of DRF take from JSON; fields of our own look for themselves, nested serializers are strict again.
JSON_TYPES: tuple[tuple[tuple[type, ...], type, Any], ...] = (
    ((serializers.BooleanField,), bool, _("true or false")),
    ((serializers.IntegerField,), int, _("a number")),
    (
        (
            *(serializers.CharField, serializers.ChoiceField, serializers.DateField, serializers.DateTimeField),
            *(serializers.UUIDField, serializers.DecimalField),
        ),
        str,
        _("text"),
    ),
    ((serializers.ListField,), list, _("a list")),
    ((serializers.DictField,), dict, _("an object")),
)


def json_type(value: Any) -> str:
    """The kind of a JSON value in words."""
    match value:
        case bool():
            return gettext("true or false")
        case int() | float():
            return gettext("a number")
        case str():
            return gettext("text")
        case list():
            return gettext("a list")
        case None:
            return "null"
    return gettext("an object")


class NothingSerializer(StrictSerializer):
    """An action without a body."""


def paged(serializer_class: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The shape of one page of these, for the OpenAPI document of views that page by themselves."""
    link: dict[str, Any] = {
        "allow_null": True,
        "help_text": "Address of the next or previous page, or null where there is none.",
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
    """Every error has this shape."""

    code = serializers.CharField(help_text="Name of the error for programs; stable.")
    detail = serializers.CharField(help_text="One sentence for people.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        help_text='What is wrong where: a path into the body such as "lines.1.amount", and its sentences.',
    )
