"""/books/{book_id}/exports/: the whole book as a file. A worker writes it; ask again until it is done."""

from typing import Any

from django.http import FileResponse, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from core.api.serializers import StrictSerializer
from finance.api.base import BookView
from finance.errors import Conflict, NotFound
from finance.exports.formats import CHOICES
from finance.exports.runs import exported_file, runs_of, start_export
from finance.ledger.models import Role
from identity.api.idempotency import once_per_key
from platform_outbox.operations.models import OperationRun
from platform_outbox.operations.services import OperationBusy

EXPORT = {
    "id": 12,
    "format": "archive",
    "state": "done",
    "started_at": "2026-03-14T09:30:00Z",
    "finished_at": "2026-03-14T09:30:04Z",
    "done": 4210,
    "total": 4210,
    "file": "https://books.example.org/api/v1/books/1/exports/12/file/",
}


class ExportSerializer(serializers.Serializer[OperationRun]):
    id = serializers.IntegerField(source="pk")
    format = serializers.CharField(source="parameters.format")
    state = serializers.ChoiceField(choices=OperationRun.State.choices)
    started_at = serializers.DateTimeField(source="requested_at")
    finished_at = serializers.DateTimeField(allow_null=True)
    done = serializers.IntegerField(help_text="Entries written.")
    total = serializers.IntegerField(allow_null=True, help_text="Entries in all, about.")
    file = serializers.SerializerMethodField(help_text="Where the file is, for seven days; null before and after.")

    def get_file(self, run: OperationRun) -> str | None:
        if exported_file(run, now=timezone.now()) is None:
            return None
        kwargs = {"book_id": self.context["book_id"], "run_id": run.pk}
        return reverse("api-export-file", kwargs=kwargs, request=self.context["request"])


class NewExport(StrictSerializer):
    format = serializers.ChoiceField(choices=CHOICES, help_text="`archive` is everything, as zip.")


class ExportView(BookView):
    """Anyone who can read the book can export it."""

    serializer_class = ExportSerializer
    write_role = Role.VIEWER

    def found(self) -> OperationRun:
        run = runs_of(book=self.book).filter(pk=self.kwargs["run_id"]).first()
        if run is None:
            raise NotFound(thing="export")
        return run

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "book_id": self.kwargs.get("book_id")}


@extend_schema_view(
    get=extend_schema(operation_id="exports_list", summary="Exports of a book, the latest first"),
    post=extend_schema(
        operation_id="exports_create",
        summary="Export a book",
        description="One at a time; 409 while another is under way. Ask for it again until its `state` is done.",
        request=NewExport,
        responses={202: ExportSerializer},
        examples=[
            OpenApiExample("Everything", request_only=True, value={"format": "archive"}),
            OpenApiExample("An export", response_only=True, value=EXPORT),
        ],
    ),
)
@extend_schema(tags=["books"])
class ExportList(ExportView, generics.ListAPIView[OperationRun]):
    """The whole book as a file."""

    bodies = {"POST": NewExport}
    ordering = ("-id",)

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return OperationRun.objects.none()
        return runs_of(book=self.book)

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        try:
            run = start_export(book=self.book, actor=self.user, format=self.body()["format"])
        except OperationBusy as error:
            raise Conflict(
                reason=_("Export %(run_id)s of this book is under way.") % {"run_id": error.run_id}
            ) from error
        return status.HTTP_202_ACCEPTED, ExportSerializer(run, context=self.get_serializer_context()).data


@extend_schema_view(get=extend_schema(operation_id="exports_retrieve", summary="An export", responses=ExportSerializer))
@extend_schema(tags=["books"])
class ExportDetail(ExportView):
    """How far an export is."""

    def get(self, request: Request, book_id: int, run_id: int) -> Response:
        return Response(ExportSerializer(self.found(), context=self.get_serializer_context()).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="exports_file",
        summary="The file of an export",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
)
@extend_schema(tags=["books"])
class ExportFile(ExportView):
    """The file, for seven days."""

    def get(self, request: Request, book_id: int, run_id: int) -> HttpResponseBase:
        path = exported_file(self.found(), now=timezone.now())
        if path is None:
            raise NotFound(thing="file")
        return FileResponse(
            path.open("rb"), as_attachment=True, filename=path.name, content_type="application/octet-stream"
        )
