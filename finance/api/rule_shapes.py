"""Shapes of rules on the wire. A definition is checked by the services, field by field."""

from typing import Any

from rest_framework import serializers

from core.api.queries import QuerySerializer
from core.api.serializers import StrictSerializer
from finance.api.fields import BIGGEST_ID
from finance.rules.models import Rule, RuleApplication, RuleGroup, RuleLog, RuleVersion

DEFINITION = {
    "match": "all",
    "conditions": [
        {"field": "payee", "test": "words", "value": "rewe markt"},
        {"field": "direction", "test": "is", "value": "out"},
    ],
    "actions": [{"do": "category", "account": 12}],
}
RULE = {
    "id": 4,
    "group": 1,
    "name": "Groceries",
    "position": 1,
    "active": True,
    "stop": False,
    "override": False,
    "version": 2,
    "definition": DEFINITION,
    "created_at": "2026-03-14T09:30:00Z",
}
_DEFINITION_HELP = "Conditions and actions; the format is described under “Rules” in the documentation."


class GroupSerializer(serializers.ModelSerializer[RuleGroup]):
    class Meta:
        model = RuleGroup
        fields = ("id", "name", "position", "active")


class RuleSerializer(serializers.ModelSerializer[Rule]):
    group = serializers.IntegerField(source="group_id", read_only=True)
    definition = serializers.DictField(help_text=_DEFINITION_HELP)

    class Meta:
        model = Rule
        fields = (
            *("id", "group", "name", "position", "active", "stop", "override", "version", "definition"),
            "created_at",
        )


class ImportedSerializer(serializers.Serializer[Any]):
    rules = RuleSerializer(many=True)


class VersionSerializer(serializers.ModelSerializer[RuleVersion]):
    definition = serializers.DictField()
    saved_by = serializers.EmailField(source="saved_by.email", default=None, read_only=True, allow_null=True)

    class Meta:
        model = RuleVersion
        fields = ("number", "name", "stop", "override", "definition", "saved_by", "saved_at")


class LogSerializer(serializers.ModelSerializer[RuleLog]):
    row = serializers.IntegerField(source="row_id", read_only=True, allow_null=True)
    entry = serializers.UUIDField(source="entry.uid", default=None, read_only=True, allow_null=True)
    changes = serializers.DictField(help_text="Field → [before, after].")

    class Meta:
        model = RuleLog
        fields = ("id", "version", "row", "entry", "changes", "problem", "at")


class LeftSerializer(serializers.Serializer[Any]):
    entry = serializers.UUIDField()
    date = serializers.DateField()
    payee = serializers.CharField(allow_blank=True)
    why = serializers.CharField()


class ApplicationSerializer(serializers.ModelSerializer[RuleApplication]):
    rule = serializers.IntegerField(source="rule_id", read_only=True, allow_null=True)
    left = LeftSerializer(many=True, help_text="Entries that stay as they are, with the reason: the first hundred.")

    class Meta:
        model = RuleApplication
        fields = (
            *("id", "rule", "since", "until", "closed_too", "state", "looked", "changed", "left_count", "left"),
            *("created_at", "finished_at"),
        )


class ChangedLine(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    amount = serializers.CharField()
    memo = serializers.CharField(allow_blank=True)


class ChangeSerializer(serializers.Serializer[Any]):
    entry = serializers.UUIDField()
    date = serializers.DateField()
    payee = serializers.CharField(allow_blank=True)
    new_payee = serializers.CharField(allow_blank=True, help_text="As the payee would be.")
    lines = ChangedLine(many=True)
    new_lines = ChangedLine(many=True)
    new_tags = serializers.ListField(child=serializers.CharField(), help_text="Tags that the entry would get.")
    rules = serializers.ListField(child=serializers.IntegerField(), help_text="Rules that change something, in order.")
    closed = serializers.BooleanField(help_text="In a closed period: left as it is unless `closed_too` is set.")


class DryRunSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True, help_text="Further back in time; null at the first entry of the book.")
    previous = serializers.URLField(allow_null=True, help_text="Always null: pages run back in time only.")
    looked = serializers.IntegerField(help_text="Entries looked at for this page.")
    kept = serializers.IntegerField(help_text="Entries whose category, payee or note somebody chose; they stay.")
    results = ChangeSerializer(many=True)


class MatchesSerializer(serializers.Serializer[Any]):
    matched = serializers.IntegerField()
    looked = serializers.IntegerField(help_text="The latest entries, at most a thousand.")


class NewGroup(StrictSerializer):
    name = serializers.CharField(max_length=80)


class GroupChanges(StrictSerializer):
    name = serializers.CharField(max_length=80, required=False)
    active = serializers.BooleanField(required=False)


class NewRule(StrictSerializer):
    name = serializers.CharField(max_length=80)
    group = serializers.IntegerField(
        required=False, min_value=1, max_value=BIGGEST_ID, help_text="Without it: the last group."
    )
    definition = serializers.DictField(help_text=_DEFINITION_HELP)
    stop = serializers.BooleanField(
        default=False, help_text="Later rules are not tried on rows that this rule matches."
    )
    override = serializers.BooleanField(default=False, help_text="Also change what people chose themselves.")


class RuleChanges(StrictSerializer):
    name = serializers.CharField(max_length=80, required=False)
    group = serializers.IntegerField(required=False, min_value=1, max_value=BIGGEST_ID)
    definition = serializers.DictField(required=False, help_text=_DEFINITION_HELP)
    stop = serializers.BooleanField(required=False)
    override = serializers.BooleanField(required=False)
    active = serializers.BooleanField(required=False)


class Move(StrictSerializer):
    to = serializers.ChoiceField(choices=["up", "down"])


class Draft(StrictSerializer):
    definition = serializers.DictField(help_text=_DEFINITION_HELP)


class Period(QuerySerializer):
    rule = serializers.IntegerField(
        required=False, min_value=1, max_value=BIGGEST_ID, help_text="Without it: all active rules."
    )
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)


class Applying(StrictSerializer):
    rule = serializers.IntegerField(
        required=False, min_value=1, max_value=BIGGEST_ID, help_text="Without it: all active rules."
    )
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)
    closed_too = serializers.BooleanField(
        default=False, help_text="Entries in closed periods as well; their correction takes today's date."
    )


class Document(StrictSerializer):
    format = serializers.CharField()
    groups = serializers.ListField(child=serializers.DictField())
