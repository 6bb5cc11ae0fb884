"""What budgets look like on the wire."""

from typing import Any

from rest_framework import serializers

from core.api.queries import QuerySerializer
from core.api.serializers import StrictSerializer
from finance import money
from finance.api.fields import BIGGEST_ID, AccountReferenceField, AmountField
from finance.periods import WeekendShift
from finance.planning.budgets import services
from finance.planning.budgets.arithmetic import Carry
from finance.planning.budgets.models import Assignment, Budget, BudgetLine
from finance.planning.budgets.periods import MOST_EVERY, MOST_PERIODS, CalendarUnit, LabelBy
from finance.planning.budgets.targets import TargetKind
from finance.planning.budgets.views import BudgetView, DaysView, LineView, PeriodView
from finance.planning.recurrence import Unit

CALENDAR = {"unit": "month", "every": 1, "anchor": None, "day": 25, "shift": "before", "last": None}
BUDGET = {
    "id": 3, "name": "Household", "kind": "envelope", "currency": "EUR", "calendar": CALENDAR, "label_by": "end",
    "starts_on": "2026-01-25", "pays_from": 4, "accounts": [], "created_at": "2026-01-20T18:00:00Z",
}  # fmt: skip
TARGET = {"kind": "sinking", "amount": "60.00", "due": "2026-04-01", "every": 12, "unit": ""}
LINE = {
    "id": 8, "budget": 3, "account": 31, "tag": None, "carry": "both", "target": TARGET, "note": "", "in_forecast": True,
    "closed": False,
}  # fmt: skip
ASSIGNMENT = {
    "id": 19, "line": 8, "period": "2026-03-01", "amount": "50.00", "why": "assign", "note": "from the bonus",
    "change": "019594d1-9f3c-7a53-9b5c-4b8f3a4c1f10", "made_by": "olga@example.org", "made_at": "2026-03-02T08:15:00Z",
}  # fmt: skip


def _choices(kinds: Any) -> list[tuple[str, str]]:
    return [(each.value, each.value) for each in kinds]


class BudgetCalendarSerializer(StrictSerializer):
    """When the periods of a budget begin and end; each day belongs to exactly one."""

    unit = serializers.ChoiceField(
        choices=_choices(CalendarUnit),
        default="month",
        help_text="What a period is counted in. `pay`: the book's pay period. `once`: from `anchor` to `last` only.",
    )
    every = serializers.IntegerField(
        min_value=1,
        max_value=MOST_EVERY,
        default=1,
        help_text="How many units: 2 weeks are a fortnight, 3 months a quarter.",
    )
    anchor = serializers.DateField(
        allow_null=True, default=None, help_text="A first day of a period. Needed for days, weeks and `once`."
    )
    day = serializers.IntegerField(
        min_value=1,
        max_value=31,
        allow_null=True,
        default=None,
        help_text="Months and years begin on this day, in a short month on its last. Default: the anchor's day, or 1.",
    )
    shift = serializers.ChoiceField(
        choices=_choices(WeekendShift), default="none", help_text="Where a beginning on a weekend moves to."
    )
    last = serializers.DateField(allow_null=True, default=None, help_text="Only of `once`.")


class BudgetSerializer(serializers.ModelSerializer[Budget]):
    calendar = serializers.SerializerMethodField()
    pays_from = serializers.IntegerField(source="pays_from_id", allow_null=True, read_only=True)
    label_by = serializers.ChoiceField(choices=_choices(LabelBy), read_only=True)
    accounts = serializers.SerializerMethodField(
        help_text="Own accounts whose money it shares out; none: all own money in its currency."
    )

    class Meta:
        model = Budget
        fields = (
            *("id", "name", "kind", "currency", "calendar", "label_by", "starts_on", "pays_from", "accounts"),
            "created_at",
        )

    def get_calendar(self, budget: Budget) -> dict[str, Any]:
        return dict(BudgetCalendarSerializer(budget).data)

    def get_accounts(self, budget: Budget) -> list[int]:
        return sorted(each.account_id for each in budget.accounts.all())


