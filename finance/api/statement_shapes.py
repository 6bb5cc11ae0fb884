"""Shapes of statements on the wire. All amounts are in the account's currency, with the account's sign."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from core.api.queries import QuerySerializer
from core.api.serializers import StrictSerializer
from finance import money
from finance.api.fields import BIGGEST_ID, AccountReferenceField, AmountField
from finance.bank_statements import PendingRow, Stated
from finance.reconciliation.models import AccountStatement
from finance.reconciliation.selectors import MOST_LINES, StatementRow, StatementView

STATEMENT = {
    "id": 7,
    "account": 12,
    "currency": "EUR",
    "start": "2026-03-01",
    "end": "2026-03-31",
    "opening": "1200.00",
    "closing": "1060.00",
    "state": "open",
    "version": 1,
    "import_statement": 31,
    "ticked": "-100.00",
    "ticked_rows": 4,
    "difference": "-40.00",
    "gap_days": 0,
    "overlap_days": 0,
    "opening_jump": "0.00",
    "reconciled_at": None,
    "reconciled_by": None,
}


class AccountStatementSerializer(serializers.Serializer[StatementView]):
    id = serializers.IntegerField(source="statement.pk")
    account = serializers.IntegerField(source="statement.account_id")
    currency = serializers.CharField(source="statement.account.currency")
    start = serializers.DateField(source="statement.start", help_text="First day.")
    end = serializers.DateField(source="statement.end", help_text="Last day; the closing balance is that of its end.")
    opening = serializers.SerializerMethodField()
    closing = serializers.SerializerMethodField()
    state = serializers.ChoiceField(source="statement.state", choices=AccountStatement.State.choices)
    version = serializers.IntegerField(source="statement.version")
    import_statement = serializers.IntegerField(
        source="statement.imported_id", allow_null=True, help_text="The statement of the bank file that it is from."
    )
    ticked = serializers.SerializerMethodField(help_text="Sum of the ticked rows.")
    ticked_rows = serializers.IntegerField(source="sums.count")
    difference = serializers.SerializerMethodField(help_text="closing − opening − ticked.")
    gap_days = serializers.IntegerField(source="join.gap", help_text="Days before it that no statement covers.")
    overlap_days = serializers.IntegerField(
        source="join.overlap", help_text="Days that an earlier statement covers too."
    )
    opening_jump = serializers.SerializerMethodField(
        help_text="opening − the closing before; null for the first statement and where days overlap."
    )
    reconciled_at = serializers.DateTimeField(source="statement.reconciled_at", allow_null=True)
    reconciled_by = serializers.IntegerField(
        source="statement.reconciled_by_id", allow_null=True, help_text="Id of the member."
    )

    def get_opening(self, view: StatementView) -> str:
        return _amount(view.statement.opening, view)

    def get_closing(self, view: StatementView) -> str:
        return _amount(view.statement.closing, view)

    def get_ticked(self, view: StatementView) -> str:
        return _amount(view.sums.linked, view)

    def get_difference(self, view: StatementView) -> str:
        return _amount(view.difference, view)

    def get_opening_jump(self, view: StatementView) -> str | None:
        return None if view.join.jump is None else _amount(view.join.jump, view)


def _amount(minor_units: int, view: StatementView) -> str:
    return money.format_amount(minor_units, currency=view.statement.account.currency)


class AccountStatementsSerializer(serializers.Serializer[Any]):
    """A page of an account's statements, the latest first."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True, help_text="Always null: paged towards earlier statements only.")
    results = AccountStatementSerializer(many=True)


