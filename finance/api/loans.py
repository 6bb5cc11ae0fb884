"""Loans: what was agreed, the table, payments with their split, extra payments, and strategies to pay debts back."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import ForwardPages, KeysetPagination, limit_of, refused_cursor
from core.api.queries import PAGE_PARAMETERS, QuerySerializer, query_of
from core.api.serializers import in_page, paged
from finance import money
from finance.api import loan_shapes as shapes
from finance.api.base import BookView
from finance.errors import Invalid
from finance.ledger.models import JournalEntry, Role
from finance.planning.loans import selectors, services
from finance.planning.loans.arithmetic import amortise
from finance.planning.loans.linking import link_all
from finance.planning.loans.models import Loan, LoanMovement, LoanPayment, LoanRate
from finance.planning.loans.payoff import Debt, Payoff, Strategy, ordered, pay_off
from finance.planning.loans.selectors import LoanState
from identity.api.idempotency import once_per_key

_TABLE_PAGES = ForwardPages("loan table")
_UNLINKED_PAGES = ForwardPages("payments that may belong to a loan")
_ACCOUNTS = ("pays_from", "interest_account", "fee_account", "partner_account", "contribution_account")
_TABLE = (
    "The level payment is rounded to the unit, the interest of each period too (half away from zero), and the last "
    "payment clears the balance."
)


class LoanView(BookView):
    """What the views of loans share."""

    def loan(self) -> Loan:
        return selectors.loan_for(book=self.book, loan_id=self.kwargs["loan_id"])

    def state(self, loan: Loan) -> LoanState:
        return selectors.state_of(loan=loan, today=self.today())

    def named(self, given: dict[str, Any], *names: str) -> dict[str, Any]:
        """The body with accounts in place of their ids and paths. Raises NotFound."""
        for name in names:
            if given.get(name) is not None:
                given[name] = self.tree.find(given[name], field=name)
        return given


@extend_schema_view(
    get=extend_schema(
        operation_id="loans_list",
        summary="Loans",
        description="In the order in which they were added; what is owed is by the books and by the table, today.",
        parameters=PAGE_PARAMETERS,
        responses=paged(shapes.LoanSerializer),
        examples=[OpenApiExample("A mortgage", value=in_page(shapes.LOAN), response_only=True)],
    ),
    post=extend_schema(
        operation_id="loans_create",
        summary="Plan a loan",
        description="On an account that owes (borrowed) or is owed (lent). Nothing is posted: what was paid out is the "
        f"account's opening balance or an entry. {_TABLE}",
        request=shapes.NewLoan,
        responses={201: shapes.LoanSerializer},
        examples=[
            OpenApiExample("A mortgage", value=shapes.TERMS, request_only=True),
            OpenApiExample("A mortgage", value=shapes.LOAN, response_only=True),
        ],
    ),
)
@extend_schema(tags=["loans"])
class LoanList(LoanView):
    """The loans of a book."""

    serializer_class = shapes.LoanSerializer
    bodies = {"POST": shapes.NewLoan}
    ordering = ("id",)

    def get(self, request: Request, book_id: int) -> Response:
        query_of(request, QuerySerializer)
        pages = KeysetPagination()
        rows = pages.paginate_queryset(selectors.with_accounts(book=self.book), request, view=self)
        states = selectors.states_of(book=self.book, loans=rows, today=self.today())
        return pages.get_paginated_response([shapes.shown_loan(state) for state in states])

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        given = self.named(self.body(), *_ACCOUNTS)
        account = self.tree.find(given.pop("account"), field="account")
        known = shapes.terms_given(given, currency=account.currency)
        loan = services.add_loan(book=self.book, actor=self.user, account=account, **known)
        return status.HTTP_201_CREATED, shapes.shown_loan(self.state(loan))


@extend_schema_view(
    get=extend_schema(
        operation_id="loans_retrieve",
        summary="A loan",
        responses=shapes.LoanSerializer,
        examples=[OpenApiExample("A mortgage", value=shapes.LOAN, response_only=True)],
    ),
    patch=extend_schema(
        operation_id="loans_update",
        summary="Change what was agreed",
        description="Payments that were posted stay. A rate that changes on a day is added as a rate instead.",
        request=shapes.LoanChange,
        responses=shapes.LoanSerializer,
        examples=[OpenApiExample("A higher payment", value={"payment": "1250.00"}, request_only=True)],
    ),
    delete=extend_schema(
        operation_id="loans_delete",
        summary="Take a loan out of the plan",
        description="Its account and all entries stay.",
        responses={204: None},
    ),
)
@extend_schema(tags=["loans"])
class LoanDetail(LoanView):
    """One loan."""

    serializer_class = shapes.LoanSerializer
    bodies = {"PATCH": shapes.LoanChange}

    def get(self, request: Request, book_id: int, loan_id: int) -> Response:
        return Response(shapes.shown_loan(self.state(self.loan())))

    @once_per_key()
    def patch(self, request: Request, book_id: int, loan_id: int) -> tuple[int, Any]:
        loan = self.loan()
        given = shapes.terms_given(self.named(self.body(), *_ACCOUNTS), currency=loan.currency)
        return status.HTTP_200_OK, shapes.shown_loan(
            self.state(services.change_loan(loan=loan, actor=self.user, **given))
        )

    @once_per_key()
    def delete(self, request: Request, book_id: int, loan_id: int) -> tuple[int, Any]:
        services.remove_loan(loan=self.loan(), actor=self.user)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    get=extend_schema(
        operation_id="loans_table",
        summary="The table of a loan",
        description=f"Payments, extra payments and drawdowns by their days. {_TABLE}",
        parameters=PAGE_PARAMETERS,
        responses=paged(shapes.LoanRowSerializer),
        examples=[OpenApiExample("The first payment", value=in_page(shapes.ROW), response_only=True)],
    )
)
@extend_schema(tags=["loans"])
class LoanTable(LoanView):
    """Row by row, to the cent."""

    serializer_class = shapes.LoanRowSerializer

    def get(self, request: Request, book_id: int, loan_id: int) -> Response:
        query_of(request, QuerySerializer)
        try:
            first = shapes.place_after(_TABLE_PAGES.place(request))
        except ValueError as error:
            raise refused_cursor() from error
        loan, limit = self.loan(), limit_of(request)
        rows = self.state(loan).table.rows
        shown = [shapes.shown_row(row, currency=loan.currency) for row in rows[first : first + limit]]
        following = first + limit if first + limit < len(rows) else None
        return Response(_TABLE_PAGES.body(request, results=shown, following=following))


@extend_schema_view(
    get=extend_schema(
        operation_id="loans_split",
        summary="How a payment falls apart",
        description="Interest and fee are those of the table, the rest is principal; of a shared loan with what the other "
        "owes. Changes nothing: `payments` posts it.",
        parameters=[shapes.LoanSplitQuery],
        responses=shapes.LoanSplitSerializer,
    )
)
@extend_schema(tags=["loans"])
class LoanSplit(LoanView):
    """Proposed, not posted."""

    serializer_class = shapes.LoanSplitSerializer

    def get(self, request: Request, book_id: int, loan_id: int) -> Response:
        query, loan = query_of(request, shapes.LoanSplitQuery), self.loan()
        amount = query.get("amount")
        row, parts = services.proposed_split(
            state=self.state(loan), date=query.get("date", self.today()), due=query.get("due"),
            amount=None if amount is None else money.parse_amount(amount, currency=loan.currency),
        )  # fmt: skip
        try:
            lines: Mapping[int, int] = services.lines_of_payment(loan=loan, parts=parts, against=loan.pays_from)
        except Invalid:
            # The split is known all the same; posting it says which account is missing.
            lines = {}
        return Response(shapes.shown_split(row, parts, lines, currency=loan.currency))


@extend_schema_view(
    get=extend_schema(
        operation_id="loans_payments_list",
        summary="Instalments that were paid",
        parameters=PAGE_PARAMETERS,
        responses=paged(shapes.LoanPaymentSerializer),
    ),
    post=extend_schema(
        operation_id="loans_payments_create",
        summary="Pay an instalment",
        description="Posts one entry with principal, interest, fee and shares as `split` shows them; or links an entry that "
        "is in the books.",
        request=shapes.NewLoanPayment,
        responses={201: shapes.LoanPaymentSerializer},
        examples=[
            OpenApiExample("What is due", value={"date": "2026-02-01"}, request_only=True),
            OpenApiExample(
                "In the books already", value={"entry": "0198f2b4-6f0e-7c3a-9a53-0c5d3f6f1a77"}, request_only=True
            ),
        ],
    ),
)
@extend_schema(tags=["loans"])
class LoanPayments(LoanView):
    """Which entries paid which instalments."""

    serializer_class = shapes.LoanPaymentSerializer
    bodies = {"POST": shapes.NewLoanPayment}
    ordering = ("due", "id")

    def get(self, request: Request, book_id: int, loan_id: int) -> Response:
        query_of(request, QuerySerializer)
        loan, pages = self.loan(), KeysetPagination()
        rows = pages.paginate_queryset(LoanPayment.objects.filter(book=self.book, loan=loan), request, view=self)
        entries = selectors.entries_of(state=self.state(loan))
        return pages.get_paginated_response([self.shown(row, entries.get(row.due)) for row in rows])

    @once_per_key()
    def post(self, request: Request, book_id: int, loan_id: int) -> tuple[int, Any]:
        given, loan = self.named(self.body(), "pays_from"), self.loan()
        if "entry" in given:
            if set(given) - {"entry", "due", "split"}:
                raise Invalid(field="entry", reason=_("An entry that is linked keeps its day, amount and accounts."))
            paid = services.link_payment(
                loan=loan, actor=self.user, entry_uid=given["entry"], due=given.get("due"),
                splitting=given.get("split", False),
            )  # fmt: skip
        elif "split" in given:
            raise Invalid(field="split", reason=_("Only an entry that is in the books is split."))
        else:
            amount = given.get("amount")
            paid = services.pay(
                loan=loan, actor=self.user, date=given.get("date", self.today()), due=given.get("due"),
                amount=None if amount is None else money.parse_amount(amount, currency=loan.currency),
                against=given.get("pays_from"),
            )  # fmt: skip
        entry = selectors.entries_of(state=self.state(loan)).get(paid.due)
        return status.HTTP_201_CREATED, self.shown(paid, entry)

    def shown(self, payment: LoanPayment, entry: JournalEntry | None) -> dict[str, Any]:
        return {
            "id": payment.pk, "due": payment.due, "entry": str(entry.uid) if entry else None,
            "date": entry.date if entry else None,
        }  # fmt: skip


@extend_schema_view(
    get=extend_schema(
        operation_id="loans_unlinked_list",
        summary="Entries that may have paid an instalment",
        description="They lowered the debt about the day of an unpaid instalment, and are linked to none: newest first, one for "
        "an instalment. Link one by `payments`, or all.",
        parameters=PAGE_PARAMETERS,
        responses=paged(shapes.UnlinkedPaymentSerializer),
    ),
    post=extend_schema(
        operation_id="loans_unlinked_link",
        summary="Link all entries that may have paid an instalment",
        description="With `split` those that booked all of a payment on the loan are corrected, too. What cannot be corrected, such "
        "as an entry in a closed period, stays in the list.",
        request=shapes.LinkAllPayments,
        responses=shapes.LinkedPayments,
    ),
)
@extend_schema(tags=["loans"])
class UnlinkedPayments(LoanView):
    """Proposed, never linked by themselves."""

    serializer_class = shapes.UnlinkedPaymentSerializer
    bodies = {"POST": shapes.LinkAllPayments}

    @once_per_key()
    def post(self, request: Request, book_id: int, loan_id: int) -> tuple[int, Any]:
        linked = link_all(loan=self.loan(), actor=self.user, splitting=self.body()["split"])
        return status.HTTP_200_OK, {"linked": linked}

    def get(self, request: Request, book_id: int, loan_id: int) -> Response:
        query_of(request, QuerySerializer)
        loan = self.loan()
        try:
            first = shapes.place_after(_UNLINKED_PAGES.place(request))
        except ValueError as error:
            raise refused_cursor() from error
        found, limit = selectors.unlinked(state=self.state(loan), most=None), limit_of(request)
        shown = [
            {
                "entry": str(each.entry.uid), "date": each.entry.date, "payee": each.entry.payee, "due": each.row.date,
                "amount": money.format_amount(each.amount, currency=loan.currency), "whole": each.whole,
            }
            for each in found[first : first + limit]
        ]  # fmt: skip
        following = first + limit if first + limit < len(found) else None
        return Response(_UNLINKED_PAGES.body(request, results=shown, following=following))


@extend_schema_view(
    delete=extend_schema(
        operation_id="loans_payments_delete",
        summary="Unlink a payment",
        description="The instalment counts as unpaid again. The entry stays; delete it as any other.",
        responses={204: None},
    )
)
@extend_schema(tags=["loans"])
class LoanPaymentDetail(LoanView):
    """One paid instalment."""

    serializer_class = shapes.LoanPaymentSerializer

    @once_per_key()
    def delete(self, request: Request, book_id: int, loan_id: int, loan_payment_id: int) -> tuple[int, Any]:
        services.unlink_payment(loan=self.loan(), payment_id=loan_payment_id, actor=self.user)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    post=extend_schema(
        operation_id="loans_charges_create",
        summary="Charge interest or a fee to the loan",
        description="Posts it as an expense (of a lent loan: income) that is added to what is owed.",
        request=shapes.NewLoanCharge,
        responses={201: shapes.LoanChargeSerializer},
        examples=[OpenApiExample("Interest", value={"date": "2026-03-14", "amount": "30.20"}, request_only=True)],
    )
)
@extend_schema(tags=["loans"])
class LoanCharges(LoanView):
    """What is added to a loan instead of being paid."""

    serializer_class = shapes.LoanChargeSerializer
    bodies = {"POST": shapes.NewLoanCharge}

    @once_per_key()
    def post(self, request: Request, book_id: int, loan_id: int) -> tuple[int, Any]:
        given, loan = self.named(self.body(), "category"), self.loan()
        entry = services.charge(
            loan=loan, actor=self.user, date=given["date"], category=given.get("category"),
            amount=money.parse_amount(given["amount"], currency=loan.currency),
        )  # fmt: skip
        owed = money.format_amount(self.state(loan).by_books, currency=loan.currency)
        return status.HTTP_201_CREATED, {"entry": str(entry.uid), "owed": owed}


@extend_schema_view(
    get=extend_schema(
        operation_id="loans_rates_list",
        summary="Changes of a loan's rate",
        parameters=PAGE_PARAMETERS,
        responses=paged(shapes.LoanRateSerializer),
    ),
    post=extend_schema(
        operation_id="loans_rates_create",
        summary="Change the rate from a day on",
        description="Interest of the period is split at that day. A rate of the same day is replaced.",
        request=shapes.NewLoanRate,
        responses={201: shapes.LoanRateSerializer},
        examples=[OpenApiExample("Lower", value={"since": "2027-01-01", "percent": "4.5"}, request_only=True)],
    ),
)
@extend_schema(tags=["loans"])
class LoanRates(LoanView):
    """The rates after the first one."""

    serializer_class = shapes.LoanRateSerializer
    bodies = {"POST": shapes.NewLoanRate}
    ordering = ("since", "id")

    def get(self, request: Request, book_id: int, loan_id: int) -> Response:
        query_of(request, QuerySerializer)
        loan, pages = self.loan(), KeysetPagination()
        rows = pages.paginate_queryset(LoanRate.objects.filter(book=self.book, loan=loan), request, view=self)
        return pages.get_paginated_response([shapes.shown_rate(row, currency=loan.currency) for row in rows])

    @once_per_key()
    def post(self, request: Request, book_id: int, loan_id: int) -> tuple[int, Any]:
        loan = self.loan()
        given = shapes.terms_given(self.body(), currency=loan.currency)
        rate = services.set_rate(loan=loan, actor=self.user, **given)
        return status.HTTP_201_CREATED, shapes.shown_rate(rate, currency=loan.currency)


@extend_schema_view(
    delete=extend_schema(
        operation_id="loans_rates_delete", summary="Remove a change of the rate", responses={204: None}
    )
)
@extend_schema(tags=["loans"])
class LoanRateDetail(LoanView):
    """One change of the rate."""

    serializer_class = shapes.LoanRateSerializer

    @once_per_key()
    def delete(self, request: Request, book_id: int, loan_id: int, loan_rate_id: int) -> tuple[int, Any]:
        services.remove_rate(loan=self.loan(), rate_id=loan_rate_id, actor=self.user)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    get=extend_schema(
        operation_id="loans_movements_list",
        summary="Extra payments and drawdowns",
        parameters=PAGE_PARAMETERS,
        responses=paged(shapes.LoanMovementSerializer),
    ),
    post=extend_schema(
        operation_id="loans_movements_create",
        summary="Pay extra, or draw more",
        description="With `money_account` it is posted as one entry, without it is a plan that the table counts with.",
        request=shapes.NewLoanMovement,
        responses={201: shapes.LoanMovementSerializer},
        examples=[
            OpenApiExample(
                "Planned",
                value={"date": "2027-01-01", "kind": "extra", "amount": "5000.00", "effect": "lower"},
                request_only=True,
            )
        ],
    ),
)
@extend_schema(tags=["loans"])
class LoanMovements(LoanView):
    """Money beside the payments."""

    serializer_class = shapes.LoanMovementSerializer
    bodies = {"POST": shapes.NewLoanMovement}
    ordering = ("date", "id")

    def get(self, request: Request, book_id: int, loan_id: int) -> Response:
        query_of(request, QuerySerializer)
        loan, pages = self.loan(), KeysetPagination()
        found = LoanMovement.objects.filter(book=self.book, loan=loan).select_related("entry")
        rows = pages.paginate_queryset(found, request, view=self)
        return pages.get_paginated_response([self.shown(row, loan) for row in rows])

    @once_per_key()
    def post(self, request: Request, book_id: int, loan_id: int) -> tuple[int, Any]:
        given, loan = self.named(self.body(), "money_account"), self.loan()
        row = services.add_movement(
            loan=loan, actor=self.user, date=given["date"], effect=given.get("effect", "shorten"),
            amount=shapes.signed_amount(given, currency=loan.currency), against=given.get("money_account"),
        )  # fmt: skip
        return status.HTTP_201_CREATED, self.shown(row, loan)

    def shown(self, row: LoanMovement, loan: Loan) -> dict[str, Any]:
        return {
            "id": row.pk, "date": row.date, "kind": "extra" if row.amount > 0 else "drawdown",
            "amount": money.format_amount(abs(row.amount), currency=loan.currency), "effect": row.effect,
            "entry": str(row.entry.uid) if row.entry else None,
        }  # fmt: skip


@extend_schema_view(
    delete=extend_schema(
        operation_id="loans_movements_delete",
        summary="Remove a planned extra payment or drawdown",
        description="One that is posted goes when its entry is deleted.",
        responses={204: None},
    )
)
@extend_schema(tags=["loans"])
class LoanMovementDetail(LoanView):
    """One extra payment or drawdown."""

    serializer_class = shapes.LoanMovementSerializer

    @once_per_key()
    def delete(self, request: Request, book_id: int, loan_id: int, loan_movement_id: int) -> tuple[int, Any]:
        services.remove_movement(loan=self.loan(), movement_id=loan_movement_id, actor=self.user)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    post=extend_schema(
        operation_id="loans_calculate",
        summary="Compute a table without keeping the loan",
        description=f"Changes nothing. {_TABLE}",
        request=shapes.LoanCalculationFields,
        responses=shapes.LoanCalculationSerializer,
        examples=[
            OpenApiExample(
                "30 years",
                request_only=True,
                value={
                    "principal": "200000.00", "percent": "6", "start": "2026-01-01", "first_payment": "2026-02-01",
                    "payments": 360,
                },
            ),
            OpenApiExample(
                "30 years",
                response_only=True,
                value={**shapes.SUMMARY, "currency": "EUR", "day_count": "30/360", "rows": [shapes.ROW]},
            ),
        ],
    )
)  # fmt: skip
@extend_schema(tags=["loans"])
class CalculateLoan(BookView):
    """What a loan would cost."""

    serializer_class = shapes.LoanCalculationSerializer
    bodies = {"POST": shapes.LoanCalculationFields}
    write_role = Role.VIEWER

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        given = self.body()
        currency = given.get("currency", self.book.base_currency)
        money.exponent(currency)
        terms = shapes.calculated_terms(given, currency=currency)
        table = amortise(terms)
        return status.HTTP_200_OK, {
            **shapes.shown_summary(table, currency=currency),
            "currency": currency,
            "day_count": terms.day_count,
            "rows": [shapes.shown_row(row, currency=currency) for row in table.rows],
        }


@extend_schema_view(
    post=extend_schema(
        operation_id="loans_payoff",
        summary="Compare strategies to pay debts back",
        description="Smallest balance first (snowball), highest rate first (avalanche), an order of your own, and only the "
        "minimums. Each month a twelfth of the rate is charged; the minimum of a debt that is gone helps the next. Changes "
        "nothing.",
        request=shapes.NewLoanPayoff,
        responses=shapes.LoanComparisonSerializer,
        examples=[OpenApiExample("100 more a month", value={"extra": "100.00"}, request_only=True)],
    )
)
@extend_schema(tags=["loans"])
class PayoffComparison(BookView):
    """In which order debts are best paid back."""

    serializer_class = shapes.LoanComparisonSerializer
    bodies = {"POST": shapes.NewLoanPayoff}
    write_role = Role.VIEWER

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        given = self.body()
        currency = given.get("currency", self.book.base_currency)
        extra = money.parse_amount(given.get("extra", "0"), currency=currency, field="extra")
        debts = self.debts(given, currency)
        least: Payoff | None = None
        try:
            least = pay_off(debts)
        except Invalid:
            if not debts:
                raise
        names = [each for each in Strategy if each is not Strategy.CUSTOM or "order" in given]
        shown = [shapes.shown_payoff("minimum", list(range(len(debts))), least, least, currency=currency)]
        for each in names:
            order = ordered(debts, each, given.get("order", ()))
            found = pay_off(debts, extra=extra, order=order)
            shown.append(shapes.shown_payoff(each.value, order, found, least, currency=currency))
        return status.HTTP_200_OK, {
            "currency": currency,
            "debts": [
                {
                    "name": debt.name, "balance": money.format_amount(debt.balance, currency=currency),
                    "percent": f"{debt.percent.normalize():f}",
                    "minimum": money.format_amount(debt.minimum, currency=currency),
                }
                for debt in debts
            ],
            "strategies": shown,
        }  # fmt: skip

    def debts(self, given: Mapping[str, Any], currency: str) -> list[Debt]:
        if "debts" not in given:
            states = selectors.states_of(book=self.book, loans=selectors.loans_of(book=self.book), today=self.today())
            return selectors.debts_of(states=states, currency=currency)
        return [
            Debt(
                name=each["name"], percent=each["percent"],
                balance=money.parse_amount(each["balance"], currency=currency, field=f"debts.{index}.balance"),
                minimum=money.parse_amount(each["minimum"], currency=currency, field=f"debts.{index}.minimum"),
            )
            for index, each in enumerate(given["debts"])
        ]  # fmt: skip