class BudgetBody(StrictSerializer):
    name = serializers.CharField(max_length=services.LONGEST_NAME)
    calendar = BudgetCalendarSerializer(required=False, help_text="Calendar months, if it is left out.")
    label_by = serializers.ChoiceField(
        choices=_choices(LabelBy),
        default="start",
        help_text="Whether a month from the 24th to the 23rd is named by its first or its last day.",
    )
    starts_on = serializers.DateField(
        allow_null=True,
        default=None,
        help_text="Nothing is carried from earlier periods. Default: the period of the first assignment.",
    )
    pays_from = AccountReferenceField(
        allow_null=True,
        default=None,
        help_text="An own account. What is left in the budget then leaves it in the forecast.",
    )
    accounts = serializers.ListField(
        child=AccountReferenceField(),
        default=list,
        max_length=200,
        help_text="Own accounts whose money envelopes share out; none: all own money in the currency.",
    )


class NewBudget(BudgetBody):
    kind = serializers.ChoiceField(
        choices=_choices(Budget.Kind),
        help_text="`envelope` shares out money that is there; `tracking` compares spending with limits.",
    )
    currency = serializers.CharField(max_length=8, required=False, help_text="Default: the book's main currency.")


class BudgetChanges(BudgetBody):
    name = serializers.CharField(max_length=services.LONGEST_NAME, required=False)
    label_by = serializers.ChoiceField(choices=_choices(LabelBy), required=False)
    starts_on = serializers.DateField(allow_null=True, required=False)
    pays_from = AccountReferenceField(allow_null=True, required=False)
    accounts = serializers.ListField(child=AccountReferenceField(), required=False, max_length=200)


class BudgetTargetBody(StrictSerializer):
    """What a line asks for; `proposed` in the figures says how much of it is still to be assigned."""

    kind = serializers.ChoiceField(
        choices=[("", ""), *_choices(each for each in TargetKind if each)],
        help_text=(
            "`every_period`: the amount in each period. `refill`: up to the amount at the beginning of each period. "
            "`by_date`: the amount by `due`, in equal parts of what is missing. `sinking`: as by_date, and again every "
            "`every` months. `recurring`: the amount each time that it comes, every `every` `unit`s from `due` on. "
            '"": none.'
        ),
    )
    amount = AmountField(default="0")
    due = serializers.DateField(
        allow_null=True,
        default=None,
        help_text=(
            "The day by which the amount is needed: periods that begin before it take part. Needed by January is "
            "2026-01-31. Of what recurs the first day."
        ),
    )
    every = serializers.IntegerField(min_value=1, max_value=400, allow_null=True, default=None)
    unit = serializers.ChoiceField(choices=[("", ""), *_choices(Unit)], default="")


class BudgetTargetSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(source="target_kind")
    amount = serializers.SerializerMethodField()
    due = serializers.DateField(source="target_due", allow_null=True)
    every = serializers.IntegerField(source="target_every", allow_null=True)
    unit = serializers.CharField(source="target_unit")

    def get_amount(self, line: BudgetLine) -> str:
        return money.format_amount(line.target_amount, currency=line.budget.currency)


class BudgetLineSerializer(serializers.ModelSerializer[BudgetLine]):
    budget = serializers.IntegerField(source="budget_id", read_only=True)
    account = serializers.IntegerField(source="account_id", allow_null=True, read_only=True)
    tag = serializers.IntegerField(source="tag_id", allow_null=True, read_only=True)
    carry = serializers.SerializerMethodField(help_text="What its latest periods carry over.")
    target = BudgetTargetSerializer(source="*", read_only=True)

    class Meta:
        model = BudgetLine
        fields = ("id", "budget", "account", "tag", "carry", "target", "note", "in_forecast", "closed")

    def get_carry(self, line: BudgetLine) -> str:
        return max(line.carries.all(), key=lambda each: each.since).carry


