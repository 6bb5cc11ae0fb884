"""The fee of transfers in the pages: set on the account, filled into the entry form, and never added unseen."""

import pytest

from finance.ledger import services
from finance.ledger.transfer_fees import FeeRule
from finance.models import JournalEntry, TransferFee
from finance.tests.conftest import TODAY


@pytest.fixture
def fee(accounts, owner):
    rule = FeeRule(fixed=1_00, fixed_up_to=100_00, share=10_000, maximum=5_00)
    return services.save_transfer_fee(account=accounts.checking, actor=owner, category=accounts.restaurants, rule=rule)


@pytest.fixture
def move(send, accounts):
    def post(**values):
        data = {"mode": "moved", "date": TODAY.isoformat(), "account": str(accounts.checking.pk), "amount": "250",
                "target": str(accounts.savings.pk), "fee": "", "fee_category": "", "fee_proposed": ""}  # fmt: skip
        return send("editor", "entries/new/", {**data, **values})

    return post


def test_a_fee_is_filled_in_and_asked_about_before_it_is_posted(move, fee, accounts):
    """TRF-03 in the form: 250.00 cost 2.50."""
    html = move().content.decode()
    assert not JournalEntry.objects.exists()
    assert 'name="fee" value="2.50"' in html
    assert "By this account&#x27;s rule" in html
    seen = {"fee": "2.50", "fee_proposed": "2.50", "fee_category": str(accounts.restaurants.pk)}
    assert move(**seen).status_code == 302
    entry = JournalEntry.objects.get()
    assert dict(entry.lines.values_list("account__name", "amount")) == {
        "Savings account": 250_00, "Restaurants": 2_50, "Checking account": -252_50,
    }  # fmt: skip
    assert 'name="fee" value="5.00"' in move(**seen, amount="800").content.decode()


def test_what_was_typed_or_taken_out_stays(move, fee, accounts):
    assert move(fee="0.75", fee_category=str(accounts.rent.pk)).status_code == 302
    assert move(fee_proposed="2.50").status_code == 302
    amounts = [entry.lines.count() for entry in JournalEntry.objects.order_by("pk")]
    assert amounts == [3, 2]


def test_the_fee_can_be_worked_out_before_saving(move, page, fee):
    html = move(propose="1").content.decode()
    assert 'name="fee" value="2.50"' in html
    assert "By this account" not in html
    assert 'name="propose"' in page("editor", "entries/new/", mode="moved").content.decode()
    fee.delete()
    assert 'name="propose"' not in page("editor", "entries/new/", mode="moved").content.decode()
    assert move().status_code == 302


def test_the_rule_is_set_changed_and_removed_on_the_page_of_the_account(page, send, accounts):
    address = f"accounts/{accounts.checking.pk}/transfer-fee/"
    typed = {"fixed": "1,00", "fixed_up_to": "100", "percent": "1", "minimum": "", "maximum": "5",
             "category": str(accounts.restaurants.pk)}  # fmt: skip
    assert send("editor", address, typed).status_code == 302
    assert TransferFee.objects.get().rule().fee(250_00) == 2_50
    html = page("editor", f"accounts/{accounts.checking.pk}/edit/").content.decode()
    assert 'name="maximum" value="5.00"' in html
    assert 'name="percent" value="1"' in html
    for wrong, sentence in (
        ({"percent": "1.00001"}, "at most four decimals"),
        ({"percent": "1e999"}, "at most four decimals"),
        ({"category": ""}, "What is the fee booked as?"),
        ({"fixed_up_to": ""}, "Up to which amount is the fee fixed?"),
    ):
        assert sentence in send("editor", address, {**typed, **wrong}).content.decode()
    for person, status in ((None, 302), ("stranger", 404), ("viewer", 403)):
        assert send(person, address, {}).status_code == status
    assert TransferFee.objects.count() == 1
    assert send("owner", address, dict.fromkeys(typed, "")).status_code == 302
    assert not TransferFee.objects.exists()


def test_categories_have_no_fee(page, accounts):
    assert "Transfer fee" not in page("editor", f"accounts/{accounts.rent.pk}/edit/").content.decode()
