"""The import pages: from the file to the register and back, with and without scripts, for every role."""

import datetime

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from finance.imports.models import ImportBatch, ImportRow
from finance.imports.services import receive_file
from finance.ledger.models import JournalEntry
from finance.ledger.selectors import balance_of
from finance.ledger.services import open_account
from finance.tests.conftest import TODAY
from finance.tests.imports.conftest import CSV
from finance.tests.imports.workbooks import Day, xlsx
from finance.web import imports
from platform_outbox.models import Worker
from platform_outbox.testing import drain


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(datetime.datetime.combine(TODAY, datetime.time(12), tzinfo=datetime.UTC), tick=False):
        yield


@pytest.fixture
def client(owner):
    signed_in = Client()
    signed_in.force_login(owner)
    return signed_in


@pytest.fixture
def base(book):
    return f"/b/{book.pk}/imports/"


@pytest.fixture
def upload(client, base, accounts):
    def run(data=CSV, *, account=None, follow=True, by=client):
        file = SimpleUploadedFile("march.csv", data if isinstance(data, bytes) else data.encode())
        return by.post(f"{base}new/", {"account": (account or accounts.checking).pk, "file": file}, follow=follow)

    return run


def text(answer):
    return " ".join(answer.content.decode().split())


def the_import():
    return ImportBatch.objects.latest("pk")


def test_the_upload_page_offers_the_account_from_the_register(client, base, accounts):
    page = text(client.get(f"{base}?account={accounts.savings.pk}"))
    assert (
        f'value="{accounts.savings.pk}" data-currency="EUR" selected' in page
        or f'value="{accounts.savings.pk}" selected' in page
    )
    assert "No file has been imported yet" in page


def test_a_sum_that_misses_a_row_is_not_shown_as_a_proof(stage, client, base):
    batch = stage("Date,Payee,Amount,Balance\n2026-03-01,Kiosk,-4.00,96.00\n2026-03-02,Bar, Foo,-3.00,93.00\n")
    page = text(client.get(f"{base}{batch.pk}/"))
    assert "Not proven: the sum misses a row" in page
    assert "It adds up" not in page


def test_the_middle_page_shows_proof_rows_and_a_plain_way_to_post(upload):
    page = text(upload())
    assert "It adds up" in page
    assert 'data-proof="closing">€1,957.50' in page
    assert "Post 4 entries" in page
    assert "line 3" in page
    assert "<noscript><button" in page
    assert not JournalEntry.objects.exists()


def test_posting_and_undoing_by_plain_forms(upload, client, base, accounts):
    upload()
    batch = the_import()
    page = text(client.post(f"{base}{batch.pk}/confirm/", follow=True))
    assert "4 entries posted." in page
    assert "Open the account" in page
    assert "The books show the bank" in page
    assert balance_of(account=accounts.checking) == 1957_50
    page = text(client.post(f"{base}{batch.pk}/undo/", follow=True))
    assert page.count("The import is undone") == 1
    assert "The import is undone, with all its entries." in page
    assert page.count('">Undone</span>') == 4
    assert '">posted</span>' not in page.lower()
    assert balance_of(account=accounts.checking) == 0
    assert "undone" in text(client.get(base))


def test_problems_come_first_and_can_be_filtered(upload, client, base):
    rows = "2026-03-01,Good,-1.00\n2026-02-30,Bad,-2.00\n"
    page = text(upload(f"Date,Payee,Amount\n{rows}"))
    assert page.index("“2026-02-30” is not a day") < page.index("Good")
    only = text(client.get(f"{base}{the_import().pk}/?fate=error"))
    assert "Good" not in only
    assert client.get(f"{base}{the_import().pk}/?fate=nonsense").status_code == 404
    assert client.get(f"{base}{the_import().pk}/?after=nonsense").status_code == 404


