"""/books/{book_id}/recurring/: payments that come again, found in the history, to be made schedules or dismissed."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.queries import QuerySerializer, query_of
from core.api.serializers import in_page
from finance import money
from finance.api import schedule_shapes as shapes
from finance.api.base import BookView
from finance.api.schedules import ScheduleView
from finance.models import RecurringFinding
from finance.periods import WeekendShift
from finance.planning.detection import selectors, services
from finance.planning.detection.weekdays import SEVERAL_A_WEEK
from finance.planning.recurrence import CADENCES, Unit
from finance.planning.schedules.definition import AmountKind
from finance.tags.services import tags_named
from identity.api.idempotency import once_per_key

FINDING = {
    "id": 12, "state": "offered", "payee": "City water", "description": "", "account": 41, "category": 57, "currency": "EUR",
    "amount_kind": "range", "amount": "-34.50", "least": "-38.00", "most": "-31.00", "per_year": "-207.00",
    "rhythm": "two_months", "unit": "month", "every": 2, "days": [10], "weekday_number": None, "weekday": None,
    "weekdays": [], "shift": "none", "next": "2026-05-10",
    "lasts_until": "2026-07-01", "confidence": 99, "payments": 5, "missed": 0, "between": 0, "first_payment": "2025-07-10",
    "latest_payment": "2026-03-10", "evidence": ["0195a4c1-7d1e-7cc3-98c4-dc0c0c07398f"], "schedule": None,
    "decided_by": None, "decided_at": None, "found_at": "2026-03-10T18:02:11.120000Z",
}  # fmt: skip
_EXAMPLE = OpenApiExample("Water, every two months", response_only=True, value=FINDING)
_SCHEDULE = OpenApiExample("The schedule", response_only=True, value=shapes.SCHEDULE)


class FindingSerializer(serializers.ModelSerializer[RecurringFinding]):
    """Needs `entries` (id of a finding → its latest entries) in its context."""

    state = serializers.ChoiceField(choices=RecurringFinding.State.values)
    account = serializers.IntegerField(source="account_id")
    category = serializers.IntegerField(
        source="counter_id",
        allow_null=True,
        help_text="The other side of the latest payment; an account of a transfer.",
    )
    currency = serializers.CharField(source="account.currency")
    amount_kind = serializers.ChoiceField(
        choices=[kind.value for kind in AmountKind],
        help_text="fixed; range (least to most); learned (they differ widely). As of the schedule that it would become.",
    )
    amount = serializers.SerializerMethodField(help_text="To be expected: negative when money leaves the account.")
    least = serializers.SerializerMethodField()
    most = serializers.SerializerMethodField()
    per_year = serializers.SerializerMethodField(help_text="What a year of it comes to.")
    rhythm = serializers.ChoiceField(choices=[each.name for each in (*CADENCES, *SEVERAL_A_WEEK)])
    days = serializers.ListField(child=serializers.IntegerField(), help_text=shapes.HELP["days"])
    weekdays = serializers.ListField(child=serializers.IntegerField(), help_text=shapes.HELP["weekdays"])
    shift = serializers.ChoiceField(choices=[each.value for each in WeekendShift], help_text=shapes.HELP["shift"])
    unit = serializers.ChoiceField(choices=[each.value for each in Unit])
    next = serializers.DateField(source="next_due", help_text="The next nominal date.")
    lasts_until = serializers.DateField(help_text="With no payment by that day it is over, and no longer offered.")
    confidence = serializers.IntegerField(help_text="How sure, in percent: how little chance explains these payments.")
    payments = serializers.IntegerField(source="hits")
    missed = serializers.IntegerField(source="misses", help_text="Days between the first and the latest without one.")
    between = serializers.IntegerField(source="extras", help_text="Payments of the same payee between these days.")
    first_payment = serializers.DateField(source="began")
    latest_payment = serializers.DateField(source="latest")
    evidence = serializers.SerializerMethodField(help_text="uids of its latest entries, newest first.")
    schedule = serializers.IntegerField(source="schedule_id", allow_null=True)
    decided_by = serializers.IntegerField(source="decided_by_id", allow_null=True)

    class Meta:
        model = RecurringFinding
        fields = (
            *("id", "state", "payee", "description", "account", "category", "currency", "amount_kind", "amount"),
            *("least", "most", "per_year", "rhythm", "unit", "every", "days", "weekday_number", "weekday"),
            *("weekdays", "shift", "next", "lasts_until"),
            *("confidence", "payments", "missed", "between", "first_payment", "latest_payment", "evidence"),
            *("schedule", "decided_by", "decided_at", "found_at"),
        )

    def _money(self, finding: RecurringFinding, amount: int) -> str:
        return money.format_amount(amount, currency=finding.account.currency)

    def get_amount(self, finding: RecurringFinding) -> str:
        return self._money(finding, finding.amount)

    def get_least(self, finding: RecurringFinding) -> str:
        return self._money(finding, finding.least)

    def get_most(self, finding: RecurringFinding) -> str:
        return self._money(finding, finding.most)

    def get_per_year(self, finding: RecurringFinding) -> str:
        return self._money(finding, finding.per_year)

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_evidence(self, finding: RecurringFinding) -> list[str]:
        return [str(entry.uid) for entry in self.context["entries"].get(finding.pk, ())]


class FindingsQuery(QuerySerializer):
    state = serializers.ChoiceField(
        choices=RecurringFinding.State.values,
        default=RecurringFinding.State.OFFERED.value,
        help_text="Default: offered.",
    )


class ScheduleOfFinding(shapes.ScheduleChanges):
    """What should differ from what was found."""

    effective_from = None  # type: ignore[assignment]  # a new schedule has no earlier terms


class FindingView(BookView):
    serializer_class: Any = FindingSerializer

    def finding(self) -> RecurringFinding:
        return selectors.finding_for(book=self.book, finding_id=self.kwargs["finding_id"])

    def told(self, findings: list[RecurringFinding]) -> list[dict[str, Any]]:
        entries = selectors.evidence_of(book=self.book, findings=findings, latest=24)
        return [dict(FindingSerializer(each, context={"entries": entries}).data) for each in findings]

    def decided(self, decide: Callable[..., RecurringFinding]) -> tuple[int, Any]:
        decide(finding=self.finding(), actor=self.user)
        return status.HTTP_200_OK, self.told([self.finding()])[0]


@extend_schema_view(
    get=extend_schema(
        operation_id="recurring_list",
        summary="Recurring payments that were found",
        description=(
            "Series in the history that go on and that no schedule expects yet. They are looked for when entries come: a "
            "payee's entries make one or more series where their days keep a rhythm and chance does not explain it."
        ),
        parameters=[FindingsQuery],
        examples=[OpenApiExample("A page", response_only=True, value=in_page(FINDING))],
    )
)
@extend_schema(tags=["recurring"])
class FindingList(FindingView, generics.ListAPIView[RecurringFinding]):
    """What comes again by the history."""

    ordering = ("id",)

    def get_queryset(self) -> QuerySet[RecurringFinding]:
        if getattr(self, "swagger_fake_view", False):
            return RecurringFinding.objects.none()
        return selectors.findings_of(book=self.book, state=query_of(self.request, FindingsQuery)["state"])

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response(self.told(list(page)))


@extend_schema_view(
    get=extend_schema(
        operation_id="recurring_retrieve", summary="A recurring payment that was found", examples=[_EXAMPLE]
    )
)
@extend_schema(tags=["recurring"])
class FindingDetail(FindingView):
    """One series with its proof."""

    def get(self, request: Request, book_id: int, finding_id: int) -> Response:
        return Response(self.told([self.finding()])[0])


@extend_schema_view(
    post=extend_schema(
        operation_id="recurring_schedule",
        summary="Make it a schedule",
        description=(
            "As it was found, or with what the body says. The category has to be said where the latest payment has none "
            "that is open. From then on it is not offered any more."
        ),
        request=ScheduleOfFinding,
        responses={201: shapes.ScheduleSerializer},
        examples=[
            OpenApiExample("As found", request_only=True, value={}),
            OpenApiExample(
                "With another amount", request_only=True, value={"amount": "-36.00", "lines": [{"account": 57}]}
            ),
            _SCHEDULE,
        ],
    )
)
@extend_schema(tags=["recurring"])
class FindingToSchedule(FindingView, ScheduleView):
    """From the history into the plan."""

    serializer_class = shapes.ScheduleSerializer
    bodies = {"POST": ScheduleOfFinding}

    @once_per_key()
    def post(self, request: Request, book_id: int, finding_id: int) -> tuple[int, Any]:
        finding, given = self.finding(), self.body()
        found = services.terms_of(finding=finding) if "lines" in given else services.definition_of(finding=finding)
        schedule = services.make_schedule(
            finding=finding,
            actor=self.user,
            today=self.today(),
            definition=shapes.definition_of(
                given,
                tree=self.tree,
                tag_ids=lambda names: tuple(tag.pk for tag in tags_named(book=self.book, names=names)),
                before=found,
            ),
        )
        return status.HTTP_201_CREATED, self.one(schedule.pk)


@extend_schema_view(
    post=extend_schema(
        operation_id="recurring_dismiss",
        summary="Dismiss it",
        description="It is never offered again, unless you take that back.",
        request=None,
        responses=FindingSerializer,
        examples=[_EXAMPLE],
    )
)
@extend_schema(tags=["recurring"])
class DismissFinding(FindingView):
    """Not a schedule."""

    @once_per_key()
    def post(self, request: Request, book_id: int, finding_id: int) -> tuple[int, Any]:
        return self.decided(services.dismiss)


@extend_schema_view(
    post=extend_schema(
        operation_id="recurring_offer",
        summary="Take a dismissal back",
        request=None,
        responses=FindingSerializer,
        examples=[_EXAMPLE],
    )
)
@extend_schema(tags=["recurring"])
class OfferFinding(FindingView):
    """Offered again."""

    @once_per_key()
    def post(self, request: Request, book_id: int, finding_id: int) -> tuple[int, Any]:
        return self.decided(services.offer_again)
