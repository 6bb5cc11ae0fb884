"""/books/{book_id}/net-worth/ and /exchange-gains/: what is held, in the base currency, and what rates did to it."""

from typing import Any

from dateutil.relativedelta import relativedelta
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.queries import QuerySerializer, query_of
from finance import money
from finance.api.base import BookView
from finance.errors import Invalid
from finance.ledger.selectors import balances_of
from finance.ledger.visibility import left_out_ids
from finance.replica import from_replica
from finance.valuation.net_worth import HOLDINGS, wealth
from finance.valuation.positions import Holding, HoldingsReport, holdings_report
from finance.valuation.rates import Quote, Source, rate_digits
from finance.valuation.services.rates import EARLIEST
from finance.valuation.valuer import Total, Valuation

MOST_MONTHS = 600


class NetWorthQuery(QuerySerializer):
    as_of = serializers.DateField(required=False, help_text="The last point's day; today without it.")
    months = serializers.IntegerField(
        required=False, default=12, min_value=1, max_value=MOST_MONTHS, help_text="Months, the last one included."
    )

    figures = serializers.ChoiceField(
        required=False,
        default="own",
        choices=[("own", "own"), ("household", "household")],
        help_text="`own` leaves out the accounts that you chose to leave out of your figures; `household` counts each "
        "account once.",
    )


class QuoteSerializer(serializers.Serializer[Any]):
    """The rate that was used: `date` is that of its oldest part, null where it is a definition (pence)."""

    rate = serializers.SerializerMethodField(help_text="Units of the base currency for one unit, to six digits.")
    date = serializers.DateField(allow_null=True)
    age_days = serializers.IntegerField(help_text="Days from the rate's date to the day it was used for.")
    sources = serializers.ListField(child=serializers.ChoiceField(choices=[source.value for source in Source]))
    via = serializers.CharField(help_text="The third currency that it leads through; empty: none.")

    def get_rate(self, quote: Quote) -> str:
        return f"{rate_digits(quote.rate):f}"


class ValuedPartSerializer(serializers.Serializer[Any]):
    """What is held in one currency; `value` is null where no rate is known."""

    currency = serializers.CharField()
    amount = serializers.SerializerMethodField()
    value = serializers.SerializerMethodField(method_name="worth_of")
    quote = QuoteSerializer(allow_null=True)

    def get_amount(self, part: Valuation) -> str:
        return money.format_amount(part.amount, currency=part.currency)

    def worth_of(self, part: Valuation) -> str | None:
        return _amount(part.value, part.target)


class NetWorthPointSerializer(serializers.Serializer[Any]):
    date = serializers.DateField(source="on")
    value = serializers.SerializerMethodField(
        method_name="worth_of", help_text="The sum of all parts that have a value."
    )
    complete = serializers.BooleanField(help_text="Whether every part has one.")
    parts = serializers.SerializerMethodField()

    def worth_of(self, total: Total) -> str:
        return money.format_amount(total.value, currency=self.context["currency"])

    def get_parts(self, total: Total) -> list[dict[str, Any]]:
        parts = [part for part in total.parts if part.amount]
        return list(ValuedPartSerializer(parts, many=True).data)


class NetWorthSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    left_out = serializers.ListField(
        child=serializers.IntegerField(), help_text="Accounts that your own figures leave out."
    )
    points = NetWorthPointSerializer(many=True)


class GainsQuery(QuerySerializer):
    start = serializers.DateField(required=False, help_text="First day; without it the first of January.")
    end = serializers.DateField(required=False, help_text="Last day; today without it.")


class HoldingSerializer(serializers.Serializer[Any]):
    """One other currency. Amounts are in it, everything else in the base currency; null: a rate is missing."""

    currency = serializers.CharField()
    accounts = serializers.ListField(source="account_ids", child=serializers.IntegerField())
    opening = serializers.SerializerMethodField()
    came_in = serializers.SerializerMethodField()
    went_out = serializers.SerializerMethodField()
    closing = serializers.SerializerMethodField()
    cost = serializers.SerializerMethodField(help_text="Average cost of what is held at the end.")
    value = serializers.SerializerMethodField(method_name="worth_of", help_text="Worth of it at the end.")
    unrealised = serializers.SerializerMethodField()
    realised = serializers.SerializerMethodField()
    gain = serializers.SerializerMethodField(help_text="Of the period, realised or not.")
    unvalued = serializers.IntegerField(source="gains.unvalued", help_text="Movements without a rate of their day.")
    quote = QuoteSerializer(allow_null=True)

    def get_opening(self, row: Holding) -> str:
        return money.format_amount(row.gains.opening, currency=row.currency)

    def get_came_in(self, row: Holding) -> str:
        return money.format_amount(row.gains.came_in, currency=row.currency)

    def get_went_out(self, row: Holding) -> str:
        return money.format_amount(row.gains.went_out, currency=row.currency)

    def get_closing(self, row: Holding) -> str:
        return money.format_amount(row.gains.closing, currency=row.currency)

    def get_cost(self, row: Holding) -> str | None:
        return _amount(row.cost, self.context["currency"])

    def worth_of(self, row: Holding) -> str | None:
        return _amount(row.value, self.context["currency"])

    def get_unrealised(self, row: Holding) -> str | None:
        return _amount(row.unrealised, self.context["currency"])

    def get_realised(self, row: Holding) -> str | None:
        return _amount(row.realised, self.context["currency"])

    def get_gain(self, row: Holding) -> str | None:
        return _amount(row.gain, self.context["currency"])


