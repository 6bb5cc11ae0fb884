"""Registers of groups and of the whole book, saved views and the pay period over the API."""

import pytest

from finance.models import PayPeriod, SavedView
from finance.tags import services as tags
from finance.tests.api.conftest import refused


@pytest.fixture
def rows(api, url):
    def get(path, **query):
        answer = api.get(url(path), query)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return get


@pytest.fixture
def spent(spend, accounts, dollars):
    import datetime

    spend(1_000, payee="Aldi", on=datetime.date(2026, 2, 3))
    spend(2_000, payee="Diner", on=datetime.date(2026, 2, 4), category=accounts.restaurants)
    spend(-500, payee="Diner", on=datetime.date(2026, 2, 5), category=accounts.restaurants)
    return spend(700, payee="Diner", on=datetime.date(2026, 1, 31), category=accounts.restaurants)


def test_the_register_of_a_group_has_the_lines_of_all_inside_and_their_sums(rows, accounts, spent):
    food = accounts.groceries.parent_id
    page = rows(f"accounts/{food}/register/", period="2026-02")
    shown = [(row["account"], row["currency"], row["amount"], row["balance"]) for row in page["results"]]
    assert shown == [
        (accounts.restaurants.pk, "EUR", "-5.00", None),
        (accounts.restaurants.pk, "EUR", "20.00", None),
        (accounts.groceries.pk, "EUR", "10.00", None),
    ]
    assert page["currency"] == "EUR"
    assert page["sums"] == {
        "totals": [{"currency": "EUR", "rows": 3, "debits": "30.00", "credits": "5.00", "net": "25.00"}],
        "newest": None,
        "read_to": None,
        "before": {
            "start": "2026-01-01",
            "end": "2026-01-31",
            "totals": [{"currency": "EUR", "rows": 1, "debits": "7.00", "credits": "0.00", "net": "7.00"}],
        },
    }


def test_later_pages_have_no_sums(api, url, accounts, spent):
    first = api.get(url(f"accounts/{accounts.restaurants.pk}/register/?limit=2")).json()
    assert first["sums"]["totals"][0]["rows"] == 3
    second = api.get(first["next"]).json()
    assert (len(second["results"]), second["sums"], second["next"]) == (1, None, None)


def test_the_whole_book_by_scope(rows, accounts, spent):
    assert [row["payee"] for row in rows("register/", scope="spending", start="2026-02-04")["results"]] == ["Diner"] * 2
    holdings = rows("register/")
    assert {row["account"] for row in holdings["results"]} >= {accounts.checking.pk}
    assert holdings["currency"] is None  # euros and dollars
    assert rows("register/", scope="income")["results"] == []


@pytest.mark.parametrize(
    ("query", "payees"),
    [
        ({"payee": "aldi"}, ["Aldi"]),
        ({"kind": "received"}, []),
        ({"kind": "spent", "min_amount": "10"}, ["Diner", "Aldi"]),
        ({"max_amount": "-5.00"}, ["Diner"]),
        ({"source": "import"}, []),
        ({"currency": "USD"}, []),
        ({"period": "2026-01"}, ["Diner"]),
        ({"period": "2026-02-05..2026-02-05"}, ["Diner"]),
    ],
)
def test_filters_and_sums_agree(rows, spent, query, payees):
    page = rows("register/", scope="spending", **query)
    assert [row["payee"] for row in page["results"]] == payees
    assert sum(each["rows"] for each in page["sums"]["totals"]) == len(payees)


def test_tags_people_and_groups_of_counter_accounts_filter(rows, book, owner, accounts, spent):
    (tag,) = tags.tags_named(book=book, names=["Holiday"])
    tags.set_tags(book=book, actor=owner, entry_id=spent.pk, tags=[tag])
    path = f"accounts/{accounts.checking.pk}/register/"
    assert [row["amount"] for row in rows(path, tag=tag.pk)["results"]] == ["-7.00"]
    assert len(rows(path, created_by=owner.pk)["results"]) == 4
    assert len(rows(path, counter_account=accounts.restaurants.parent_id)["results"]) == 4


