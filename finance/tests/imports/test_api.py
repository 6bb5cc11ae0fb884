"""Imports through the API: who may do what, and the whole way from upload to undo."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from finance.imports.models import ImportBatch, ImportRow
from finance.ledger.models import JournalEntry
from finance.ledger.selectors import balance_of
from finance.tests.imports.conftest import CSV


@pytest.fixture
def client_of():
    def make(user=None):
        client = APIClient()
        if user is not None:
            client.force_authenticate(user)
        return client

    return make


@pytest.fixture
def upload(book, accounts, client_of, owner):
    def run(data=CSV, *, user=owner, name="march.csv", **fields):
        body = {"file": SimpleUploadedFile(name, data), "account": accounts.checking.pk, **fields}
        return client_of(user).post(f"/api/v1/books/{book.pk}/imports/", body, format="multipart")

    return run


def test_upload_shows_fates_and_proof_and_posts_nothing(upload, accounts):
    answer = upload()
    assert answer.status_code == 201
    body = answer.json()
    assert (body["state"], body["format"], body["account"], body["rows_total"]) == (
        "staged",
        "csv",
        accounts.checking.pk,
        4,
    )
    assert body["fates"] == dict.fromkeys(ImportRow.Status.values, 0) | {"new": 4}
    (statement,) = body["statements"]
    assert statement["proof"]["holds"] is True
    assert (statement["proof"]["opening"], statement["proof"]["rows_sum"], statement["proof"]["closing"]) == (
        "0.00",
        "1957.50",
        "1957.50",
    )
    assert body["profile"]["date_order"] == "ymd"
    assert not JournalEntry.objects.exists()


def test_the_whole_way_from_upload_to_undo(upload, book, accounts, client_of, owner):
    client, base = client_of(owner), f"/api/v1/books/{book.pk}/imports/{upload().json()['id']}/"
    rows = client.get(f"{base}rows/").json()["results"]
    assert [(row["number"], row["amount"], row["fate"], row["plan"]) for row in rows] == [
        (2, "2000.00", "new", "post"), (3, "-35.50", "new", "post"), (4, "-3.50", "new", "post"), (5, "-3.50", "new", "post"),
    ]  # fmt: skip
    decided = client.post(
        f"{base}decide/", {"rows": [rows[1]["id"]], "counter_account": "Expenses:Food:Groceries"}, format="json"
    )
    assert decided.status_code == 200
    assert (
        client.post(f"{base}decide/", {"rows": [rows[2]["id"]], "decision": "ignore"}, format="json").status_code == 200
    )
    confirmed = client.post(f"{base}confirm/", {}, format="json", headers={"Idempotency-Key": "k1"})
    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "confirmed")
    assert confirmed.json()["outcomes"] == {"posted": 3, "linked": 0, "ignored": 1, "left": 0}
    again = client.post(f"{base}confirm/", {}, format="json", headers={"Idempotency-Key": "k1"})
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == confirmed.json()
    assert balance_of(account=accounts.groceries) == 35_50
    undone = client.post(f"{base}undo/", {}, format="json", headers={"Idempotency-Key": "k2"})
    assert (undone.json()["state"], undone.json()["kept"]) == ("undone", [])
    assert balance_of(account=accounts.checking) == 0


def test_rows_are_paged_by_keyset_and_filtered_by_fate(upload, book, client_of, owner):
    data = (
        "Date,Payee,Amount\n"
        + "".join(f"2026-03-{day:02},P,-1.00\n" for day in range(1, 29))
        + "2026-02-30,Q,-2.00\n2026-03-01,Z,-2.00\n"
    )
    url = f"/api/v1/books/{book.pk}/imports/{upload(data.encode()).json()['id']}/rows/?limit=20"
    client = client_of(owner)
    first = client.get(url).json()
    second = client.get(first["next"]).json()
    assert (len(first["results"]), len(second["results"]), second["next"]) == (20, 10, None)
    assert first["results"][0]["fate"] == "error"
    numbers = [row["number"] for page in (first, second) for row in page["results"]]
    assert sorted(numbers) == list(range(2, 32))
    assert [row["number"] for row in client.get(f"{url}&fate=error").json()["results"]] == [30]
    for wrong in ("fate=nonsense", "cursor=abc", "limit=0", "unknown=1"):
        assert client.get(f"{url.split('?')[0]}?{wrong}").status_code == 400


def test_the_list_is_newest_first_filtered_and_cheap(upload, book, client_of, owner, django_assert_max_num_queries):
    ids = [upload().json()["id"] for _ in range(3)]
    client = client_of(owner)
    with django_assert_max_num_queries(6):
        body = client.get(f"/api/v1/books/{book.pk}/imports/").json()
    assert [each["id"] for each in body["results"]] == ids[::-1]
    client.post(f"/api/v1/books/{book.pk}/imports/{ids[0]}/discard/")
    assert [
        each["id"] for each in client.get(f"/api/v1/books/{book.pk}/imports/?state=discarded").json()["results"]
    ] == [ids[0]]


def test_the_reading_of_columns_is_corrected_by_field(upload, book, client_of, owner):
    created = upload(b"Date,Description,Amount\n01/02/2026,Shop,4.00\n03/02/2026,Shop,5.00\n").json()
    url = f"/api/v1/books/{book.pk}/imports/{created['id']}/profile/"
    client = client_of(owner)
    assert any("day or with the month first" in note for note in created["notes"])
    assert client.post(url, {"date_order": "mdy", "sign": "inverted"}, format="json").status_code == 200
    assert ImportRow.objects.get(batch=created["id"], number=2).amount == -4_00
    refused = client.post(url, {"date_order": "ydm", "nonsense": 1}, format="json")
    assert (refused.status_code, set(refused.json()["fields"]) & {"date_order", "nonsense"} != set()) == (400, True)


def test_a_profile_may_come_with_the_upload(upload):
    profile = {
        "date_column": 0,
        "amount_column": 2,
        "payee_columns": [1],
        "sign": "inverted",
        "header": ["Date", "Text", "Sum"],
        "date_order": "ymd",
    }
    body = upload(b"Date,Text,Sum\n2026-03-01,A,4.00\n", profile=json.dumps(profile)).json()
    assert ImportRow.objects.get(batch=body["id"]).amount == -4_00
    assert upload(profile="[]").status_code == 400
    assert upload(profile="{").status_code == 400


def test_unreadable_files_are_refused_with_a_sentence(upload):
    answer = upload(b"%PDF-1.4")
    assert (answer.status_code, answer.json()["code"]) == (400, "statement_unreadable")
    assert "PDF" in answer.json()["detail"]
    wrong = upload(b"Date,Description,Amount (USD)\n2026-03-01,Shop,-4.00\n")
    assert (wrong.status_code, "USD" in wrong.json()["fields"]["account"][0]) == (400, True)
    assert upload(account="Nowhere").status_code in (400, 404)


PATHS = ["", "{id}/", "{id}/rows/"]
CHANGES = ["{id}/decide/", "{id}/profile/", "{id}/confirm/", "{id}/undo/", "{id}/discard/"]


def test_roles_decide_who_reads_and_who_changes(upload, book, client_of, owner, editor, viewer, stranger):
    created = upload().json()["id"]
    base = f"/api/v1/books/{book.pk}/imports/"
    for path in PATHS:
        url = base + path.format(id=created)
        assert client_of().get(url).status_code == 401
        assert client_of(stranger).get(url).status_code == 404
        for member in (viewer, editor, owner):
            assert client_of(member).get(url).status_code == 200
    for path in CHANGES:
        url = base + path.format(id=created)
        assert client_of().post(url, {}, format="json").status_code == 401
        assert client_of(stranger).post(url, {}, format="json").status_code == 404
        assert client_of(viewer).post(url, {}, format="json").status_code == 403
    assert upload(user=None).status_code == 401
    assert upload(user=stranger).status_code == 404
    assert upload(user=viewer).status_code == 403
    assert upload(user=editor).status_code == 201
    assert client_of(editor).post(f"{base}{created}/confirm/", {}, format="json").status_code == 200
    assert ImportBatch.objects.get(pk=created).confirmed_by == editor
    assert client_of(editor).post(f"{base}{created}/discard/", {}, format="json").status_code == 409
    assert client_of(owner).get(f"{base}999999/").status_code == 404
