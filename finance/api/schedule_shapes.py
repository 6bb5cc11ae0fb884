"""Shapes of schedules on the wire. Amounts are of the schedule's account: negative when money leaves it."""

import datetime
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.queries import QuerySerializer
from core.api.serializers import StrictSerializer
from finance import money
from finance.api.fields import AccountReferenceField, AmountField
from finance.api.tree import AccountTree
from finance.ledger.models import Account
from finance.ledger.services.drafts import FIRST_YEAR, LAST_YEAR
from finance.periods import WeekendShift
from finance.planning.recurrence import Unit
from finance.planning.schedules.definition import AmountKind, CounterLine, Definition
from finance.planning.schedules.models import Schedule, SchedulePayment
from finance.planning.schedules.selectors import Obligations, Occurrence, Status
from finance.planning.schedules.services.schedules import MOST_LINES, MOST_TAGS
from finance.public_holidays import LONGEST_REGION

_KINDS = [kind.value for kind in AmountKind]
_UNITS = [unit.value for unit in Unit]
_SHIFTS = [shift.value for shift in WeekendShift]

OCCURRENCE = {
    "schedule": 4,
    "name": "Rent",
    "nominal": "2026-02-28",
    "date": "2026-02-27",
    "status": "upcoming",
    "amount": "-700.00",
    "least": "-700.00",
    "most": "-700.00",
    "currency": "EUR",
    "paid": "0.00",
    "left": "-700.00",
    "moved_to": None,
    "payments": [],
}
RENT = {
    "name": "Rent",
    "account": "Assets:Checking account",
    "amount": "-700.00",
    "lines": [{"account": "Expenses:Housing:Rent"}],
    "payee": "Landlord",
    "first": "2026-01-31",
    "unit": "month",
    "shift": "before",
}
SCHEDULE = {
    "id": 4,
    "name": "Rent",
    "account": 41,
    "currency": "EUR",
    "amount_kind": "fixed",
    "amount": "-700.00",
    "least": None,
    "most": None,
    "lines": [{"account": 52, "path": "Expenses:Housing:Rent", "amount": None, "memo": ""}],
    "payee": "Landlord",
    "description": "",
    "tags": [],
    "first": "2026-01-31",
    "unit": "month",
    "every": 1,
    "days": [],
    "weekday_number": None,
    "weekday": None,
    "weekdays": [],
    "shift": "before",
    "holidays": "DE-BY",
    "until": None,
    "count": None,
    "total": None,
    "asked_from": "2026-01-05",
    "continues": None,
    "continued_by": None,
    "next": OCCURRENCE,
    "created_by": 3,
    "created_at": "2026-01-05T18:02:11.120000Z",
}
HELP = {
    "amount": "Expected on the account: negative when money leaves it. A guess unless amount_kind is fixed.",
    "amount_kind": "fixed; range (least to most); learned (the middle of the latest payments); variable (any).",
    "least": "Lower bound of a range, as a number: of money that leaves, the larger payment.",
    "most": "Upper bound of a range, as a number.",
    "first": "First day; all others are counted from it.",
    "unit": "What `every` counts.",
    "days": "Days of the month, such as [15, 31]; 31 is the last day of each month. Without any the day of `first`.",
    "weekday_number": "With `weekday`: which one of the month, 5 is the last.",
    "weekday": "0 is Monday; with `weekday_number`, for months and years.",
    "weekdays": "For weeks: on these weekdays of each, such as [0, 3]; 0 is Monday. Without any that of `first`.",
    "shift": "Where a date on a weekend is shown: it stays, or goes to the weekday before, after or nearest.",
    "holidays": (
        'Region whose public holidays `shift` keeps off as well: a country such as "DE", or a part such as "DE-BY"; '
        '"": weekends only. Default: the region of the book.'
    ),
    "until": "Last nominal date.",
    "count": "Number of occurrences.",
    "total": "Ends when so much has been due, without sign; the last amount is what was left. Only for fixed amounts.",
    "lines": "The other side. One line may leave its amount out: it takes the rest.",
    "asked_from": "Earlier occurrences are not called late. Default: today.",
}


