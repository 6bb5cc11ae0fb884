"""Lists, filters, registers and reports."""

import datetime

import pytest

from core.api import pagination
from finance.api.entry_filters import EntryFilters
from finance.ledger import services
from finance.ledger.models import Account, Membership
from finance.ledger.posting import LineDraft
from finance.tests.api.conftest import refused


@pytest.fixture
def journal(accounts, spend, dollars, book, owner):
    """Five entries, the last one reversed."""
    spend(10_00, payee="Aldi", on=datetime.date(2026, 1, 5))
    spend(20_50, payee="aldi", on=datetime.date(2026, 2, 5), category=accounts.restaurants)
    spend(30_00, payee="Tram", on=datetime.date(2026, 2, 6), account=accounts.card)
    services.exchange(
        book=book,
        actor=owner,
        date=datetime.date(2026, 2, 7),
        source_account=accounts.checking,
        source_amount=500_00,
        target_account=dollars,
        target_amount=540_00,
        description="holiday money",
    )
    undone = spend(40_00, payee="Mistake", on=datetime.date(2026, 2, 8))
    services.reverse_entry(entry=undone, actor=owner, on=datetime.date(2026, 2, 9))


def payees(api, address):
    response = api.get(address)
    assert response.status_code == 200, response.content
    return [each["payee"] or each["description"] for each in response.json()["results"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Mistake", "Mistake", "holiday money", "Tram", "aldi", "Aldi"]),
        ("start=2026-02-06&end=2026-02-07", ["holiday money", "Tram"]),
        ("payee=ALDI", ["aldi", "Aldi"]),
        ("text=holiday", ["holiday money"]),
        ("text=%25", []),
        ("source=exchange", ["holiday money"]),
        ("current=true", ["holiday money", "Tram", "aldi", "Aldi"]),
        ("current=false", ["Mistake", "Mistake"]),
        ("account=card", ["Tram"]),
        ("account=checking&min_amount=20.505&current=true", ["holiday money"]),
        ("account=card&max_amount=29.99", []),
        ("min_amount=540", ["holiday money"]),
        ("max_amount=10.009", ["Aldi"]),
        ("min_amount=1e30", None),
        ("account=999999999", []),
    ],
)
def test_the_journal_is_filtered(api, url, journal, accounts, query, expected):
    for name in ("card", "checking"):
        query = query.replace(f"account={name}", f"account={getattr(accounts, name).pk}")
    address = url(f"entries/?{query}")
    if expected is None:
        refused(api.get(address), 400, "invalid", "min_amount")
    else:
        assert payees(api, address) == expected


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("start=yesterday", "start"),
        ("account=all", "account"),
        ("account=1.5", "account"),
        (f"account={2**63}", "account"),
        ("source=hand", "source"),
        ("min_amount=NaN", "min_amount"),
        ("min_amount=-1", "min_amount"),
        ("text=a%00b", "text"),
        ("acount=1", "acount"),
        ("start=2026-01-01&start=2026-02-01", "start"),
        ("limit=201", "limit"),
        ("cursor=abc", "cursor"),
    ],
)
def test_a_parameter_that_cannot_be_meant_is_refused(api, url, book, query, path):
    refused(api.get(url(f"entries/?{query}")), 400, "invalid", path)


def test_every_filter_of_the_journal_is_tried(journal):
    assert set(EntryFilters.base_filters) == {
        *("start", "end", "payee", "text", "source", "current", "account", "min_amount", "max_amount"),
        "tag",  # finance/tests/tags
    }


def test_the_journal_is_paged_while_others_post(api, url, spend):
    early = [spend(n, on=datetime.date(2026, 1, 1 + n % 3)).uid for n in range(1, 8)]
    seen, address = [], url("entries/?limit=2")
    while address:
        page = api.get(address).json()
        seen += [each["uid"] for each in page["results"]]
        address = page["next"]
        spend(1, on=datetime.date(2026, 1, 2))
    assert len(seen) == len(set(seen))
    assert {str(uid) for uid in early} <= set(seen)


