"""Shapes of reports on the wire."""

from typing import Any

from rest_framework import serializers

from core.api.queries import QuerySerializer
from core.api.serializers import StrictSerializer
from finance.api.fields import MoneyField
from finance.reports.dashboard import MOST_CARDS
from finance.reports.definition import KINDS, MAX_AVERAGED, MAX_DEPTH, MAX_TOP, By, Columns, Compare
from finance.reports.models import SavedReport
from platform_outbox.operations.models import OperationRun


def _one_of(choices: Any, help_text: str) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=[each.value for each in choices], required=False, help_text=help_text)


class ReportQuery(QuerySerializer):
    """The parameters of a report, the same as in the address of its page."""

    period = serializers.CharField(
        required=False,
        max_length=30,
        help_text="`this-month`, `last-quarter`, `2026`, `2026-Q3`, `2026-03`, `2026-03-05..2026-04-04` or `all`.",
    )
    columns = _one_of(Columns, "A column for each month, quarter, year or pay period.")
    compare = _one_of(
        Compare, "What the whole period is compared with. Of a period that is not over: up to the same day."
    )
    averaged = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_AVERAGED, help_text="Periods that `compare=average` averages."
    )
    depth = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_DEPTH, help_text="Levels of the tree; deeper ones are added up."
    )
    by = _one_of(By, "What `spending` and `income` are grouped by.")
    account = serializers.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="Only this category and what is inside it."
    )
    top = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_TOP, help_text="Payees or members; the others are added up."
    )
    empty = serializers.BooleanField(required=False, help_text="Also rows without any amount.")
    as_of = serializers.DateField(required=False, help_text="Leave out entries that are dated later.")
    known_at = serializers.CharField(
        required=False,
        max_length=40,
        help_text="Leave out what was recorded later: a moment, or a day for its end in the book's time zone.",
    )


class FigureQuery(ReportQuery):
    """A figure of a report."""

    row = serializers.CharField(max_length=230, help_text="`key` of the row, or `section-` and the key of a section.")
    column = serializers.IntegerField(min_value=0, max_value=200, help_text="Place of the column, from 0.")


class ReportAmountSerializer(serializers.Serializer[Any]):
    amount = serializers.CharField()
    currency = serializers.CharField()


class ReportCellSerializer(serializers.Serializer[Any]):
    amount = serializers.CharField(help_text="Decimal string in the currency of the section, or of the report.")
    not_valued = ReportAmountSerializer(many=True, help_text="Amounts without a rate; they are not part of `amount`.")


class ReportColumnSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(
        choices=["period", "total", "compared", "difference", "opening", "debit", "credit", "closing"]
    )
    title = serializers.CharField()
    first = serializers.DateField(allow_null=True)
    last = serializers.DateField(allow_null=True)
    periods = serializers.IntegerField(help_text="How many periods it averages; 0 for a difference.")


class ReportRowSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    depth = serializers.IntegerField()
    account = serializers.IntegerField(allow_null=True)
    with_inside = serializers.BooleanField(help_text="The amounts are of the account with all inside it.")
    cells = ReportCellSerializer(many=True, help_text="One for each column.")


class ReportSectionSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    currency = serializers.CharField()
    rows = ReportRowSerializer(many=True)
    total = ReportCellSerializer(many=True)


class ReportRateSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    on = serializers.DateField(help_text="The day that was valued.")
    rate = serializers.CharField(help_text="What one unit was worth in the report's currency.")
    date = serializers.DateField(allow_null=True, help_text="The rate's own day.")
    note = serializers.CharField(allow_blank=True)


class ReportRunSerializer(serializers.Serializer[OperationRun]):
    """A worker's making of a report."""

    id = serializers.IntegerField(source="pk")
    state = serializers.ChoiceField(choices=OperationRun.State.choices)
    started_at = serializers.DateTimeField(source="requested_at")


class ReportSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=KINDS)
    title = serializers.CharField()
    sentence = serializers.CharField()
    first = serializers.DateField()
    last = serializers.DateField()
    known_at = serializers.DateTimeField(allow_null=True)
    currency = serializers.CharField()
    columns = ReportColumnSerializer(many=True)
    sections = ReportSectionSerializer(many=True)
    summary = ReportRowSerializer(many=True)
    not_valued = ReportAmountSerializer(
        many=True, help_text="What the main column leaves out because there is no rate."
    )
    rates = ReportRateSerializer(many=True)


class FigureRowSerializer(serializers.Serializer[Any]):
    entry = serializers.UUIDField(source="entry_uid")
    date = serializers.DateField()
    payee = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    account = serializers.IntegerField(source="account.pk")
    currency = serializers.CharField(source="account.currency")
    amount = MoneyField(help_text="With the sign that it has in the report.")


class FigureSerializer(serializers.Serializer[Any]):
    """The rows of a figure, newest first, with what all of them add up to."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True, help_text="Always null: they are paged towards older rows only.")
    count = serializers.IntegerField(
        allow_null=True, help_text="Of all rows, on all pages; null where they are too many to be counted."
    )
    sums = ReportAmountSerializer(many=True, help_text="Of all rows, on all pages.")
    results = FigureRowSerializer(many=True)


class SavedReportSerializer(serializers.ModelSerializer[SavedReport]):
    parameters = serializers.DictField(child=serializers.CharField(), help_text="As in the address of the report.")
    saved_by = serializers.EmailField(source="saved_by.email", default=None, read_only=True, allow_null=True)

    class Meta:
        model = SavedReport
        fields = ("id", "name", "kind", "parameters", "saved_by", "saved_at")


class NewSavedReport(StrictSerializer):
    name = serializers.CharField(max_length=80, help_text="A report that has the name already is replaced.")
    kind = serializers.ChoiceField(choices=KINDS)
    parameters = serializers.DictField(
        child=serializers.CharField(max_length=60), required=False, default=dict, help_text="As of a report's query."
    )


class NameSerializer(StrictSerializer):
    name = serializers.CharField(max_length=80)


class CardsSerializer(StrictSerializer):
    cards = serializers.ListField(
        child=serializers.CharField(max_length=40),
        max_length=MOST_CARDS,
        help_text="In their order: `worth`, `look`, `holdings`, `spending`, `income`, or `report-` and the number of a saved report.",
    )


def _cells(*amounts: str) -> list[dict[str, Any]]:
    return [{"amount": amount, "not_valued": []} for amount in amounts]


REPORT = {
    "kind": "spending",
    "title": "Spending by category",
    "sentence": "You spent €130 in March 2026.",
    "first": "2026-03-01",
    "last": "2026-03-31",
    "known_at": None,
    "currency": "EUR",
    "columns": [{"role": "total", "title": "March 2026", "first": "2026-03-01", "last": "2026-03-31", "periods": 1}],
    "sections": [
        {
            "key": "spending",
            "title": "Spending",
            "currency": "EUR",
            "rows": [
                {
                    "key": "account-52",
                    "title": "Groceries",
                    "depth": 0,
                    "account": 52,
                    "with_inside": False,
                    "cells": _cells("130.00"),
                }
            ],
            "total": _cells("130.00"),
        }
    ],
    "summary": [],
    "not_valued": [],
    "rates": [],
}
SAVED = {
    "id": 3,
    "name": "Food by month",
    "kind": "spending",
    "parameters": {"period": "this-year", "columns": "month", "account": "50"},
    "saved_by": "olga@example.org",
    "saved_at": "2026-03-14T09:30:00Z",
}
