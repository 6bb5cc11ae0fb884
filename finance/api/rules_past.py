"""Rules over the past: what they would change, and applying them."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import ForwardPages
from core.api.queries import PAGE_PARAMETERS, query_of
from core.keyset import dated_place, read_dated_place
from finance import money
from finance.api import rule_shapes as shapes
from finance.api.rules import RuleView
from finance.ledger.posting import LineDraft
from finance.rules import selectors, services
from finance.rules.history import PastChange, count_matches, dry_run
from finance.rules.models import RuleApplication
from identity.api.idempotency import once_per_key

_DRY_RUN_PAGES = ForwardPages("rules:dry-run")


@extend_schema_view(
    post=extend_schema(
        operation_id="rules_matches",
        summary="Count the latest entries that a draft of a rule holds for",
        request=shapes.Draft,
        responses=shapes.MatchesSerializer,
    )
)
@extend_schema(tags=["rules"])
class Matches(RuleView):
    """Changes nothing."""

    serializer_class = shapes.MatchesSerializer
    bodies = {"POST": shapes.Draft}

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        engine = selectors.draft_engine(book=self.book, definition=self.body()["definition"])
        found = count_matches(book=self.book, engine=engine)
        return status.HTTP_200_OK, {"matched": found.matched, "looked": found.looked}


@extend_schema_view(
    get=extend_schema(
        operation_id="rules_dry_run",
        summary="What rules would change in the past",
        description="Newest entries first. A page looks at up to 1,000 entries and may be empty; continue while `next` is set.",
        parameters=[shapes.Period, *PAGE_PARAMETERS[1:]],
        responses=shapes.DryRunSerializer,
    )
)
@extend_schema(tags=["rules"])
class DryRun(RuleView):
    """Changes nothing."""

    serializer_class = shapes.DryRunSerializer

    def get(self, request: Request, book_id: int) -> Response:
        query = query_of(request, shapes.Period)
        rule = selectors.rule_for(book=self.book, rule_id=query["rule"]) if "rule" in query else None
        place = _DRY_RUN_PAGES.place(request)
        found = dry_run(
            book=self.book, engine=selectors.engine_of(book=self.book, rule=rule), since=query.get("since"),
            until=query.get("until"), after=read_dated_place(place) if place else None,
        )  # fmt: skip
        following = dated_place(*found.next_place) if found.next_place else None
        page = _DRY_RUN_PAGES.body(request, results=[_change(each) for each in found.changes], following=following)
        return Response({**page, "looked": found.looked, "kept": found.kept})


def _change(change: PastChange) -> dict[str, Any]:
    before = [LineDraft(account_id=x.account_id, amount=x.amount, memo=x.memo) for x in change.lines]

    def told(lines: list[LineDraft]) -> list[dict[str, Any]]:
        currency = change.own.currency
        return [
            {"account": x.account_id, "amount": money.format_amount(x.amount, currency=currency), "memo": x.memo}
            for x in lines
        ]

    return {
        "entry": str(change.entry.uid), "date": change.entry.date, "payee": change.entry.payee, "new_payee": change.payee,
        "lines": told(before), "new_lines": told(change.drafts()), "closed": change.closed,
        "rules": [step.rule_id for step in change.outcome.steps if step.changes], "new_tags": list(change.new_tags),
    }  # fmt: skip


@extend_schema_view(
    get=extend_schema(operation_id="rule_applications_list", summary="Applications of rules to the past, newest first"),
    post=extend_schema(
        operation_id="rule_applications_create",
        summary="Apply rules to the past",
        description="A worker corrects the entries that exist now; ask for the answer's `id` to see how far it is.",
        request=shapes.Applying,
        responses={201: shapes.ApplicationSerializer},
    ),
)
@extend_schema(tags=["rules"])
class ApplicationList(RuleView, generics.ListAPIView[RuleApplication]):
    """One at a time in a book."""

    serializer_class = shapes.ApplicationSerializer
    bodies = {"POST": shapes.Applying}
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[RuleApplication]:
        if getattr(self, "swagger_fake_view", False):
            return RuleApplication.objects.none()
        return RuleApplication.objects.filter(book=self.book)

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        given = self.body()
        rule = given.pop("rule", None)
        found = selectors.rule_for(book=self.book, rule_id=rule) if rule else None
        application = services.apply_to_past(book=self.book, actor=self.user, rule=found, **given)
        return status.HTTP_201_CREATED, shapes.ApplicationSerializer(application).data


class ApplicationView(RuleView):
    serializer_class = shapes.ApplicationSerializer

    def found(self) -> RuleApplication:
        return selectors.application_for(book=self.book, application_id=self.kwargs["application_id"])


@extend_schema_view(
    get=extend_schema(
        operation_id="rule_applications_retrieve",
        summary="An application of rules to the past",
        responses=shapes.ApplicationSerializer,
    )
)
@extend_schema(tags=["rules"])
class ApplicationDetail(ApplicationView):
    """How far it is."""

    def get(self, request: Request, book_id: int, application_id: int) -> Response:
        return Response(shapes.ApplicationSerializer(self.found()).data)


@extend_schema_view(
    post=extend_schema(
        operation_id="rule_applications_cancel",
        summary="Stop applying rules",
        description="What was corrected stays corrected.",
        request=None,
        responses=shapes.ApplicationSerializer,
    )
)
@extend_schema(tags=["rules"])
class CancelApplication(ApplicationView):
    """Stops after the step that is under way."""

    @once_per_key()
    def post(self, request: Request, book_id: int, application_id: int) -> tuple[int, Any]:
        application = services.cancel_application(application=self.found())
        return status.HTTP_200_OK, shapes.ApplicationSerializer(application).data


@extend_schema_view(
    post=extend_schema(
        operation_id="rule_applications_resume",
        summary="Continue what was cancelled",
        request=None,
        responses=shapes.ApplicationSerializer,
    )
)
@extend_schema(tags=["rules"])
class ResumeApplication(ApplicationView):
    """Continues where it stopped."""

    @once_per_key()
    def post(self, request: Request, book_id: int, application_id: int) -> tuple[int, Any]:
        application = services.resume_application(application=self.found(), actor=self.user)
        return status.HTTP_200_OK, shapes.ApplicationSerializer(application).data
