"""/books/{book_id}/invoices/: written, sent, paid in parts, reminded of, written off."""

from typing import Any

from django.db.models import F, QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.queries import query_of
from finance import money
from finance.api import invoice_shapes as shapes
from finance.api.base import BookView
from finance.api.people_shapes import currency_of, parsed
from finance.api.register_files import AnyFormat
from finance.errors import Invalid, NotFound
from finance.ledger.selectors import entry_for
from finance.receivables import selectors, services
from finance.receivables.models import Invoice, InvoicePayment, RecurringInvoice
from finance.receivables.paper import served
from identity.api.idempotency import once_per_key

_EXAMPLE = OpenApiExample("An invoice", response_only=True, value=shapes.INVOICE)


class InvoiceView(BookView):
    serializer_class: Any = shapes.InvoiceSerializer

    def invoice(self) -> Invoice:
        return selectors.invoice_for(book=self.book, invoice_id=self.kwargs["invoice_id"])

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        return context if getattr(self, "swagger_fake_view", False) else {**context, "today": self.today()}

    def shown(self, invoice: Invoice) -> Any:
        return shapes.InvoiceSerializer(invoice, context={"today": self.today()}).data

    def changes(self, invoice: Invoice | RecurringInvoice | None = None) -> dict[str, Any]:
        """The body as the service takes it. Raises what is wrong with it, by field."""
        given = self.body()
        if "currency" in given or invoice is None:
            given["currency"] = currency_of(given, book=self.book)
        currency = given.get("currency") or (invoice.currency if invoice else self.book.base_currency)
        if "person" in given:
            given["person"] = selectors.person_for(book=self.book, person_id=given["person"], field="person")
        for name in ("income", "tax_account", "money_account"):
            if given.get(name) is not None:
                given[name] = self.tree.find(given[name], field=name)
        if "lines" in given:
            given["lines"] = [
                services.LineGiven(
                    text=line["text"], quantity=line["quantity"], rate=line["tax_rate"],
                    price=parsed(line, name="price", currency=currency, field=f"lines.{place}.price"),
                )
                for place, line in enumerate(given["lines"])
            ]  # fmt: skip
        return given


@extend_schema_view(
    get=extend_schema(
        operation_id="invoices_list",
        summary="Invoices, the latest first",
        parameters=[shapes.InvoiceQuery],
        examples=[_EXAMPLE],
    ),
    post=extend_schema(
        operation_id="invoices_create",
        summary="Write an invoice",
        description="A draft: nothing is posted, and it has no number until it is sent.",
        request=shapes.NewInvoice,
        responses={201: shapes.InvoiceSerializer},
        examples=[OpenApiExample("Consulting", request_only=True, value=shapes.NEW_INVOICE), _EXAMPLE],
    ),
)
@extend_schema(tags=["invoices"])
class InvoiceList(InvoiceView, generics.ListAPIView[Invoice]):
    """Invoices of the book to its clients."""

    bodies = {"POST": shapes.NewInvoice}
    filter_backends = ()  # get_queryset reads the parameters
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[Invoice]:
        if getattr(self, "swagger_fake_view", False):
            return Invoice.objects.none()
        asked, found = query_of(self.request, shapes.InvoiceQuery), selectors.invoices_of(book=self.book)
        if "person" in asked:
            found = found.filter(person=asked["person"])
        sent = found.filter(state=Invoice.State.SENT)
        unpaid = sent.filter(paid__lt=F("gross"))
        match asked.get("status"):
            case None:
                return found
            case "sent":
                return sent.filter(paid=0)
            case "partly_paid":
                return unpaid.filter(paid__gt=0)
            case "paid":
                return sent.filter(paid__gte=F("gross"))
            case "open":
                return unpaid
            case "overdue":
                return unpaid.filter(due_on__lt=self.today())
            case state:
                return found.filter(state=state)

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        invoice = services.save_draft(book=self.book, actor=self.user, changes=self.changes())
        return status.HTTP_201_CREATED, self.shown(invoice)


