"""Loan tables against published examples and the field cases, and properties of all tables."""

import datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance.errors import Invalid
from finance.money import divided
from finance.planning.loans.arithmetic import (
    Effect,
    Method,
    Movement,
    RateChange,
    RowKind,
    Table,
    Terms,
    amortise,
    level_payment,
)
from finance.planning.loans.day_counts import DayCount, days_between, year_fraction
from finance.planning.loans.payoff import Debt, Strategy, ordered, pay_off
from finance.planning.recurrence import Unit

D = datetime.date
START, FIRST = D(2025, 1, 1), D(2025, 2, 1)


def table(*, principal: int, percent: str, payments: int | None = None, **more: object) -> Table:
    more.setdefault("start", START)
    more.setdefault("first_payment", FIRST)
    return amortise(Terms(principal=principal, percent=Decimal(percent), payments=payments, **more))  # type: ignore[arg-type]


def check(found: Table, principal: int) -> None:
    """What holds for every table."""
    owed = principal
    for row in found.rows:
        assert row.total == row.interest + row.principal + row.fee
        assert row.interest >= 0
        owed -= row.principal
        assert row.balance == owed >= 0
    assert owed == 0
    assert [row.date for row in found.rows] == sorted(row.date for row in found.rows)


# (case, principal, percent, payments, level payment, last payment, all interest)
TO_THE_CENT = [
    ("LOA-05 first", 30000000, "5", 360, 161046, 161455, 27976969),
    ("LOA-05 second", 32000000, "5", 360, 171783, 171740, 29841837),
    ("LOA-06", 20000000, "6", 360, 119910, 120014, 23167704),
    ("LOA-07 euros", 100000, "0", 3, 33333, 33334, 0),
    ("LOA-07 yen", 1000, "0", 3, 333, 334, 0),
    ("LOA-08", 10000000, "4.5", 60, 186430, 186443, 1185813),
    ("LOA-10", 10000000, "6", 12, 860664, 860669, 327973),
]


@pytest.mark.parametrize("case", TO_THE_CENT, ids=lambda case: case[0])
def test_field_cases_to_the_cent(case: tuple[str, int, str, int, int, int, int]) -> None:
    _name, principal, percent, payments, level, last, interest = case
    found = table(principal=principal, percent=percent, payments=payments)
    assert (found.level, found.rows[-1].payment, found.interest) == (level, last, interest)
    assert len(found.rows) == payments
    check(found, principal)


def test_loa_01_days_of_a_month() -> None:
    """300,000.00 at 6 %: act/365 by the days of each month; 30/360 the same every month; a year has 18,000.00 on both."""

    def interest(first: D, last: D, count: DayCount) -> int:
        exact = 30000000 * Fraction(6, 100) * year_fraction(first=first, last=last, count=count)
        return divided(exact.numerator, exact.denominator)

    months = [(D(2025, 1, 1), D(2025, 2, 1)), (D(2025, 2, 1), D(2025, 3, 1)), (D(2025, 4, 1), D(2025, 5, 1)),
              (D(2024, 2, 1), D(2024, 3, 1))]  # fmt: skip
    assert [interest(*month, DayCount.ACT_365) for month in months] == [152877, 138082, 147945, 143014]
    assert {interest(*month, DayCount.THIRTY_360) for month in months} == {150000}
    for count in (DayCount.ACT_365, DayCount.THIRTY_360):
        assert interest(D(2025, 1, 1), D(2026, 1, 1), count) == 1800000
    found = table(principal=30000000, percent="6", payments=12, method=Method.INTEREST_ONLY, day_count=DayCount.ACT_365)
    assert [row.interest for row in found.rows[:2]] == [152877, 138082]


def test_loa_03_and_12_a_first_period_of_its_own_length() -> None:
    found = table(
        principal=100000000, percent="25", payments=12, start=D(2021, 1, 27), first_payment=D(2021, 2, 1),
        day_count=DayCount.ACT_365,
    )  # fmt: skip
    assert (found.rows[0].days, found.rows[0].interest) == (5, 342466)
    found = table(principal=1000000, percent="6", payments=12, start=D(2025, 1, 15), day_count=DayCount.ACT_365)
    assert [row.date for row in found.rows] == [D(2025, month, 1) for month in range(2, 13)] + [D(2026, 1, 1)]
    assert [row.number for row in found.rows] == list(range(1, 13))
    assert (found.rows[0].days, found.rows[0].interest) == (17, 2795)
    # By 30/360 it has 16 days.
    thirty = table(principal=1000000, percent="6", payments=12, start=D(2025, 1, 15))
    assert (thirty.rows[0].days, thirty.rows[0].interest) == (16, 2667)