class CounterLineBody(StrictSerializer):
    account = AccountReferenceField()
    amount = AmountField(
        required=False, allow_null=True, help_text="Debit positive on that account; null or left out: the rest."
    )
    memo = serializers.CharField(max_length=200, allow_blank=True, default="")


class ScheduleChanges(StrictSerializer):
    """Members that are left out stay as they are."""

    name = serializers.CharField(max_length=120, required=False)
    account = AccountReferenceField(required=False)
    amount_kind = serializers.ChoiceField(choices=_KINDS, required=False, help_text=HELP["amount_kind"])
    amount = AmountField(required=False, help_text=HELP["amount"])
    least = AmountField(required=False, allow_null=True, help_text=HELP["least"])
    most = AmountField(required=False, allow_null=True, help_text=HELP["most"])
    lines = CounterLineBody(  # type: ignore[call-arg]  # many=True makes it a list, which the stubs do not know
        many=True, min_length=1, max_length=MOST_LINES, required=False, help_text=HELP["lines"]
    )
    payee = serializers.CharField(max_length=200, allow_blank=True, required=False)
    description = serializers.CharField(max_length=500, allow_blank=True, required=False)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=60), max_length=MOST_TAGS, required=False,
        help_text="Names; an entry that is posted by paying gets these tags.",
    )  # fmt: skip
    first = serializers.DateField(required=False, help_text=HELP["first"])
    unit = serializers.ChoiceField(choices=_UNITS, required=False, help_text=HELP["unit"])
    every = serializers.IntegerField(min_value=1, max_value=1000, required=False)
    days = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=31), max_length=31, required=False, help_text=HELP["days"]
    )
    weekday_number = serializers.IntegerField(
        min_value=1, max_value=5, required=False, allow_null=True, help_text=HELP["weekday_number"]
    )
    weekday = serializers.IntegerField(
        min_value=0, max_value=6, required=False, allow_null=True, help_text=HELP["weekday"]
    )
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6), max_length=7, required=False,
        help_text=HELP["weekdays"],
    )  # fmt: skip
    shift = serializers.ChoiceField(choices=_SHIFTS, required=False, help_text=HELP["shift"])
    holidays = serializers.CharField(
        max_length=LONGEST_REGION, allow_blank=True, required=False, help_text=HELP["holidays"]
    )
    until = serializers.DateField(required=False, allow_null=True, help_text=HELP["until"])
    count = serializers.IntegerField(
        min_value=1, max_value=10_000, required=False, allow_null=True, help_text=HELP["count"]
    )
    total = AmountField(required=False, allow_null=True, help_text=HELP["total"])
    effective_from = serializers.DateField(
        required=False,
        help_text="Change it from this nominal day on: a new schedule continues it, and the past stays. Default: all of it.",
    )


class NewSchedule(ScheduleChanges):
    name = serializers.CharField(max_length=120, required=False, help_text="Default: the payee.")
    account = AccountReferenceField()
    amount = AmountField(help_text=HELP["amount"])
    lines = CounterLineBody(  # type: ignore[call-arg]  # as above
        many=True, min_length=1, max_length=MOST_LINES, help_text=HELP["lines"]
    )
    first = serializers.DateField(help_text=HELP["first"])
    unit = serializers.ChoiceField(choices=_UNITS, default="month", help_text=HELP["unit"])
    asked_from = serializers.DateField(required=False, help_text=HELP["asked_from"])
    effective_from = None  # type: ignore[assignment]  # a new schedule has no earlier terms


class EndBody(StrictSerializer):
    last = serializers.DateField(help_text="Nothing is expected after this nominal day.")


class MoveBody(StrictSerializer):
    to = serializers.DateField(help_text="Day on which it is expected instead.")