@pytest.mark.parametrize(
    "query",
    [
        "text=rare",
        "min_amount=90",
        "max_amount=1",
        "source=import",
        "current=false",
        "text=rare&start=2026-01-02&current=true",
    ],
)
def test_a_filter_without_an_index_walks_a_window_at_a_time(api, url, spend, owner, monkeypatch, query):
    """From either end, through windows in which nothing is found."""
    for number in range(1, 24):
        spend(95_00 if number in (2, 17) else 1_50, payee="Rare" if number in (1, 13, 14) else "Shop", on=_day(number))
    services.reverse_entry(entry=spend(50, payee="Rare", on=_day(9)), actor=owner, on=_day(9))
    whole = api.get(url(f"entries/?{query}")).json()
    assert whole["next"] is whole["previous"] is None

    monkeypatch.setattr(pagination, "WINDOW", 3)
    forth, pages, address = [], 0, url(f"entries/?{query}")
    while address:
        page = api.get(address).json()
        forth += page["results"]
        address, pages = page["next"], pages + 1
        assert len(page["results"]) <= 3
    assert (forth, pages > 3) == (whole["results"], True)
    back, address = page["results"], page["previous"]
    while address:
        page = api.get(address).json()
        back = page["results"] + back
        address = page["previous"]
    assert back == forth


def test_a_walk_costs_one_look_more_than_a_page(api, url, spend, django_assert_num_queries, monkeypatch):
    for number in range(1, 8):
        spend(number, on=_day(number))
    monkeypatch.setattr(pagination, "WINDOW", 3)
    with django_assert_num_queries(4):
        assert api.get(url("entries/?text=nothing")).json()["results"] == []


def _day(number):
    return datetime.date(2026, 1, number)


def test_the_account_tree_is_paged_in_tree_order(api, url, book):
    whole = api.get(url("accounts/?limit=200")).json()
    assert whole["next"] is whole["previous"] is None
    paths = [each["path"] for each in whole["results"]]
    assert paths[:3] == ["Assets", "Assets:Cash", "Assets:Checking account"]
    assert len(paths) == Account.objects.filter(book=book).count()
    seen, address, pages = [], url("accounts/?limit=7"), []
    while address:
        page = api.get(address).json()
        pages.append(page)
        seen += [each["path"] for each in page["results"]]
        address = page["next"]
    assert seen == paths
    back = api.get(pages[2]["previous"]).json()
    assert back["results"] == pages[1]["results"]
    assert api.get(back["previous"]).json()["previous"] is None
    refused(api.get(url("accounts/?cursor=abc")), 400, "invalid", "cursor")


def test_the_account_tree_is_filtered(api, url, accounts, owner, dollars):
    services.close_account(account=accounts.cash, actor=owner, on=datetime.date(2026, 3, 1))

    def names(query):
        return [each["name"] for each in api.get(url(f"accounts/?{query}")).json()["results"]]

    assert names("type=liability") == ["Liabilities", "Credit card"]
    assert names("kind=savings") == ["Savings account"]
    assert names("currency=USD") == ["Dollar account"]
    assert names("open=false") == ["Cash"]
    assert "Cash" not in names("open=true&type=asset")
    assert "Cash" in names("type=asset")
    refused(api.get(url("accounts/?typ=asset")), 400, "invalid", "typ")