def test_loa_10_the_convention_changes_the_interest_and_not_the_payment() -> None:
    for start, first, interest in ((D(2025, 4, 1), D(2025, 5, 1), 49315), (D(2025, 1, 1), D(2025, 2, 1), 50959)):
        found = table(
            principal=10000000, percent="6", payments=12, start=start, first_payment=first, day_count=DayCount.ACT_365
        )
        assert (found.rows[0].interest, found.level) == (interest, 860664)


# Published examples: (where, principal, percent, payments, level payment)
PUBLISHED_PAYMENTS = [
    ("CFPB, Regulation Z, sample form H-25(B)", 16200000, "3.875", 360, 76178),
    ("Wikipedia, Mortgage calculator", 20000000, "6.5", 360, 126414),
    ("Microsoft Excel, PMT", 1000000, "8", 10, 103703),
    ("Lippman, Math in Society, chapter Finance", 14000000, "6", 360, 83937),
    ("numpy-financial, pmt", 20000000, "7.5", 180, 185402),
    ("PyPI amortization, README", 15000000, "10", 36, 484008),
    ("a newsletter of constantcontact.com, USD 300,000 at 4.8 %", 30000000, "4.8", 360, 157400),
]


@pytest.mark.parametrize("case", PUBLISHED_PAYMENTS, ids=lambda case: case[0])
def test_published_payments(case: tuple[str, int, str, int, int]) -> None:
    _where, principal, percent, payments, level = case
    assert level_payment(balance=principal, rate=Fraction(Decimal(percent)) / 1200, periods=payments) == level


def test_published_table_of_numpy_financial() -> None:
    """The example of numpy-financial's ipmt: 2,500 at 8.24 % over 12 months, row by row; it rounds only when it shows."""
    principal = "200.58 201.96 203.35 204.74 206.15 207.56 208.99 210.42 211.87 213.32 214.79 216.26"
    interest = "17.17 15.79 14.40 13.01 11.60 10.18 8.76 7.32 5.88 4.42 2.96 1.49"
    found = table(principal=250000, percent="8.24", payments=12)
    for row, principal_text, interest_text in zip(found.rows, principal.split(), interest.split(), strict=True):
        assert abs(row.principal - int(Decimal(principal_text) * 100)) <= 2
        assert abs(row.interest - int(Decimal(interest_text) * 100)) <= 1
    assert abs(found.interest - 11298) <= 1


def test_published_parts_of_payments_in_microsoft_excel() -> None:
    """Excel's PPMT (2,000 at 10 %, 24 months: first principal 75.62; 200,000 at 8 % a year, 10 years: last 27,598.05),
    IPMT (8,000 at 10 %, 36 months: 66.67), CUMIPMT and CUMPRINC (125,000 at 9 %, 30 years, second year)."""
    assert table(principal=200000, percent="10", payments=24).rows[0].principal == 7562
    yearly = table(principal=20000000, percent="8", payments=10, unit=Unit.MONTH, every=12, first_payment=D(2026, 1, 1))
    assert abs(yearly.rows[-1].principal - 2759805) <= 5
    assert table(principal=800000, percent="10", payments=36).rows[0].interest == 6667
    second_year = table(principal=12500000, percent="9", payments=360).rows[12:24]
    assert abs(sum(row.interest for row in second_year) - 1113523) <= 6
    assert abs(sum(row.principal for row in second_year) - 93411) <= 6


def test_published_balances_after_five_years() -> None:
    """ebrary.net, "Amortization Tables", appendix A: 250,000 at 7 % over 30 years, and at 6.5 % over 15."""
    for percent, payments, owed in (("7", 360, 235328), ("6.5", 180, 191792)):
        found = table(principal=25000000, percent=percent, payments=payments)
        assert abs(found.balance_on(D(2030, 1, 31), principal=25000000) - owed * 100) < 100


def test_published_interest_only() -> None:
    """CFPB form H-24(C): 211,000 at 4 %, interest alone for 60 months: 703.33; and myhomeloantools.com: 170,000 at
    6.625 %, ten years of interest alone, 11,262 a year, then an annuity over 20 years."""
    found = table(principal=21100000, percent="4", payments=360, grace=60)
    assert {row.payment for row in found.rows[:60]} == {70333}
    check(found, 21100000)
    found = table(principal=17000000, percent="6.625", payments=360, grace=120)
    assert abs(sum(row.interest for row in found.rows[:12]) - 1126200) <= 100
    assert found.rows[119].balance == 17000000
    assert found.rows[120].payment == level_payment(
        balance=17000000, rate=Fraction(Decimal("6.625")) / 1200, periods=240
    )
    check(found, 17000000)


