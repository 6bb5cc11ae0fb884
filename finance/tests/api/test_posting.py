"""Posting through the API: what is taken, what is refused and how the refusal reads."""

import datetime
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from finance.ledger import services
from finance.ledger.models import JournalEntry, Membership
from finance.tests.api.conftest import refused


def test_an_entry_is_posted_with_accounts_by_id_and_by_path(api, url, groceries, accounts, owner):
    response = api.post(url("entries/"), groceries())
    assert response.status_code == 201
    body = response.json()
    assert body == {
        "uid": body["uid"],
        "date": "2026-03-14",
        "payee": "Corner shop",
        "description": "",
        "source": "api",
        "lines": [
            {
                "account": accounts.groceries.pk,
                "path": "Expenses:Food:Groceries",
                "amount": "23.90",
                "currency": "EUR",
                "memo": "cheese",
            },
            {
                "account": accounts.checking.pk,
                "path": "Assets:Checking account",
                "amount": "-23.90",
                "currency": "EUR",
                "memo": "",
            },
        ],
        "reverses": None,
        "reversed_by": None,
        "corrects": None,
        "corrected_by": None,
        "tags": [],
        "created_by": owner.pk,
        "created_at": body["created_at"],
    }
    assert api.get(url(f"entries/{body['uid']}/")).json() == body


@pytest.mark.parametrize(("headers", "most"), [({}, 3), ({"HTTP_IDEMPOTENCY_KEY": "once"}, 5)])
def test_a_posting_by_token_takes_few_statements_and_answers_what_is_read(
    url, book, groceries, owner, accounts, editor, headers, most
):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {AccessToken.for_user(editor)}")
    body = groceries(description="Bread", uid=str(uuid.uuid4()))

    with CaptureQueriesContext(connection) as captured:
        response = client.post(url("entries/"), body, **headers)

    assert response.status_code == 201, response.json()
    statements = [each["sql"] for each in captured.captured_queries if "SAVEPOINT" not in each["sql"]]
    assert len(statements) == most, statements
    assert client.get(url(f"entries/{body['uid']}/")).json() == response.json()

    membership = Membership.objects.get(book=book, user=editor)
    services.set_seen_accounts(membership=membership, actor=owner, account_ids=[accounts.checking.pk])
    partly = client.post(url("entries/"), groceries())
    assert client.get(url(f"entries/{partly.json()['uid']}/")).json() == partly.json()


def test_the_client_may_name_the_entry_itself_once(api, url, groceries):
    uid = str(uuid.uuid4())
    assert api.post(url("entries/"), groceries(uid=uid)).json()["uid"] == uid
    refused(api.post(url("entries/"), groceries(uid=uid)), 409, "conflict", "uid")


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        (23.9, "not a JSON number"),
        (24, "not a JSON number"),
        (True, "not a JSON boolean"),
        (["23.90"], "not a JSON array"),
        ({"value": "23.90"}, "not a JSON object"),
        ("NaN", "plain decimal"),
        ("Infinity", "plain decimal"),
        ("1e3", "plain decimal"),
        ("1,000.00", "plain decimal"),
        ("12,34", "plain decimal"),
        ("", "plain decimal"),
        ("٣", "plain decimal"),
        ("23.901", "more than the 2 decimals of EUR"),
        ("999999999999999999", "too large"),
    ],
)
def test_an_amount_that_is_no_plain_decimal_text_is_refused_by_name(api, url, groceries, amount, sentence):
    body = groceries()
    body["lines"][1]["amount"] = amount
    answer = refused(api.post(url("entries/"), body), 400, "amount_invalid", "lines.1.amount")
    assert sentence in answer["fields"]["lines.1.amount"][0]