@extend_schema_view(
    get=extend_schema(operation_id="invoices_retrieve", summary="An invoice", examples=[_EXAMPLE]),
    patch=extend_schema(
        operation_id="invoices_update",
        summary="Change a draft",
        description="What was sent stays as it is.",
        request=shapes.InvoiceChanges,
        responses=shapes.InvoiceSerializer,
    ),
    delete=extend_schema(
        operation_id="invoices_delete",
        summary="Remove a draft",
        description="What has a number stays: the sequence has no gaps.",
        responses={204: None},
    ),
)
@extend_schema(tags=["invoices"])
class InvoiceDetail(InvoiceView):
    """One invoice."""

    bodies = {"PATCH": shapes.InvoiceChanges}

    def get(self, request: Request, book_id: int, invoice_id: int) -> Response:
        return Response(self.shown(self.invoice()))

    @once_per_key()
    def patch(self, request: Request, book_id: int, invoice_id: int) -> tuple[int, Any]:
        invoice = self.invoice()
        changes = self.changes(invoice)
        services.save_draft(book=self.book, actor=self.user, invoice=invoice, changes=changes)
        return status.HTTP_200_OK, self.shown(self.invoice())

    @once_per_key()
    def delete(self, request: Request, book_id: int, invoice_id: int) -> tuple[int, Any]:
        services.remove_draft(invoice=self.invoice())
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    post=extend_schema(
        operation_id="invoices_send",
        summary="Number an invoice and post it",
        description=(
            "It gets the next number of its year. The client owes the total; net is income of the day, and tax is owed on "
            "`tax_account`. Nothing is mailed: `pdf/` is what you send to the client."
        ),
        request=shapes.SendInvoice,
        responses=shapes.InvoiceSerializer,
    )
)
@extend_schema(tags=["invoices"])
class SendInvoice(InvoiceView):
    """Makes an invoice of a draft."""

    bodies = {"POST": shapes.SendInvoice}

    @once_per_key()
    def post(self, request: Request, book_id: int, invoice_id: int) -> tuple[int, Any]:
        given = self.body()
        services.send(
            invoice=self.invoice(), actor=self.user, on=given.get("issued_on"), due_on=given.get("due_on"),
            today=self.today(),
        )  # fmt: skip
        return status.HTTP_200_OK, self.shown(self.invoice())


@extend_schema_view(
    post=extend_schema(
        operation_id="invoices_cancel",
        summary="Cancel an invoice",
        description="Its entry is reversed; its number stays. Only while nothing of it is paid.",
        request=None,
        responses=shapes.InvoiceSerializer,
    )
)
@extend_schema(tags=["invoices"])
class CancelInvoice(InvoiceView):
    """Takes an invoice back."""

    @once_per_key()
    def post(self, request: Request, book_id: int, invoice_id: int) -> tuple[int, Any]:
        services.cancel(invoice=self.invoice(), actor=self.user, today=self.today())
        return status.HTTP_200_OK, self.shown(self.invoice())


@extend_schema_view(
    post=extend_schema(
        operation_id="invoices_write_off",
        summary="Give up what is still open",
        request=shapes.WriteOff,
        responses=shapes.InvoiceSerializer,
    )
)
@extend_schema(tags=["invoices"])
class WriteOffInvoice(InvoiceView):
    """Makes what is open spending."""

    bodies = {"POST": shapes.WriteOff}

    @once_per_key()
    def post(self, request: Request, book_id: int, invoice_id: int) -> tuple[int, Any]:
        given = self.body()
        services.write_off(
            invoice=self.invoice(), actor=self.user, date=given.get("date") or self.today(),
            category=self.tree.find(given["category"], field="category"), with_tax=given["with_tax"],
        )  # fmt: skip
        return status.HTTP_200_OK, self.shown(self.invoice())


@extend_schema_view(
    post=extend_schema(
        operation_id="invoices_remind",
        summary="Remind the client by mail",
        description="At most once a day; the client needs an e-mail address.",
        request=None,
        responses=shapes.InvoiceSerializer,
    )
)
@extend_schema(tags=["invoices"])
class RemindOfInvoice(InvoiceView):
    """Mails what is open."""

    @once_per_key()
    def post(self, request: Request, book_id: int, invoice_id: int) -> tuple[int, Any]:
        services.remind(invoice=self.invoice(), actor=self.user, today=self.today())
        return status.HTTP_200_OK, self.shown(self.invoice())


