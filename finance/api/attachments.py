"""Files on entries: upload, list, read, remove."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.parsers import StrictMultiPartParser
from core.api.serializers import StrictSerializer
from finance.api.base import BookView
from finance.attachments import selectors, services
from finance.attachments.models import Attachment
from finance.attachments.serving import file_answer, thumbnail_answer
from finance.ledger.models import JournalEntry
from finance.ledger.revisions import root_of
from finance.ledger.selectors import entry_for
from identity.api.idempotency import once_per_key

ATTACHMENT = {
    "id": 8,
    "entry": "0198f2b4-6f0e-7c3a-9a53-0c5d3f6f1a77",
    "file_name": "receipt.jpg",
    "content_type": "image/jpeg",
    "size": 482113,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "has_thumbnail": True,
    "added_by": 3,
    "added_at": "2026-03-14T18:02:11.120000Z",
}


class AttachmentSerializer(serializers.ModelSerializer[Attachment]):
    entry = serializers.UUIDField(source="entry.uid", read_only=True, help_text="The entry's first version.")
    added_by = serializers.IntegerField(source="added_by_id", read_only=True, allow_null=True)

    class Meta:
        model = Attachment
        fields = (
            *("id", "entry", "file_name", "content_type", "size", "sha256", "has_thumbnail", "added_by", "added_at"),
        )


class NewAttachment(StrictSerializer):
    of_text = True
    file = serializers.FileField(
        allow_empty_file=True,
        help_text="JPEG, PNG, WebP, HEIC or PDF; at most 10 MB unless the operator says otherwise.",
    )


class AttachmentView(BookView):
    serializer_class: Any = AttachmentSerializer

    def attachment(self) -> Attachment:
        return selectors.attachment_for(book=self.book, attachment_id=self.kwargs["attachment_id"])


@extend_schema_view(
    get=extend_schema(
        operation_id="attachments_list",
        summary="Attachments of a book",
        examples=[OpenApiExample("A receipt", response_only=True, value=ATTACHMENT)],
    )
)
@extend_schema(tags=["attachments"])
class AttachmentList(AttachmentView, generics.ListAPIView[Attachment]):
    """Every file of the book that was not removed, newest first."""

    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[Attachment]:
        if getattr(self, "swagger_fake_view", False):
            return Attachment.objects.none()
        return selectors.attachments_in(book=self.book).select_related("entry")


@extend_schema_view(
    get=extend_schema(operation_id="entries_attachments_list", summary="Attachments of an entry"),
    post=extend_schema(
        operation_id="entries_attachments_create",
        summary="Attach a file to an entry",
        description="The type is read from the bytes, not from the name. A later correction of the entry keeps its attachments.",
        request={"multipart/form-data": NewAttachment},
        responses={201: AttachmentSerializer},
    ),
)
@extend_schema(tags=["attachments"])
class EntryAttachments(AttachmentView, generics.ListAPIView[Attachment]):
    """The files of one entry."""

    bodies = {"POST": NewAttachment}
    parser_classes = [StrictMultiPartParser]
    ordering = ("id",)

    def entry(self) -> JournalEntry:
        return entry_for(book=self.book, uid=self.kwargs["uid"])

    def get_queryset(self) -> QuerySet[Attachment]:
        if getattr(self, "swagger_fake_view", False):
            return Attachment.objects.none()
        return (
            selectors.attachments_in(book=self.book).filter(entry=root_of(entry=self.entry())).select_related("entry")
        )

    @once_per_key()
    def post(self, request: Request, book_id: int, uid: str) -> tuple[int, Any]:
        file = self.body()["file"]
        attachment = services.attach(entry=self.entry(), actor=self.user, data=file.read(), file_name=file.name or "")
        return status.HTTP_201_CREATED, AttachmentSerializer(attachment).data


@extend_schema_view(
    get=extend_schema(operation_id="attachments_retrieve", summary="An attachment", responses=AttachmentSerializer),
    delete=extend_schema(
        operation_id="attachments_delete",
        summary="Remove an attachment",
        description="Who added and removed it stays on record.",
        responses={204: None},
    ),
)
@extend_schema(tags=["attachments"])
class AttachmentDetail(AttachmentView):
    """One file, without its bytes."""

    def get(self, request: Request, book_id: int, attachment_id: int) -> Response:
        return Response(AttachmentSerializer(self.attachment()).data)

    @once_per_key()
    def delete(self, request: Request, book_id: int, attachment_id: int) -> tuple[int, Any]:
        services.remove(attachment=self.attachment(), actor=self.user)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    get=extend_schema(
        operation_id="attachments_content",
        summary="The bytes of an attachment",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
)
@extend_schema(tags=["attachments"])
class AttachmentContentView(AttachmentView):
    """The file as it was uploaded."""

    serializer_class = None
    pagination_class = None
    filter_backends = ()

    def get(self, request: Request, book_id: int, attachment_id: int) -> HttpResponse:
        return file_answer(request._request, self.attachment())


@extend_schema_view(
    get=extend_schema(
        operation_id="attachments_thumbnail",
        summary="A small picture of an attachment",
        description="A JPEG of at most 480 × 480 pixels; 404 for PDF and HEIC, and until a worker has made it.",
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY},
    )
)
@extend_schema(tags=["attachments"])
class AttachmentThumbnail(AttachmentView):
    """A small picture, without the file's metadata."""

    serializer_class = None
    pagination_class = None
    filter_backends = ()

    def get(self, request: Request, book_id: int, attachment_id: int) -> HttpResponse:
        return thumbnail_answer(request._request, self.attachment())
