"""Sharing out, settling, ageing, invoices' figures and Splitwise's file, without a database."""

import datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finance.errors import Invalid
from finance.receivables import splitwise
from finance.receivables.ageing import Bucket, Due, aged, still_open
from finance.receivables.invoicing import InvoiceLine, totals_of
from finance.receivables.settling import Debt, debts_of_bill, net_balances, pairwise, payment, reassigned, simplified
from finance.receivables.splitting import check_exact, shared_out, weight_of

A, B, C = 1, 2, 3
THREE = {A: 1, B: 1, C: 1}


@pytest.mark.parametrize(("total", "shares"), [(10_00, [3_34, 3_33, 3_33]), (1, [1, 0, 0]), (1_00, [34, 33, 33])])
def test_rcv_01_what_is_left_over_goes_to_the_payer_first(total, shares):
    assert list(shared_out(total=total, weights=THREE, payer=A).values()) == shares
    assert shared_out(total=total, weights=THREE, payer=C)[C] == shares[0]


def _share_again_and_again(bills, weights, payer):
    exact, given = dict.fromkeys(weights, Fraction(0)), dict.fromkeys(weights, 0)
    for total in bills:
        behind = {party: exact[party] - given[party] for party in weights}
        for party, amount in shared_out(total=total, weights=weights, payer=payer, behind=behind).items():
            exact[party] += Fraction(total * weights[party], sum(weights.values()))
            given[party] += amount
    return exact, given


def test_rcv_02_whoever_is_furthest_behind_gets_what_is_left_over():
    _exact, given = _share_again_and_again([5_00, 10_00], THREE, A)
    assert given == {A: 5_00, B: 5_00, C: 5_00}
    _exact, given = _share_again_and_again([10_00] * 100, THREE, A)
    assert set(given.values()) <= {333_33, 333_34}
    assert sum(given.values()) == 1000_00


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=25), st.integers(2, 9))
def test_rcv_02_nobody_is_ever_more_than_a_unit_away_from_the_exact_total(bills, parties):
    weights = dict.fromkeys(range(parties), 1)
    exact, given = _share_again_and_again(bills, weights, 0)
    assert sum(given.values()) == sum(bills)
    assert all(abs(exact[party] - given[party]) <= 1 for party in weights)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any))
def test_shares_sum_to_the_bill_and_follow_the_weights(total, weights):
    shares = shared_out(total=total, weights=dict(enumerate(weights)), payer=0)
    assert sum(shares.values()) == total
    for party, weight in enumerate(weights):
        assert abs(shares[party] - Fraction(total * weight, sum(weights))) < 1
        assert weight or not shares[party]


def test_rcv_03_exact_amounts_that_do_not_sum_are_refused_with_an_offer():
    amounts = dict(enumerate([110_11, 209_74, 104_87, 89_14, 10_49]))
    with pytest.raises(Invalid, match=r"0\.01 over: 524\.35 of 524\.34\. With 10\.48 for the last one it fits"):
        check_exact(total=524_34, amounts=amounts, currency="EUR")
    check_exact(total=524_34, amounts={**amounts, 4: 10_48}, currency="EUR")
    with pytest.raises(Invalid, match=r"1\.00 missing"):
        check_exact(total=525_34, amounts={**amounts, 4: 10_48}, currency="EUR")


def test_rcv_04_eight_and_three_people():
    shares = list(shared_out(total=353_16, weights=dict.fromkeys(range(8), 1), payer=0).values())
    assert sorted(shares) == [44_14] * 4 + [44_15] * 4
    assert list(shared_out(total=50_00, weights=THREE, payer=A).values()) == [16_67, 16_67, 16_66]


def test_rcv_06_a_settled_member_stays_settled():
    debts = [Debt(debtor=B, creditor=A, amount=112_00), payment(payer=B, payee=A, amount=112_00)]
    assert (pairwise(debts), set(net_balances(debts).values())) == ([], {0})


