"""Which purchase an entry gives back."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.serializers import StrictSerializer
from finance.api.base import BookView
from finance.imports.selectors import RefundLinks, refund_links
from finance.imports.services import link_refund, unlink_refund
from finance.ledger.models import JournalEntry
from finance.ledger.selectors import entry_for
from identity.api.idempotency import once_per_key


class LinkedEntry(serializers.ModelSerializer[JournalEntry]):
    class Meta:
        model = JournalEntry
        fields = ("uid", "date", "payee")


class RefundSerializer(serializers.Serializer[RefundLinks]):
    purchase = LinkedEntry(allow_null=True, help_text="What the entry gives back, wholly or in part.")
    refunds = LinkedEntry(many=True, help_text="Entries that give this one back.")


class NewRefund(StrictSerializer):
    purchase = serializers.UUIDField(help_text="The entry that is given back.")


@extend_schema_view(
    get=extend_schema(
        operation_id="entries_refund_retrieve", summary="Refunds of an entry", responses=RefundSerializer
    ),
    put=extend_schema(
        operation_id="entries_refund_update",
        summary="Link an entry to the purchase that it gives back",
        request=NewRefund,
        responses=RefundSerializer,
    ),
    delete=extend_schema(
        operation_id="entries_refund_destroy",
        summary="Unlink an entry from its purchase",
        description="Both entries stay as they are.",
        responses={204: None},
    ),
)
@extend_schema(tags=["entries"])
class EntryRefund(BookView):
    """An entry gives one purchase back; a purchase may be given back in parts."""

    serializer_class = RefundSerializer
    bodies = {"PUT": NewRefund}

    def found(self) -> JournalEntry:
        return entry_for(book=self.book, uid=self.kwargs["uid"])

    def get(self, request: Request, book_id: int, uid: str) -> Response:
        return Response(RefundSerializer(refund_links(entry=self.found())).data)

    @once_per_key()
    def put(self, request: Request, book_id: int, uid: str) -> tuple[int, Any]:
        entry = self.found()
        link_refund(entry=entry, purchase=entry_for(book=self.book, uid=self.body()["purchase"]), actor=self.user)
        return status.HTTP_200_OK, RefundSerializer(refund_links(entry=entry)).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, uid: str) -> tuple[int, Any]:
        unlink_refund(entry=self.found(), actor=self.user)
        return status.HTTP_204_NO_CONTENT, None