class PayBody(StrictSerializer):
    date = serializers.DateField(required=False, help_text="Date of the entry. Default: today.")
    amount = AmountField(required=False, help_text="With the schedule's sign. Default: all that is left.")
    complete = serializers.BooleanField(
        required=False, help_text="Whether it is then paid. Default: if the amount reaches what was left."
    )


class LinkBody(StrictSerializer):
    entry = serializers.UUIDField(help_text="uid of the entry.")
    complete = serializers.BooleanField(default=True, help_text="false: it pays a part only.")


class EntryOfOccurrence(StrictSerializer):
    entry = serializers.UUIDField(help_text="uid of the entry.")


class Day(serializers.DateField):
    """A day that is as far away as a book's entries may be."""

    default_error_messages: ClassVar = {"far": _("Give a day from 1900 to 2199.")}

    def to_internal_value(self, value: Any) -> datetime.date:
        day = super().to_internal_value(value)
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            self.fail("far")
        return day


class TodayQuery(QuerySerializer):
    today = Day(required=False, help_text="Answer as on this day. Default: today in the book's zone.")


class WindowQuery(TodayQuery):
    first = Day(required=False, help_text="First day shown. Default: today.")
    last = Day(required=False, help_text="Last day shown, included. Default: 30 days later.")


class PaymentSerializer(serializers.ModelSerializer[SchedulePayment]):
    entry = serializers.UUIDField(source="entry.uid", help_text="uid of the entry's first version.")
    amount = serializers.SerializerMethodField()
    linked_by = serializers.IntegerField(
        source="linked_by_id", allow_null=True, help_text="Id of the member; null: it was matched."
    )

    class Meta:
        model = SchedulePayment
        fields = ("entry", "date", "amount", "linked_by", "linked_at")

    def get_amount(self, payment: SchedulePayment) -> str:
        return money.format_amount(payment.amount, currency=self.context["currency"])


class PaymentOfSchedule(PaymentSerializer):
    nominal = serializers.DateField(source="occurrence.nominal")
    status = serializers.CharField(source="occurrence.state")

    class Meta(PaymentSerializer.Meta):
        fields = ("id", "nominal", "status", *PaymentSerializer.Meta.fields)  # type: ignore[assignment]


class OccurrenceSerializer(serializers.Serializer[Occurrence]):
    schedule = serializers.IntegerField(source="schedule.pk")
    name = serializers.CharField(source="schedule.name")
    nominal = serializers.DateField(help_text="What it is known by; a weekend or a move does not change it.")
    date = serializers.DateField(help_text="Day on which it is expected.")
    status = serializers.ChoiceField(
        choices=[status.value for status in Status],
        help_text=(
            "upcoming; due (today); late; missed (late, and the next is due too); untracked (before the schedule was "
            "written down); paid; skipped."
        ),
    )
    amount = serializers.SerializerMethodField(help_text="Expected in all.")
    least = serializers.SerializerMethodField()
    most = serializers.SerializerMethodField()
    currency = serializers.CharField()
    paid = serializers.SerializerMethodField()
    left = serializers.SerializerMethodField(help_text="Still to come; zero once it is paid or skipped.")
    moved_to = serializers.DateField(allow_null=True)
    payments = serializers.SerializerMethodField()

    def _money(self, each: Occurrence, amount: int) -> str:
        return money.format_amount(amount, currency=each.currency)

    def get_amount(self, each: Occurrence) -> str:
        return self._money(each, each.amount)

    def get_least(self, each: Occurrence) -> str:
        return self._money(each, each.least)

    def get_most(self, each: Occurrence) -> str:
        return self._money(each, each.most)

    def get_paid(self, each: Occurrence) -> str:
        return self._money(each, each.paid)

    def get_left(self, each: Occurrence) -> str:
        return self._money(each, each.left)

    def get_payments(self, each: Occurrence) -> list[dict[str, Any]]:
        context = {"currency": each.currency}
        return [dict(PaymentSerializer(payment, context=context).data) for payment in each.payments]