class GainsSerializer(serializers.Serializer[Any]):
    """Sums hold what is known; `incomplete` names the currencies of which something is not."""

    start = serializers.DateField(source="first")
    end = serializers.DateField(source="last")
    currency = serializers.CharField()
    rows = HoldingSerializer(many=True)
    at_cost = serializers.SerializerMethodField(help_text="All holdings, others at their cost.")
    at_market = serializers.SerializerMethodField(help_text="All holdings, others at the rates of the last day.")
    unrealised = serializers.SerializerMethodField()
    realised = serializers.SerializerMethodField()
    gain = serializers.SerializerMethodField()
    incomplete = serializers.ListField(source="open", child=serializers.CharField())

    def get_at_cost(self, report: HoldingsReport) -> str:
        return money.format_amount(report.at_cost, currency=report.currency)

    def get_at_market(self, report: HoldingsReport) -> str:
        return money.format_amount(report.at_market, currency=report.currency)

    def get_unrealised(self, report: HoldingsReport) -> str:
        return money.format_amount(report.unrealised, currency=report.currency)

    def get_realised(self, report: HoldingsReport) -> str:
        return money.format_amount(report.realised, currency=report.currency)

    def get_gain(self, report: HoldingsReport) -> str:
        return money.format_amount(report.gain, currency=report.currency)


@extend_schema_view(
    get=extend_schema(
        operation_id="net_worth_retrieve",
        summary="Net worth over the months",
        description="At the end of each month and on the last day, by the rates of those days. What has no rate is a part "
        "without a value, and not in the sum.",
        parameters=[NetWorthQuery],
        responses=NetWorthSerializer,
        examples=[
            OpenApiExample(
                "One month, with yen that have no rate",
                value={
                    "currency": "EUR",
                    "left_out": [],
                    "points": [
                        {
                            "date": "2026-03-14",
                            "value": "1924.90",
                            "complete": False,
                            "parts": [
                                {"currency": "EUR", "amount": "1000.00", "value": "1000.00", "quote": None},
                                {"currency": "JPY", "amount": "5000", "value": None, "quote": None},
                                {
                                    "currency": "USD",
                                    "amount": "1000.00",
                                    "value": "924.90",
                                    "quote": {
                                        "rate": "0.9249",
                                        "date": "2026-03-13",
                                        "age_days": 1,
                                        "sources": ["hand"],
                                        "via": "",
                                    },
                                },
                            ],
                        }
                    ],
                },
            )
        ],
    )
)
@extend_schema(tags=["reports"])
class NetWorth(BookView):
    """What the book owns less what it owes."""

    serializer_class = NetWorthSerializer
    partly = frozenset({"GET"})

    @from_replica
    def get(self, request: Request, book_id: int) -> Response:
        query = query_of(request, NetWorthQuery)
        as_of, months = query.get("as_of") or self.today(), query["months"]
        if as_of < EARLIEST + relativedelta(months=months):
            raise Invalid(field="as_of", reason=_("The months begin before 1900."))
        left_out = left_out_ids(book=self.book, user=self.user) if query["figures"] == "own" else frozenset()
        accounts = [account for account in self.tree.accounts if account.pk not in left_out]
        found = wealth(book=self.book, accounts=accounts, today=as_of, months=months)
        context = {"currency": self.book.base_currency}
        body = {
            "currency": self.book.base_currency, "left_out": sorted(left_out),
            "points": [point.total for point in found.points],
        }  # fmt: skip
        return Response(NetWorthSerializer(body, context=context).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="exchange_gains_retrieve",
        summary="Gains from exchange rates",
        description="Holdings in other currencies over a period. What was exchanged counts at the amounts of its entry, "
        "everything else at the rate of its day; cost is the average cost.",
        parameters=[GainsQuery],
        responses=GainsSerializer,
    )
)
@extend_schema(tags=["reports"])
class ExchangeGains(BookView):
    """What the change of rates brought, realised and not."""

    serializer_class = GainsSerializer

    @from_replica
    def get(self, request: Request, book_id: int) -> Response:
        query = query_of(request, GainsQuery)
        last = query.get("end") or self.today()
        first = query.get("start") or last.replace(month=1, day=1)
        if not EARLIEST <= first <= last:
            raise Invalid(field="start", reason=_("The period must begin before it ends, and not before 1900."))
        accounts = self.tree.accounts
        base = [a.pk for a in accounts if a.type in HOLDINGS and a.currency == self.book.base_currency]
        held = sum(balances_of(account_ids=base, as_of=last).values())
        report = holdings_report(book=self.book, accounts=accounts, first=first, last=last, base_amount=held)
        return Response(GainsSerializer(report, context={"currency": report.currency}).data)


def _amount(value: int | None, currency: str) -> str | None:
    return None if value is None else money.format_amount(value, currency=currency)
