"""Refunds of shared bills: every share falls by its part, in one entry, and the parts sum."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finance.errors import Conflict, Invalid, NotFound
from finance.ledger.selectors import balances_of
from finance.models import CostGroup, SharedBill
from finance.receivables import selectors, services
from finance.receivables.splitting import ME, given_back, shared_out
from finance.tests.receivables.conftest import DAY


@pytest.fixture
def refund(book, owner, accounts):
    def save(bill, amount, receiver=ME, account=None):
        bill = selectors.bill_for(book=book, bill_id=bill.pk)
        return services.refund_bill(
            bill=bill, actor=owner, date=DAY, amount=amount, receiver=receiver,
            account=account or (accounts.checking if receiver == ME else None),
        )  # fmt: skip

    return save


def owed(book, *people):
    found = selectors.owed_by(book=book, as_of=DAY)
    return [sum(each.balance for each in found.get(person.pk, [])) for person in people]


def parts(bill):
    return {row.party: row.owed for row in selectors.shares_shown(bill)}


def test_a_shop_gives_back_a_part_of_a_bill_of_three(book, share, refund, ben, cleo, accounts):
    bill = share(100_00, {ME: 100_00}, [ME, ben.pk, cleo.pk])
    made = refund(bill, 30_00)
    assert parts(made) == {ME: -10_00, ben.pk: -10_00, cleo.pk: -10_00}
    assert owed(book, ben, cleo) == [23_33, 23_33]
    amounts = {line.account_id: line.amount for line in made.entry.lines.all()}
    assert sum(amounts.values()) == 0
    assert (amounts[accounts.checking.pk], amounts[accounts.restaurants.pk]) == (30_00, -10_00)
    held = balances_of(account_ids=[accounts.restaurants.pk], as_of=DAY)
    assert held[accounts.restaurants.pk] == 33_34 - 10_00


def test_all_of_it_leaves_nothing_and_no_more_is_taken(book, share, refund, ben, cleo, accounts):
    bill = share(10_00, {ME: 10_00}, [ME, ben.pk, cleo.pk])
    refund(bill, 1)
    with pytest.raises(Invalid, match=r"9\.99 was not refunded"):
        refund(bill, 10_00)
    last = refund(bill, 9_99)
    assert owed(book, ben, cleo) == [0, 0]
    assert balances_of(account_ids=[accounts.restaurants.pk], as_of=DAY)[accounts.restaurants.pk] == 0
    with pytest.raises(Conflict):
        refund(last, 1)


def test_money_that_somebody_else_got_is_owed_by_them(book, share, refund, ben, cleo):
    bill = share(30_00, {ME: 30_00}, [ME, ben.pk, cleo.pk])
    made = refund(bill, 15_00, receiver=ben.pk)
    # He owes us our part, and Cleo hers: that is between them.
    assert owed(book, ben, cleo) == [15_00, 10_00]
    assert made.account is None
    with pytest.raises(Invalid, match="paid the bill or has a share"):
        refund(bill, 1_00, receiver=10**6)


def test_a_refund_counts_with_the_bill_as_it_is_when_it_is_saved(book, owner, share, ben, accounts):
    bill = share(30_00, {ME: 30_00}, [ME, ben.pk])
    read_before = selectors.bill_for(book=book, bill_id=bill.pk)
    share(20_00, {ME: 20_00}, [ME, ben.pk], saved=bill)
    said = {"actor": owner, "date": DAY, "receiver": ME, "account": accounts.checking}
    with pytest.raises(Invalid, match=r"20\.00 was not refunded"):
        services.refund_bill(bill=read_before, amount=30_00, **said)
    made = services.refund_bill(bill=read_before, amount=20_00, **said)
    assert parts(made) == {ME: -10_00, ben.pk: -10_00}
    assert owed(book, ben) == [0]


def test_a_bill_that_was_removed_is_not_written_again(book, owner, share, ben, cleo):
    # One between others: no entry of ours says that it is gone.
    bill = share(30_00, {ben.pk: 30_00}, [ben.pk, cleo.pk])
    services.remove_bill(bill=selectors.bill_for(book=book, bill_id=bill.pk), actor=owner, today=DAY)
    with pytest.raises(NotFound):
        share(20_00, {ben.pk: 20_00}, [ben.pk, cleo.pk], saved=bill)
    with pytest.raises(NotFound):
        services.remove_bill(bill=bill, actor=owner, today=DAY)


def test_a_bill_stays_while_something_of_it_is_refunded(book, owner, share, refund, ben):
    bill = share(30_00, {ME: 30_00}, [ME, ben.pk])
    made = refund(bill, 10_00)
    for each in (bill, made):
        with pytest.raises(Conflict):
            share(31_00, {ME: 31_00}, [ME, ben.pk], saved=selectors.bill_for(book=book, bill_id=each.pk))
    with pytest.raises(Conflict):
        services.remove_bill(bill=selectors.bill_for(book=book, bill_id=bill.pk), actor=owner, today=DAY)
    assert owed(book, ben) == [10_00]
    services.remove_bill(bill=selectors.bill_for(book=book, bill_id=made.pk), actor=owner, today=DAY)
    assert owed(book, ben) == [15_00]
    services.remove_bill(bill=selectors.bill_for(book=book, bill_id=bill.pk), actor=owner, today=DAY)
    assert not SharedBill.objects.exists()


def test_a_group_settles_what_is_left(book, share, refund, ben, cleo):
    group = services.save_group(book=book, name="Flat", people=[ben.pk, cleo.pk])
    bill = share(10_00, {cleo.pk: 10_00}, [ME, ben.pk, cleo.pk], group=group)
    refund(bill, 4_00, receiver=cleo.pk)
    nets = selectors.settle_up(book=book, as_of=DAY, group=group).nets["EUR"]
    assert sum(nets.values()) == 0
    assert nets[ME] == -2_00
    assert nets[ben.pk] == -2_00
    # The next cents go to whoever is behind the exact total of bills less refunds.
    assert selectors.behind(book=book, scope=bill.scope, currency="EUR") == pytest.approx({0: 0, ben.pk: 0, cleo.pk: 0})
    assert "Dinner" in services.give_splitwise(group=CostGroup.objects.get())


@settings(max_examples=40)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=6).filter(any), st.integers(1, 10_000), st.data())
def test_parts_sum_and_never_exceed_what_is_left(weights, total, data):
    weights = dict(enumerate(weights))
    left = shared_out(total=total, weights=weights, payer=0)
    while any(left.values()):
        amount = data.draw(st.integers(1, sum(left.values())))
        parts = given_back(amount=amount, weights=weights, left=left)
        assert sum(parts.values()) == amount
        left = {party: left[party] - parts[party] for party in left}
        assert min(left.values()) >= 0


def test_the_form_on_the_bills_page(send, page, share, ben, accounts):
    bill = share(30_00, {ME: 30_00}, [ME, ben.pk])
    form = {"do": "refund", "refund-amount": "10", "refund-date": "2026-03-12", "refund-received_by": "0"}
    assert "Say which account" in send("editor", f"people/bills/{bill.pk}/", form).content.decode()
    assert send("viewer", f"people/bills/{bill.pk}/", form).status_code == 403
    assert send("editor", f"people/bills/{bill.pk}/", {**form, "refund-account": accounts.cash.pk}).status_code == 302
    made = SharedBill.objects.latest("pk")
    assert "−€5.00" in page("viewer", f"people/bills/{made.pk}/").content.decode()
    assert "−€10.00" in page("viewer", "people/bills/").content.decode()
    assert send("editor", f"people/bills/{made.pk}/", {"do": "remove"}).status_code == 302
