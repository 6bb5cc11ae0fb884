"""/books/{book_id}/reports/…: the same reports as on the pages; saved reports and the cards of the overview."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import ForwardPages, limit_of
from core.api.queries import PAGE_PARAMETERS, QuerySerializer, query_of
from finance import money
from finance.api import report_shapes as shapes
from finance.api.base import BookView
from finance.errors import Conflict, Invalid, NotFound, ReportTooLong
from finance.ledger.models import Role
from finance.replica import from_replica
from finance.report_sources import figure_behind, pay_of, report_kept, report_of
from finance.reports import kept, services
from finance.reports.behind import lines_behind, totals_behind
from finance.reports.definition import KINDS, Definition, read_definition
from finance.reports.files import as_data
from finance.reports.models import SavedReport
from finance.reports.runs import latest_run, start_report
from finance.reports.sentences import sentence_of
from identity.api.idempotency import once_per_key
from platform_outbox.operations.services import OperationBusy

_PAGES = ForwardPages("report-rows")
_KIND = OpenApiParameter("kind", OpenApiTypes.STR, OpenApiParameter.PATH, enum=KINDS)


class ReportView(BookView):
    def definition(self, kind: str, query: type[QuerySerializer]) -> tuple[Definition, dict[str, Any]]:
        """What the query asks for, and all of its parameters. Raises NotFound, Invalid, ValidationError."""
        if kind not in KINDS:
            raise NotFound(thing="report")
        given = query_of(self.request, query)
        texts = {name: str(value) for name, value in self.request.query_params.items()}
        texts["empty"] = "1" if given.get("empty") else ""
        return read_definition(kind, texts, time_zone=self.book.time_zone, today=self.today()), given


@extend_schema_view(
    get=extend_schema(
        operation_id="reports_retrieve",
        summary="A report",
        description=(
            "Amounts are in the book's main currency: movements at the rate of their day, holdings at that of the last "
            "day. What has no rate is listed under `not_valued`. Income and spending are positive, what is "
            "owed is negative. One that reads too much is refused with `report_too_long`: have it made by POST."
        ),
        parameters=[_KIND, shapes.ReportQuery],
        responses=shapes.ReportSerializer,
        examples=[OpenApiExample("Spending of a month", value=shapes.REPORT)],
    ),
    post=extend_schema(
        operation_id="reports_make",
        summary="Have a long report made",
        description="A worker makes it; the same address answers with it for a day. One at a time in a book: 409.",
        parameters=[_KIND, shapes.ReportQuery],
        request=None,
        responses={202: shapes.ReportRunSerializer},
    ),
)
@extend_schema(tags=["reports"])
class ReportDetail(ReportView):
    """A report of the book."""

    serializer_class = shapes.ReportSerializer
    write_role = Role.VIEWER

    @from_replica
    def get(self, request: Request, book_id: int, kind: str) -> Response:
        definition, _given = self.definition(kind, shapes.ReportQuery)
        today, pay = self.today(), pay_of(self.book)
        try:
            report = report_of(book=self.book, definition=definition, today=today, pay=pay)
        except ReportTooLong:
            run = latest_run(book=self.book, definition=definition, now=timezone.now())
            found = report_kept(run, book=self.book, definition=definition, pay=pay)
            if found is None:
                raise
            report, today = found
        return Response(as_data(report, sentence=sentence_of(report, today=today)))

    @once_per_key()
    def post(self, request: Request, book_id: int, kind: str) -> tuple[int, Any]:
        definition, _given = self.definition(kind, shapes.ReportQuery)
        try:
            run = start_report(book=self.book, actor=self.user, definition=definition)
        except OperationBusy as error:
            raise Conflict(reason=_("A report of this book is being made.")) from error
        return status.HTTP_202_ACCEPTED, shapes.ReportRunSerializer(run).data


@extend_schema_view(
    get=extend_schema(
        operation_id="reports_rows",
        summary="The rows that make a figure",
        description=(
            "Newest first. A figure that is worked out from others (an average, a difference) has none. Of a report that "
            "a worker made, a figure of millions of rows has no `count`, `sums` are as in that report, and a page may have few rows or "
            "none and still a `next`."
        ),
        parameters=[_KIND, shapes.FigureQuery, *PAGE_PARAMETERS],
        responses=shapes.FigureSerializer,
    )
)
@extend_schema(tags=["reports"])
class ReportFigure(ReportView):
    """The rows of one figure of a report."""

    serializer_class = shapes.FigureSerializer

    @from_replica
    def get(self, request: Request, book_id: int, kind: str) -> Response:
        definition, given = self.definition(kind, shapes.FigureQuery)
        asked, made = figure_behind(
            book=self.book,
            definition=definition,
            key=given["row"],
            column=given["column"],
            today=self.today(),
            pay=pay_of(self.book),
        )
        shown = lines_behind(book=self.book, asked=asked, after=_PAGES.place(request), limit=limit_of(request))
        count, sums = (None, {}) if made is not None else totals_behind(book=self.book, asked=asked)
        if made is not None:
            sums = {made.currency: made.cell.amount, **made.cell.unvalued}
        results = shapes.FigureRowSerializer(shown.lines, many=True).data
        body = _PAGES.body(request, results=results, following=shown.next_cursor)
        body["count"] = count
        body["sums"] = [
            {"amount": money.format_amount(amount, currency=currency), "currency": currency}
            for currency, amount in sums.items()
        ]
        return Response(body)


@extend_schema_view(
    get=extend_schema(
        operation_id="saved_reports_list",
        summary="Saved reports",
        examples=[OpenApiExample("A report", response_only=True, value=shapes.SAVED)],
    ),
    post=extend_schema(
        operation_id="saved_reports_create",
        summary="Save a report under a name",
        description="A report that has the name already is replaced. A period such as `last-month` moves on by itself.",
        request=shapes.NewSavedReport,
        responses={201: shapes.SavedReportSerializer},
        examples=[OpenApiExample("A report", response_only=True, value=shapes.SAVED)],
    ),
)
@extend_schema(tags=["reports"])
class SavedReportList(BookView, generics.ListAPIView[SavedReport]):
    """Reports that the household saved under a name."""

    serializer_class = shapes.SavedReportSerializer
    bodies = {"POST": shapes.NewSavedReport}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[SavedReport]:
        if getattr(self, "swagger_fake_view", False):
            return SavedReport.objects.none()
        return SavedReport.objects.filter(book=self.book).select_related("saved_by")

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        given = self.body()
        try:
            definition = read_definition(
                given["kind"], given["parameters"], time_zone=self.book.time_zone, today=self.today()
            )
        except Invalid as error:
            name, reason = next(iter(error.fields.items()))
            raise Invalid(field=name if name == "kind" else f"parameters.{name}", reason=reason) from error
        saved = services.save_report(book=self.book, actor=self.user, name=given["name"], definition=definition)
        return status.HTTP_201_CREATED, shapes.SavedReportSerializer(saved).data


@extend_schema_view(
    get=extend_schema(
        operation_id="saved_reports_retrieve", summary="A saved report", responses=shapes.SavedReportSerializer
    ),
    patch=extend_schema(
        operation_id="saved_reports_update",
        summary="Rename a saved report",
        request=shapes.NameSerializer,
        responses=shapes.SavedReportSerializer,
    ),
    delete=extend_schema(operation_id="saved_reports_delete", summary="Remove a saved report", responses={204: None}),
)
@extend_schema(tags=["reports"])
class SavedReportDetail(BookView):
    """One saved report."""

    serializer_class = shapes.SavedReportSerializer
    bodies = {"PATCH": shapes.NameSerializer}

    def get(self, request: Request, book_id: int, report_id: int) -> Response:
        return Response(shapes.SavedReportSerializer(kept.saved_report_for(book=self.book, report_id=report_id)).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int, report_id: int) -> tuple[int, Any]:
        saved = kept.saved_report_for(book=self.book, report_id=report_id)
        saved = services.rename_report(report=saved, name=self.body()["name"])
        return status.HTTP_200_OK, shapes.SavedReportSerializer(saved).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, report_id: int) -> tuple[int, Any]:
        services.remove_report(report=kept.saved_report_for(book=self.book, report_id=report_id))
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    get=extend_schema(
        operation_id="dashboard_retrieve", summary="Cards of your overview", responses=shapes.CardsSerializer
    ),
    put=extend_schema(
        operation_id="dashboard_update",
        summary="Choose and order the cards of your overview",
        description="Of this book and for you alone.",
        request=shapes.CardsSerializer,
        responses=shapes.CardsSerializer,
        examples=[OpenApiExample("Two cards", value={"cards": ["spending", "report-3"]})],
    ),
    delete=extend_schema(operation_id="dashboard_delete", summary="Show the usual cards again", responses={204: None}),
)
@extend_schema(tags=["reports"])
class DashboardView(BookView):
    """What the overview of this book shows to you."""

    serializer_class = shapes.CardsSerializer
    bodies = {"PUT": shapes.CardsSerializer}
    write_role = Role.VIEWER  # everybody's overview is their own

    def get(self, request: Request, book_id: int) -> Response:
        reports = kept.saved_reports(book=self.book)
        return Response({"cards": kept.cards_of(book=self.book, user=self.user, reports=reports)})

    @once_per_key()
    def put(self, request: Request, book_id: int) -> tuple[int, Any]:
        dashboard = services.set_cards(book=self.book, user=self.user, cards=self.body()["cards"])
        return status.HTTP_200_OK, {"cards": dashboard.cards}

    @once_per_key()
    def delete(self, request: Request, book_id: int) -> tuple[int, Any]:
        services.reset_cards(book=self.book, user=self.user)
        return status.HTTP_204_NO_CONTENT, None
