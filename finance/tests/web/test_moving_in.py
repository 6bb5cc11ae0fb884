"""Moving in on the web: a file, a report, a book; nobody sees another's."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from finance.book_import.reading import REPORT_FILE
from finance.models import Book, JournalEntry
from finance.tests.book_import.test_ynab import READY, register, row
from identity.models import User
from platform_outbox.operations import runs
from platform_outbox.operations.models import OperationRun
from platform_outbox.operations.services import carry_out

DATA = register(
    row("Giro", "2026-01-01", "Starting Balance", READY, inflow="100.00€"),
    row("Giro", "2026-01-02", "Bäckerei", "Alltag: Essen", out="12,50€"),
)
START = reverse("web:move_in")


@pytest.fixture(autouse=True)
def _files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def upload(as_):
    """upload("owner") → the run of the dry run, not begun yet."""

    def send(person, data=DATA, **more):
        given = {"format": "ynab", "base_currency": "EUR", "time_zone": "", "name": "Zuhause"} | more
        answer = as_(person).post(START, given | {"file": SimpleUploadedFile("Mein Budget.csv", data)})
        assert answer.status_code == 302, answer.content.decode()
        return OperationRun.objects.get(pk=int(answer["Location"].split("/")[-2]))

    return send


def work():
    """What a worker does with the runs that wait."""
    for run in OperationRun.objects.filter(state="requested"):
        carry_out(run_id=run.pk, goes_on=lambda: True)


def url(run, part=""):
    return f"{START}{run.pk}/{part}"


def test_a_file_becomes_a_report_and_then_a_book(as_, stranger, upload):
    client = as_("stranger")
    assert START in client.get("/books/new/").content.decode()
    assert "YNAB (register)" in client.get(START).content.decode()
    run = upload("stranger")
    assert "The file is being read" in client.get(url(run)).content.decode()
    assert client.get(url(run, "progress/")).status_code == 200
    work()
    assert client.get(url(run, "progress/"), HTTP_HX_REQUEST="true")["HX-Redirect"] == url(run)
    page = client.get(url(run)).content.decode()
    assert "Every balance matches the file" in page
    assert "€87.50" in page
    assert "Create the book" in page
    assert not Book.objects.exists()

    created = client.post(url(run, "create/"))["Location"]
    again = client.post(url(run, "create/"))["Location"]
    assert created == again != url(run)
    work()
    (book,) = Book.objects.all()
    assert (book.name, book.memberships.get().user, book.base_currency) == ("Zuhause", stranger, "EUR")
    assert JournalEntry.objects.filter(book=book, source="moved").count() == 1
    assert f'href="/b/{book.pk}/"' in client.get(created).content.decode()
    assert client.post(url(run, "create/"))["Location"] == created
    assert "has been created" in client.get(url(run)).content.decode()
    listed = client.get(START).content.decode()
    assert ("Mein Budget.csv" in listed, "Book created" in listed) == (True, True)


def test_a_file_that_cannot_be_read_says_why(as_, stranger, upload):
    run = upload("stranger", b"a,b\n1,2\n")
    work()
    page = as_("stranger").get(url(run)).content.decode()
    assert "no column “Account”" in page
    assert "Create the book" not in page
    assert "Traceback" not in page
    assert as_("stranger").post(url(run, "create/"))["Location"] == url(run)
    assert OperationRun.objects.count() == 1


def test_differences_must_be_accepted(as_, stranger, upload):
    header = '[{"tdate":"2026-01-01","tdescription":"x","tpostings":['
    amount = '{{"acommodity":"EUR","aquantity":{{"decimalMantissa":{0},"decimalPlaces":3}}}}'
    posting = '{{"paccount":"{0}","ptype":"RegularPosting","pcomment":"","pamount":[{1}]}}'
    sides = [
        posting.format(name, amount.format(number)) for name, number in (("assets:a", 12344), ("income:b", -12344))
    ]
    run = upload("stranger", (header + ",".join(sides) + "]}]").encode(), format="hledger")
    work()
    client = as_("stranger")
    page = client.get(url(run)).content.decode()
    assert ("2 balances differ" in page, "12.344 EUR" in page) == (True, True)
    refused = client.post(url(run, "create/"))["Location"]
    work()
    assert "nothing was created" in client.get(refused).content.decode()
    client.post(url(run, "create/"), {"accept_differences": "on"})
    work()
    assert Book.objects.count() == 1


def test_one_file_at_a_time(upload, stranger):
    assert upload("stranger").pk == upload("stranger").pk


def test_a_run_can_be_stopped(as_, stranger, upload):
    run = upload("stranger")
    as_("stranger").post(url(run, "cancel/"))
    work()
    assert "Stopped. Nothing was created." in as_("stranger").get(url(run)).content.decode()


def test_a_worker_that_was_gone_after_the_commit_does_not_create_a_second_book(as_, stranger, upload):
    run = upload("stranger")
    work()
    as_("stranger").post(url(run, "create/"))
    work()
    created = OperationRun.objects.latest("pk")
    OperationRun.objects.filter(pk=created.pk).update(state="running", result=None)
    carry_out(run_id=created.pk, goes_on=lambda: True)
    created.refresh_from_db()
    assert (created.state, created.result["book"], Book.objects.count()) == ("done", Book.objects.get().pk, 1)


def test_a_report_that_is_gone_and_long_ones(as_, stranger, upload):
    run = upload("stranger")
    work()
    path = runs.directory_of(run.pk) / REPORT_FILE
    report = json.loads(path.read_text())
    report["proof"] = [report["proof"][0] | {"account": f"A{number}", "holds": number != 149} for number in range(150)]
    path.write_text(json.dumps(report))
    first = as_("stranger").get(url(run)).content.decode()
    assert ("A149" in first, "A98" in first, "A99" in first, "?after=100" in first) == (True, True, False, True)
    assert "A99" in as_("stranger").get(url(run) + "?after=100").content.decode()
    path.unlink()
    assert "no longer kept" in as_("stranger").get(url(run)).content.decode()


@pytest.mark.parametrize("person", ["owner", "editor", "viewer", "staff"])
def test_reports_of_others_are_not_there(as_, stranger, book, upload, person, request):
    if person == "staff":
        User.objects.create_superuser("root@example.org", "correct horse battery")
        request.getfixturevalue("db")
    run = upload("stranger")
    work()
    if person == "staff":
        client = as_(None)
        client.force_login(User.objects.get(email="root@example.org"))
    else:
        client = as_(person)
    assert client.get(START).status_code == 200
    assert "Mein Budget.csv" not in client.get(START).content.decode()
    for part in ("", "progress/"):
        assert client.get(url(run, part)).status_code == 404
    for part in ("create/", "cancel/"):
        assert client.post(url(run, part)).status_code == 404
    assert OperationRun.objects.count() == 1


def test_nobody_moves_in(client, upload, stranger):
    run = upload("stranger")
    for path in (START, url(run), url(run, "progress/")):
        assert client.get(path)["Location"].startswith("/accounts/sign-in/")
    for path in (START, url(run, "create/"), url(run, "cancel/")):
        assert client.post(path)["Location"].startswith("/accounts/sign-in/")


def test_the_form_names_what_is_missing(as_, stranger):
    answer = as_("stranger").post(START, {"format": "", "base_currency": "", "time_zone": "", "name": ""})
    assert answer.status_code == 400
    assert ('id="id_format_error"' in answer.content.decode(), 'id="id_file_error"' in answer.content.decode()) == (
        True,
        True,
    )


def test_the_list_is_paged_with_a_fixed_number_of_queries(as_, stranger, upload, django_assert_num_queries):
    for _ in range(12):
        upload("stranger")
        OperationRun.objects.update(state="done")
    client = as_("stranger")
    client.get(START)
    with django_assert_num_queries(4):
        page = client.get(START).content.decode()
    assert page.count("Mein Budget.csv") == 10
    last = OperationRun.objects.order_by("-pk")[9].pk
    assert f"?before={last}" in page
    assert client.get(f"{START}?before={last}").content.decode().count("Mein Budget.csv") == 2
