"""Changes of many entries, and templates of entries, on the wire."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field
from rest_framework import serializers

from core.api.serializers import StrictSerializer
from finance import money
from finance.api.entry_bodies import REOPEN_HELP, LineBody
from finance.api.fields import AccountReferenceField, AmountField
from finance.api.tree import AccountTree
from finance.ledger.change_models import Change, ChangedEntry, EntryTemplate
from finance.ledger.services.changes import MOST_ENTRIES
from finance.ledger.services.drafts import MAX_LINES

LEFT = {"entry": "0198f2b4-6f0e-7c3a-9a53-0c5d3f6f1a77", "date": "2026-03-14", "payee": "IKEA",
        "why": "It has several parts; choose one of them."}  # fmt: skip
CHANGE = {
    "id": 17, "action": "edit", "asked": {"account": 52}, "undoes": None, "undone_by": None, "entry_count": 19,
    "redated_to": None, "redated_count": 0, "left": [LEFT], "left_count": 1, "made_by": 3,
    "made_at": "2026-03-14T18:02:11.120000Z",
}  # fmt: skip
TARGET = {"entry": "0198f2b4-6f0e-7c3a-9a53-0c5d3f6f1a77"}
ASKED_EXAMPLE = OpenApiExample(
    "Another category", request_only=True, value={"entries": [TARGET], "account": "Expenses:Food:Restaurants"}
)
DONE_EXAMPLE = OpenApiExample("Changed", response_only=True, value={"change": CHANGE, "left": [LEFT], "same": 0})


PAST = [
    ("alias", "leave past entries as they are; they are found by the alias"),
    ("correct", "correct past entries of open periods, at most 5,000"),
]


class TargetBody(StrictSerializer):
    entry = serializers.UUIDField()
    part = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_LINES,
        help_text="Which line, 1 for the first. Without it, an entry of several parts keeps its category and amount.",
    )  # fmt: skip


class ChangeBody(StrictSerializer):
    """What to change; at least one of account, payee, description, date or shift_days, amount, or delete alone."""

    entries = TargetBody(many=True, min_length=1, max_length=MOST_ENTRIES)  # type: ignore[call-arg]  # as a list
    account = AccountReferenceField(required=False, help_text="The new category, or the new other side of a transfer.")
    payee = serializers.CharField(required=False, max_length=200, allow_blank=True)
    description = serializers.CharField(required=False, max_length=500, allow_blank=True)
    date = serializers.DateField(required=False)
    shift_days = serializers.IntegerField(required=False, min_value=-36_500, max_value=36_500)
    amount = AmountField(required=False, help_text="For one entry: its size, or with `part` that line's signed amount.")
    delete = serializers.BooleanField(required=False, default=False)
    reopen_statements = serializers.BooleanField(default=False, help_text=REOPEN_HELP)


class MergeBody(StrictSerializer):
    names = serializers.ListField(
        child=serializers.CharField(max_length=200), min_length=1, max_length=100,
        help_text="Payees, their aliases, or texts of entries.",
    )  # fmt: skip
    into = serializers.CharField(max_length=200, help_text="A payee, one of its aliases, or a new name.")
    past = serializers.ChoiceField(choices=PAST, default="correct", help_text="What happens to past entries.")
    reopen_statements = serializers.BooleanField(default=False, help_text=REOPEN_HELP)


class UndoBody(StrictSerializer):
    skip_changed = serializers.BooleanField(
        default=False, help_text="Leave entries that were changed since as they are, instead of refusing."
    )
    reopen_statements = serializers.BooleanField(default=False, help_text=REOPEN_HELP)


class LeftEntrySerializer(serializers.Serializer[Any]):
    entry = serializers.UUIDField()
    date = serializers.DateField()
    payee = serializers.CharField()
    why = serializers.CharField()


class EntryChangeSerializer(serializers.ModelSerializer[Change]):
    asked = serializers.DictField(help_text="Fields and their new values; `amount` in minor units.")
    undoes = serializers.IntegerField(source="undoes_id", read_only=True, allow_null=True)
    undone_by = serializers.IntegerField(source="undone_by.pk", default=None, read_only=True, allow_null=True)
    left = LeftEntrySerializer(many=True, help_text="Entries that stayed as they were, the first hundred.")
    made_by = serializers.IntegerField(source="made_by_id", read_only=True, allow_null=True)

    class Meta:
        model = Change
        fields = (
            *("id", "action", "asked", "undoes", "undone_by", "entry_count", "redated_to", "redated_count", "left"),
            *("left_count", "made_by", "made_at"),
        )


class ChangedSerializer(serializers.Serializer[Any]):
    change = EntryChangeSerializer(allow_null=True, help_text="Null if no entry needed a change.")
    left = LeftEntrySerializer(many=True)
    same = serializers.IntegerField(help_text="Entries that needed no change.")


class ChangedEntrySerializer(serializers.ModelSerializer[ChangedEntry]):
    before = serializers.UUIDField(source="before.uid", default=None, read_only=True, allow_null=True)
    after = serializers.UUIDField(source="after.uid", default=None, read_only=True, allow_null=True)

    class Meta:
        model = ChangedEntry
        fields = ("id", "before", "after")


class TemplateBody(StrictSerializer):
    name = serializers.CharField(max_length=80, help_text="A template of the same name is replaced.")
    payee = serializers.CharField(max_length=200, allow_blank=True, default="")
    description = serializers.CharField(max_length=500, allow_blank=True, default="")
    lines = LineBody(many=True, min_length=2, max_length=MAX_LINES)  # type: ignore[call-arg]  # as a list


class TemplateLineSerializer(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    amount = serializers.CharField(help_text="Debit positive, credit negative.")
    currency = serializers.CharField()
    memo = serializers.CharField()


class TemplateSerializer(serializers.ModelSerializer[EntryTemplate]):
    lines = serializers.SerializerMethodField()

    class Meta:
        model = EntryTemplate
        fields = ("id", "name", "payee", "description", "lines", "created_at")

    @extend_schema_field(TemplateLineSerializer(many=True))
    def get_lines(self, template: EntryTemplate) -> list[dict[str, Any]]:
        tree: AccountTree = self.context["tree"]
        return [
            {
                **line,
                "currency": tree.by_id[line["account"]].currency,
                "amount": money.format_amount(line["amount"], currency=tree.by_id[line["account"]].currency),
            }
            for line in template.lines
        ]
