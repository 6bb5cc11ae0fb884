"""What loans look like on the wire: terms, tables, payments, and what is computed of them."""

import datetime
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.queries import QuerySerializer
from core.api.serializers import StrictSerializer
from finance import money
from finance.api.fields import AMOUNT_SCHEMA, AccountReferenceField, AmountField
from finance.errors import Invalid
from finance.periods import WeekendShift
from finance.planning.loans.arithmetic import Effect, Method, Movement, RateChange, Row, RowKind, Table, Terms
from finance.planning.loans.day_counts import DayCount
from finance.planning.loans.models import ExtraEffect, LoanDayCount, LoanMethod, LoanRate, LoanUnit
from finance.planning.loans.payoff import Payoff, Strategy
from finance.planning.loans.selectors import LoanState
from finance.planning.loans.splits import Split
from finance.planning.recurrence import Unit

# As pay periods have them.
SHIFTS = [(each.value, each.value) for each in WeekendShift]
ROW_KINDS = [(each.value, each.value) for each in RowKind]
MOVEMENT_KINDS = [("extra", "extra"), ("drawdown", "drawdown")]
ROW = {
    "number": 1, "kind": "payment", "date": "2026-02-01", "days": 30, "percent": "6", "payment": "1199.10",
    "interest": "1000.00", "principal": "199.10", "fee": "0.00", "total": "1199.10", "balance": "199800.90",
}  # fmt: skip
TERMS = {
    "name": "House", "account": "Liabilities:Mortgage", "principal": "200000.00", "percent": "6", "start": "2026-01-01",
    "first_payment": "2026-02-01", "payments": 360, "pays_from": "Assets:Checking account",
    "interest_account": "Expenses:Fees",
}  # fmt: skip
SUMMARY = {
    "level_payment": "1199.10", "last_payment": "1200.14", "number_of_payments": 360, "total_interest": "231677.04",
    "total_fees": "0.00", "ends": "2056-01-01",
}  # fmt: skip
LOAN = {
    **TERMS, "id": 4, "account": 31, "lent": False, "currency": "EUR", "method": "annuity", "payment": None,
    "unit": "month", "every": 1, "day_count": "30/360", "grace": 0, "fee": "0.00", "shift": "none", "pays_from": 3,
    "interest_account": 22, "fee_account": None, "share": None, "partner_account": None, "contribution_account": None,
    **SUMMARY, "owed": "200000.00", "owed_by_table": "200000.00", "difference": "0.00", "interest_left": "231677.04",
    "next": ROW,
}  # fmt: skip


@extend_schema_field(AMOUNT_SCHEMA)
class ShownAmount(serializers.CharField):
    """A decimal string of the loan's currency."""


class LoanRowSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="Payments count from 1; other rows have the number of the one before.")
    kind = serializers.ChoiceField(choices=ROW_KINDS)
    date = serializers.DateField()
    days = serializers.IntegerField(help_text="Days of interest by the loan's convention.")
    percent = serializers.CharField(help_text="The rate of the year.")
    payment = ShownAmount(help_text="interest + principal")
    interest = ShownAmount()
    principal = ShownAmount(help_text="Below zero for a drawdown.")
    fee = ShownAmount()
    total = ShownAmount(help_text="payment + fee")
    balance = ShownAmount(help_text="What is owed afterwards; 0 in the last row.")


def shown_row(row: Row, *, currency: str) -> dict[str, Any]:
    """A row of a table as it is answered."""
    amounts = ("payment", "interest", "principal", "fee", "total", "balance")
    return {
        "number": row.number, "kind": row.kind.value, "date": row.date, "days": row.days,
        "percent": f"{row.percent.normalize():f}",
        **{name: money.format_amount(getattr(row, name), currency=currency) for name in amounts},
    }  # fmt: skip


class LoanSummarySerializer(serializers.Serializer[Any]):
    level_payment = ShownAmount(help_text="The usual payment, without the fee.")
    last_payment = ShownAmount(help_text="It clears what is left.")
    number_of_payments = serializers.IntegerField()
    total_interest = ShownAmount()
    total_fees = ShownAmount()
    ends = serializers.DateField(help_text="Day of the last payment.")