def test_the_register_runs_its_balance_and_pages_back(api, url, accounts, journal):
    address = url(f"accounts/{accounts.checking.pk}/register/")
    whole = api.get(address).json()
    assert (whole["currency"], whole["next"], whole["previous"], whole["searched_to"]) == ("EUR", None, None, None)
    shown = [(row["payee"], row["amount"], row["balance"]) for row in whole["results"]]
    assert shown == [("", "-500.00", "-530.50"), ("aldi", "-20.50", "-30.50"), ("Aldi", "-10.00", "-10.00")]
    assert whole["results"][2]["counter_lines"][0]["amount"] == "10.00"
    seen, following = [], f"{address}?limit=1"
    while following:
        page = api.get(following).json()
        seen += page["results"]
        following = page["next"]
    assert seen == whole["results"]

    def filtered(query):
        return [row["payee"] for row in api.get(f"{address}?{query}").json()["results"]]

    assert filtered("search=aldi&start=2026-02-01") == ["aldi"]
    assert filtered("max_amount=-20.50") == ["", "aldi"]
    assert filtered(f"counter_account={accounts.restaurants.pk}") == ["aldi"]
    assert filtered("with_superseded=true") == ["Mistake", "Mistake", "", "aldi", "Aldi"]
    refused(api.get(f"{address}?min_amount=1.001"), 400, "amount_invalid", "min_amount")
    refused(api.get(f"{address}?cursor=2026-01-01:1"), 400, "invalid", "cursor")
    refused(api.get(f"{address}?serch=x"), 400, "invalid", "serch")


def test_balances_and_trial_balance_agree_on_any_day(api, url, accounts, journal):
    def held(query=""):
        page = api.get(url(f"balances/?limit=200{query}")).json()
        return {each["path"]: each for each in page["results"]}

    assert held()["Assets:Checking account"]["balance"] == "-530.50"
    assert held()["Assets"]["balance"] == "0.00"
    assert held()["Assets"]["total"] == {"EUR": "-530.50"}
    assert held("&as_of=2026-02-05")["Assets:Checking account"]["balance"] == "-30.50"
    assert held("&as_of=2025-12-31")["Assets:Checking account"]["balance"] == "0.00"

    report = api.get(url("trial-balance/?as_of=2026-02-07")).json()
    assert report["as_of"] == "2026-02-07"
    assert report["totals"] == [
        {"currency": "EUR", "debit": "560.50", "credit": "560.50"},
        {"currency": "USD", "debit": "540.00", "credit": "540.00"},
    ]
    card = next(row for row in report["rows"] if row["path"] == "Liabilities:Credit card")
    assert (card["debit"], card["credit"]) == ("0.00", "30.00")
    assert api.get(url("trial-balance/")).json()["as_of"] is None
    refused(api.get(url("balances/?as_of=today")), 400, "invalid", "as_of")


@pytest.mark.parametrize(
    ("tail", "most"),
    [
        ("", 3),
        ("accounts/", 3),
        ("entries/", 6),
        ("entries/?text=a&min_amount=1&account={account}", 7),
        ("accounts/{account}/", 3),
        ("accounts/{account}/register/", 9),
        ("entries/{entry}/", 6),
        ("entries/{entry}/history/", 8),
        ("balances/", 4),
        ("balances/?as_of=2026-03-15", 4),
        ("trial-balance/", 5),
    ],
)
def test_reading_takes_few_queries_however_many_rows(
    api, url, accounts, spend, book, owner, tail, most, django_assert_max_num_queries
):
    first = spend(1_00)
    address = url(tail.format(account=accounts.checking.pk, entry=first.uid))

    def queries():
        with django_assert_max_num_queries(most) as captured:
            assert api.get(address).status_code == 200
        return len(captured)

    few = queries()
    line = LineDraft
    lines = [line(account_id=accounts.groceries.pk, amount=5), line(account_id=accounts.checking.pk, amount=-5)]
    for _ in range(12):
        services.post_entry(book=book, actor=owner, date=datetime.date(2026, 3, 1), lines=lines)
        last = services.open_account(
            book=book, actor=owner, name=f"Extra {_}", type="asset", kind="cash", currency="EUR"
        )
    assert last.pk
    assert queries() == few


def test_listing_books_takes_one_query_however_many(api, owner, book, django_assert_num_queries):
    for n in range(3):
        other = services.create_book(owner=owner, name=f"Book {n}", base_currency="EUR", time_zone="UTC", template=None)
        assert Membership.objects.filter(book=other).count() == 1
    with django_assert_num_queries(1):
        assert len(api.get("/api/v1/books/").json()["results"]) == 4
