"""Insights on the wire: sentences for people, figures and their evidence for programs."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.serializers import StrictSerializer
from finance import money
from insights import selectors
from insights.models import Insight, InsightEvidence
from insights.selectors import EvidenceRow


class InsightSerializer(serializers.ModelSerializer[Insight]):
    """An insight as it stands in the feed."""

    sentence = serializers.CharField(read_only=True, help_text=_("The finding in one sentence."))
    payee = serializers.CharField(read_only=True, help_text=_("Empty if it is not about a payee."))
    figures = serializers.DictField(source="params", read_only=True, help_text=_("The figures in the sentence."))

    class Meta:
        model = Insight
        fields = [
            "id",
            "kind",
            "severity",
            "state",
            "sentence",
            "figures",
            "payee",
            "subject_date",
            "expires_on",
            "snoozed_until",
            "raised_at",
            "last_raised_at",
        ]
        read_only_fields = fields


class EvidenceSerializer(serializers.Serializer[EvidenceRow]):
    """A figure that the sentence was computed from."""

    role = serializers.ChoiceField(choices=InsightEvidence.Role.choices)
    entry = serializers.UUIDField(
        source="uid", allow_null=True, help_text=_("uid of the entry; null for a month or a balance.")
    )
    date = serializers.DateField(help_text=_("Date of the entry, first day of the month, or day of the balance."))
    payee = serializers.CharField(help_text=_("For a month the category, for a balance the account."))
    description = serializers.CharField()
    amount = serializers.SerializerMethodField(
        help_text=_("Paid by the entry (negative for money in), spent in the month, or held on the day.")
    )
    currency = serializers.CharField()
    expected_on = serializers.DateField(allow_null=True, help_text=_("The day when it is expected again."))
    stands = serializers.BooleanField(help_text=_("False if the entry has been deleted or corrected since."))

    def get_amount(self, row: EvidenceRow) -> str:
        return money.format_amount(row.amount, currency=row.currency)


class InsightDetailSerializer(InsightSerializer):
    """An insight with the rule, the thresholds in force, and its evidence."""

    evidence = serializers.SerializerMethodField(help_text=_("The first 500 figures; all of them: …/evidence/."))
    evidence_count = serializers.SerializerMethodField(help_text=_("How many figures there are."))
    thresholds = serializers.DictField(read_only=True, help_text=_("The rule's thresholds when it was raised."))
    event_id = serializers.IntegerField(read_only=True, allow_null=True, help_text=_("The event that raised it."))

    class Meta(InsightSerializer.Meta):
        fields = [
            *InsightSerializer.Meta.fields,
            "rule_version",
            "thresholds",
            "event_id",
            "evidence_count",
            "evidence",
        ]
        read_only_fields = fields

    @extend_schema_field(EvidenceSerializer(many=True))
    def get_evidence(self, insight: Insight) -> Any:
        return [EvidenceSerializer(row).data for row in selectors.evidence_page(insight=insight).rows]

    def get_evidence_count(self, insight: Insight) -> int:
        return insight.evidence.count()


class SnoozeSerializer(StrictSerializer):
    until = serializers.DateField(help_text=_("The day on which it comes back; after today."))
