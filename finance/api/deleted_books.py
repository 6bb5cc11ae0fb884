"""/books/deleted/ and /books/{book_id}/restore/: what can be had back."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from finance.api.base import ApiView
from finance.api.books import BOOK, DELETED, BookSerializer, DeletedBookSerializer, shown
from finance.ledger import services
from finance.ledger.models import Book, Role
from identity import mail
from identity.api.idempotency import once_per_key


@extend_schema_view(
    get=extend_schema(operation_id="books_deleted", summary="Your books that can be restored", examples=[DELETED])
)
@extend_schema(tags=["books"])
class DeletedBookList(ApiView, generics.ListAPIView[Book]):
    """Deleted books that you own, until they are erased."""

    permission_classes = [IsAuthenticated]
    serializer_class = DeletedBookSerializer
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[Book]:
        if getattr(self, "swagger_fake_view", False):
            return Book.objects.none()
        return Book.objects.restorable_by(self.user)


@extend_schema_view(
    post=extend_schema(
        operation_id="books_restore",
        summary="Restore a deleted book",
        description="For its owners; 404 for everybody else. 409 for a book that is not deleted, or is being erased.",
        request=None,
        responses={200: BookSerializer},
        examples=[BOOK],
    )
)
@extend_schema(tags=["books"])
class RestoreBook(ApiView):
    """Takes a deletion back."""

    permission_classes = [IsAuthenticated]
    serializer_class = BookSerializer

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        book = services.restore_book(book_id=book_id, actor=self.user, base_url=mail.base_url(request._request))
        return status.HTTP_200_OK, shown(book, role=Role.OWNER)
