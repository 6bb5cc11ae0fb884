"""/books/{book_id}/accounts/{account_id}/register/ and /books/{book_id}/register/: lines of accounts, and their sums."""

import datetime
from dataclasses import replace
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import ForwardPages, limit_of
from core.api.queries import PAGE_PARAMETERS, QuerySerializer, query_of
from finance import money
from finance.api.base import BookView
from finance.api.fields import BIGGEST_ID, AmountField
from finance.errors import AmountInvalid
from finance.ledger.models import Account, AccountKind, JournalEntry
from finance.ledger.register_sums import RegisterSums, register_sums
from finance.ledger.registers import (
    SCOPES,
    AmountRange,
    Filters,
    Kind,
    LineCondition,
    RegisterRow,
    accounts_in,
    as_seen,
    register_page,
)
from finance.ledger.selectors import below
from finance.periods import Period, days_between, read_period
from finance.preferences.selectors import pay_rule_of
from finance.reconciliation.selectors import Mark, marked, marks_of
from finance.replica import from_replica
from finance.tags.selectors import tag_for, tagged

BOUNDS = ("min_amount", "max_amount")


class FilterQuery(QuerySerializer):
    """The filters of every register."""

    search = serializers.CharField(
        required=False, max_length=200, help_text="Found in payee, description or memo, ignoring case."
    )
    period = serializers.CharField(
        required=False,
        max_length=30,
        help_text="`last-month`, `this-quarter`, `last-90-days`, `this-pay-period` …, `2026`, `2026-Q3`, `2026-03`, or "
        "`2026-03-05..2026-04-04`. Instead of `start` and `end`.",
    )
    start = serializers.DateField(required=False, help_text="First day.")
    end = serializers.DateField(required=False, help_text="Last day.")
    min_amount = AmountField(required=False, help_text="At least this amount, debit positive.")
    max_amount = AmountField(required=False, help_text="At most this amount, debit positive.")
    payee = serializers.CharField(required=False, max_length=200, help_text="This payee, ignoring case.")
    counter_account = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=BIGGEST_ID,
        help_text="Entries that also have a line on this account, or on one inside it.",
    )
    currency = serializers.CharField(required=False, max_length=8, help_text="Accounts in this currency only.")
    kind = serializers.ChoiceField(
        required=False,
        choices=[(kind.value, kind.value) for kind in Kind],
        help_text="What the entry did: it has a line on an expense account, on an income account, on neither, or it is "
        "an exchange.",
    )
    tag = serializers.IntegerField(
        required=False, min_value=1, max_value=BIGGEST_ID, help_text="Entries that have the tag with this id."
    )
    mark = serializers.ChoiceField(
        required=False,
        choices=[(mark.value, mark.value) for mark in Mark],
        help_text="What the bank knows of the line: nothing, that it is there, or that it is on a finished statement. "
        "Lines of categories have no marks.",
    )
    created_by = serializers.IntegerField(
        required=False, min_value=1, max_value=BIGGEST_ID, help_text="Entries that this member recorded."
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]
        required=False, choices=JournalEntry.Source.choices, help_text="How the entry came into the book."
    )
    with_superseded = serializers.BooleanField(
        required=False, help_text="Include entries that were reversed on their own day, and those reversals."
    )


class RegisterQuery(FilterQuery):
    below = serializers.BooleanField(
        required=False, help_text="With all accounts inside this one. The register of a group always has them."
    )


class ScopeQuery(FilterQuery):
    scope = serializers.ChoiceField(
        choices=[(name, name) for name in SCOPES],
        default="holdings",
        help_text="Accounts: `holdings` are assets and liabilities, `spending` and `income` categories.",
    )


class CounterLineSerializer(serializers.Serializer[Any]):
    account = serializers.IntegerField(
        source="account_id", allow_null=True, help_text="null: of accounts that you do not see, together."
    )
    name = serializers.CharField()
    type = serializers.CharField()
    amount = serializers.SerializerMethodField()
    currency = serializers.CharField()
    memo = serializers.CharField(allow_blank=True)

    def get_amount(self, line: Any) -> str:
        return money.format_amount(line.amount, currency=line.currency)


class RegisterRowSerializer(serializers.Serializer[RegisterRow]):
    account = serializers.IntegerField(source="account.pk")
    currency = serializers.CharField(source="account.currency")
    entry = serializers.UUIDField(source="entry_uid")
    date = serializers.DateField()
    payee = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    memo = serializers.CharField(allow_blank=True)
    amount = serializers.SerializerMethodField(help_text="Debit positive.")
    balance = serializers.SerializerMethodField(
        allow_null=True, help_text="After this line; null in a register of several accounts."
    )
    source = serializers.ChoiceField(choices=JournalEntry.Source.choices)  # type: ignore[assignment]
    is_reversal = serializers.BooleanField()
    is_reversed = serializers.BooleanField()
    is_correction = serializers.BooleanField()
    mark = serializers.SerializerMethodField(help_text="`none`, `cleared`, or `reconciled`.")
    counter_lines = CounterLineSerializer(many=True)

    def get_amount(self, row: RegisterRow) -> str:
        return money.format_amount(row.amount, currency=row.account.currency)

    def get_mark(self, row: RegisterRow) -> str:
        marks: dict[int, Mark] = self.context["marks"]
        return str(marks.get(row.line_id, Mark.NONE))

    def get_balance(self, row: RegisterRow) -> str | None:
        return None if row.balance is None else money.format_amount(row.balance, currency=row.account.currency)


class RegisterTotalSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    rows = serializers.IntegerField()
    debits = serializers.CharField(help_text="Of the accounts of the register; not negative.")
    credits = serializers.CharField(help_text="Not negative.")
    net = serializers.CharField(help_text="Debits less credits.")


class BeforeSerializer(serializers.Serializer[Any]):
    start = serializers.DateField()
    end = serializers.DateField()
    totals = RegisterTotalSerializer(many=True)


class SumsSerializer(serializers.Serializer[Any]):
    totals = RegisterTotalSerializer(many=True, help_text="What all rows of all pages add up to, per currency.")
    newest = serializers.IntegerField(
        allow_null=True, help_text="Set if only that many lines, the newest, were looked at: the totals are of those."
    )
    read_to = serializers.DateField(allow_null=True, help_text="The day that they reach back to.")
    before = BeforeSerializer(
        allow_null=True,
        help_text="The same for the period before, of a period under way for its same stretch. Null where the register "
        "has no first and last day, or more lines than are looked at.",
    )


class RegisterSerializer(serializers.Serializer[Any]):
    """A page of the register. It is read from the newest line on, so only `next` leads on."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(
        allow_null=True, help_text="Always null: registers are paged towards older lines only."
    )
    searched_to = serializers.DateField(
        allow_null=True, help_text="Set if a filter has looked back only to this day; follow `next` to continue."
    )
    currency = serializers.CharField(allow_null=True, help_text="Of all accounts; null where they differ.")
    sums = SumsSerializer(allow_null=True, help_text="On the first page only.")
    results = RegisterRowSerializer(many=True)


ROW = {
    "account": 17,
    "currency": "EUR",
    "entry": "0198f2b4-6f0e-7c3a-9a53-0c5d3f6f1a77",
    "date": "2026-03-14",
    "payee": "Corner shop",
    "description": "",
    "memo": "",
    "amount": "-23.90",
    "balance": "1834.20",
    "source": "api",
    "is_reversal": False,
    "is_reversed": False,
    "is_correction": False,
    "mark": "cleared",
    "counter_lines": [
        {"account": 52, "name": "Groceries", "type": "expense", "amount": "23.90", "currency": "EUR", "memo": ""}
    ],
}


SUMS = {
    "totals": [{"currency": "EUR", "rows": 1, "debits": "0.00", "credits": "23.90", "net": "-23.90"}],
    "newest": None,
    "read_to": None,
    "before": None,
}
EXAMPLE = OpenApiExample(
    "One line",
    value={"next": None, "previous": None, "searched_to": None, "currency": "EUR", "sums": SUMS, "results": [ROW]},
)

_PAGES = ForwardPages("register")


class RegisterView(BookView):
    """What registers share."""

    serializer_class = RegisterSerializer
    partly = frozenset({"GET"})

    def of_account(self, account_id: int, asked: dict[str, Any]) -> list[Account]:
        """The account, or all accounts inside it. Raises NotFound."""
        account = self.tree.find(account_id, field="account_id")
        together = account.kind == AccountKind.GROUP or asked.get("below")
        return below(account, self.tree.accounts) if together else [account]

    def chosen(self, accounts: list[Account], asked: dict[str, Any]) -> tuple[list[Account], Filters, Period]:
        """The accounts that the filters leave, all filters, and their days. Raises Invalid, AmountInvalid, NotFound."""
        if currency := asked.get("currency"):
            accounts = [account for account in accounts if account.currency == currency]
        if asked.get("period"):
            days = read_period(asked["period"], today=self.today(), pay=pay_rule_of(book=self.book))
        else:
            days = days_between(asked.get("start"), asked.get("end"))
        filters = self._filters(asked, accounts=accounts)
        return accounts, replace(filters, start=days.first, end=days.last), days

    def answer(self, request: Request, *, accounts: list[Account], asked: dict[str, Any]) -> Response:
        """A page of the lines of these accounts that the filters leave, with the sums on the first one."""
        accounts, shown, days = self.chosen(accounts, asked)
        place = _PAGES.place(request)
        page = register_page(accounts=accounts, after=place, limit=limit_of(request), filters=shown)
        currencies = {account.currency for account in accounts}
        body = {
            **_PAGES.body(request, results=page.rows, following=page.next_cursor),
            "searched_to": page.searched_to,
            "currency": currencies.pop() if len(currencies) == 1 else None,
            "sums": None if place else _sums(accounts, shown, days=days, today=self.today()),
        }
        marks = marks_of(line_ids=[row.line_id for row in page.rows])
        return Response(RegisterSerializer(body, context={"marks": marks}).data)

    def _filters(self, asked: dict[str, Any], *, accounts: list[Account]) -> Filters:
        """All filters but the days. Raises AmountInvalid, NotFound."""
        bounds = {name: asked[name] for name in BOUNDS if name in asked}
        counter: list[int] = []
        if "counter_account" in asked:
            chosen = self.tree.find(asked["counter_account"], field="counter_account")
            counter = [chosen.pk, *(account.pk for account in below(chosen, self.tree.accounts))]
        also: tuple[LineCondition, ...] = ()
        if "tag" in asked:
            also = (tagged(tag_ids=[tag_for(book=self.book, tag_id=asked["tag"]).pk]),)
        if "mark" in asked:
            also = (*also, marked(mark=Mark(asked["mark"])))
        filters = Filters(
            search=asked.get("search", ""),
            amounts=_amounts(bounds, accounts=accounts) if bounds else None,
            payee=asked.get("payee", ""),
            counter_account_ids=counter,
            kind=Kind(asked["kind"]) if "kind" in asked else None,
            source=asked.get("source", ""),
            created_by_id=asked.get("created_by"),
            also=also,
            with_superseded=asked.get("with_superseded", False),
        )
        return as_seen(filters, accounts=accounts, book=self.book)


def _amounts(bounds: dict[str, str], *, accounts: list[Account]) -> dict[str, AmountRange]:
    """The bounds in each currency that can hold them. Raises AmountInvalid where none can."""
    found: dict[str, AmountRange] = {}
    refusal: AmountInvalid | None = None
    for currency in sorted({account.currency for account in accounts}):
        try:
            least, most = (
                money.parse_amount(bounds[name], currency=currency, field=name) if name in bounds else None
                for name in BOUNDS
            )
        except AmountInvalid as error:
            refusal = refusal or error
        else:
            found[currency] = AmountRange(least=least, most=most, signed=True)
    if not found and refusal:
        raise refusal
    return found


def _sums(accounts: list[Account], filters: Filters, *, days: Period, today: datetime.date) -> dict[str, Any]:
    sums = register_sums(accounts=accounts, filters=filters)
    body: dict[str, Any] = {
        "totals": _totals(sums),
        "newest": sums.newest,
        "read_to": sums.read_to,
        "before": None,
    }
    if sums.newest is None and (earlier := days.before()):
        stretch = days.same_stretch(earlier, today=today)
        past = register_sums(accounts=accounts, filters=replace(filters, start=stretch.first, end=stretch.last))
        if past.newest is None:
            body["before"] = {"start": stretch.first, "end": stretch.last, "totals": _totals(past)}
    return body


def _totals(sums: RegisterSums) -> list[dict[str, Any]]:
    return [
        {
            "currency": currency,
            "rows": each.rows,
            "debits": money.format_amount(each.debit, currency=currency),
            "credits": money.format_amount(each.credit, currency=currency),
            "net": money.format_amount(each.net, currency=currency),
        }
        for currency, each in sums.totals().items()
    ]


@extend_schema_view(
    get=extend_schema(
        operation_id="accounts_register",
        summary="An account's register",
        description="Newest first. Of one account with the balance after each line, of a group with the lines of all "
        "accounts inside it. Amounts are debit positive, each in its account's currency.",
        parameters=[RegisterQuery, *PAGE_PARAMETERS],
        responses=RegisterSerializer,
        examples=[EXAMPLE],
    )
)
@extend_schema(tags=["accounts"])
class Register(RegisterView):
    """The lines of an account or group, newest first."""

    @from_replica
    def get(self, request: Request, book_id: int, account_id: int) -> Response:
        asked = query_of(request, RegisterQuery)
        return self.answer(request, accounts=self.of_account(account_id, asked), asked=asked)


@extend_schema_view(
    get=extend_schema(
        operation_id="books_register",
        summary="A register of the whole book",
        description="The lines of all assets and liabilities, of all spending, or of all income, newest first.",
        parameters=[ScopeQuery, *PAGE_PARAMETERS],
        responses=RegisterSerializer,
        examples=[EXAMPLE],
    )
)
@extend_schema(tags=["accounts"])
class BookRegister(RegisterView):
    """The lines of all accounts of some types, newest first."""

    @from_replica
    def get(self, request: Request, book_id: int) -> Response:
        asked = query_of(request, ScopeQuery)
        return self.answer(request, accounts=accounts_in(scope=asked["scope"], tree=self.tree.accounts), asked=asked)
