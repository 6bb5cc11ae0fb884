"""What a bank takes for a transfer: the rule's arithmetic, what it refuses, and the one entry that it ends in."""

import pytest

from finance.errors import Conflict, EntryInvalid, Invalid
from finance.ledger import services
from finance.ledger.models import JournalLine
from finance.ledger.transfer_fees import PER_CENT, FeeRule
from finance.models import TransferFee
from finance.tests.conftest import TODAY
from platform_outbox.models import OutboxMessage

BANK = FeeRule(fixed=1_00, fixed_up_to=100_00, share=PER_CENT, maximum=5_00)


@pytest.mark.parametrize(
    ("amount", "fee"), [(50_00, 1_00), (100_00, 1_00), (250_00, 2_50), (500_00, 5_00), (800_00, 5_00)]
)
def test_fixed_up_to_a_bound_then_a_percentage_up_to_a_limit(amount, fee):
    """TRF-03: 1.00 up to 100.00, then 1 %, at most 5.00."""
    assert BANK.fee(amount) == fee


@pytest.mark.parametrize(
    ("rule", "amount", "fee"),
    [
        (FeeRule(fixed=35), 10**12, 35),
        (FeeRule(fixed=35, fixed_up_to=100), 101, 0),
        (FeeRule(share=PER_CENT, minimum=50), 10_00, 50),
        (FeeRule(share=PER_CENT), 50, 1),  # half a cent
        (FeeRule(share=PER_CENT), 49, 0),
        (FeeRule(share=1), 500_000, 1),
        (FeeRule(share=100 * PER_CENT), 10**18, 10**18),
    ],
)
def test_parts_of_a_rule(rule, amount, fee):
    assert rule.fee(amount) == fee


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (FeeRule(), "fixed"),
        (FeeRule(fixed=-1), "fixed"),
        (FeeRule(fixed_up_to=100, share=PER_CENT), "fixed"),
        (FeeRule(share=0), "percent"),
        (FeeRule(share=100 * PER_CENT + 1), "percent"),
        (FeeRule(fixed=1, share=PER_CENT), "fixed_up_to"),
        (FeeRule(fixed=1, minimum=1), "minimum"),
        (FeeRule(share=PER_CENT, minimum=2, maximum=1), "maximum"),
    ],
)
def test_a_rule_that_contradicts_itself_is_refused_by_field(accounts, owner, rule, field):
    with pytest.raises(Invalid) as refused:
        services.save_transfer_fee(account=accounts.checking, actor=owner, category=accounts.rent, rule=rule)
    assert list(refused.value.fields) == [field]


def test_an_account_has_one_rule_that_names_who_set_it(book, accounts, owner, editor):
    fee = services.save_transfer_fee(account=accounts.checking, actor=owner, category=accounts.rent, rule=BANK)
    with pytest.raises(Conflict, match="a transfer fee already"):
        services.save_transfer_fee(account=accounts.checking, actor=owner, category=accounts.rent, rule=BANK)
    services.save_transfer_fee(
        account=accounts.checking, actor=editor, category=accounts.groceries, rule=FeeRule(fixed=50), fee=fee
    )
    fee = TransferFee.objects.get()
    assert (fee.rule(), fee.category, fee.saved_by) == (FeeRule(fixed=50), accounts.groceries, editor)
    services.remove_transfer_fee(fee=fee)
    told = OutboxMessage.objects.filter(event_type__startswith="finance.transfer_fee").order_by("pk")
    assert [event.event_type.rpartition(".")[2] for event in told] == ["saved", "saved", "removed"]


def test_only_accounts_that_hold_money_have_one_and_only_expenses_of_their_currency_take_it(book, accounts, owner):
    dollars = services.open_account(book=book, actor=owner, name="$", type="expense", kind="category", currency="USD")
    for account, category, field in (
        (accounts.rent, accounts.groceries, "account"),
        (accounts.checking, accounts.salary, "category"),
        (accounts.checking, accounts.expenses, "category"),
        (accounts.checking, dollars, "category"),
    ):
        with pytest.raises(Invalid) as refused:
            services.save_transfer_fee(account=account, actor=owner, category=category, rule=BANK)
        assert list(refused.value.fields) == [field]


def test_the_fee_is_part_of_the_entry(book, accounts, owner):
    """TRF-01: 20.00 arrive, 21.50 leave."""
    asked = {"book": book, "actor": owner, "date": TODAY, "source_account": accounts.checking}
    entry = services.transfer(
        **asked, target_account=accounts.savings, amount=20_00, fee=1_50, fee_category=accounts.rent
    )
    lines = dict(JournalLine.objects.filter(entry=entry).values_list("account__name", "amount"))
    assert lines == {"Savings account": 20_00, "Rent": 1_50, "Checking account": -21_50}
    for wrong, field in (
        ({"target_account": accounts.checking}, "target_account"),
        ({"target_account": accounts.rent}, "target_account"),
        ({"target_account": accounts.savings, "amount": 0}, "amount"),
        ({"target_account": accounts.savings, "fee": -1}, "fee"),
        ({"target_account": accounts.savings, "fee": 1}, "fee_category"),
        ({"target_account": accounts.savings, "target_amount": 5}, "target_amount"),
    ):
        with pytest.raises(EntryInvalid) as refused:
            services.transfer(**{**asked, "amount": 20_00, **wrong})
        assert list(refused.value.fields) == [field]
