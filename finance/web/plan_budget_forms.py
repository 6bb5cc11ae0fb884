"""The forms of budgets: the budget itself, and one of its lines."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from finance import figures
from finance.errors import FinanceError
from finance.ledger.selectors import paths_of
from finance.models import Account, AccountType, Budget, BudgetLine, LineCarry
from finance.periods import WeekendShift
from finance.planning.budgets.arithmetic import Carry
from finance.planning.budgets.periods import MOST_EVERY, CalendarUnit
from finance.planning.budgets.targets import Target, TargetKind
from finance.planning.budgets.views import is_own_money
from finance.planning.recurrence import Unit
from finance.tags.models import Tag


def _day(label: Any, help_text: Any = "") -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=False, widget=widget, help_text=help_text)


class BudgetForm(forms.Form):
    """A budget; its kind and currency are asked for a new one only."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Budget.Kind.choices)
    currency = forms.ChoiceField(label=gettext_lazy("Currency"))
    unit = forms.ChoiceField(label=gettext_lazy("Periods are"), choices=Budget.CalendarUnits.choices)
    every = forms.IntegerField(
        label=gettext_lazy("How many of them"),
        min_value=1,
        max_value=MOST_EVERY,
        help_text=gettext_lazy("2 weeks are a fortnight, 3 months a quarter."),
    )
    day = forms.IntegerField(
        label=gettext_lazy("Day of the month"),
        min_value=1,
        max_value=31,
        required=False,
        help_text=gettext_lazy("Months begin on it, in a short month on its last day."),
    )
    shift = forms.ChoiceField(label=gettext_lazy("A beginning on a weekend"), choices=Budget.Shift.choices)
    anchor = _day(gettext_lazy("First day of a period"), gettext_lazy("For days, weeks and one stretch of days."))
    last = _day(gettext_lazy("Last day"), gettext_lazy("Of one stretch of days."))
    label_by = forms.ChoiceField(label=gettext_lazy("A period is named by"), choices=Budget.LabelDay.choices)
    starts_on = _day(
        gettext_lazy("The budget begins on"),
        gettext_lazy("Nothing is carried over from before. Empty: with the first amount."),
    )
    accounts = forms.MultipleChoiceField(
        label=gettext_lazy("Accounts whose money is shared out"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None: all your own money in the currency of the budget. For envelopes only."),
    )
    pays_from = forms.ChoiceField(
        label=gettext_lazy("In the forecast it is paid from"),
        required=False,
        help_text=gettext_lazy("Without an account it is not in the forecast."),
    )

    def __init__(self, *args: Any, tree: list[Account], base: str, budget: Budget | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        currencies = sorted(
            {a.currency for a in tree if is_own_money(a, a.currency)} | {base}, key=lambda c: (c != base, c)
        )
        own = [a for a in tree if is_own_money(a, budget.currency if budget else a.currency) and not a.closed_on]
        self.own = {str(a.pk): a for a in own}
        names = [(str(a.pk), a.name if budget else f"{a.name} ({a.currency})") for a in own]
        self.fields["currency"].choices = [(code, code) for code in currencies]  # type: ignore[attr-defined]
        self.fields["accounts"].choices = names  # type: ignore[attr-defined]
        self.fields["pays_from"].choices = [("", "…"), *names]  # type: ignore[attr-defined]
        if budget is not None:
            del self.fields["kind"], self.fields["currency"]

    def given(self) -> dict[str, Any]:
        """What was entered, as arguments of `save_budget`."""
        data = dict(self.cleaned_data)
        data["accounts"] = [self.own[key] for key in data["accounts"]]
        data["pays_from"] = self.own.get(data["pays_from"])
        # What the chosen kind of period has no use for may stand in the form all the same.
        if data["unit"] not in (CalendarUnit.MONTH, CalendarUnit.YEAR):
            data |= {"day": None, "shift": WeekendShift.NONE}
        if data["unit"] != CalendarUnit.ONCE:
            data["last"] = None
        return data


def shown_budget(budget: Budget) -> dict[str, Any]:
    """A budget as the form's initial values."""
    names = ("name", "unit", "every", "day", "shift", "anchor", "last", "label_by", "starts_on")
    return {name: getattr(budget, name) for name in names} | {
        "accounts": [str(each.account_id) for each in budget.accounts.all()],
        "pays_from": str(budget.pays_from_id or ""),
    }


class LineForm(forms.Form):
    """A line: what it is for (asked for a new one only), what it carries over, its target."""

    thing = forms.ChoiceField(label=gettext_lazy("Category or tag"))
    carry = forms.ChoiceField(label=gettext_lazy("Into the next period goes"), choices=LineCarry.Choice.choices)
    carry_from = forms.ChoiceField(
        label=gettext_lazy("From which period on"),
        required=False,
        choices=[("this", gettext_lazy("from the current period on")), ("all", gettext_lazy("for all periods"))],
    )
    target_kind = forms.ChoiceField(
        label=gettext_lazy("Target"),
        required=False,
        choices=[("", gettext_lazy("none")), *BudgetLine.Targets.choices[1:]],
    )
    target_amount = forms.CharField(
        label=gettext_lazy("Target amount"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    target_due = _day(gettext_lazy("Needed by"), gettext_lazy("Of what comes again and again the first day."))
    target_every = forms.IntegerField(
        label=gettext_lazy("Again every"),
        min_value=1,
        max_value=400,
        required=False,
        help_text=gettext_lazy("Months, unless it recurs."),
    )
    target_unit = forms.ChoiceField(
        label=gettext_lazy("Unit"), required=False, choices=[("", "…"), *BudgetLine.Units.choices]
    )
    note = forms.CharField(label=gettext_lazy("Note"), max_length=500, required=False)
    in_forecast = forms.BooleanField(
        label=gettext_lazy("In the forecast"),
        required=False,
        help_text=gettext_lazy(
            "Whether the forecast expects its rest to be spent, less what schedules and loans will spend on it."
        ),
    )
    closed = forms.BooleanField(
        label=gettext_lazy("Closed"),
        required=False,
        help_text=gettext_lazy("It takes no more amounts; its past stays."),
    )

    def __init__(
        self,
        *args: Any,
        currency: str,
        tree: list[Account],
        tags: list[Tag],
        line: BudgetLine | None = None,
        taken: set[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        if line is not None:
            del self.fields["thing"]
            return
        del self.fields["closed"], self.fields["carry_from"]
        paths = paths_of(tree)
        self.accounts = {f"a{a.pk}": a for a in tree}
        self.tags = {f"t{tag.pk}": tag for tag in tags}
        groups: list[tuple[Any, Any]] = [("", "…")]
        for title, kind in ((_("Spending"), AccountType.EXPENSE), (_("Income"), AccountType.INCOME)):
            found = [
                (f"a{a.pk}", paths[a.pk].replace(":", " › "))
                for a in tree
                if a.type == kind and a.closed_on is None and f"a{a.pk}" not in (taken or ())
            ]
            groups += [(title, found)] if found else []
        named = [(f"t{tag.pk}", tag.name) for tag in tags if f"t{tag.pk}" not in (taken or ())]
        groups += [(_("Tags"), named)] if named else []
        self.fields["thing"].choices = groups  # type: ignore[attr-defined]

    def clean_target_amount(self) -> int:
        typed = self.cleaned_data["target_amount"]
        try:
            return figures.read_amount(typed, currency=self.currency, field="target_amount") if typed else 0
        except FinanceError as error:
            raise forms.ValidationError(error.detail) from error

    def given(self) -> dict[str, Any]:
        """What was entered, as arguments of `add_line` and `change_line` but for the carry. Raises Invalid."""
        data = self.cleaned_data
        target = Target(
            kind=TargetKind(data["target_kind"]),
            amount=data["target_amount"],
            due=data["target_due"],
            every=data["target_every"],
            unit=Unit(data["target_unit"]) if data["target_unit"] else None,
        )
        fields = {"target": target, "note": data["note"], "in_forecast": data["in_forecast"]}
        if "closed" in self.fields:
            return fields | {"closed": data["closed"]}
        return fields | {
            "account": self.accounts.get(data["thing"]),
            "tag": self.tags.get(data["thing"]),
            "carry": Carry(data["carry"]),
        }


# The service's names of a target's parts, as fields of the form.
TARGET_FIELDS = {f"target.{name}": f"target_{name}" for name in ("amount", "due", "every", "unit")} | {
    "account": "thing",
    "tag": "thing",
}


def shown_line(line: BudgetLine, carry: str) -> dict[str, Any]:
    """A line as the form's initial values."""
    names = ("target_kind", "target_due", "target_every", "target_unit", "note", "in_forecast", "closed")
    typed = figures.typed_text(line.target_amount, currency=line.budget.currency) if line.target_kind else ""
    return {name: getattr(line, name) for name in names} | {"target_amount": typed, "carry": carry}