def test_a_category_is_changed_in_place_and_without_scripts(upload, client, base, accounts):
    upload()
    row = ImportRow.objects.get(payee="Rewe")
    url = f"{base}{row.batch_id}/rows/{row.pk}/"
    answer = client.post(url, {"category": "Food › Groceries", "decision": ""}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert text(answer).startswith(f'<tr class="import-row fate-new" id="row-{row.pk}"')
    row.refresh_from_db()
    assert row.counter_account == accounts.groceries
    answer = client.post(url, {"category": "restaurants", "decision": "", "fate_filter": "new"})
    assert (answer.status_code, answer["Location"]) == (302, f"{base}{row.batch_id}/?fate=new#row-{row.pk}")
    row.refresh_from_db()
    assert row.counter_account == accounts.restaurants
    wrong = client.post(url, {"category": "Nonsense"}, headers={"HX-Request": "true"})
    assert "There is no account or category “Nonsense”" in text(wrong)


def test_an_ambiguous_name_follows_the_direction_of_the_row(upload, client, base):
    upload()
    for payee, kind in (("Rewe", "expense"), ("Employer", "income")):
        row = ImportRow.objects.get(payee=payee)
        client.post(f"{base}{row.batch_id}/rows/{row.pk}/", {"category": "Uncategorised"})
        row.refresh_from_db()
        assert row.counter_account.type == kind


def test_matches_are_decided_together(upload, client, base, spend, accounts):
    spend(35_50, payee="Supermarket", on=datetime.date(2026, 3, 1))
    assert "accept" in text(upload())
    batch = the_import()
    page = text(client.post(f"{base}{batch.pk}/decide/", {"fate": "probable_match", "decision": "post"}, follow=True))
    assert "1 row updated." in page
    client.post(f"{base}{batch.pk}/confirm/")
    assert balance_of(account=accounts.checking) == 1957_50 - 35_50


def test_an_empty_account_is_offered_the_banks_opening_balance(upload, client, base, accounts):
    page = text(upload("Date,Payee,Amount,Balance\n2026-03-01,A,-1.00,99.00\n2026-03-02,B,-2.00,97.00\n"))
    assert "Start the account with €100.00 on Feb 28, 2026" in page
    client.post(f"{base}{the_import().pk}/confirm/", {"opening_balance": "on"})
    assert balance_of(account=accounts.checking) == 97_00


def test_the_columns_of_a_sheet_are_corrected_by_their_names(upload, client, base):
    upload(xlsx({"S": [["Date", "Description", "Amount"], [Day(46054), "Shop", 4.0], [Day(46055), "Shop", 5.0]]}))
    url = f"{base}{the_import().pk}/columns/"
    page = client.get(url)
    assert (page.status_code, page.context["form"].preview.names, page.context["lines"]) == (
        200,
        ["Date", "Description", "Amount"],
        [(2, ["2026-02-01", "Shop", "4"]), (3, ["2026-02-02", "Shop", "5"])],
    )
    form = page.context["form"]
    data = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    assert "The file was read again" in text(client.post(url, {**data, "sign": "inverted"}, follow=True))
    assert (the_import().format, ImportRow.objects.get(batch=the_import(), number=2).amount) == ("xlsx", -4_00)


def test_a_file_that_cannot_be_read_is_kept_and_tried_again_with_other_settings(upload, client, base, book, accounts):
    page = text(upload(b"%PDF-1.4"))
    assert "This is a PDF document" in page
    assert "Try again with other settings" in page
    page = text(upload("Date,Description,Amount (USD)\n2026-03-01,Shop,-4.00\n"))
    assert "is kept in EUR" in page
    dollars = open_account(
        book=book,
        actor=None,
        name="Dollars",
        type="asset",
        kind="savings",
        currency="USD",
        parent=accounts.checking.parent,
    )
    url = f"{base}{the_import().pk}/again/"
    still = client.post(url, {"account": accounts.savings.pk, "delimiter": "", "encoding": ""}, follow=True)
    assert "is kept in EUR" in text(still)
    assert client.post(url, {"account": dollars.pk, "delimiter": "nonsense"}).status_code == 400
    page = text(client.post(url, {"account": dollars.pk, "delimiter": ",", "encoding": "cp1252"}, follow=True))
    assert "Post 1 entry" in page
    assert the_import().profile["encoding"] == "cp1252"
    late = client.post(url, {"account": dollars.pk, "delimiter": "", "encoding": ""}, follow=True)
    assert "no longer to be read: it is waiting for confirmation" in text(late)


def test_several_files_are_discarded_at_once_and_confirmed_ones_stay(upload, client, base, book):
    upload()
    confirmed = the_import()
    client.post(f"{base}{confirmed.pk}/confirm/")
    upload("Date,Payee,Amount\n2026-03-05,Shop,-4.00\n")
    upload(b"%PDF-1.4")
    listed = text(client.get(base))
    assert listed.count('name="import"') == 2
    page = text(
        client.post(f"{base}discard/", {"import": [batch.pk for batch in ImportBatch.objects.all()]}, follow=True)
    )
    assert "2 files discarded; nothing was posted." in page
    assert list(ImportBatch.objects.order_by("pk").values_list("state", flat=True)) == [
        "confirmed",
        "discarded",
        "discarded",
    ]
    assert "Choose files that are not confirmed yet." in text(
        client.post(f"{base}discard/", {"import": "x"}, follow=True)
    )


def test_a_file_that_takes_long_is_read_while_the_page_shows_progress(upload, client, base, monkeypatch):
    monkeypatch.setattr(imports, "WAIT_SECONDS", 0)
    page = text(upload())
    batch = the_import()
    assert (batch.state, "<progress" in page, "No worker" in page) == ("received", True, False)
    progress = client.get(f"{base}{batch.pk}/progress/", headers={"HX-Request": "true"})
    assert "The file is being read" in text(progress)
    drain()
    done = client.get(f"{base}{batch.pk}/progress/", headers={"HX-Request": "true"})
    assert (done.status_code, done["HX-Redirect"]) == (200, f"{base}{batch.pk}/")
    assert client.get(f"{base}{batch.pk}/progress/").status_code == 302
    assert "It adds up" in text(client.get(f"{base}{batch.pk}/"))


def test_the_page_says_when_no_worker_is_there(upload, client, base, monkeypatch):
    monkeypatch.setattr(imports, "WAIT_SECONDS", 0)
    upload()
    batch = the_import()
    ImportBatch.objects.update(created_at=timezone.now() - datetime.timedelta(seconds=6))
    assert "No worker is running" in text(client.get(f"{base}{batch.pk}/progress/"))
    Worker.objects.create(name="w", heartbeat_at=Now(), started_at=Now())
    assert "No worker is running" not in text(client.get(f"{base}{batch.pk}/progress/"))


def test_the_reading_can_be_stopped(upload, client, base, monkeypatch):
    monkeypatch.setattr(imports, "WAIT_SECONDS", 0)
    upload()
    batch = the_import()
    assert client.post(f"{base}{batch.pk}/discard/").status_code == 302
    drain()
    assert (the_import().state, batch.rows.count()) == ("discarded", 0)


def test_a_long_unreadable_file_says_why_and_can_be_discarded(client, base, book, accounts, owner):
    batch = receive_file(book=book, account=accounts.checking, actor=owner, data=b"%PDF", file_name="a.pdf")
    drain()
    assert "This is a PDF document" in text(client.get(f"{base}{batch.pk}/"))
    assert client.post(f"{base}{batch.pk}/discard/").status_code == 302
    assert the_import().state == "discarded"


def test_more_rows_are_fetched_by_keyset(upload, client, base):
    lines = "".join(f"2026-03-{day:02},P{n},-1.{day:02}\n" for day in range(1, 29) for n in range(3))
    page = upload(f"Date,Payee,Amount\n{lines}")
    assert text(page).count('class="import-row') == 50
    rest = client.get(f"{base}{the_import().pk}/?fate=&after={page.context['next']}")
    assert text(rest).count('class="import-row') == 34


def test_the_page_of_rows_takes_few_queries(upload, client, base, django_assert_max_num_queries):
    lines = "".join(f"2026-03-{day:02},P{n},-1.{day:02}\n" for day in range(1, 29) for n in range(3))
    upload(f"Date,Payee,Amount\n{lines}")
    with django_assert_max_num_queries(25):
        client.get(f"{base}{the_import().pk}/")


@pytest.mark.parametrize(("person", "read", "write"), [(None, 302, 302), ("stranger", 404, 404), ("viewer", 200, 403)])
def test_pages_and_forms_by_role(upload, base, request, person, read, write):
    upload()
    batch, row = the_import(), ImportRow.objects.first()
    other = Client()
    if person:
        other.force_login(request.getfixturevalue(person))
    assert {other.get(url).status_code for url in (base, f"{base}{batch.pk}/")} == {read}
    assert other.get(f"{base}{batch.pk}/columns/").status_code == write
    for path in (
        "confirm",
        "undo",
        "discard",
        "again",
        "decide",
        f"rows/{row.pk}",
        f"assign/{batch.statements.get().pk}",
    ):
        assert other.post(f"{base}{batch.pk}/{path}/").status_code == write
    assert other.post(f"{base}discard/", {"import": batch.pk}).status_code == write
    assert upload(by=other, follow=False).status_code == write
    assert the_import() == batch
    assert the_import().state == "staged"
    if person == "viewer":
        assert "Post 4 entries" not in text(other.get(f"{base}{batch.pk}/"))


def test_editors_import_and_other_books_are_not_reached(upload, base, editor, client, book, owner):
    mine = Client()
    mine.force_login(editor)
    upload(by=mine)
    batch = the_import()
    assert batch.created_by == editor
    assert mine.post(f"{base}{batch.pk}/confirm/").status_code == 302
    assert the_import().state == "confirmed"
    assert client.get(f"{base}999999/").status_code == 404
    assert client.post(f"{base}{batch.pk}/rows/999999/").status_code == 404