@extend_schema_view(
    get=extend_schema(operation_id="invoices_payments_list", summary="Payments of an invoice"),
    post=extend_schema(
        operation_id="invoices_payments_create",
        summary="Record a payment, or link an entry as one",
        description=(
            "With `account`, a new entry is posted. With `entry`, one that is there is linked; if it was booked as income, it is "
            "corrected, for the invoice is that income already."
        ),
        request=shapes.NewPayment,
        responses={201: shapes.PaymentSerializer},
        examples=[
            OpenApiExample(
                "A part", request_only=True,
                value={"date": "2026-03-20", "amount": "19.00", "account": "Assets:Checking account"},
            )
        ],
    ),
)  # fmt: skip
@extend_schema(tags=["invoices"])
class PaymentList(InvoiceView, generics.ListAPIView[InvoicePayment]):
    """What was paid of an invoice."""

    serializer_class = shapes.PaymentSerializer
    bodies = {"POST": shapes.NewPayment}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[InvoicePayment]:
        if getattr(self, "swagger_fake_view", False):
            return InvoicePayment.objects.none()
        return selectors.payments_of(invoice=self.invoice()).select_related("invoice")

    @once_per_key()
    def post(self, request: Request, book_id: int, invoice_id: int) -> tuple[int, Any]:
        given, invoice = self.body(), self.invoice()
        if ("account" in given) == ("entry" in given):
            raise Invalid(field="account", reason=_("Name either an account or an entry."))
        amount = parsed(given, name="amount", currency=invoice.currency) if "amount" in given else None
        if "entry" in given:
            entry = entry_for(book=self.book, uid=given["entry"])
            payment = services.link(invoice=invoice, actor=self.user, entry=entry, amount=amount, today=self.today())
        else:
            payment = services.pay(
                invoice=invoice, actor=self.user, date=given.get("date") or self.today(),
                amount=invoice.open if amount is None else amount,
                account=self.tree.find(given["account"], field="account"),
            )  # fmt: skip
        return status.HTTP_201_CREATED, shapes.PaymentSerializer(payment).data


@extend_schema_view(
    delete=extend_schema(
        operation_id="invoices_payments_delete",
        summary="Take a payment off an invoice",
        description="The entry stays; delete it where it was wrong.",
        responses={204: None},
    )
)
@extend_schema(tags=["invoices"])
class PaymentDetail(InvoiceView):
    """One payment."""

    serializer_class = shapes.PaymentSerializer

    @once_per_key()
    def delete(self, request: Request, book_id: int, invoice_id: int, payment_id: int) -> tuple[int, Any]:
        payment = selectors.payments_of(invoice=self.invoice()).filter(pk=payment_id).select_related("invoice").first()
        if payment is None:
            raise NotFound(thing="payment")
        services.unlink_payment(payment=payment)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    get=extend_schema(
        operation_id="invoices_pdf",
        summary="An invoice as PDF",
        description="A4, in the language of the request. The same invoice gives the same bytes.",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
    )
)
@extend_schema(tags=["invoices"])
class InvoicePaper(InvoiceView):
    """The invoice as it goes to the client."""

    content_negotiation_class = AnyFormat

    def get(self, request: Request, book_id: int, invoice_id: int) -> HttpResponse:
        return served(self.invoice())


@extend_schema_view(
    get=extend_schema(
        operation_id="invoices_proposals",
        summary="Entries that look like payments of an invoice",
        description="They name its number, or its open amount and its client. Link one to take it.",
        responses=shapes.ProposalsSerializer,
    )
)
@extend_schema(tags=["invoices"])
class PaymentProposals(InvoiceView):
    """What may have paid an invoice."""

    serializer_class = shapes.ProposalsSerializer

    def get(self, request: Request, book_id: int, invoice_id: int) -> Response:
        invoice = self.invoice()
        rows = [
            {
                "entry": each.entry.uid, "date": each.entry.date, "payee": each.entry.payee, "why": each.why,
                "amount": money.format_amount(each.amount, currency=invoice.currency),
            }
            for each in selectors.proposed_payments(invoice=invoice)
        ]  # fmt: skip
        return Response({"results": shapes.PaymentProposalSerializer(rows, many=True).data})


@extend_schema_view(
    get=extend_schema(
        operation_id="invoices_ageing",
        summary="Open invoices by days overdue",
        description="By currency, as of today. The due day itself is not overdue.",
        responses=shapes.AgeingSerializer,
    )
)
@extend_schema(tags=["invoices"])
class InvoiceAgeing(InvoiceView):
    """How old what is open is."""

    serializer_class = shapes.AgeingSerializer

    def get(self, request: Request, book_id: int) -> Response:
        found = selectors.invoices_by_age(book=self.book, today=self.today())
        return Response({"results": [shapes.AgeSerializer(each).data for each in found]})