class NewStatement(StrictSerializer):
    """Either the figures, or `import_statement`: then they are the file's, and its rows are ticked."""

    start = serializers.DateField(required=False)
    end = serializers.DateField(required=False)
    opening = AmountField(required=False, help_text="What is owed is negative.")
    closing = AmountField(required=False, help_text="At the end of the last day.")
    import_statement = serializers.IntegerField(required=False, min_value=1, max_value=BIGGEST_ID)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        figures = {"start", "end", "opening", "closing"}
        if "import_statement" in attrs and figures & set(attrs):
            raise serializers.ValidationError(
                dict.fromkeys(figures & set(attrs), _("Leave this out: it comes from the bank file."))
            )
        missing = figures - set(attrs)
        if "import_statement" not in attrs and missing:
            raise serializers.ValidationError(dict.fromkeys(sorted(missing), _("This field is required.")))
        return attrs


class StatementChanges(StrictSerializer):
    start = serializers.DateField(required=False)
    end = serializers.DateField(required=False)
    opening = AmountField(required=False)
    closing = AmountField(required=False)
    version = serializers.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, help_text="Refuse the change if the statement has another."
    )


class RowQuery(QuerySerializer):
    earlier = serializers.BooleanField(
        required=False, default=False, help_text="Also older rows that are on no statement."
    )


class StatementRowSerializer(serializers.Serializer[StatementRow]):
    line = serializers.IntegerField(source="line_id", help_text="Names the row in `tick` and `untick`.")
    entry = serializers.UUIDField(source="entry_uid")
    date = serializers.DateField()
    payee = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    memo = serializers.CharField(allow_blank=True)
    amount = serializers.SerializerMethodField()
    other_accounts = serializers.CharField(source="others", allow_blank=True)
    ticked = serializers.BooleanField(source="linked")
    mark = serializers.ChoiceField(choices=["", "cleared", "reconciled"])

    def get_amount(self, row: StatementRow) -> str:
        return money.format_amount(row.amount, currency=self.context["currency"])


class StatementRowsSerializer(serializers.Serializer[Any]):
    """A page of the rows that may be on the statement, oldest first."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True, help_text="Always null: paged towards later rows only.")
    results = StatementRowSerializer(many=True)


class Tick(StrictSerializer):
    """Which rows: `lines`, or all of the statement's `file` or of its `period`."""

    lines = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIGGEST_ID),
        required=False,
        min_length=1,
        max_length=MOST_LINES,
    )
    all_of = serializers.ChoiceField(choices=["file", "period"], required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError({"lines": _("Name the lines, or say all of what, and not both.")})
        return attrs


class Untick(StrictSerializer):
    lines = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIGGEST_ID), min_length=1, max_length=MOST_LINES
    )


class Cleared(Untick):
    cleared = serializers.BooleanField()


class ClearedAnswer(serializers.Serializer[Any]):
    changed = serializers.IntegerField()


class Reconcile(StrictSerializer):
    version = serializers.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, help_text="Refuse if the statement has another."
    )


class PostDifference(StrictSerializer):
    account = AccountReferenceField(help_text="What the difference is posted against.")
    description = serializers.CharField(max_length=500, allow_blank=True, default="")


class StatedSerializer(serializers.Serializer[Stated]):
    import_statement = serializers.IntegerField(source="import_statement_id")
    import_id = serializers.IntegerField()
    file_name = serializers.CharField()
    start = serializers.DateField()
    end = serializers.DateField()
    opening = serializers.SerializerMethodField()
    closing = serializers.SerializerMethodField()

    def get_opening(self, stated: Stated) -> str:
        return money.format_amount(stated.opening, currency=self.context["currency"])

    def get_closing(self, stated: Stated) -> str:
        return money.format_amount(stated.closing, currency=self.context["currency"])


class PendingSerializer(serializers.Serializer[PendingRow]):
    date = serializers.DateField()
    text = serializers.CharField(allow_blank=True)
    amount = serializers.SerializerMethodField()
    fell_off = serializers.BooleanField(help_text="Later files neither list nor book it.")

    def get_amount(self, row: PendingRow) -> str:
        return money.format_amount(row.amount, currency=self.context["currency"])


class FromFilesSerializer(serializers.Serializer[Any]):
    stated = StatedSerializer(many=True)
    pending = PendingSerializer(many=True)