def test_published_day_counts() -> None:
    """ISDA, "EMU and market conventions" (1998), examples of act/act: 10,000 at 10 %."""

    def of(first: D, last: D) -> int:
        exact = 1000000 * Fraction(1, 10) * year_fraction(first=first, last=last, count=DayCount.ACT_ACT)
        return divided(exact.numerator, exact.denominator)

    assert of(D(2003, 11, 1), D(2004, 5, 1)) == 49772
    assert of(D(1999, 2, 1), D(1999, 7, 1)) == 41096
    assert of(D(1999, 7, 1), D(2000, 7, 1)) == 100138
    assert of(D(2002, 8, 15), D(2003, 7, 15)) == 91507
    assert of(D(2003, 7, 15), D(2004, 1, 15)) == 50400
    # The two rules for the 31st differ only as the last day of a period that begins before the 30th.
    for first, last, isda, eurobond in (
        (D(2006, 8, 31), D(2007, 2, 28), 178, 178), (D(2007, 2, 28), D(2007, 8, 31), 183, 182),
        (D(2006, 1, 15), D(2006, 1, 31), 16, 15), (D(2006, 1, 30), D(2006, 3, 31), 60, 60),
    ):  # fmt: skip
        assert days_between(first=first, last=last, count=DayCount.THIRTY_360) == isda
        assert days_between(first=first, last=last, count=DayCount.THIRTY_E_360) == eurobond
    assert year_fraction(first=D(2025, 1, 1), last=D(2025, 2, 1), count=DayCount.ACT_360) == Fraction(31, 360)


def test_an_extra_payment_shortens_or_lowers() -> None:
    plain = table(principal=10000000, percent="6", payments=12)
    paid = Movement(date=D(2025, 4, 15), amount=2000000)
    shorter = table(principal=10000000, percent="6", payments=12, movements=(paid,))
    assert len(shorter.instalments) == 10
    assert {row.payment for row in shorter.instalments[:-1]} == {plain.level}
    lower = table(
        principal=10000000, percent="6", payments=12,
        movements=(Movement(date=paid.date, amount=paid.amount, effect=Effect.LOWER),),
    )  # fmt: skip
    assert len(lower.instalments) == 12
    assert lower.instalments[3].payment < plain.level == lower.instalments[2].payment
    # Half of April is borne by what was owed before, 16 of its 30 days by what is left.
    assert shorter.instalments[3].interest == divided(7555828 * 14 + 5555828 * 16, 6000)
    assert shorter.interest < lower.interest < plain.interest
    for found in (shorter, lower):
        check(found, 10000000)
        assert [row.kind for row in found.rows].count(RowKind.EXTRA) == 1


def test_an_extra_payment_before_the_first_one_shortens_too() -> None:
    found = table(
        principal=10000000, percent="6", payments=12, movements=(Movement(date=D(2025, 1, 10), amount=2000000),)
    )
    assert found.level == 860664
    assert len(found.instalments) == 10


def test_rates_change_on_their_day_and_drawdowns_add() -> None:
    found = table(
        principal=10000000, percent="6", payments=24,
        rates=(RateChange(since=D(2025, 7, 16), percent=Decimal(3)),),
        movements=(Movement(date=D(2025, 10, 1), amount=-1000000),),
    )  # fmt: skip
    before, changed, after = found.instalments[5], found.instalments[6], found.instalments[7]
    assert (before.percent, changed.percent) == (6, 3)
    assert changed.interest == divided(before.balance * (15 * 6 + 15 * 3), 36000)
    assert after.payment == changed.payment < before.payment
    check(found, 10000000)
    assert (found.rows[9].kind, found.rows[9].date) == (RowKind.DRAWDOWN, D(2025, 10, 1))
    assert found.rows[9].balance == found.rows[8].balance + 1000000
    agreed = table(
        principal=10000000, percent="6", payments=24,
        rates=(RateChange(since=D(2025, 7, 1), percent=Decimal(3), payment=500000),),
    )  # fmt: skip
    assert agreed.instalments[10].payment == 500000
    assert len(agreed.instalments) == 22  # ends when the agreed payment has cleared it


def test_fixed_principal_and_fees() -> None:
    found = table(principal=1200000, percent="6", payments=12, method=Method.FIXED_PRINCIPAL, fee=250)
    assert {row.principal for row in found.rows} == {100000}
    assert [row.interest for row in found.rows[:2]] == [6000, 5500]
    assert (found.interest, found.fees) == (39000, 3000)
    assert found.rows[0].total == 106250


