"""Registers as files over the API."""

import csv
import io

import pytest

from finance.tests.api.conftest import refused


@pytest.fixture
def spent(spend, accounts):
    spend(1_000, payee="Aldi")
    return spend(2_000, payee="Diner", category=accounts.restaurants)


def rows_of(answer):
    assert answer.status_code == 200, answer
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_whoever_reads_the_book_may(clients, url, accounts, spent, foreign):
    statuses = {"anonymous": 401, "stranger": 404, "viewer": 200, "editor": 200, "owner": 200}
    for person, expected in statuses.items():
        for path in (f"accounts/{accounts.checking.pk}/register/csv/", "register/xlsx/"):
            answer = clients[person].get(url(path))
            assert answer.status_code == expected, (person, path)
            if expected == 200:
                b"".join(answer.streaming_content)
    assert clients["owner"].get(url(f"accounts/{foreign[1].pk}/register/csv/")).status_code == 404


def test_the_same_rows_and_filters_as_the_register(api, url, accounts, spent):
    path = f"accounts/{accounts.checking.pk}/register/"
    answer = api.get(url(f"{path}csv/"), {"payee": "diner"}, headers={"Accept": "text/csv"})
    rows = rows_of(answer)
    shown = api.get(url(path), {"payee": "diner"}).json()
    assert [(row["Amount"], row["Balance"]) for row in rows] == [("-20.00", "-30.00")]
    assert shown["sums"]["totals"][0]["net"] == rows[0]["Amount"]
    rows = rows_of(api.get(url("register/csv/"), {"scope": "spending", "entries": str(spent.uid)}))
    assert [(row["Payee"], row["Amount"], "Balance" in row) for row in rows] == [("Diner", "20.00", False)]


def test_what_cannot_be_asked_for(api, url, accounts, spent):
    path = f"accounts/{accounts.checking.pk}/register"
    refused(api.get(url(f"{path}/csv/"), {"entries": "7"}), 400, "invalid", "entries")
    refused(api.get(url(f"{path}/csv/"), {"floppy": "7"}), 400, "invalid", "floppy")
    assert api.get(url(f"{path}/floppy/")).status_code == 404