def test_amounts_follow_the_decimals_of_their_currency(api, url, book, owner, accounts):
    for name in ("Yen", "Yen income"):
        services.open_account(book=book, actor=owner, name=name, type="asset", kind="cash", currency="JPY")

    def lines(amount):
        return [{"account": "Yen", "amount": amount}, {"account": "Yen income", "amount": f"-{amount}"}]

    assert (
        api.post(url("entries/"), {"date": "2026-03-14", "lines": lines("500")}).json()["lines"][0]["amount"] == "500"
    )
    answer = api.post(url("entries/"), {"date": "2026-03-14", "lines": lines("5.5")})
    refused(answer, 400, "amount_invalid", "lines.0.amount")


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"date": "14.03.2026"}, {"date"}),
        ({"date": "2026-02-30"}, {"date"}),
        ({"date": 20260314}, {"date"}),
        ({"paye": "x"}, {"paye"}),
        ({"source": "demo"}, {"source"}),
        ({"uid": "seven"}, {"uid"}),
        ({"payee": "x" * 201}, {"payee"}),
        ({"payee": "a\x00b"}, {"payee"}),
        ({"payee": None}, {"payee"}),
        ({"lines": []}, {"lines"}),
        ({"lines": "none"}, {"lines"}),
        ({"lines": [{"account": 1, "amount": "1"}]}, {"lines"}),
        ({"lines": [{}, {"account": 0, "amount": "1"}]}, {"lines.0.account", "lines.0.amount", "lines.1.account"}),
        ({"lines": [{"account": True, "amount": "1"}, 7]}, {"lines.0.account", "lines.1"}),
    ],
)
def test_a_body_that_does_not_fit_is_refused_field_by_field(api, url, groceries, changes, paths):
    refused(api.post(url("entries/"), groceries(**changes)), 400, "invalid", *paths)
    assert not JournalEntry.objects.exists()


def test_what_the_books_refuse_names_its_place(api, url, groceries, accounts, book, owner, foreign):
    def posting(**changes):
        body = groceries()
        body["lines"][0] |= changes
        return api.post(url("entries/"), body)

    refused(posting(amount="23.91"), 400, "entry_unbalanced", "lines")
    refused(posting(amount="0"), 400, "entry_invalid", "lines.0.amount")
    refused(posting(account="Expenses:Foood"), 404, "not_found", "lines.0.account")
    refused(posting(account=foreign[1].pk), 404, "not_found", "lines.0.account")
    refused(posting(account=2**63), 400, "invalid", "lines.0.account")
    refused(posting(account=accounts.expenses.pk), 400, "entry_invalid", "lines.0.account")
    services.close_account(account=accounts.groceries, actor=owner, on=datetime.date(2026, 3, 1))
    refused(posting(), 409, "account_closed", "lines.0.account")
    services.close_period(book=book, actor=owner, through=datetime.date(2026, 3, 31))
    refused(posting(account=accounts.restaurants.pk), 409, "period_closed", "date")
    assert not JournalEntry.objects.filter(book=book).exists()


def test_a_path_that_fits_two_accounts_is_refused(api, url, groceries, book, owner, accounts):
    for name, parent in (("Food:Groceries", accounts.expenses),):
        services.open_account(
            book=book, actor=owner, name=name, type="expense", kind="category", currency="EUR", parent=parent
        )
    body = groceries()
    body["lines"][0]["account"] = "Expenses:Food:Groceries"
    refused(api.post(url("entries/"), body), 409, "conflict", "lines.0.account")


def test_many_entries_are_posted_in_their_order(api, url, groceries):
    bodies = [groceries(payee=f"Shop {n}") for n in range(5)]
    response = api.post(url("entries/bulk/"), {"entries": bodies})
    assert response.status_code == 201
    payees = dict(JournalEntry.objects.values_list("uid", "payee"))
    assert [payees[uuid.UUID(uid)] for uid in response.json()["uids"]] == [f"Shop {n}" for n in range(5)]


def test_a_thousand_entries_are_taken_and_one_more_is_not(api, url, groceries, django_assert_max_num_queries):
    with django_assert_max_num_queries(20):
        response = api.post(url("entries/bulk/"), {"entries": [groceries()] * 1000})
    assert len(response.json()["uids"]) == 1000
    refused(api.post(url("entries/bulk/"), {"entries": [groceries()] * 1001}), 400, "invalid", "entries")