def shown_summary(table: Table, *, currency: str) -> dict[str, Any]:
    """What a table comes to."""
    amounts = {
        "level_payment": table.level, "last_payment": table.instalments[-1].payment,
        "total_interest": table.interest, "total_fees": table.fees,
    }  # fmt: skip
    return {
        **{name: money.format_amount(amount, currency=currency) for name, amount in amounts.items()},
        "number_of_payments": len(table.instalments), "ends": table.rows[-1].date,
    }  # fmt: skip


class LoanTermsFields(StrictSerializer):
    """What was agreed."""

    principal = AmountField(help_text="What was lent, in the account's currency.")
    percent = serializers.DecimalField(
        max_digits=10, decimal_places=6, help_text="Interest of a year at the beginning."
    )
    start = serializers.DateField(help_text="The day on which it was paid out; interest begins.")
    first_payment = serializers.DateField(help_text="The first due day; later ones keep its day of the month.")
    method = serializers.ChoiceField(choices=LoanMethod.choices, required=False, help_text="Default: annuity.")
    payments = serializers.IntegerField(required=False, allow_null=True, help_text="Their number, from 1 to 1200.")
    payment = AmountField(
        required=False,
        allow_null=True,
        help_text="The agreed payment of an annuity without its fee. Default: computed from the number of payments. "
        "Without `payments` the loan runs until this has cleared it.",
    )
    unit = serializers.ChoiceField(choices=LoanUnit.choices, required=False, help_text="Default: month.")
    every = serializers.IntegerField(required=False, help_text="A payment every so many units. Default: 1.")
    day_count = serializers.ChoiceField(
        choices=LoanDayCount.choices,
        required=False,
        help_text="How days become a part of a year. 30/360 (default): a whole month is a twelfth.",
    )
    grace = serializers.IntegerField(required=False, help_text="The first payments that are only interest. Default: 0.")
    fee = AmountField(required=False, help_text="On top of each payment. Default: 0.")


class NewLoan(LoanTermsFields):
    name = serializers.CharField(max_length=120)
    account = AccountReferenceField(help_text="A liability (borrowed) or an asset (lent) with no loan yet.")
    shift = serializers.ChoiceField(
        choices=SHIFTS, required=False, help_text="Where the bank books a due day on a weekend. Default: none."
    )
    pays_from = AccountReferenceField(required=False, allow_null=True)
    interest_account = AccountReferenceField(required=False, allow_null=True)
    fee_account = AccountReferenceField(required=False, allow_null=True)
    share = serializers.DecimalField(
        max_digits=7,
        decimal_places=4,
        required=False,
        allow_null=True,
        help_text="Our part of a shared loan, per cent.",
    )
    partner_account = AccountReferenceField(
        required=False, allow_null=True, help_text="What the other owes us for their part of each payment."
    )
    contribution_account = AccountReferenceField(
        required=False, allow_null=True, help_text="Income or equity: the other's part of the principal."
    )


class LoanChange(NewLoan):
    """What is to change; the account stays."""

    whole = False
    account = None  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "partial": True})


