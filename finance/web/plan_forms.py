"""A schedule as a household writes it: spent, received or moved, how much, how often, until when."""

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from finance import figures
from finance.errors import FinanceError
from finance.ledger.models import Account, AccountType, JournalEntry, JournalLine
from finance.periods import WeekendShift
from finance.planning.recurrence import Unit
from finance.planning.schedules.definition import AmountKind, CounterLine, Definition
from finance.web.account_choices import AccountField
from finance.web.entry_forms import CATEGORY_TYPES, HOLDING_TYPES, amount_field
from finance.web.plan_words import region_text, weekday_names, which_names

DATE = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
PARTS = 3
MOST_PARTS = 20
DIRECTIONS = (
    ("spent", gettext_lazy("Spent")),
    ("received", gettext_lazy("Received")),
    ("moved", gettext_lazy("Moved between own accounts")),
)
KINDS = (
    (AmountKind.FIXED.value, gettext_lazy("is always the same")),
    (AmountKind.RANGE.value, gettext_lazy("lies between two amounts")),
    (AmountKind.LEARNED.value, gettext_lazy("is like the latest payments")),
    (AmountKind.VARIABLE.value, gettext_lazy("is different each time; this is a guess")),
)
UNITS = (
    ("once", gettext_lazy("only once")),
    (Unit.DAY.value, gettext_lazy("days")),
    (Unit.WEEK.value, gettext_lazy("weeks")),
    (Unit.MONTH.value, gettext_lazy("months")),
    (Unit.YEAR.value, gettext_lazy("years")),
)
SHIFTS = (
    (WeekendShift.NONE.value, gettext_lazy("stays there")),
    (WeekendShift.BEFORE.value, gettext_lazy("comes on the weekday before")),
    (WeekendShift.AFTER.value, gettext_lazy("comes on the weekday after")),
    (WeekendShift.NEAREST.value, gettext_lazy("comes on the nearest weekday")),
)
# The service's fields → the form's.
PLACES = {"lines": "amount", "effective_from": "effective_from", "weekday": "weekday", "lines.0.account": "category"}


