"""A retry with the same Idempotency-Key changes nothing and gets the first answer."""

import threading

import pytest
from django.db import connection

from finance.ledger.models import JournalEntry
from finance.tests.api.conftest import client_of, refused
from identity.models import IdempotencyRecord

KEY = {"idempotency-key": "c0ffee-1"}


def test_a_retry_gets_the_first_answer_and_posts_nothing(api, url, groceries):
    first = api.post(url("entries/"), groceries(), headers=KEY)
    second = api.post(url("entries/"), groceries(), headers=KEY)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert JournalEntry.objects.count() == 1


def test_the_order_of_members_does_not_make_another_body(api, url, groceries):
    api.post(url("entries/"), groceries(), headers=KEY)
    turned = dict(reversed(groceries().items()))
    assert api.post(url("entries/"), turned, headers=KEY)["Idempotent-Replayed"] == "true"


def test_the_same_key_for_another_request_is_refused(api, url, groceries):
    api.post(url("entries/"), groceries(), headers=KEY)
    refused(api.post(url("entries/"), groceries(payee="Other"), headers=KEY), 409, "idempotency_mismatch")
    refused(api.post(url("entries/bulk/"), groceries(), headers=KEY), 409, "idempotency_mismatch")
    assert JournalEntry.objects.count() == 1


def test_a_refused_request_does_not_use_up_its_key(api, url, groceries):
    bad = groceries()
    bad["lines"][0]["amount"] = "1.00"
    refused(api.post(url("entries/"), bad, headers=KEY), 400, "entry_unbalanced", "lines")
    assert not IdempotencyRecord.objects.exists()
    assert api.post(url("entries/"), groceries(), headers=KEY).status_code == 201


def test_keys_are_ones_own(api, url, groceries, editor):
    api.post(url("entries/"), groceries(), headers=KEY)
    other = client_of(editor).post(url("entries/"), groceries(payee="Other"), headers=KEY)
    assert other.status_code == 201


def test_a_replay_outlives_what_the_body_named(api, url, groceries, accounts):
    first = api.post(url("entries/"), groceries(), headers=KEY)
    api.patch(url(f"accounts/{accounts.checking.pk}/"), {"name": "Giro"})
    assert api.post(url("entries/"), groceries(), headers=KEY).json() == first.json()


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 201])
def test_a_key_that_cannot_be_kept_is_refused(api, url, groceries, key):
    answer = api.post(url("entries/"), groceries(), headers={"idempotency-key": key})
    refused(answer, 400, "invalid", "Idempotency-Key")


@pytest.mark.parametrize(
    ("tail", "body"),
    [
        ("accounts/", {"name": "Purse", "type": "asset", "kind": "cash", "currency": "EUR"}),
        ("close-period/", {"through": "2025-12-31"}),
    ],
)
def test_every_change_takes_a_key(api, url, tail, body):
    first = api.post(url(tail), body, headers=KEY)
    second = api.post(url(tail), body, headers=KEY)
    assert first.status_code in (200, 201)
    assert (second.status_code, second.json()) == (first.status_code, first.json())
    assert second["Idempotent-Replayed"] == "true"


def test_a_book_is_opened_once_per_key(api, owner):
    body = {"name": "Flat", "base_currency": "EUR", "time_zone": "Europe/Berlin"}
    first, second = (api.post("/api/v1/books/", body, headers=KEY) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]


@pytest.mark.django_db(transaction=True)
def test_requests_that_race_with_one_key_have_one_effect(owner, url, groceries):
    answers = []
    ready = threading.Barrier(4)

    def post():
        client = client_of(owner)
        ready.wait()
        answers.append(client.post(url("entries/"), groceries(), headers=KEY))
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["uid"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer for answer in answers) == 1
    assert JournalEntry.objects.count() == 1