class ScheduleLineSerializer(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    path = serializers.CharField()
    amount = serializers.CharField(allow_null=True, help_text="null: it takes the rest.")
    memo = serializers.CharField()


class ScheduleSerializer(serializers.ModelSerializer[Schedule]):
    """Needs `tree`, `tags` (id → name) and `next` (id of a schedule → occurrence) in its context."""

    account = serializers.IntegerField(source="account_id")
    currency = serializers.CharField(source="account.currency")
    amount = serializers.SerializerMethodField(help_text=HELP["amount"])
    least = serializers.SerializerMethodField(help_text=HELP["least"])
    most = serializers.SerializerMethodField(help_text=HELP["most"])
    lines = serializers.SerializerMethodField(help_text=HELP["lines"])
    tags = serializers.SerializerMethodField()
    days = serializers.ListField(child=serializers.IntegerField(), help_text=HELP["days"])
    weekdays = serializers.ListField(child=serializers.IntegerField(), help_text=HELP["weekdays"])
    holidays = serializers.CharField(help_text="Region whose public holidays `shift` keeps off as well.")
    amount_kind = serializers.ChoiceField(choices=_KINDS, help_text=HELP["amount_kind"])
    unit = serializers.ChoiceField(choices=_UNITS, help_text=HELP["unit"])
    shift = serializers.ChoiceField(choices=_SHIFTS, help_text=HELP["shift"])
    total = serializers.SerializerMethodField(help_text=HELP["total"])
    continues = serializers.IntegerField(source="continues_id", allow_null=True)
    continued_by = serializers.SerializerMethodField(help_text="The schedule that it goes on as, since it was changed.")
    next = serializers.SerializerMethodField(help_text="The first from today on that is neither paid nor skipped.")
    created_by = serializers.IntegerField(source="created_by_id", allow_null=True)

    class Meta:
        model = Schedule
        fields = (
            *("id", "name", "account", "currency", "amount_kind", "amount", "least", "most", "lines"),
            *("payee", "description", "tags", "first", "unit", "every", "days", "weekday_number", "weekday"),
            *("weekdays", "shift", "holidays", "until", "count", "total", "asked_from", "continues", "continued_by"),
            "next",
            *("created_by", "created_at"),
        )

    def _money(self, schedule: Schedule, amount: int | None) -> str | None:
        return None if amount is None else money.format_amount(amount, currency=schedule.account.currency)

    def get_amount(self, schedule: Schedule) -> str:
        return money.format_amount(schedule.amount, currency=schedule.account.currency)

    def get_least(self, schedule: Schedule) -> str | None:
        return self._money(schedule, schedule.least)

    def get_most(self, schedule: Schedule) -> str | None:
        return self._money(schedule, schedule.most)

    def get_total(self, schedule: Schedule) -> str | None:
        return self._money(schedule, schedule.total)

    @extend_schema_field(ScheduleLineSerializer(many=True))
    def get_lines(self, schedule: Schedule) -> list[dict[str, Any]]:
        tree: AccountTree = self.context["tree"]
        return [
            {
                "account": line["account"],
                "path": tree.paths.get(line["account"], ""),
                "amount": self._money(schedule, line["amount"]),
                "memo": line["memo"],
            }
            for line in schedule.lines
        ]

    def get_tags(self, schedule: Schedule) -> list[str]:
        return [self.context["tags"][pk] for pk in schedule.tag_ids if pk in self.context["tags"]]

    def get_continued_by(self, schedule: Schedule) -> int | None:
        return schedule.continued_by.pk if hasattr(schedule, "continued_by") else None

    @extend_schema_field(OccurrenceSerializer(allow_null=True))
    def get_next(self, schedule: Schedule) -> dict[str, Any] | None:
        found = self.context["next"].get(schedule.pk)
        return dict(OccurrenceSerializer(found).data) if found else None


class ScheduleSumsSerializer(serializers.Serializer[Obligations]):
    currency = serializers.CharField()
    expected = serializers.SerializerMethodField(help_text="Of all that are not skipped: paid and still to come.")
    paid = serializers.SerializerMethodField()
    still_to_pay = serializers.SerializerMethodField(help_text="Still to leave from today on, without sign.")
    still_to_receive = serializers.SerializerMethodField(help_text="Still to come in from today on.")
    late = serializers.SerializerMethodField(help_text="Of days before today and still expected.")

    def get_expected(self, sums: Obligations) -> str:
        return money.format_amount(sums.expected, currency=sums.currency)

    def get_paid(self, sums: Obligations) -> str:
        return money.format_amount(sums.paid, currency=sums.currency)

    def get_still_to_pay(self, sums: Obligations) -> str:
        return money.format_amount(-sums.still_out, currency=sums.currency)

    def get_still_to_receive(self, sums: Obligations) -> str:
        return money.format_amount(sums.still_in, currency=sums.currency)

    def get_late(self, sums: Obligations) -> str:
        return money.format_amount(sums.late, currency=sums.currency)


class SumsAnswer(serializers.Serializer[Any]):
    results = ScheduleSumsSerializer(many=True)


class PossiblePayment(serializers.Serializer[Any]):
    schedule = serializers.IntegerField()
    nominal = serializers.DateField()
    entry = serializers.UUIDField()
    date = serializers.DateField(help_text="Of the entry.")
    amount = serializers.CharField()
    currency = serializers.CharField()
    payee = serializers.CharField(help_text="Of the entry.")
    days_apart = serializers.IntegerField()


class QuestionsAnswer(serializers.Serializer[Any]):
    results = serializers.ListField(
        child=PossiblePayment(many=True), help_text="Groups: of each, link one or refuse the others."
    )


def definition_of(
    given: dict[str, Any],
    *,
    tree: AccountTree,
    tag_ids: Callable[[list[str]], tuple[int, ...]],
    before: Definition | None,
) -> Definition:
    """The checked body as a definition; what is left out is as `before`. Raises NotFound and AmountInvalid by field."""
    account = tree.find(given["account"], field="account") if "account" in given else None
    account = account or tree.by_id[before.account_id if before else 0]
    changes: dict[str, Any] = {
        name: given[name]
        for name in ("name", "payee", "description", "first", "every", "until", "count", "holidays")
        if name in given
    }
    changes["account_id"] = account.pk
    for name in ("amount", "least", "most", "total"):
        if name in given:
            changes[name] = _minor(given[name], account, name)
    for name, kind in (("unit", Unit), ("shift", WeekendShift), ("amount_kind", AmountKind)):
        if name in given:
            changes[name] = kind(given[name])
    if "amount_kind" in given and given["amount_kind"] in ("fixed", "variable"):
        changes |= {name: None for name in ("least", "most") if name not in given}
    changes |= {name: tuple(given[name]) for name in ("days", "weekdays") if name in given}
    if "weekday" in given or "weekday_number" in given:
        number, day = (before.weekday if before else None) or (None, None)
        number, day = given.get("weekday_number", number), given.get("weekday", day)
        changes["weekday"] = None if number is None and day is None else (number or 0, -1 if day is None else day)
    if "tags" in given:
        changes["tag_ids"] = tag_ids(given["tags"])
    if "lines" in given:
        changes["lines"] = tuple(
            CounterLine(
                account_id=(other := tree.find(line["account"], field=f"lines.{index}.account")).pk,
                amount=_minor(line.get("amount"), other, f"lines.{index}.amount"),
                memo=line["memo"],
            )
            for index, line in enumerate(given["lines"])
        )
    return replace(before, **changes) if before else Definition(**{"name": "", **changes})


def _minor(text: str | None, account: Account, field: str) -> int | None:
    return None if text is None else money.parse_amount(text, currency=account.currency, field=field)


def nominal_of(text: str) -> datetime.date | None:
    """The date of an address; None where it is none."""
    try:
        found = datetime.date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.isoformat() == text else None
