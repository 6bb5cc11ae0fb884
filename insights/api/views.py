"""/api/v1/books/<book>/insights/: the feed, one insight with its evidence, and what can be done about it."""

import datetime
from collections.abc import Callable
from typing import Any, cast

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.filters import StrictFilterBackend, refuse_unknown_parameters
from core.api.pagination import KeysetPagination
from core.api.serializers import NothingSerializer
from core.clock import today_in
from finance import facts as books
from finance.facts import Role
from identity.api.idempotency import OncePerKey
from identity.models import User
from insights import selectors, services
from insights.api.serializers import (
    EvidenceSerializer,
    InsightDetailSerializer,
    InsightSerializer,
    SnoozeSerializer,
)
from insights.models import Insight, Kind


class InsightFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Without `state`, what the household's feed shows: new and seen, not snoozed, not passed."""

    state = django_filters.ChoiceFilter(
        choices=[*Insight.State.choices, ("snoozed", _("snoozed")), ("all", _("all"))],
        method="by_state",
        help_text=_("One state, “snoozed” or “all”; without it the current ones: open, not snoozed, not passed."),
    )
    kind = django_filters.ChoiceFilter(choices=Kind.choices)
    severity = django_filters.ChoiceFilter(choices=Insight.Severity.choices)

    def by_state(self, found: QuerySet[Insight], name: str, value: str) -> QuerySet[Insight]:
        # "snoozed" depends on the book's day, which the view knows.
        return found if value in ("all", "snoozed") else found.filter(state=value)


@extend_schema(tags=["insights"])
@extend_schema_view(
    list=extend_schema(summary="Insights of a book, newest subject first"),
    retrieve=extend_schema(summary="An insight with its evidence"),
)
class InsightViewSet(OncePerKey, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Insight]):
    """Viewers read, editors and owners act; for strangers the book does not exist."""

    queryset = Insight.objects.none()
    pagination_class = KeysetPagination
    filter_backends = [StrictFilterBackend]
    filterset_class = InsightFilter
    ordering = selectors.FEED_ORDER
    lookup_url_kwarg = "insight_id"
    # More digits than any id has would not be read as a number at all.
    lookup_value_regex = "[0-9]{1,19}"

    def get_serializer_class(self) -> type[InsightSerializer]:
        return InsightSerializer if self.action == "list" else InsightDetailSerializer

    def get_queryset(self) -> QuerySet[Insight]:
        if getattr(self, "swagger_fake_view", False):
            return Insight.objects.none()
        book = self._book(Role.VIEWER)
        found = selectors.insights_of(book_id=book.pk)
        if self.action == "list" and "state" not in self.request.query_params:
            found = found & Insight.objects.current(on=today_in(book))
        elif self.action == "list" and self.request.query_params["state"] == "snoozed":
            found = found & Insight.objects.snoozed(on=today_in(book))
        return found

    def get_object(self) -> Insight:
        return self._insight(Role.VIEWER)

    @extend_schema(
        summary="The evidence of an insight, page by page", responses=EvidenceSerializer(many=True), filters=False
    )
    @action(detail=True, ordering=("position",), filterset_class=None)
    def evidence(self, request: Request, **kwargs: Any) -> Response:
        refuse_unknown_parameters(request, known=set())
        insight = self._insight(Role.VIEWER)
        pages = KeysetPagination()
        page = pages.paginate_queryset(insight.evidence.all(), request, view=self)
        rows = selectors.evidence_rows(page, insight=insight)
        return pages.get_paginated_response([EvidenceSerializer(row).data for row in rows])

    @extend_schema(summary="Mark an insight as seen", request=None)
    @action(detail=True, methods=["post"])
    def seen(self, request: Request, **kwargs: Any) -> Response:
        return self._act(services.mark_seen)

    @extend_schema(summary="Dismiss an insight", request=None)
    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, **kwargs: Any) -> Response:
        return self._act(services.dismiss)

    @extend_schema(summary="Reopen a dismissed insight", request=None)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, **kwargs: Any) -> Response:
        return self._act(services.reopen)

    @extend_schema(summary="Snooze an insight until a day", request=SnoozeSerializer)
    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, **kwargs: Any) -> Response:
        insight = self._insight(Role.EDITOR)

        def put_off() -> tuple[int, Any]:
            body = SnoozeSerializer(data=request.data)
            body.is_valid(raise_exception=True)
            on = today_in(self._book(Role.EDITOR))
            until: datetime.date = body.validated_data["until"]
            services.snooze(insight=insight, actor=self._user, until=until, on=on, now=timezone.now())
            return self._answer(insight)

        return self.once(put_off)

    @extend_schema(summary="Show a snoozed insight again", request=None)
    @action(detail=True, methods=["post"])
    def wake(self, request: Request, **kwargs: Any) -> Response:
        return self._act(services.wake)

    @extend_schema(summary="Mute this kind of insight for the payee", request=None)
    @action(detail=True, methods=["post"], url_path="mute-payee")
    def mute_payee(self, request: Request, **kwargs: Any) -> Response:
        return self._act(services.mute_payee)

    def _act(self, service: Callable[..., object]) -> Response:
        insight = self._insight(Role.EDITOR)

        def act() -> tuple[int, Any]:
            NothingSerializer(data=self.request.data).is_valid(raise_exception=True)
            service(insight=insight, actor=self._user, now=timezone.now())
            return self._answer(insight)

        return self.once(act)

    def _answer(self, insight: Insight) -> tuple[int, Any]:
        insight.refresh_from_db()
        return status.HTTP_200_OK, InsightDetailSerializer(insight).data

    def _insight(self, at_least: Role) -> Insight:
        book = self._book(at_least)
        return selectors.insight_for(book_id=book.pk, insight_id=int(self.kwargs["insight_id"]))

    def _book(self, at_least: Role) -> Any:
        book = books.book_for(user=self._user, book_id=self.kwargs["book_id"], at_least=at_least)
        selectors.require_insights()
        return book

    @property
    def _user(self) -> User:
        return cast(User, self.request.user)
