"""/books/{book_id}/recurring-invoices/: what writes drafts of invoices again and again."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from finance.api import invoice_shapes as shapes
from finance.api.invoices import InvoiceView
from finance.receivables import selectors, services
from finance.receivables.models import RecurringInvoice
from identity.api.idempotency import once_per_key

_EXAMPLE = OpenApiExample("Each month, on its last day", response_only=True, value=shapes.RECURRING_INVOICE)


@extend_schema_view(
    get=extend_schema(
        operation_id="recurring_invoices_list", summary="Recurring invoices, the latest first", examples=[_EXAMPLE]
    ),
    post=extend_schema(
        operation_id="recurring_invoices_create",
        summary="Write an invoice again and again",
        description=(
            "Each of its days writes one draft, dated that day; its number comes when somebody sends it. Days before today write "
            "nothing. A month without that day has it on its last day."
        ),
        request=shapes.NewRecurringInvoice,
        responses={201: shapes.RecurringInvoiceSerializer},
        examples=[OpenApiExample("Hosting", request_only=True, value=shapes.NEW_RECURRING_INVOICE), _EXAMPLE],
    ),
)
@extend_schema(tags=["invoices"])
class RecurringInvoiceList(InvoiceView, generics.ListAPIView[RecurringInvoice]):
    """What writes invoices again and again."""

    serializer_class = shapes.RecurringInvoiceSerializer
    bodies = {"POST": shapes.NewRecurringInvoice}
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[RecurringInvoice]:
        if getattr(self, "swagger_fake_view", False):
            return RecurringInvoice.objects.none()
        return selectors.recurring_of(book=self.book)

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        made = services.save_recurring(book=self.book, actor=self.user, changes=self.changes(), today=self.today())
        return status.HTTP_201_CREATED, shapes.RecurringInvoiceSerializer(made).data


@extend_schema_view(
    get=extend_schema(operation_id="recurring_invoices_retrieve", summary="A recurring invoice", examples=[_EXAMPLE]),
    patch=extend_schema(
        operation_id="recurring_invoices_update",
        summary="Change a recurring invoice",
        description="Drafts that it wrote already stay as they are. With `until` it ends.",
        request=shapes.RecurringInvoiceChanges,
        responses=shapes.RecurringInvoiceSerializer,
    ),
    delete=extend_schema(
        operation_id="recurring_invoices_delete",
        summary="Remove a recurring invoice",
        description="The invoices that it wrote stay.",
        responses={204: None},
    ),
)
@extend_schema(tags=["invoices"])
class RecurringInvoiceDetail(InvoiceView):
    """One recurring invoice."""

    serializer_class = shapes.RecurringInvoiceSerializer
    bodies = {"PATCH": shapes.RecurringInvoiceChanges}

    def recurring(self) -> RecurringInvoice:
        return selectors.recurring_for(book=self.book, recurring_id=self.kwargs["recurring_invoice_id"])

    def get(self, request: Request, book_id: int, recurring_invoice_id: int) -> Response:
        return Response(shapes.RecurringInvoiceSerializer(self.recurring()).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int, recurring_invoice_id: int) -> tuple[int, Any]:
        saved = self.recurring()
        saved = services.save_recurring(
            book=self.book, actor=self.user, recurring=saved, changes=self.changes(saved), today=self.today()
        )
        return status.HTTP_200_OK, shapes.RecurringInvoiceSerializer(saved).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, recurring_invoice_id: int) -> tuple[int, Any]:
        services.remove_recurring(recurring=self.recurring())
        return status.HTTP_204_NO_CONTENT, None