class LoanSerializer(LoanSummarySerializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    account = serializers.IntegerField()
    lent = serializers.BooleanField(help_text="Whether we are owed, not owing.")
    currency = serializers.CharField()
    method = serializers.ChoiceField(choices=LoanMethod.choices)
    principal = ShownAmount()
    percent = serializers.CharField()
    start = serializers.DateField()
    first_payment = serializers.DateField()
    payments = serializers.IntegerField(allow_null=True)
    payment = ShownAmount(allow_null=True)
    unit = serializers.ChoiceField(choices=LoanUnit.choices)
    every = serializers.IntegerField()
    day_count = serializers.ChoiceField(choices=LoanDayCount.choices)
    grace = serializers.IntegerField()
    fee = ShownAmount()
    shift = serializers.ChoiceField(choices=SHIFTS)
    pays_from = serializers.IntegerField(allow_null=True)
    interest_account = serializers.IntegerField(allow_null=True)
    fee_account = serializers.IntegerField(allow_null=True)
    share = serializers.CharField(allow_null=True)
    partner_account = serializers.IntegerField(allow_null=True)
    contribution_account = serializers.IntegerField(allow_null=True)
    owed = ShownAmount(help_text="By the books, today: the balance of the account.")
    owed_by_table = ShownAmount(help_text="By the table, today.")
    difference = ShownAmount(help_text="owed − owed_by_table")
    interest_left = ShownAmount(help_text="Interest of all open instalments.")
    next = LoanRowSerializer(allow_null=True, help_text="The first open instalment; null once it is paid back.")


def shown_loan(state: LoanState) -> dict[str, Any]:
    """A loan as it is answered."""
    loan, currency = state.loan, state.loan.currency
    same = ("name", "currency", "method", "start", "first_payment", "payments", "unit", "every", "day_count", "grace")
    accounts = ("account", "pays_from", "interest_account", "fee_account", "partner_account", "contribution_account")
    amounts = {
        "principal": loan.principal, "fee": loan.fee, "owed": state.by_books, "owed_by_table": state.by_table,
        "difference": state.difference, "interest_left": state.interest_left,
    }  # fmt: skip
    following = state.next
    return {
        "id": loan.pk, "lent": loan.is_lent, "shift": loan.shift,
        **{name: getattr(loan, name) for name in same},
        **{name: getattr(loan, f"{name}_id") for name in accounts},
        **{name: money.format_amount(amount, currency=currency) for name, amount in amounts.items()},
        "percent": f"{loan.percent.normalize():f}",
        "payment": None if loan.payment is None else money.format_amount(loan.payment, currency=currency),
        "share": None if loan.share is None else f"{loan.share.normalize():f}",
        **shown_summary(state.table, currency=currency),
        "next": None if following is None else shown_row(following, currency=currency),
    }  # fmt: skip


class LoanRateSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    since = serializers.DateField()
    percent = serializers.CharField()
    payment = ShownAmount(allow_null=True, help_text="The payment that was agreed from then on.")


def shown_rate(rate: LoanRate, *, currency: str) -> dict[str, Any]:
    """A change of the rate as it is answered."""
    return {
        "id": rate.pk, "since": rate.since, "percent": f"{rate.percent.normalize():f}",
        "payment": None if rate.payment is None else money.format_amount(rate.payment, currency=currency),
    }  # fmt: skip


class NewLoanRate(StrictSerializer):
    since = serializers.DateField(help_text="From this day on; it replaces a rate of the same day.")
    percent = serializers.DecimalField(max_digits=10, decimal_places=6)
    payment = AmountField(
        required=False,
        allow_null=True,
        help_text="The payment that was agreed. Default: an annuity is spread again over the payments that are left.",
    )


class LoanMovementSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    date = serializers.DateField()
    kind = serializers.ChoiceField(choices=MOVEMENT_KINDS)
    amount = ShownAmount()
    effect = serializers.ChoiceField(choices=ExtraEffect.choices)
    entry = serializers.UUIDField(allow_null=True, help_text="The entry that posted it; null: it is planned.")


class LoanMovementFields(StrictSerializer):
    date = serializers.DateField()
    kind = serializers.ChoiceField(choices=MOVEMENT_KINDS, help_text="Paid besides, or more of it paid out.")
    amount = AmountField(help_text="More than zero.")
    effect = serializers.ChoiceField(
        choices=ExtraEffect.choices,
        required=False,
        help_text="Of an extra payment: the loan ends earlier (default), or later payments are lower. A drawdown always "
        "raises later payments.",
    )


class NewLoanMovement(LoanMovementFields):
    money_account = AccountReferenceField(
        required=False, help_text="Where the money comes from or goes to: it is posted. Without it, it is a plan."
    )


class NewLoanPayment(StrictSerializer):
    """Either `entry`, which is in the books already, or what is to be posted."""

    date = serializers.DateField(required=False, help_text="Default: today.")
    amount = AmountField(required=False, help_text="Default: what is due. What is more or less is principal.")
    due = serializers.DateField(required=False, help_text="Which instalment. Default: the nearest unpaid one.")
    pays_from = AccountReferenceField(required=False, help_text="Default: the loan's own.")
    entry = serializers.UUIDField(required=False, help_text="Link this entry instead of posting one.")
    split = serializers.BooleanField(
        required=False,
        help_text="With `entry`: all of the payment was booked on the loan; correct it so that interest and fee get their "
        "own lines.",
    )


class LoanPaymentSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    due = serializers.DateField()
    entry = serializers.UUIDField(allow_null=True, help_text="null: the entry was deleted, so it is unpaid again.")
    date = serializers.DateField(allow_null=True)


class LinkAllPayments(StrictSerializer):
    split = serializers.BooleanField(required=False, default=False)


class LinkedPayments(serializers.Serializer[Any]):
    linked = serializers.IntegerField(help_text="How many entries.")


class UnlinkedPaymentSerializer(serializers.Serializer[Any]):
    entry = serializers.UUIDField()
    date = serializers.DateField()
    payee = serializers.CharField()
    amount = ShownAmount(help_text="What it took off the loan.")
    due = serializers.DateField(help_text="The unpaid instalment that it is nearest to.")
    whole = serializers.BooleanField(help_text="Its interest was booked on the loan, too: link it with `split`.")


class LoanSplitLineSerializer(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    amount = ShownAmount(help_text="Debit +, credit −.")


class LoanSplitSerializer(serializers.Serializer[Any]):
    due = serializers.DateField()
    number = serializers.IntegerField()
    amount = ShownAmount()
    principal = ShownAmount()
    interest = ShownAmount()
    fee = ShownAmount()
    my_interest = ShownAmount(help_text="Our part of the interest; all of it where the loan is not shared.")
    my_fee = ShownAmount()
    claim = ShownAmount(help_text="What the other owes us for this payment.")
    contribution = ShownAmount(help_text="The other's part of the principal.")
    lines = LoanSplitLineSerializer(many=True, help_text="The entry that `payments` would post.")


def shown_split(row: Row, parts: Split, lines: Mapping[int, int], *, currency: str) -> dict[str, Any]:
    """A proposed split as it is answered."""
    names = ("amount", "principal", "interest", "fee", "my_interest", "my_fee", "claim", "contribution")
    return {
        "due": row.date, "number": row.number,
        **{name: money.format_amount(getattr(parts, name), currency=currency) for name in names},
        "lines": [
            {"account": account, "amount": money.format_amount(amount, currency=currency)}
            for account, amount in lines.items()
        ],
    }  # fmt: skip


class LoanSplitQuery(QuerySerializer):
    date = serializers.DateField(required=False, help_text="Day of the payment. Default: today.")
    amount = AmountField(required=False, help_text="Default: what is due.")
    due = serializers.DateField(required=False, help_text="Which instalment. Default: the nearest unpaid one.")


class NewLoanCharge(StrictSerializer):
    date = serializers.DateField()
    amount = AmountField(help_text="Added to what is owed.")
    category = AccountReferenceField(required=False, help_text="Default: the loan's category of interest.")


class LoanChargeSerializer(serializers.Serializer[Any]):
    entry = serializers.UUIDField()
    owed = ShownAmount(help_text="By the books, today.")


class LoanCalculationFields(LoanTermsFields):
    """Terms of a loan that is not kept."""

    currency = serializers.CharField(required=False, max_length=8, help_text="Default: the book's.")
    rates = NewLoanRate(many=True, required=False)
    movements = LoanMovementFields(many=True, required=False)


class LoanCalculationSerializer(LoanSummarySerializer):
    currency = serializers.CharField()
    day_count = serializers.ChoiceField(choices=LoanDayCount.choices)
    rows = LoanRowSerializer(many=True, help_text="All of them: at most 1200 payments and 500 movements.")


def terms_given(given: Mapping[str, Any], *, currency: str) -> dict[str, Any]:
    """Fields of terms with amounts in minor units; only those that were given."""
    found = dict(given)
    for name in ("principal", "payment", "fee"):
        if found.get(name) is not None:
            found[name] = money.parse_amount(found[name], currency=currency, field=name)
    return found


def calculated_terms(given: Mapping[str, Any], *, currency: str) -> Terms:
    """The terms of a calculation. Raises Invalid and AmountInvalid, which name the field."""
    known = terms_given({name: value for name, value in given.items() if name != "currency"}, currency=currency)
    rates = [
        RateChange(
            since=each["since"], percent=each["percent"], payment=terms_given(each, currency=currency).get("payment")
        )
        for each in known.pop("rates", [])
    ]
    movements = [
        Movement(
            date=each["date"],
            amount=signed_amount(each, currency=currency),
            effect=Effect(each.get("effect", "shorten")),
        )
        for each in known.pop("movements", [])
    ]
    for name, kind in (("method", Method), ("unit", Unit), ("day_count", DayCount)):
        if name in known:
            known[name] = kind(known[name])
    return Terms(**{**known, "rates": tuple(rates), "movements": tuple(movements)})


def signed_amount(movement: Mapping[str, Any], *, currency: str) -> int:
    """Minor units of a movement, below zero for a drawdown. Raises AmountInvalid, Invalid."""
    amount = money.parse_amount(movement["amount"], currency=currency, field="amount")
    if amount <= 0:
        raise Invalid(field="amount", reason=_("An amount is more than zero here; its kind says which way it goes."))
    return -amount if movement["kind"] == "drawdown" else amount


class LoanDebtFields(StrictSerializer):
    name = serializers.CharField(max_length=120)
    balance = AmountField()
    percent = serializers.DecimalField(max_digits=10, decimal_places=6)
    minimum = AmountField(help_text="What is paid each month in any case.")


class NewLoanPayoff(StrictSerializer):
    extra = AmountField(required=False, help_text="Paid each month besides. Default: 0.")
    currency = serializers.CharField(required=False, max_length=8, help_text="Default: the book's.")
    debts = LoanDebtFields(
        many=True, required=False, help_text="Default: what the book owes on its loans in that currency."
    )
    order = serializers.ListField(
        child=serializers.IntegerField(),
        required=False,
        help_text="An order of your own: places in `debts` from 0. It is compared as `custom`.",
    )


class LoanDebtSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    balance = ShownAmount()
    percent = serializers.CharField()
    minimum = ShownAmount()


class LoanPayoffSerializer(serializers.Serializer[Any]):
    strategy = serializers.ChoiceField(choices=["minimum", *(each.value for each in Strategy)])
    order = serializers.ListField(child=serializers.IntegerField(), help_text="Places in `debts`.")
    months = serializers.IntegerField(allow_null=True, help_text="null: it never ends.")
    interest = ShownAmount(allow_null=True)
    interest_saved = ShownAmount(allow_null=True, help_text="Against paying only the minimums.")
    months_saved = serializers.IntegerField(allow_null=True)
    paid_in = serializers.ListField(child=serializers.IntegerField(), help_text="Month in which each debt is gone.")
    owed = serializers.ListField(child=serializers.CharField(), help_text="What is owed after each month.")


class LoanComparisonSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    debts = LoanDebtSerializer(many=True)
    strategies = LoanPayoffSerializer(many=True)


def shown_payoff(
    name: str, order: list[int], found: Payoff | None, least: Payoff | None, *, currency: str
) -> dict[str, Any]:
    """One strategy as it is answered, against paying only the minimums."""

    def text(amount: int) -> str:
        return money.format_amount(amount, currency=currency)

    return {
        "strategy": name, "order": order,
        "months": found.months if found else None,
        "interest": text(found.interest) if found else None,
        "interest_saved": text(least.interest - found.interest) if found and least else None,
        "months_saved": least.months - found.months if found and least else None,
        "paid_in": list(found.paid_in) if found else [],
        "owed": [text(amount) for amount in found.owed] if found else [],
    }  # fmt: skip


def place_after(place: str | None) -> int:
    """The index of the row at which a page of the table begins. Raises ValueError."""
    return 0 if place is None else int(place)


def day_after(place: str | None) -> datetime.date | None:
    """The day before which a page of statements begins. Raises ValueError."""
    return None if place is None else datetime.date.fromisoformat(place)
