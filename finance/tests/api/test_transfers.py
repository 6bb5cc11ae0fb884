"""Transfers and their fees by the API: proposed by the account's rule, posted as one entry, seen right in reports."""

import pytest

from finance.models import JournalEntry
from finance.tests.api.conftest import refused

RULE = {"fixed": "1.00", "fixed_up_to": "100.00", "percent": "1", "maximum": "5.00"}


@pytest.fixture
def fee(api, url, accounts):
    body = {"account": accounts.checking.pk, "category": "Expenses:Food:Restaurants", **RULE}
    answer = api.post(url("transfer-fees/"), body)
    assert answer.status_code == 201, answer.content
    return answer.json()


def moved(accounts, **more):
    return {
        "date": "2026-03-14", "source_account": accounts.checking.pk, "target_account": accounts.savings.pk,
        "amount": "250.00", **more,
    }  # fmt: skip


def lines_of(answer):
    return {line["path"].rpartition(":")[2]: line["amount"] for line in answer.json()["lines"]}


def test_the_rule_proposes_the_fee(api, url, accounts, fee):
    """TRF-03, on the wire."""
    address = url(f"accounts/{accounts.checking.pk}/transfer-fee/")
    amounts = ("50", "100", "250", "500", "800")
    told = [api.get(address, {"amount": amount}).json() for amount in amounts]
    assert [each["fee"] for each in told] == ["1.00", "1.00", "2.50", "5.00", "5.00"]
    assert (told[2]["category"], told[2]["total"]) == (accounts.restaurants.pk, "252.50")
    none = api.get(url(f"accounts/{accounts.savings.pk}/transfer-fee/"), {"amount": "250"}).json()
    assert (none["fee"], none["category"], none["total"]) == ("0.00", None, "250.00")
    refused(api.get(address, {"amount": "-1"}), 400, "amount_invalid", "amount")
    assert api.get(address).status_code == 400


def test_a_transfer_takes_the_fee_of_the_rule_another_or_none(api, url, accounts, fee):
    by_rule = lines_of(api.post(url("transfers/"), moved(accounts)))
    assert by_rule == {"Savings account": "250.00", "Restaurants": "2.50", "Checking account": "-252.50"}
    other = lines_of(api.post(url("transfers/"), moved(accounts, fee="1.50", fee_category=accounts.groceries.pk)))
    assert other == {"Savings account": "250.00", "Groceries": "1.50", "Checking account": "-251.50"}
    assert len(lines_of(api.post(url("transfers/"), moved(accounts, fee="0")))) == 2
    assert JournalEntry.objects.count() == 3
    refused(api.post(url("transfers/"), moved(accounts, target_amount="5")), 400, "entry_invalid", "target_amount")


def test_the_income_statement_shows_the_fee_alone(api, url, accounts):
    """TRF-01: transfer 20.00, fee 1.50: expenses are 1.50 and income is nothing."""
    body = moved(accounts, amount="20.00", fee="1.50", fee_category=accounts.restaurants.pk)
    assert api.post(url("transfers/"), body).status_code == 201
    report = api.get(url("reports/income-statement/"), {"period": "2026-03"}).json()
    totals = {section["title"]: section["total"][0]["amount"] for section in report["sections"]}
    assert totals == {"Income": "0.00", "Spending": "1.50"}


def test_a_transfer_between_currencies_is_shown_in_the_currency_of_each_account(api, url, book, owner, accounts):
    """TRF-06: 100 USD → 350 BRL: the BRL account has +350.00 BRL, and no income."""
    for name, currency in (("Dollars", "USD"), ("Reais", "BRL")):
        body = {"name": name, "type": "asset", "kind": "checking", "currency": currency, "parent": "Assets"}
        assert api.post(url("accounts/"), body).status_code == 201
    body = {
        "date": "2026-03-14", "source_account": "Assets:Dollars", "target_account": "Assets:Reais", "amount": "100",
        "target_amount": "350",
    }  # fmt: skip
    posted = api.post(url("transfers/"), body)
    assert posted.status_code == 201, posted.content
    assert posted.json()["source"] == "exchange"
    reais = next(line["account"] for line in posted.json()["lines"] if line["path"] == "Assets:Reais")
    (row,) = api.get(url(f"accounts/{reais}/register/")).json()["results"]
    assert (row["amount"], row["balance"]) == ("350.00", "350.00")
    report = api.get(url("reports/income-statement/"), {"period": "2026-03"}).json()
    assert [section["total"][0]["amount"] for section in report["sections"]] == ["0.00", "0.00"]
    assert api.post(url("transfers/"), {**body, "target_amount": None}).status_code == 400
    del body["target_amount"]
    refused(api.post(url("transfers/"), body), 400, "entry_invalid", "target_amount")


def test_a_rule_is_changed_in_part_and_removed(api, url, accounts, fee):
    address = url(f"transfer-fees/{fee['id']}/")
    changed = api.patch(address, {"maximum": None, "percent": "0.25"}).json()
    assert (changed["maximum"], changed["percent"], changed["fixed"]) == (None, "0.2500", "1.00")
    refused(api.patch(address, {"percent": "0.00001"}), 400, "amount_invalid", "percent")
    refused(api.patch(address, {"fixed": None}), 400, "invalid", "fixed")
    assert [each["id"] for each in api.get(url("transfer-fees/")).json()["results"]] == [fee["id"]]
    body = {"account": accounts.checking.pk, "category": accounts.rent.pk, "fixed": "1"}
    refused(api.post(url("transfer-fees/"), body), 409, "conflict", "account")
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404


def test_who_may_do_what(clients, url, accounts, fee, foreign):
    read, edit = {"viewer", "editor", "owner"}, {"editor", "owner"}
    address, new = (
        f"transfer-fees/{fee['id']}/",
        {"account": accounts.cash.pk, "category": accounts.rent.pk, "fixed": "1"},
    )
    proposal = f"accounts/{accounts.cash.pk}/transfer-fee/?amount=5"
    for method, tail, body, allowed in (
        ("get", "transfer-fees/", None, read),
        ("get", address, None, read),
        ("get", proposal, None, read),
        ("patch", address, {"fixed": "2"}, edit),
        ("post", "transfers/", moved(accounts), edit),
    ):
        for person, client in clients.items():
            status = getattr(client, method)(url(tail), body).status_code
            wrong = {"anonymous": 401, "stranger": 404}.get(person, 403)
            assert (status < 300) if person in allowed else status == wrong, (person, method, tail, status)
    assert clients["viewer"].post(url("transfer-fees/"), new).status_code == 403
    assert clients["viewer"].delete(url(address)).status_code == 403
    other_book, other_account, _entry = foreign
    assert clients["stranger"].get(f"/api/v1/books/{other_book.pk}/{address}").status_code == 404
    assert clients["owner"].post(url("transfer-fees/"), {**new, "account": other_account.pk}).status_code in (404, 422)
