"""The tree of accounts, and the forms that change it."""

import datetime

import pytest

from finance.ledger.selectors import balances
from finance.models import Account
from finance.tests.conftest import TODAY


@pytest.fixture
def add(send):
    def post(**values):
        return send("editor", "accounts/new/", {"purpose": "checking", "currency": "EUR", "name": "Joint", **values})

    return post


def test_an_account_is_added_with_what_it_held(add, book):
    assert add(opening_balance="1 234,50", opened_on="2026-01-01").status_code == 302
    account = Account.objects.get(book=book, name="Joint")
    assert (account.type, account.kind, account.parent.name) == ("asset", "checking", "Assets")
    assert balances(book=book)[account.pk] == 123_450


def test_what_is_owed_begins_with_a_minus(add, book):
    add(name="Loan", purpose="loan", opening_balance="-5000", opened_on="2026-01-01")
    account = Account.objects.get(book=book, name="Loan")
    assert account.parent.name == "Liabilities"
    assert balances(book=book)[account.pk] == -500_000


def test_a_category_is_put_where_the_person_says(add, book):
    food = Account.objects.get(book=book, name="Food")
    add(name="Bakery", purpose="expense", parent=str(food.pk))
    assert Account.objects.get(book=book, name="Bakery").parent == food


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"name": "Cash", "purpose": "cash"}, "There is already an account named Cash"),
        ({"opening_balance": "12.3456", "opened_on": "2026-01-01"}, "more than the 2 decimals"),
        ({"opening_balance": "5"}, "An opening balance needs its date"),
        ({"currency": "XXQ"}, "Select a valid choice"),
        ({"name": " "}, "This field is required"),
    ],
)
def test_a_refused_account_says_why_and_keeps_what_was_typed(add, book, values, sentence):
    before = book.accounts.count()
    html = add(**values).content.decode()
    assert sentence in html
    assert 'aria-invalid="true"' in html
    assert book.accounts.count() == before


def test_a_parent_of_another_type_is_refused(add, book, accounts):
    html = add(name="Odd", purpose="expense", parent=str(accounts.checking.parent_id)).content.decode()
    assert "Assets is listed under “We own”; choose a place under “Spending”." in html


def test_an_account_is_renamed_and_moved_without_touching_entries(send, spend, accounts, book):
    spend(1_000)
    send("editor", f"accounts/{accounts.groceries.pk}/rename/", {"name": "Supermarket"})
    send("editor", f"accounts/{accounts.groceries.pk}/move/", {"parent": str(accounts.expenses.pk)})
    accounts.groceries.refresh_from_db()
    assert (accounts.groceries.name, accounts.groceries.parent_id) == ("Supermarket", accounts.expenses.pk)
    assert balances(book=book)[accounts.groceries.pk] == 1_000


def test_a_name_that_is_taken_is_told_at_the_field(send, accounts):
    response = send("editor", f"accounts/{accounts.savings.pk}/rename/", {"name": "Cash"})
    assert response.status_code == 200
    assert "There is already an account named Cash" in response.content.decode()
    accounts.savings.refresh_from_db()
    assert accounts.savings.name == "Savings account"


def test_a_group_cannot_hang_below_itself(send, book):
    food = Account.objects.get(book=book, name="Food")
    groceries = Account.objects.get(book=book, name="Groceries")
    html = send("editor", f"accounts/{food.pk}/move/", {"parent": str(groceries.pk)}).content.decode()
    assert "cannot be inside itself" in html


def test_an_account_that_holds_money_is_not_closed(send, spend, accounts):
    spend(1_000)
    html = send("editor", f"accounts/{accounts.checking.pk}/close/", {"on": TODAY.isoformat()}).content.decode()
    assert "still holds -10.00 EUR" in html
    accounts.checking.refresh_from_db()
    assert accounts.checking.closed_on is None


def test_a_closed_account_leaves_the_tree_and_is_found_on_request(send, page, accounts):
    send("editor", f"accounts/{accounts.savings.pk}/close/", {"on": TODAY.isoformat()})
    assert "Savings account" not in page("viewer", "accounts/").content.decode().split("<h2", 1)[1]
    shown = page("viewer", "accounts/", closed="1").content.decode()
    assert "Savings account" in shown
    assert "closed Mar 15, 2026" in shown


def test_the_tree_shows_balances_of_groups_and_natural_signs(page, spend, book):
    spend(12_34, on=TODAY)
    html = page("viewer", "accounts/").content.decode()
    assert html.count("−€12.34") >= 2  # the account and the group above it
    assert "€12.34" in html


def test_the_tree_asks_a_fixed_number_of_questions(as_, book, spend, django_assert_max_num_queries):
    client = as_("owner")
    for day in range(1, 10):
        spend(100, on=datetime.date(2026, 3, day))
    with django_assert_max_num_queries(11):
        assert client.get(f"/b/{book.pk}/accounts/").status_code == 200