@pytest.mark.parametrize(
    ("query", "status", "code", "field"),
    [
        ("scope=everything", 400, "invalid", "scope"),
        ("period=soon", 400, "invalid", "period"),
        ("period=this-pay-period", 400, "invalid", "period"),
        ("start=2026-02-02&end=2026-02-01", 400, "invalid", "end"),
        ("kind=stolen", 400, "invalid", "kind"),
        ("min_amount=0.001", 400, "amount_invalid", "min_amount"),
        ("tag=999999", 404, "not_found", None),
        ("counter_account=999999", 404, "not_found", "counter_account"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_its_field(api, url, dollars, query, status, code, field):
    refused(api.get(url(f"register/?{query}")), status, code, *([field] if field else []))


def test_the_pay_period_is_set_read_and_removed(api, url, book, rows, accounts, spent):
    refused(api.get(url("pay-period/")), 404, "not_found")
    answer = api.put(url("pay-period/"), {"day": 4, "shift": "before"})
    assert (answer.status_code, answer.json()) == (200, {"day": 4, "shift": "before", "anchor": None, "weeks": None})
    assert api.get(url("pay-period/")).json()["day"] == 4
    page = rows("register/", scope="spending", period="2026-02-04..2026-03-03")
    assert page["sums"]["before"]["start"] == "2026-01-02"  # 4 January is a Sunday
    refused(api.put(url("pay-period/"), {"day": 4, "weeks": 2}), 400, "invalid", "day")
    assert api.delete(url("pay-period/")).status_code == 204
    assert not PayPeriod.objects.exists()


def test_views_are_saved_listed_changed_and_removed(api, url, accounts):
    body = {"name": "Rent", "account": accounts.rent.pk, "query": "period=last-month&q="}
    made = api.post(url("views/"), body)
    assert made.status_code == 201, made.content
    view = made.json()
    assert (view["query"], view["shared"], view["mine"]) == ("period=last-month", False, True)
    assert [each["name"] for each in api.get(url("views/")).json()["results"]] == ["Rent"]
    address = url(f"views/{view['id']}/")
    assert api.patch(address, {"shared": True}).json()["shared"] is True
    assert api.get(address).json()["name"] == "Rent"
    refused(api.post(url("views/"), body), 409, "conflict", "name")
    refused(api.patch(address, {"query": "sort=up"}), 400, "invalid", "query")
    refused(api.post(url("views/"), {"name": "X", "account": 999_999}), 404, "not_found", "account")
    assert api.delete(address).status_code == 204
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(
    ("person", "reads", "own", "set_pay"),
    [
        ("anonymous", 401, 401, 401),
        ("stranger", 404, 404, 404),
        ("viewer", 200, 201, 403),
        ("editor", 200, 201, 403),
        ("owner", 200, 201, 200),
    ],
)
def test_who_may_do_what(clients, url, person, reads, own, set_pay):
    client = clients[person]
    assert client.get(url("views/")).status_code == reads
    assert client.post(url("views/"), {"name": "Mine"}).status_code == own
    assert client.put(url("pay-period/"), {"day": 1}).status_code == set_pay


def test_a_shared_view_is_changed_by_its_owner_and_the_owner_of_the_book(clients, url):
    view = clients["editor"].post(url("views/"), {"name": "Ours", "shared": True}).json()
    address = url(f"views/{view['id']}/")
    assert clients["viewer"].get(address).json()["mine"] is False
    assert clients["viewer"].patch(address, {"name": "Mine"}).status_code == 403
    assert clients["viewer"].post(url("views/"), {"name": "Mine", "shared": True}).status_code == 403
    assert clients["stranger"].get(address).status_code == 404
    assert clients["owner"].patch(address, {"name": "Everybody's"}).status_code == 200
    private = clients["editor"].post(url("views/"), {"name": "Private"}).json()
    assert clients["owner"].get(url(f"views/{private['id']}/")).status_code == 404