_CARRY = (
    "What the next period begins with: `surplus` what is left, `deficit` what was overspent, `both`, or `none`. "
    "It is computed from the postings each time, never stored."
)


class NewBudgetLine(StrictSerializer):
    account = AccountReferenceField(
        required=False, help_text="A category or a group of them, with all that is inside; or give `tag`."
    )
    tag = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID, required=False)
    carry = serializers.ChoiceField(
        choices=_choices(Carry), required=False, help_text=f"{_CARRY} Default: `both` of envelopes, `none` of limits."
    )
    target = BudgetTargetBody(required=False)
    note = serializers.CharField(max_length=500, allow_blank=True, required=False)
    in_forecast = serializers.BooleanField(
        required=False,
        help_text="Whether the forecast expects its rest to be spent, less what schedules and loans will spend on it. Default: true.",
    )


class BudgetLineChanges(StrictSerializer):
    carry = serializers.ChoiceField(choices=_choices(Carry), required=False, help_text=_CARRY)
    carry_from = serializers.DateField(
        allow_null=True,
        required=False,
        help_text="With `carry`: from the period of this day on, so that earlier ones stay. Default: for all periods.",
    )
    target = BudgetTargetBody(required=False)
    note = serializers.CharField(max_length=500, allow_blank=True, required=False)
    in_forecast = serializers.BooleanField(required=False)
    closed = serializers.BooleanField(
        required=False, help_text="Takes no more assignments; the past stays. An envelope must be empty."
    )


class AssignmentSerializer(serializers.ModelSerializer[Assignment]):
    line = serializers.IntegerField(source="line_id", read_only=True)
    amount = serializers.SerializerMethodField()
    made_by = serializers.EmailField(source="made_by.email", default=None, allow_null=True, read_only=True)

    class Meta:
        model = Assignment
        fields = ("id", "line", "period", "amount", "why", "note", "change", "made_by", "made_at")

    def get_amount(self, record: Assignment) -> str:
        return money.format_amount(record.amount, currency=record.budget.currency)


class MovedSerializer(serializers.Serializer[Any]):
    records = AssignmentSerializer(many=True)


_PERIOD: dict[str, Any] = {"help_text": "Any day of the period; its first day is recorded."}
_ID: dict[str, Any] = {"min_value": 1, "max_value": BIGGEST_ID}


class NewAssignment(StrictSerializer):
    line = serializers.IntegerField(**_ID)
    period = serializers.DateField(**_PERIOD)
    amount = AmountField(required=False, help_text="Added to what the line has; negative takes away.")
    total = AmountField(required=False, help_text="Instead of `amount`: what the line has in all afterwards.")
    note = serializers.CharField(max_length=services.LONGEST_NOTE, allow_blank=True, default="")


class NewBudgetMove(StrictSerializer):
    source = serializers.IntegerField(**_ID, help_text="Line that gives.")  # type: ignore[assignment]
    target = serializers.IntegerField(**_ID, help_text="Line that gets.")
    period = serializers.DateField(**_PERIOD)
    amount = AmountField(help_text="More than zero.")
    note = serializers.CharField(max_length=services.LONGEST_NOTE, allow_blank=True, default="")


class NewBudgetFunding(StrictSerializer):
    period = serializers.DateField(**_PERIOD)
    dry_run = serializers.BooleanField(default=False, help_text="Only say what would be assigned.")


class NewBudgetCopy(NewBudgetFunding):
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=[(each, each) for each in ("last", "average", "last_year")],
        default="last",
        help_text=f"The period before, the average of the {services.AVERAGED} before, or the same one a year ago.",
    )
    overwrite = serializers.BooleanField(
        default=False, help_text="Also lines that have an amount. Without it they keep it; ask with `dry_run` first."
    )


class BudgetProposalSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    name = serializers.CharField()
    had = serializers.CharField()
    becomes = serializers.CharField()
    keeps = serializers.BooleanField(help_text="It has an amount, and was left as it is.")


