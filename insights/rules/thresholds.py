"""Thresholds: what every rule's settings have in common, and how they are read from JSON."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from core.texts import gettext as _
from finance import money
from finance.errors import FinanceError

AmountPerCurrency = Mapping[str, str]


class ThresholdsInvalid(ValueError):
    """Thresholds that cannot be used; `problems` has a sentence per field."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems.items()))


def gettext_noop(text: str) -> str:
    """Marks words for translation; the pages translate them."""
    return text


def whole(default: int, *, least: int, most: int, says: str) -> Any:
    """A threshold that is a whole number."""
    return dataclasses.field(default=default, metadata={"least": least, "most": most, "says": says})


def amounts(default: AmountPerCurrency, *, says: str) -> Any:
    """A threshold that is an amount, per currency; currencies that are not listed have none."""
    return dataclasses.field(default_factory=lambda: dict(default), metadata={"amounts": True, "says": says})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Base of the settings of a rule. Amounts are decimal text per currency, so that none is mistaken for another."""

    months_of_history: ClassVar[int] = 0

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """The settings with the stored values in place of the defaults. Raises ThresholdsInvalid, by field."""
        if not isinstance(stored, Mapping):
            raise ThresholdsInvalid({"thresholds": _("It must be a JSON object of names and values.")})
        fields = {field.name: field for field in dataclasses.fields(cls)}
        problems = {name: _("There is no such threshold.") for name in stored if name not in fields}
        for name in stored.keys() & fields.keys():
            problem = _problem(fields[name], stored[name])
            if problem:
                problems[name] = problem
        if problems:
            raise ThresholdsInvalid(dict(sorted(problems.items())))
        return cls(**stored)

    def as_json(self) -> dict[str, Any]:
        """All thresholds by name."""
        return dataclasses.asdict(self)

    def amount(self, name: str, currency: str) -> int:
        """Minor units of an amount threshold in that currency; 0 where none is set."""
        text = getattr(self, name).get(currency)
        return 0 if text is None else money.parse_amount(text, currency=currency)


def _problem(field: dataclasses.Field[Any], value: Any) -> str | None:
    if field.metadata.get("amounts"):
        if not isinstance(value, Mapping):
            return _('It must be amounts by currency, such as {"EUR": "20.00"}.')
        for currency, text in value.items():
            try:
                if money.parse_amount(text, currency=currency) < 0:
                    return _("The amount for %(currency)s must not be negative.") % {"currency": currency}
            except FinanceError as error:
                return error.detail
        return None
    least, most = field.metadata["least"], field.metadata["most"]
    if not isinstance(value, int) or isinstance(value, bool):
        return _("It must be a whole number.")
    return (
        None if least <= value <= most else _("It must be from %(least)s to %(most)s.") % {"least": least, "most": most}
    )
