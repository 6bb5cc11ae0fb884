"""/books/{book_id}/shared-bills/, cost-groups/, settlements/ and settle-up/: who paid what for whom, and who owes whom."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.queries import query_of
from finance import money
from finance.api import people_shapes as shapes
from finance.api.base import BookView
from finance.errors import Invalid
from finance.ledger.models import Account
from finance.receivables import selectors, services
from finance.receivables.models import BillShare, CostGroup, GroupMember, Settlement, SharedBill, SplitMethod
from finance.receivables.splitting import ME
from identity.api.idempotency import once_per_key

_BILL = OpenApiExample("A bill", response_only=True, value=shapes.BILL)
_SETTLEMENT = OpenApiExample("A settlement", response_only=True, value=shapes.SETTLEMENT)
# The member of a share that each method reads.
_VALUE = {SplitMethod.EXACT: "amount", SplitMethod.SHARES: "shares", SplitMethod.PERCENT: "percent"}


class SharingView(BookView):
    serializer_class: Any = shapes.BillSerializer

    def group(self, group_id: int | None) -> CostGroup | None:
        """The group that a body or a query names. Raises NotFound."""
        return selectors.group_for(book=self.book, group_id=group_id, field="group") if group_id is not None else None

    def account(self, given: dict[str, Any], name: str) -> Account | None:
        reference = given.get(name)
        return self.tree.find(reference, field=name) if reference is not None else None

    def bill_of(self, given: dict[str, Any], saved: SharedBill | None = None) -> services.Bill:
        """The bill that a body says, on top of `saved`. Raises what is wrong with it, by field."""
        known = self._as_said(saved) if saved else {}
        if "paid_by" in given:
            known.pop("paid", None)
        elif "paid" in given:
            known.pop("paid_by", None)
        given = {"method": SplitMethod.EQUAL.value, "paid_by": ME, **known, **given}
        currency = shapes.currency_of(given, book=self.book)
        total, group = shapes.parsed(given, name="total", currency=currency), self.group(given.get("group"))
        paid: dict[int, int] = {}
        for place, each in enumerate(given.get("paid", [])):
            amount = shapes.parsed(each, name="amount", currency=currency, field=f"paid.{place}.amount")
            if each["person"] in paid:
                raise Invalid(field=f"paid.{place}.person", reason=_("Somebody is named twice."))
            paid[each["person"]] = amount
        category = self.account(given, "category")
        booked = None
        if "booked" in given and category is not None:
            booked = shapes.parsed(given, name="booked", currency=category.currency)
        return services.Bill(
            date=given["date"], description=given["description"], currency=currency, total=total,
            paid=paid or {given["paid_by"]: total}, method=given["method"], group=group,
            shares=self._shares(given, group, currency), account=self.account(given, "account"), category=category,
            booked=booked,
        )  # fmt: skip

    def _shares(self, given: dict[str, Any], group: CostGroup | None, currency: str) -> dict[int, Any]:
        """Who takes part, with the value that the method reads; by default the whole group."""
        asked, method = given.get("shares"), given["method"]
        if asked is None and group is not None and method == SplitMethod.EQUAL:
            members = GroupMember.objects.filter(book=self.book, group=group).order_by("person_id")
            return {ME: None, **dict.fromkeys(members.values_list("person_id", flat=True))}
        shares: dict[int, Any] = {}
        for place, each in enumerate(asked or []):
            wanted = _VALUE.get(method)
            strange = set(each) - {"person", wanted}
            if strange or (wanted and wanted not in each):
                wants = wanted or "person"
                reason = _("With the method “%(method)s” a share says “%(wants)s” and nothing else.")
                reason = reason % {"method": method, "wants": wants}
                raise Invalid(field=f"shares.{place}.{min(strange) if strange else wanted}", reason=reason)
            if each["person"] in shares:
                raise Invalid(field=f"shares.{place}.person", reason=_("Somebody is named twice."))
            value = each[wanted] if wanted else None
            if wanted == "amount":
                value = shapes.parsed(each, name="amount", currency=currency, field=f"shares.{place}.amount")
            shares[each["person"]] = value
        return shares

    def _as_said(self, saved: SharedBill) -> dict[str, Any]:
        """A bill as a body would have said it."""

        def text(amount: int) -> str:
            return money.format_amount(amount, currency=saved.currency)

        rows = sorted(saved.shares.all(), key=lambda share: share.position)
        takes_part = [row for row in rows if row.weight or row.owed]
        wanted = _VALUE.get(SplitMethod(saved.method))

        def share(row: BillShare) -> dict[str, Any]:
            value = text(row.owed) if wanted == "amount" else services.weight_value(row.weight)
            return {"person": row.person_id or ME, **({wanted: value} if wanted else {})}

        payers = [row for row in rows if row.paid]
        paid = [{"person": row.person_id or ME, "amount": text(row.paid)} for row in payers]
        return {
            "date": saved.date, "description": saved.description, "currency": saved.currency,
            "total": text(saved.total), "method": saved.method, "group": saved.group_id, "account": saved.account_id,
            "category": saved.category_id,
            "shares": [share(row) for row in takes_part],
            **({"paid_by": payers[0].person_id or ME} if len(payers) == 1 else {"paid": paid}),
        }  # fmt: skip


@extend_schema_view(
    get=extend_schema(
        operation_id="shared_bills_list",
        summary="Shared bills, newest first",
        parameters=[shapes.SharedBillQuery],
        examples=[_BILL],
    ),
    post=extend_schema(
        operation_id="shared_bills_create",
        summary="Share a bill",
        description=(
            "Shares are whole minor units that sum to the bill. What is left over goes one unit each to whoever is furthest "
            "behind the exact total of the group's bills (of the same people's, without a group), the payer first on a tie. "
            "Only the household's own share is spending; the rest is what people owe. It may be dated ahead."
        ),
        request=shapes.NewBill,
        responses={201: shapes.BillSerializer},
        examples=[
            OpenApiExample("Dinner for three", request_only=True, value=shapes.NEW_BILL),
            OpenApiExample(
                "Half is a friend's",
                request_only=True,
                value={
                    **shapes.NEW_BILL, "total": "200.00", "method": "exact",
                    "shares": [{"person": "me", "amount": "100.00"}, {"person": 7, "amount": "100.00"}],
                },
            ),
            _BILL,
        ],
    ),
)  # fmt: skip
@extend_schema(tags=["shared costs"])
class BillList(SharingView, generics.ListAPIView[SharedBill]):
    """Bills that several people share."""

    bodies = {"POST": shapes.NewBill}
    filter_backends = ()  # get_queryset reads the parameters
    ordering = ("-date", "-id")

    def get_queryset(self) -> QuerySet[SharedBill]:
        if getattr(self, "swagger_fake_view", False):
            return SharedBill.objects.none()
        asked, found = query_of(self.request, shapes.SharedBillQuery), selectors.bills_of(book=self.book)
        if "refund_of" in asked:
            found = found.filter(refund_of=asked["refund_of"])
        if "group" in asked:
            found = found.filter(group=asked["group"])
        if "person" in asked:
            found = found.filter(pk__in=found.filter(shares__person=asked["person"]).values("pk"))
        return found

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        bill = services.save_bill(book=self.book, actor=self.user, bill=self.bill_of(self.body()))
        shown = selectors.bill_for(book=self.book, bill_id=bill.pk)
        return status.HTTP_201_CREATED, shapes.BillSerializer(shown).data


@extend_schema_view(
    post=extend_schema(
        operation_id="shared_bills_preview",
        summary="How a bill would be shared",
        description="Saves nothing.",
        request=shapes.NewBill,
        responses=shapes.Shares,
    )
)
@extend_schema(tags=["shared costs"])
class PreviewBill(SharingView):
    """Shares before they are saved."""

    bodies = {"POST": shapes.NewBill}

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        bill = self.bill_of(self.body())
        shares, _weights = services.shares_of(book=self.book, bill=bill)

        def text(amount: int) -> str:
            return money.format_amount(amount, currency=bill.currency)

        rows = [
            {"person": party or shapes.US, "paid": text(bill.paid.get(party, 0)), "amount": text(shares.get(party, 0))}
            for party in dict.fromkeys([*shares, *bill.paid])
        ]
        return status.HTTP_200_OK, {"shares": rows}


@extend_schema_view(
    get=extend_schema(operation_id="shared_bills_retrieve", summary="A shared bill", examples=[_BILL]),
    patch=extend_schema(
        operation_id="shared_bills_update",
        summary="Change a shared bill",
        description="Its entry is corrected. What is not named stays; `shares` and `paid` are replaced whole.",
        request=shapes.BillChanges,
        responses=shapes.BillSerializer,
    ),
    delete=extend_schema(
        operation_id="shared_bills_delete",
        summary="Remove a shared bill",
        description="Its entry is reversed.",
        responses={204: None},
    ),
)
@extend_schema(tags=["shared costs"])
class BillDetail(SharingView):
    """One shared bill."""

    bodies = {"PATCH": shapes.BillChanges}

    def bill(self) -> SharedBill:
        return selectors.bill_for(book=self.book, bill_id=self.kwargs["bill_id"])

    def get(self, request: Request, book_id: int, bill_id: int) -> Response:
        return Response(shapes.BillSerializer(self.bill()).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int, bill_id: int) -> tuple[int, Any]:
        saved = self.bill()
        services.save_bill(book=self.book, actor=self.user, bill=self.bill_of(self.body(), saved), saved=saved)
        return status.HTTP_200_OK, shapes.BillSerializer(self.bill()).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, bill_id: int) -> tuple[int, Any]:
        services.remove_bill(bill=self.bill(), actor=self.user, today=self.today())
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    post=extend_schema(
        operation_id="shared_bills_refund",
        summary="Something of a bill was given back",
        description=(
            "Every share falls by its part of the refund: whole minor units that sum to it. Posts one entry: the own part lowers "
            "the category, the others' parts what they owe. Remove it as a bill is removed."
        ),
        request=shapes.NewBillRefund,
        responses={201: shapes.BillSerializer},
        examples=[
            OpenApiExample(
                "The shop gives 30.00 back", request_only=True,
                value={"date": "2026-03-20", "amount": "30.00", "account": "Assets:Checking account"},
            )
        ],
    )
)  # fmt: skip
@extend_schema(tags=["shared costs"])
class BillRefunds(SharingView):
    """What is given back of a shared bill."""

    bodies = {"POST": shapes.NewBillRefund}

    @once_per_key()
    def post(self, request: Request, book_id: int, bill_id: int) -> tuple[int, Any]:
        given, bill = self.body(), selectors.bill_for(book=self.book, bill_id=bill_id)
        booked = None
        if "booked" in given and bill.category is not None:
            booked = shapes.parsed(given, name="booked", currency=bill.category.currency)
        payer = max(bill.shares.all(), key=lambda share: share.paid)
        refund = services.refund_bill(
            bill=bill, actor=self.user, date=given["date"], booked=booked, account=self.account(given, "account"),
            amount=shapes.parsed(given, name="amount", currency=bill.currency),
            receiver=given.get("received_by", payer.person_id or ME),
        )  # fmt: skip
        shown = selectors.bill_for(book=self.book, bill_id=refund.pk)
        return status.HTTP_201_CREATED, shapes.BillSerializer(shown).data


@extend_schema_view(
    get=extend_schema(
        operation_id="settlements_list",
        summary="Settlements, newest first",
        parameters=[shapes.BillQuery],
        examples=[_SETTLEMENT],
    ),
    post=extend_schema(
        operation_id="settlements_create",
        summary="Record that somebody paid somebody back",
        description="Posts an entry where the household takes part. It is neither income nor spending.",
        request=shapes.NewSettlement,
        responses={201: shapes.SettlementSerializer},
        examples=[
            OpenApiExample(
                "Ben pays back",
                request_only=True,
                value={
                    "date": "2026-03-20", "payer": 7, "payee": "me", "amount": "40.00", "account": "Assets:Checking account",
                },
            ),
            _SETTLEMENT,
        ],
    ),
)  # fmt: skip
@extend_schema(tags=["shared costs"])
class SettlementList(SharingView, generics.ListAPIView[Settlement]):
    """Payments between people, debts passed on, and exchanges."""

    serializer_class = shapes.SettlementSerializer
    bodies = {"POST": shapes.NewSettlement}
    filter_backends = ()  # get_queryset reads the parameters
    ordering = ("-date", "-id")

    def get_queryset(self) -> QuerySet[Settlement]:
        if getattr(self, "swagger_fake_view", False):
            return Settlement.objects.none()
        asked, found = query_of(self.request, shapes.BillQuery), selectors.settlements_of(book=self.book)
        if "group" in asked:
            found = found.filter(group=asked["group"])
        if "person" in asked:
            found = found.filter(Q(payer=asked["person"]) | Q(payee=asked["person"]))
        return found

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        given = self.body()
        currency = shapes.currency_of(given, book=self.book)
        done = services.settle(
            book=self.book, actor=self.user, date=given["date"], payer=given["payer"], payee=given["payee"],
            currency=currency, amount=shapes.parsed(given, name="amount", currency=currency),
            account=self.account(given, "account"), group=self.group(given.get("group")), note=given.get("note", ""),
        )  # fmt: skip
        return status.HTTP_201_CREATED, shapes.SettlementSerializer(done).data


@extend_schema_view(
    post=extend_schema(
        operation_id="settlements_exchange",
        summary="Settle a balance of one currency with one of another",
        description="Posted as an exchange, rounded half away from zero; the rate is kept.",
        request=shapes.NewExchange,
        responses={201: shapes.SettlementSerializer},
        examples=[
            OpenApiExample(
                "10,000 JPY at 146 per USD",
                request_only=True,
                value={"person": 7, "date": "2026-03-20", "currency": "JPY", "against": "USD", "rate": "146"},
            )
        ],
    )
)
@extend_schema(tags=["shared costs"])
class ExchangeSettlement(SharingView):
    """Settles across currencies."""

    serializer_class = shapes.SettlementSerializer
    bodies = {"POST": shapes.NewExchange}

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        given = self.body()
        for name in ("currency", "against"):
            money.exponent(given[name], field=name)
        amount = shapes.parsed(given, name="amount", currency=given["currency"]) if "amount" in given else None
        done = services.settle_across(
            person=selectors.person_for(book=self.book, person_id=given["person"], field="person"), actor=self.user,
            date=given["date"], currency=given["currency"], against=given["against"], rate=given["rate"], amount=amount,
        )  # fmt: skip
        return status.HTTP_201_CREATED, shapes.SettlementSerializer(done).data


@extend_schema_view(
    get=extend_schema(operation_id="settlements_retrieve", summary="A settlement", examples=[_SETTLEMENT]),
    delete=extend_schema(
        operation_id="settlements_delete",
        summary="Remove a settlement",
        description="Its entry is reversed.",
        responses={204: None},
    ),
)
@extend_schema(tags=["shared costs"])
class SettlementDetail(SharingView):
    """One settlement."""

    serializer_class = shapes.SettlementSerializer

    def settlement(self) -> Settlement:
        return selectors.settlement_for(book=self.book, settlement_id=self.kwargs["settlement_id"])

    def get(self, request: Request, book_id: int, settlement_id: int) -> Response:
        return Response(shapes.SettlementSerializer(self.settlement()).data)

    @once_per_key()
    def delete(self, request: Request, book_id: int, settlement_id: int) -> tuple[int, Any]:
        services.remove_settlement(settlement=self.settlement(), actor=self.user, today=self.today())
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    get=extend_schema(
        operation_id="settle_up",
        summary="Who owes whom",
        description=(
            "Pair by pair, or with the fewest payments. The lines of a pair add up to its amount in the mode shown; with the "
            "fewest payments one of them says what came from other pairs. Without `group`, for the whole book."
        ),
        parameters=[shapes.SettleUpQuery],
        responses=shapes.SettleUpSerializer,
    )
)
@extend_schema(tags=["shared costs"])
class SettleUpView(SharingView):
    """Balances and debts between people."""

    serializer_class = shapes.SettleUpSerializer

    def get(self, request: Request, book_id: int) -> Response:
        asked = query_of(request, shapes.SettleUpQuery)
        group = self.group(asked.get("group"))
        usual = "simplified" if group is not None and group.simplify else "pairwise"
        mode = asked.get("mode", usual)
        found = selectors.settle_up(
            book=self.book, as_of=asked.get("as_of") or self.today(), group=group, simplify=mode == "simplified"
        )
        balances = [
            {
                "person": party or shapes.US,
                "currency": currency,
                "balance": money.format_amount(amount, currency=currency),
            }
            for currency, nets in found.nets.items()
            for party, amount in nets.items()
        ]
        return Response(
            {"mode": mode, "balances": balances, "debts": [shapes.pair_shown(each) for each in found.pairs]}
        )