def test_an_agreed_payment_runs_until_it_is_paid_and_must_cover_the_interest() -> None:
    found = table(principal=10000000, percent="6", payment=860664)
    assert (len(found.rows), found.rows[-1].payment) == (13, 5)
    with pytest.raises(Invalid) as refused:
        table(principal=10000000, percent="6", payment=50000)
    assert "payment" in refused.value.fields
    with pytest.raises(Invalid) as refused:
        table(principal=10000000, percent="6", payments=12, movements=(Movement(date=D(2027, 1, 1), amount=1),))
    assert "movements" in refused.value.fields


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("principal", {"principal": 0}),
        ("first_payment", {"first_payment": START}),
        ("payments", {"payments": 1201}),
        ("payments", {"payments": None}),
        ("payment", {"payment": 0}),
        ("percent", {"percent": Decimal("NaN")}),
        ("percent", {"percent": Decimal("0.0000001")}),
        ("grace", {"grace": 12}),
        ("fee", {"fee": -1}),
        ("every", {"every": 0}),
        ("rates", {"rates": (RateChange(since=START, percent=Decimal(1)),)}),
        ("movements", {"movements": (Movement(date=START, amount=1),)}),
    ],
)
def test_terms_are_refused_by_field(field: str, terms: dict[str, object]) -> None:
    good = {"principal": 100, "percent": Decimal(1), "payments": 12, "start": START, "first_payment": FIRST}
    with pytest.raises(Invalid) as refused:
        Terms(**{**good, **terms})  # type: ignore[arg-type]
    assert field in refused.value.fields


@given(
    principal=st.integers(1, 10**9),
    percent=st.decimals(0, 30, places=3),
    payments=st.integers(1, 60),
    method=st.sampled_from(Method),
    count=st.sampled_from(DayCount),
    start=st.dates(D(1999, 1, 1), D(2030, 12, 31)),
    first_after=st.integers(1, 70),
    every=st.sampled_from([1, 3]),
    grace=st.integers(0, 5),
    changes=st.lists(st.tuples(st.integers(1, 900), st.integers(-(10**6), 10**8), st.sampled_from(Effect)), max_size=3),
    new_percent=st.none() | st.tuples(st.integers(1, 900), st.decimals(0, 30, places=2)),
)
def test_every_table_adds_up(
    principal: int, percent: Decimal, payments: int, method: Method, count: DayCount, start: D, first_after: int,
    every: int, grace: int, changes: list[tuple[int, int, Effect]], new_percent: tuple[int, Decimal] | None,
) -> None:  # fmt: skip
    def later(days: int) -> D:
        return start + datetime.timedelta(days=days)

    terms = Terms(
        principal=principal, percent=percent, payments=payments, method=method, day_count=count, start=start,
        first_payment=later(first_after), every=every, grace=min(grace, payments - 1), fee=7,
        movements=tuple(Movement(date=later(d), amount=a, effect=e) for d, a, e in changes if a),
        rates=(RateChange(since=later(new_percent[0]), percent=new_percent[1]),) if new_percent else (),
    )  # fmt: skip
    try:
        found = amortise(terms)
    except Invalid as refused:
        if "movements" in refused.fields:  # after the loan was paid back
            return
        raise
    check(found, principal)
    assert len(found.instalments) <= payments


def test_snowball_avalanche_and_an_order_of_ones_own() -> None:
    debts = [
        Debt(name="Card", balance=300000, percent=Decimal(20), minimum=9000),
        Debt(name="Car", balance=100000, percent=Decimal(5), minimum=5000),
        Debt(name="Student", balance=500000, percent=Decimal(8), minimum=8000),
    ]
    assert ordered(debts, Strategy.SNOWBALL) == [1, 0, 2]
    assert ordered(debts, Strategy.AVALANCHE) == [0, 2, 1]
    assert ordered(debts, Strategy.CUSTOM, [2, 0, 1]) == [2, 0, 1]
    with pytest.raises(Invalid):
        ordered(debts, Strategy.CUSTOM, [2, 2, 1])
    least = pay_off(debts)
    found = {each: pay_off(debts, extra=10000, order=ordered(debts, each, [2, 0, 1])) for each in Strategy}
    assert found[Strategy.AVALANCHE].interest < found[Strategy.SNOWBALL].interest < least.interest
    assert min(found[Strategy.SNOWBALL].paid_in) == found[Strategy.SNOWBALL].paid_in[1] < min(least.paid_in)
    assert found[Strategy.AVALANCHE].owed[-1] == 0
    # One debt at 0 %: its size over its payments.
    single = pay_off([Debt(name="x", balance=1000, percent=Decimal(0), minimum=300)], extra=100, order=[0])
    assert (single.months, single.interest, single.owed) == (3, 0, (600, 200, 0))
    with pytest.raises(Invalid) as refused:
        pay_off([Debt(name="Card", balance=100000, percent=Decimal(24), minimum=2000)])
    assert "Card" in refused.value.detail