def test_one_bad_row_keeps_all_rows_out_and_is_named(api, url, groceries, accounts, book, owner):
    services.close_period(book=book, actor=owner, through=datetime.date(2025, 12, 31))
    uid = str(uuid.uuid4())

    def posting(**changes):
        return api.post(url("entries/bulk/"), {"entries": [groceries(uid=uid), groceries(), groceries(**changes)]})

    twisted = groceries()["lines"]
    twisted[1]["amount"] = "-1.00"
    refused(posting(lines=twisted), 400, "entry_unbalanced", "entries.2.lines")
    twisted[1]["amount"] = "1.001"
    refused(posting(lines=twisted), 400, "amount_invalid", "entries.2.lines.1.amount")
    refused(posting(lines=groceries()["lines"][:1]), 400, "invalid", "entries.2.lines")
    refused(posting(date="2025-12-31"), 409, "period_closed", "entries.2.date")
    refused(posting(uid=uid), 409, "conflict", "entries.2.uid")
    refused(posting(datum="2026-01-01"), 400, "invalid", "entries.2.datum")
    assert not JournalEntry.objects.exists()


def test_an_exchange_goes_through_the_trading_accounts(api, url, accounts, dollars):
    body = {
        "date": "2026-03-14",
        "source_account": accounts.checking.pk,
        "source_amount": "100.00",
        "target_account": "Dollar account",
        "target_amount": "108.35",
        "payee": "Exchange office",
    }
    response = api.post(url("exchanges/"), body)
    assert response.status_code == 201
    shown = [(line["path"], line["amount"], line["currency"]) for line in response.json()["lines"]]
    assert shown == [
        ("Assets:Checking account", "-100.00", "EUR"),
        ("Equity:Trading EUR", "100.00", "EUR"),
        ("Equity:Trading USD", "-108.35", "USD"),
        ("Dollar account", "108.35", "USD"),
    ]
    refused(api.post(url("exchanges/"), body | {"target_amount": "-1.00"}), 400, "entry_invalid", "target_amount")
    refused(api.post(url("exchanges/"), body | {"source_amount": "1.005"}), 400, "amount_invalid", "source_amount")
    same = api.post(url("exchanges/"), body | {"target_account": accounts.cash.pk})
    refused(same, 400, "entry_invalid", "target_account")


def test_a_correction_leaves_its_trail(api, url, groceries, accounts):
    first = api.post(url("entries/"), groceries()).json()
    better = groceries(payee="Market")
    answer = api.post(url(f"entries/{first['uid']}/correct/"), better)
    assert answer.status_code == 201
    replacement = answer.json()
    assert (replacement["corrects"], replacement["payee"], replacement["source"]) == (
        first["uid"],
        "Market",
        "correction",
    )
    history = api.get(url(f"entries/{replacement['uid']}/history/")).json()["results"]
    original, reversal, current = history
    assert original["uid"] == first["uid"]
    assert original["reversed_by"] == reversal["uid"]
    assert original["corrected_by"] == current["uid"]
    assert reversal["reverses"] == first["uid"]
    assert [line["amount"] for line in reversal["lines"]] == ["-23.90", "23.90"]
    refused(api.post(url(f"entries/{first['uid']}/correct/"), better), 409, "already_reversed")


def test_a_reversal_of_a_closed_day_goes_to_the_day_asked_for(api, url, book, owner, groceries):
    first = api.post(url("entries/"), groceries()).json()
    services.close_period(book=book, actor=owner, through=datetime.date(2026, 3, 31))
    answer = api.post(url(f"entries/{first['uid']}/reverse/"), {"on": "2026-04-02", "description": "Brought back"})
    assert answer.status_code == 201
    assert (answer.json()["date"], answer.json()["description"]) == ("2026-04-02", "Brought back")
    refused(api.post(url(f"entries/{first['uid']}/reverse/"), {}), 409, "already_reversed")
    refused(api.post(url(f"entries/{answer.json()['uid']}/reverse/"), {}), 409, "conflict")
    refused(api.delete(url(f"entries/{first['uid']}/")), 405, "method_not_allowed")
