"""Amounts and accounts on the wire."""

import re
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from finance import money

_PLAIN = re.compile(r"[+-]?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})", re.ASCII)
AMOUNT_SCHEMA = {"type": "string", "pattern": r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$", "example": "12.34"}

BIGGEST_ID = 2**63 - 1
_JSON_KINDS = {bool: "boolean", int: "number", float: "number", type(None): "null", list: "array"}


@extend_schema_field(AMOUNT_SCHEMA)
class AmountField(serializers.Field[str, Any, str, Any]):
    """A decimal string. How many places it may have depends on the account's currency and is checked with it."""

    default_error_messages = {
        "not_text": _('The amount must be a decimal string such as "12.34", not a JSON {kind}.'),
        "not_plain": _('The amount must be a plain decimal such as "12.34" or "-5", without exponent or separators.'),
    }

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("not_text", kind=_JSON_KINDS.get(type(data), "object"))
        if not _PLAIN.fullmatch(data):
            self.fail("not_plain")
        return str(data)

    def to_representation(self, value: Any) -> str:
        return str(value)

    def fail(self, key: str, **kwargs: Any) -> Any:
        if key in ("not_text", "not_plain"):
            raise serializers.ValidationError(self.error_messages[key].format(**kwargs), code="amount_invalid")
        super().fail(key, **kwargs)


@extend_schema_field({"type": "string", "example": "12.34"})
class MoneyField(serializers.Field[Any, Any, str, Any]):
    """Minor units in `amount`, their currency in `currency`, both attributes of the same object; shown as decimal."""

    def __init__(self, *, amount: str = "amount", currency: str = "currency", **kwargs: Any) -> None:
        self.amount, self.currency = amount, currency
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, value: Any) -> str:
        return money.format_amount(getattr(value, self.amount), currency=getattr(value, self.currency))


@extend_schema_field(
    {
        "oneOf": [{"type": "integer", "minimum": 1, "maximum": BIGGEST_ID}, {"type": "string", "minLength": 1}],
        "description": 'An account by its id or its full path, such as "Expenses:Groceries".',
        "example": "Expenses:Groceries",
    }
)
class AccountReferenceField(serializers.Field[int | str, Any, int | str, Any]):
    default_error_messages = {
        "invalid": _('Name the account by its id or its full path, such as "Expenses:Groceries".')
    }

    def to_internal_value(self, data: Any) -> int | str:
        known = isinstance(data, int) and not isinstance(data, bool) and 0 < data <= BIGGEST_ID
        if not (known or (isinstance(data, str) and data)):
            self.fail("invalid")
        reference: int | str = data
        return reference

    def to_representation(self, value: Any) -> int | str:
        shown: int | str = value
        return shown
