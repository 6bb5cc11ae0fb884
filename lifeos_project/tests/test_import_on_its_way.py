"""A bank file from the upload to its rows, read by a real worker in a process of its own."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rest_framework.test import APIClient

from finance.imports.models import ImportBatch, ImportRow
from finance.imports.services import receive_file
from finance.ledger import services as ledger
from finance.models import Account
from identity.models import User
from platform_outbox.models import Delivery
from platform_outbox.tests.conftest import (  # noqa: F401 (fixtures)
    broker_url,
    kind,
    nurseries,
    pool,
    wait_for,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.outbox]

CSV = b"Date,Payee,Amount\n2026-03-01,Rewe,-35.50\n2026-03-02,Kiosk,-3.50\n"
LONG = b"Date,Payee,Amount\n" + b"".join(b"2026-03-%02d,P%d,-%d.00\n" % (1 + n % 28, n, n + 1) for n in range(30_000))


@pytest.fixture
def owner(transactional_db):
    return User.objects.create_user("olga@example.org", "correct horse battery")


@pytest.fixture
def account(owner):
    book = ledger.create_book(owner=owner, name="Home", base_currency="EUR", time_zone="Europe/Berlin")
    return Account.objects.select_related("book").get(book=book, name="Checking account")


@pytest.fixture
def upload(owner, account):
    client = APIClient()
    client.force_authenticate(owner)

    def run(data, **headers):
        body = {"file": SimpleUploadedFile("a.csv", data), "account": account.pk}
        return client.post(f"/api/v1/books/{account.book_id}/imports/", body, format="multipart", headers=headers)

    return run


@pytest.mark.parametrize("kind", ["in-process"], indirect=True)
def test_an_upload_waits_for_the_worker(real_reader, pool, upload):  # noqa: F811
    late = upload(CSV, Prefer="respond-async").json()
    assert (late["state"], ImportRow.objects.count()) == ("received", 0)
    pool.start(1)
    wait_for(lambda: ImportBatch.objects.get().state == "staged", what="the file to be read")
    answer = upload(CSV)
    assert (answer.status_code, answer.json()["state"], answer.json()["rows_total"]) == (201, "staged", 2)
    refused = upload(b"%PDF-1.4")
    assert (refused.status_code, refused.json()["code"]) == (400, "statement_unreadable")
    assert ImportBatch.objects.count() == 2


@pytest.mark.parametrize("kind", ["in-process"], indirect=True)
def test_a_killed_worker_leaves_the_reading_to_the_next_one(real_reader, pool, account, owner):  # noqa: F811
    batch = receive_file(book=account.book, account=account, actor=owner, data=LONG, file_name="long.csv")
    (victim,) = pool.start(1)
    wait_for(lambda: ImportBatch.objects.filter(rows_done__gt=0).exists(), what="the first rows")
    victim.kill()
    victim.wait()
    pool.processes.remove(victim)
    # As if the minute were over for which the call was the first worker's.
    assert Delivery.objects.filter(status="sending").update(lease_until=timezone.now()) == 1
    pool.start(1)
    wait_for(lambda: ImportBatch.objects.get().state == "staged", seconds=150, what="the second worker")
    assert batch.rows.count() == ImportRow.objects.count() == 30_000
