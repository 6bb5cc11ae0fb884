"""Households export their book: pages and API, for everybody, with a file that is there for a week."""

import datetime
import io
import zipfile

import pytest
import time_machine
from django.utils import timezone

from finance.exports.runs import runs_of, start_export
from finance.tests.api.conftest import clients, foreign, url
from finance.tests.web.conftest import as_, page, send
from platform_outbox.operations.models import OperationRun
from platform_outbox.operations.services import carry_out

__all__ = ["as_", "clients", "foreign", "page", "send", "url"]
pytestmark = pytest.mark.django_db
EXPORT = "settings/export/"


@pytest.fixture(autouse=True)
def _files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def exported(book, owner, spend):
    def run(format="archive"):
        spend(12_34)
        started = start_export(book=book, actor=owner, format=format)
        carry_out(run_id=started.pk, goes_on=lambda: True)
        started.refresh_from_db()
        return started

    return run


def shut(answer):
    """Close the file of an answer, and not the connection that the test is on, as closing the answer would."""
    for close in answer._resource_closers:
        close()


@pytest.mark.parametrize(
    ("person", "expected"), [(None, 302), ("stranger", 404), ("viewer", 200), ("editor", 200), ("owner", 200)]
)
def test_members_take_the_book_along_and_nobody_else(page, send, exported, person, expected):
    run = exported()
    file = page(person, f"{EXPORT}{run.pk}/file/")
    shut(file)
    assert [page(person, EXPORT).status_code, file.status_code] == [expected, expected]
    before = OperationRun.objects.count()
    started = send(person, f"{EXPORT}start/", {"format": "csv"}).status_code
    assert started == (302 if expected == 200 else expected)
    assert OperationRun.objects.count() - before == (1 if expected == 200 else 0)
    waiting = OperationRun.objects.latest("pk")
    send(person, f"{EXPORT}{waiting.pk}/cancel/", {})
    waiting.refresh_from_db()
    assert (waiting.state == "cancelled") is (expected == 200)


def test_the_file_is_whole_and_goes_after_a_week(page, exported):
    run = exported()
    answer = page("owner", f"{EXPORT}{run.pk}/file/")
    content = b"".join(answer.streaming_content)
    shut(answer)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
    assert "Download" in page("owner", EXPORT).content.decode()
    with time_machine.travel(timezone.now() + datetime.timedelta(days=8)):
        assert page("owner", f"{EXPORT}{run.pk}/file/").status_code == 404
        assert "expired" in page("owner", EXPORT).content.decode()


def test_one_at_a_time_and_only_what_there_is(as_, book):
    client = as_("owner")
    for format in ("archive", "csv", "floppy"):
        client.post(f"/b/{book.pk}/{EXPORT}start/", {"format": format})
    assert [run.parameters["format"] for run in runs_of(book=book)] == ["archive"]
    body = client.get(f"/b/{book.pk}/{EXPORT}").content.decode()
    assert "Another export of this book is under way" in body
    assert "Choose what to export." in body
    assert "hx-trigger" in body


@pytest.mark.parametrize("format", ["csv", "hledger", "beancount", "json", "archive"])
def test_every_choice_of_the_page_is_written(exported, format):
    assert exported(format).state == "done"


def test_an_export_of_another_book_is_not_found(send, page, foreign, owner, stranger):
    theirs = start_export(book=foreign[0], actor=stranger, format="json")
    assert page("owner", f"{EXPORT}{theirs.pk}/file/").status_code == 404
    assert send("owner", f"{EXPORT}{theirs.pk}/cancel/", {}).status_code == 404


def test_the_same_over_the_api(clients, url, exported, foreign):
    run = exported("json")
    statuses = {"anonymous": 401, "stranger": 404, "viewer": 200, "editor": 200, "owner": 200}
    for person, expected in statuses.items():
        for path in ("exports/", f"exports/{run.pk}/", f"exports/{run.pk}/file/"):
            answer = clients[person].get(url(path))
            shut(answer)
            assert answer.status_code == expected, (person, path)
    shown = clients["viewer"].get(url(f"exports/{run.pk}/")).json()
    assert (shown["state"], shown["format"]) == ("done", "json")
    answer = clients["viewer"].get(shown["file"])
    assert b'"lifeos-book"' in b"".join(answer.streaming_content)
    shut(answer)
    made = clients["viewer"].post(url("exports/"), {"format": "archive"}, format="json")
    assert (made.status_code, made.json()["file"]) == (202, None)
    again = clients["owner"].post(url("exports/"), {"format": "csv"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert clients["owner"].get(url(f"exports/{made.json()['id']}/file/")).status_code == 404
    elsewhere = f"/api/v1/books/{foreign[0].pk}/exports/{run.pk}/"
    assert clients["stranger"].get(elsewhere).status_code == 404