def test_rcv_08_pairs_and_the_fewest_payments():
    debts = debts_of_bill(paid={A: 120_00}, owed={A: 40_00, B: 40_00, C: 40_00})
    debts += debts_of_bill(paid={B: 50_00}, owed={B: 25_00, C: 25_00})
    pairs = [Debt(debtor=B, creditor=A, amount=40_00), Debt(debtor=C, creditor=A, amount=40_00)]
    pairs.append(Debt(debtor=C, creditor=B, amount=25_00))
    assert pairwise(debts) == pairs
    assert net_balances(debts) == {A: 80_00, B: -15_00, C: -65_00}
    fewest = [Debt(debtor=B, creditor=A, amount=15_00), Debt(debtor=C, creditor=A, amount=65_00)]
    assert simplified(net_balances(debts)) == fewest
    moves = reassigned(now=pairs, wanted=fewest)
    assert not any(net_balances(moves).values())
    assert pairwise([*pairs, *moves]) == fewest


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=9))
def test_simplified_payments_settle_everybody(nets):
    balances = dict(enumerate([*nets, -sum(nets)]))
    payments = simplified(balances)
    assert len(payments) < len(balances)
    assert {party: net_balances(payments).get(party, 0) for party in balances} == balances


def test_several_payers_of_one_bill():
    assert debts_of_bill(paid={A: 30, B: 30}, owed={A: 20, B: 20, C: 20}) == [
        Debt(debtor=C, creditor=A, amount=10), Debt(debtor=C, creditor=B, amount=10),
    ]  # fmt: skip


def test_weights_have_at_most_four_decimals():
    assert weight_of(Decimal("33.3333"), field="shares") == 333_333
    for bad in ("-1", "0.00001", "NaN", "1000001"):
        with pytest.raises(Invalid):
            weight_of(Decimal(bad), field="shares")


def test_ageing_by_days_past_the_due_day():
    today = datetime.date(2026, 3, 31)
    days = {
        0: Bucket.NOT_DUE,
        1: Bucket.TO_30,
        30: Bucket.TO_30,
        31: Bucket.TO_60,
        61: Bucket.TO_90,
        91: Bucket.OVER_90,
    }
    for late, bucket in days.items():
        assert aged(open_amounts=[(today - datetime.timedelta(days=late), 5)], today=today)[bucket] == 5
    assert sum(aged(open_amounts=[], today=today).values()) == 0


def test_what_is_paid_back_covers_the_oldest_due_day_first():
    dues = [Due(key=1, due=datetime.date(2026, 1, 1), amount=60), Due(key=2, due=datetime.date(2026, 2, 1), amount=40)]
    assert still_open(dues=dues, balance=100) == {2: 40, 1: 60}
    assert still_open(dues=dues, balance=70) == {2: 40, 1: 30}
    assert still_open(dues=dues, balance=-5) == {2: 0, 1: 0}


def test_tax_of_an_invoice_is_rounded_once_per_rate():
    def line(quantity, price, rate):
        return InvoiceLine(text="x", quantity=Decimal(quantity), price=price, rate=Decimal(rate))

    sums = totals_of([line("1.5", 33_33, "19"), line("3", 33, "19"), line("1", 10_00, "7")])
    # 49.995 → 50.00; 19 % of 50.99 is 9.6881; 7 % of 10.00 is 0.70
    assert [(each.net, each.tax) for each in sums.taxes] == [(10_00, 70), (50_99, 9_69)]
    assert (sums.net, sums.tax, sums.gross) == (60_99, 10_39, 71_38)


SPLITWISE = """Date,Description,Category,Cost,Currency,Olga,Ben,Cleo
2026-03-01,Dinner,Dining out,120.00,EUR,80.00,-40.00,-40.00
2026-03-02,Taxi,Taxi,50.00,EUR,0.00,25.00,-25.00
2026-03-03,Ben paid Olga,Payment,40.00,EUR,-40.00,40.00,0.00
2026-03-04,Boat,General,30.00,EUR,10.00,10.00,-20.00
2026-03-05,Odd,General,30.00,EUR,10.00,10.00,-19.00

2026-03-05,Total balance, , ,EUR,40.00,25.00,-65.00
"""


def test_splitwise_is_read_row_by_row():
    file = splitwise.read(SPLITWISE)
    assert file.names == ["Olga", "Ben", "Cleo"]
    assert [(row.description, row.cost, row.is_payment) for row in file.rows] == [
        ("Dinner", 120_00, False), ("Taxi", 50_00, False), ("Ben paid Olga", 40_00, True),
    ]  # fmt: skip
    assert [line for line, _reason in file.refused] == [5, 6]
    again = splitwise.read(splitwise.write(names=file.names, rows=file.rows))
    assert [(row.date, row.nets, row.cost) for row in again.rows] == [
        (row.date, row.nets, row.cost) for row in file.rows
    ]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "Date,Description,Category,Cost,Currency\n", "x" * 2_000_001])
def test_what_is_no_export_of_splitwise_is_refused(text):
    with pytest.raises(Invalid):
        splitwise.read(text)