class FilledSerializer(serializers.Serializer[Any]):
    period = serializers.DateField()
    dry_run = serializers.BooleanField()
    lines = BudgetProposalSerializer(many=True)


class FiguresQuery(QuerySerializer):
    on = serializers.DateField(
        required=False, help_text="Chooses the first period, and is the day whose end the pace is of. Default: today."
    )
    count = serializers.IntegerField(
        min_value=1, max_value=MOST_PERIODS, default=1, help_text="How many periods, one after the other."
    )


class DaysQuery(QuerySerializer):
    first = serializers.DateField()
    last = serializers.DateField(help_text="Inclusive.")


class BudgetPaceSerializer(serializers.Serializer[Any]):
    """At the end of `on`."""

    on = serializers.DateField()
    days = serializers.IntegerField()
    days_passed = serializers.IntegerField()
    days_left = serializers.IntegerField(help_text="After `on`.")
    expected = serializers.CharField(
        help_text="The share of what is planned that belongs to the days that have passed."
    )
    ahead = serializers.CharField(help_text="Spent beyond that; negative: less than that.")
    spent_per_day = serializers.CharField(allow_null=True)
    left_per_day = serializers.CharField(allow_null=True, help_text="For each of the days after `on`.")
    left_per_day_with_today = serializers.CharField(allow_null=True, help_text="As if `on` were still to come.")


class BudgetLineFiguresSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    name = serializers.CharField()
    account = serializers.IntegerField(allow_null=True)
    tag = serializers.IntegerField(allow_null=True)
    is_income = serializers.BooleanField(help_text="`spent` is then what was received.")
    carry = serializers.ChoiceField(choices=_choices(Carry), help_text="What this period carries into the next.")
    carried = serializers.CharField(help_text="What it began with.")
    assigned = serializers.CharField()
    spent = serializers.CharField(help_text="Refunds lower it; it may be negative.")
    available = serializers.CharField(help_text="carried + assigned − spent; negative: overspent.")
    needed = serializers.CharField(help_text="What the target asks for in this period in all.")
    proposed = serializers.CharField(help_text="What is still to be assigned for that.")
    pace = BudgetPaceSerializer(allow_null=True, help_text="Of the first period only.")


class BudgetFundsSerializer(serializers.Serializer[Any]):
    """before + returned + income + other − unbudgeted − assigned = to_budget = cash − available."""

    before = serializers.CharField(help_text="To budget at the end of the period before.")
    returned = serializers.CharField(help_text="What lines did not carry over: surpluses less deficits.")
    income = serializers.CharField()
    other = serializers.CharField(help_text="What own money got and gave that is neither income nor spending.")
    unbudgeted = serializers.CharField(help_text="Spent under no line.")
    assigned = serializers.CharField()
    cash = serializers.CharField(help_text="Held on the own accounts at the end of the period.")
    available = serializers.CharField(help_text="In all envelopes together.")
    to_budget = serializers.CharField()
    assigned_later = serializers.CharField(help_text="What later periods have been given already.")
    free = serializers.CharField(help_text="to_budget − assigned_later.")
    adds_up = serializers.BooleanField(
        help_text="Whether both ways come to the same; they come from different postings."
    )


class BudgetPeriodSerializer(serializers.Serializer[Any]):
    first = serializers.DateField()
    last = serializers.DateField()
    label = serializers.CharField()  # type: ignore[assignment]
    assigned = serializers.CharField(help_text="Of all lines of spending, lines inside limits not twice.")
    spent = serializers.CharField(help_text="Under any line, each posting once.")
    available = serializers.CharField()
    income = serializers.CharField(help_text="Of the whole book in this currency.")
    expenses = serializers.CharField(help_text="Of the whole book in this currency.")
    net = serializers.CharField()
    unbudgeted = serializers.CharField()
    funds = BudgetFundsSerializer(allow_null=True, help_text="Of envelopes: where what is to be budgeted comes from.")
    lines = BudgetLineFiguresSerializer(many=True)


class UnvaluedSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    postings = serializers.IntegerField()


class BudgetFiguresSerializer(serializers.Serializer[Any]):
    budget = serializers.IntegerField()
    currency = serializers.CharField()
    periods = BudgetPeriodSerializer(many=True)
    unvalued = UnvaluedSerializer(
        many=True,
        help_text="Postings in other currencies whose entries show no amount in the budget's; not in any sum.",
    )


class BudgetLineDaysSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    name = serializers.CharField()
    is_income = serializers.BooleanField()
    planned = serializers.CharField(help_text="What its periods have, by how many of their days are among these.")
    spent = serializers.CharField()
    left = serializers.CharField()


class BudgetDaysSerializer(serializers.Serializer[Any]):
    budget = serializers.IntegerField()
    currency = serializers.CharField()
    first = serializers.DateField()
    last = serializers.DateField()
    lines = BudgetLineDaysSerializer(many=True)


def figures_body(view: BudgetView) -> dict[str, Any]:
    """The figures of a budget, amounts as decimal strings."""
    currency = view.budget.currency
    return {
        "budget": view.budget.pk,
        "currency": currency,
        "periods": [
            _period(shown, currency)
            | {"lines": [_line(line, place, view, currency) for line in view.lines]}
            for place, shown in enumerate(view.periods)
        ],
        "unvalued": [{"currency": code, "postings": count} for code, count in sorted(view.unvalued.items())],
    }  # fmt: skip


def _text(amount: int | None, currency: str) -> str | None:
    return None if amount is None else money.format_amount(amount, currency=currency)


def _period(shown: PeriodView, currency: str) -> dict[str, Any]:
    names = ("assigned", "spent", "available", "income", "expenses", "net", "unbudgeted")
    body: dict[str, Any] = {name: _text(getattr(shown, name), currency) for name in names}
    funds: dict[str, Any] | None = None
    if shown.funds is not None:
        parts = (
            *("before", "returned", "income", "other", "unbudgeted", "assigned", "cash", "available", "to_budget"),
            *("assigned_later", "free"),
        )
        funds = {name: _text(getattr(shown.funds, name), currency) for name in parts}
        funds["adds_up"] = shown.funds.adds_up
    return body | {"first": shown.period.first, "last": shown.period.last, "label": shown.label, "funds": funds}


def _line(line: LineView, place: int, view: BudgetView, currency: str) -> dict[str, Any]:
    cell, pace = line.cells[place], line.pace
    told: dict[str, Any] | None = None
    if pace is not None and place == 0:
        names = ("expected", "ahead", "spent_per_day", "left_per_day", "left_per_day_with_today")
        told = {name: _text(getattr(pace, name), currency) for name in names}
        told |= {"on": view.on, "days": pace.days, "days_passed": pace.passed, "days_left": pace.left}
    return {
        "line": line.line.pk,
        "name": line.name,
        "account": line.line.account_id,
        "tag": line.line.tag_id,
        "is_income": line.is_income,
        "carry": cell.carry.value,
        "carried": _text(cell.carried, currency),
        "assigned": _text(cell.assigned, currency),
        "spent": _text(cell.spent, currency),
        "available": _text(cell.available, currency),
        "needed": _text(line.needed[place], currency),
        "proposed": _text(line.proposed(place), currency),
        "pace": told,
    }


def days_body(budget: Budget, query: dict[str, Any], seen: list[DaysView]) -> dict[str, Any]:
    """What a budget plans for some days."""
    return {
        "budget": budget.pk,
        "currency": budget.currency,
        "first": query["first"],
        "last": query["last"],
        "lines": [
            {
                "line": each.line.pk,
                "name": each.name,
                "is_income": each.is_income,
                "planned": _text(each.planned, budget.currency),
                "spent": _text(each.spent, budget.currency),
                "left": _text(each.planned - each.spent, budget.currency),
            }
            for each in seen
        ],
    }