class ScheduleForm(forms.Form):
    """Cleans to a Definition in `said`. Amounts are typed without a sign: the direction gives it."""

    direction = forms.ChoiceField(label=gettext_lazy("What happens"), choices=DIRECTIONS)
    amount = amount_field(gettext_lazy("Amount"))
    amount_kind = forms.ChoiceField(label=gettext_lazy("The amount"), choices=KINDS)
    least = amount_field(gettext_lazy("At least"), required=False)
    most = amount_field(gettext_lazy("At most"), required=False)
    payee = forms.CharField(label=gettext_lazy("Payee"), required=False, max_length=200)
    name = forms.CharField(
        label=gettext_lazy("Name"), required=False, max_length=120, help_text=gettext_lazy("The payee, unless you write another.")
    )  # fmt: skip
    first = forms.DateField(label=gettext_lazy("First on"), widget=DATE)
    every = forms.IntegerField(label=gettext_lazy("Every"), min_value=1, max_value=1000, initial=1)
    unit = forms.ChoiceField(label=pgettext_lazy("schedule form", "Unit"), choices=UNITS, initial="month")
    weekdays = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Of weeks: on"), required=False, coerce=int, widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Such as Monday and Thursday. Left out: the weekday of the first day."),
    )  # fmt: skip
    shift = forms.ChoiceField(label=gettext_lazy("What falls on a weekend"), choices=SHIFTS)
    holidays = forms.ChoiceField(
        label=gettext_lazy("Public holidays"), required=False,
        help_text=gettext_lazy("What moves off weekends keeps off these as well. The region is in the settings of the book."),
    )  # fmt: skip
    days = forms.CharField(
        label=gettext_lazy("Days of the month"), required=False, max_length=100,
        help_text=gettext_lazy("Such as 15, 31. The 31st is the last day of each month. Left out: the day above."),
    )  # fmt: skip
    weekday_number = forms.TypedChoiceField(
        label=gettext_lazy("Or on the"), required=False, coerce=int, empty_value=None
    )
    weekday = forms.TypedChoiceField(label=gettext_lazy("Weekday"), required=False, coerce=int, empty_value=None)
    until = forms.DateField(label=gettext_lazy("Last on"), required=False, widget=DATE)
    count = forms.IntegerField(label=gettext_lazy("Or so many times"), required=False, min_value=1, max_value=10_000)
    total = amount_field(gettext_lazy("Or until so much has been paid"), required=False)
    description = forms.CharField(label=gettext_lazy("Note"), required=False, max_length=500)

    def __init__(
        self,
        data: Any = None,
        *,
        tree: list[Account],
        initial: Any = None,
        changes: bool = False,
        parts: int = PARTS,
        regions: Iterable[str] = (),
    ) -> None:
        super().__init__(data, initial=initial)
        self.tree = tree
        by_number = [("", "…"), *((str(number), name) for number, name in which_names())]
        self.fields["weekday_number"].choices = by_number  # type: ignore[attr-defined]
        days = [("", "…"), *((str(index), full) for index, (_short, full) in enumerate(weekday_names()))]
        self.fields["weekday"].choices = days  # type: ignore[attr-defined]
        self.fields["weekdays"].choices = days[1:]  # type: ignore[attr-defined]
        holidays = [("", _("not looked at")), *((each, region_text(each)) for each in dict.fromkeys(regions) if each)]
        self.fields["holidays"].choices = holidays  # type: ignore[attr-defined]
        self.fields["account"] = AccountField(tree=tree, types=HOLDING_TYPES, label=_("Account"))
        self.fields["category"] = AccountField(
            tree=tree, types=(*CATEGORY_TYPES, *HOLDING_TYPES), label=_("Category, or the other account"),
            categories_first=True,
        )  # fmt: skip
        self.parts = range(min(parts, MOST_PARTS))
        for index in self.parts:
            self.fields[f"part-{index}-category"] = AccountField(
                tree=tree, types=(*CATEGORY_TYPES, *HOLDING_TYPES), label=_("Of that, for"), required=False,
                categories_first=True,
            )  # fmt: skip
            self.fields[f"part-{index}-amount"] = amount_field(_("Amount"), required=False)
        if changes:
            self.fields["effective_from"] = forms.DateField(
                label=_("The change holds from"), required=False, widget=DATE,
                help_text=_("What is before this day stays as it was. Left out: all of it is changed."),
            )  # fmt: skip

    @property
    def part_fields(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """The category and the amount of each part."""
        return [(self[f"part-{index}-category"], self[f"part-{index}-amount"]) for index in self.parts]

    def clean_days(self) -> tuple[int, ...]:
        text = str(self.cleaned_data["days"]).replace(",", " ").split()
        if not all(each.isascii() and each.isdigit() and len(each) <= 2 for each in text):
            raise forms.ValidationError(_("Write days as numbers, such as 15, 31."))
        return tuple(sorted({int(each) for each in text}))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        account = cleaned.get("account")
        if account is None or self.errors:
            return cleaned
        self.said = self._definition(account)
        return cleaned

    def _read(self, name: str, account: Account, *, may_be_negative: bool = False) -> int | None:
        typed = str(self.cleaned_data.get(name) or "").strip()
        if not typed:
            return None
        try:
            amount = figures.read_sum(typed, currency=account.currency, field=name)
        except FinanceError as error:
            self.add_error(name, error.detail)
            return None
        if amount <= 0 and not may_be_negative:
            self.add_error(name, _("Enter an amount above zero; the direction says where it goes."))
            return None
        return amount

    def _definition(self, account: Account) -> Definition | None:
        given = self.cleaned_data
        sign = 1 if given["direction"] == "received" else -1
        amount = self._read("amount", account)
        bounds = sorted(sign * bound for name in ("least", "most") if (bound := self._read(name, account)) is not None)
        if given["amount_kind"] != AmountKind.RANGE or len(bounds) < 2:
            bounds = []
            if given["amount_kind"] == AmountKind.RANGE:
                self.add_error("least", _("Give both bounds."))
        lines = self._lines(account, sign)
        total = self._read("total", account)
        if amount is None or self.errors:
            return None
        once = given["unit"] == "once"
        has_weekday = given.get("weekday") is not None or given.get("weekday_number") is not None
        number, day = given.get("weekday_number"), given.get("weekday")
        return Definition(
            name=given["name"],
            account_id=account.pk,
            amount=sign * amount,
            first=given["first"],
            unit=Unit.DAY if once else Unit(given["unit"]),
            lines=lines,
            every=1 if once else given["every"],
            days=() if once else given["days"],
            weekday=(number or 0, -1 if day is None else day) if has_weekday and not once else None,
            weekdays=() if once else tuple(sorted(given["weekdays"])),
            shift=WeekendShift(given["shift"]),
            holidays=given["holidays"],
            until=None if once else given["until"],
            count=1 if once else given["count"],
            total=None if once else total,
            amount_kind=AmountKind(given["amount_kind"]),
            least=bounds[0] if bounds else None,
            most=bounds[1] if bounds else None,
            payee=given["payee"],
            description=given["description"],
        )

    def _lines(self, account: Account, sign: int) -> tuple[CounterLine, ...]:
        category: Account = self.cleaned_data["category"]
        if self.cleaned_data["direction"] == "moved" and category.type not in HOLDING_TYPES:
            self.add_error("category", _("Choose the other account."))
        parts = []
        for index in self.parts:
            part = self.cleaned_data.get(f"part-{index}-category")
            value = self._read(f"part-{index}-amount", account, may_be_negative=True)
            if (part is None) != (value is None):
                self.add_error(f"part-{index}-amount", _("Give the category and the amount of a part."))
            elif part is not None and value is not None:
                parts.append(CounterLine(account_id=part.pk, amount=-sign * value))
        return (CounterLine(account_id=category.pk), *parts)


def initial_of(definition: Definition, *, tree: list[Account]) -> dict[str, Any]:
    """The form's values that would write this schedule. The line that takes the rest, or the last one, is the category."""
    accounts = {account.pk: account for account in tree}
    currency = accounts[definition.account_id].currency
    sign = 1 if definition.amount > 0 else -1

    def typed(amount: int) -> str:
        return figures.typed_text(amount, currency=currency)

    lines = list(definition.lines)
    rest = next((line for line in lines if line.amount is None), lines[-1])
    lines.remove(rest)
    is_transfer = accounts[rest.account_id].type in HOLDING_TYPES
    bounds = sorted(abs(each) for each in (definition.least, definition.most) if each is not None)
    once = definition.count == 1
    said: dict[str, Any] = {
        "direction": "moved" if is_transfer and sign < 0 else "received" if sign > 0 else "spent",
        "amount": typed(abs(definition.amount)),
        "amount_kind": definition.amount_kind.value,
        "payee": definition.payee,
        "name": definition.name if definition.name != definition.payee else "",
        "first": definition.first,
        "every": definition.every,
        "unit": "once" if once else definition.unit.value,
        "weekdays": definition.weekdays,
        "shift": definition.shift.value,
        "holidays": definition.holidays,
        "days": ", ".join(map(str, definition.days)),
        "weekday_number": definition.weekday[0] if definition.weekday else "",
        "weekday": definition.weekday[1] if definition.weekday else "",
        "until": definition.until,
        "count": "" if once else definition.count,
        "total": typed(definition.total) if definition.total else "",
        "description": definition.description,
        "account": definition.account_id,
        "category": rest.account_id,
    }
    if len(bounds) == 2:
        said |= {"least": typed(bounds[0]), "most": typed(bounds[1])}
    for index, line in enumerate(lines):
        said[f"part-{index}-category"] = line.account_id
        said[f"part-{index}-amount"] = typed(-sign * (line.amount or 0))
    return said


def definition_from(entry: JournalEntry, lines: Sequence[JournalLine], *, name: str = "") -> Definition | None:
    """A monthly schedule that would post this entry again; None where it touches no own account, or several currencies."""
    held = [line for line in lines if line.account.type in (AccountType.ASSET, AccountType.LIABILITY)]
    if not held or len({line.currency for line in lines}) > 1:
        return None
    # Of a transfer the account that the money leaves.
    own = min(held, key=lambda line: line.amount)
    others = [line for line in lines if line.pk != own.pk]
    largest = max(others, key=lambda line: abs(line.amount))
    counter = tuple(
        CounterLine(account_id=line.account_id, amount=None if line is largest else line.amount, memo=line.memo)
        for line in others
    )
    first: datetime.date = entry.date
    return Definition(
        name=name or entry.payee or entry.description[:120],
        account_id=own.account_id,
        amount=own.amount,
        first=first,
        unit=Unit.MONTH,
        lines=counter,
        payee=entry.payee,
        description=entry.description,
    )
