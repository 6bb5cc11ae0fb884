"""Files over pages and API: who may read and write, and how they are served."""

import uuid
from io import BytesIO

import pytest
from django.db import transaction

from finance.api import urls
from finance.attachments import services
from finance.tests.attachments.conftest import PDF

READ, EDIT = "read", "edit"
ROUTES = [
    ("api-attachments", "get", READ),
    ("api-attachments-entry", "get", READ),
    ("api-attachments-entry", "post", EDIT),
    ("api-attachment", "get", READ),
    ("api-attachment", "delete", EDIT),
    ("api-attachment-content", "get", READ),
    ("api-attachment-thumbnail", "get", READ),
]


def upload(data=PDF, name="bill.pdf"):
    file = BytesIO(data)
    file.name = name
    return {"file": file}


@pytest.fixture
def receipt(owner, spend, picture):
    made = services.attach(entry=spend(1_00), actor=owner, data=picture(), file_name="Rechnung März.jpg")
    services.make_thumbnail(attachment_id=made.pk)
    return made


@pytest.fixture
def ids(receipt, book):
    return {"book_id": book.pk, "attachment_id": receipt.pk, "uid": receipt.entry.uid}


def ask(client, route, method, ids):
    address = str(next(each for each in urls.urlpatterns if each.name == route).pattern)
    for kind, name in (("int", "attachment_id"), ("uuid", "uid"), ("int", "book_id")):
        address = address.replace(f"<{kind}:{name}>", str(ids[name]))
    body = {"data": upload(), "format": "multipart"} if method == "post" else {}
    return getattr(client, method)(f"/api/v1/{address}", **body)


def test_the_table_names_every_route():
    assert {route for route, *_rest in ROUTES} == {
        each.name for each in urls.urlpatterns if each.name.startswith("api-attachment")
    }


@pytest.mark.parametrize(("route", "method", "takes"), ROUTES, ids=[f"{r[1]}-{r[0]}" for r in ROUTES])
def test_each_route_serves_whom_it_should(clients, ids, foreign, route, method, takes):
    refusals = {"anonymous": 401, "stranger": 404, "viewer": 403}
    for person, client in clients.items():
        allowed = person in ("editor", "owner") or (takes == READ and person == "viewer")
        with transaction.atomic():
            answer = ask(client, route, method, ids)
            assert (answer.status_code in (200, 201, 204)) if allowed else answer.status_code == refusals[person], (
                person,
                answer.content,
            )
            transaction.set_rollback(True)
    pattern = str(next(each for each in urls.urlpatterns if each.name == route).pattern)
    for name, unknown in (("book_id", foreign[0].pk), ("attachment_id", 10**9), ("uid", uuid.uuid4())):
        if name in pattern:
            assert ask(clients["owner"], route, method, {**ids, name: unknown}).status_code == 404, name


@pytest.mark.parametrize("person", [None, "stranger", "viewer", "editor", "owner"])
def test_pages_of_a_file(as_, book, receipt, person):
    client = as_(person)
    reads = {None: 302, "stranger": 404}.get(person, 200)
    writes = {None: 302, "stranger": 404, "viewer": 403}.get(person, 302)
    base = f"/b/{book.pk}/"
    for path in (f"attachments/{receipt.pk}/", f"attachments/{receipt.pk}/thumbnail/"):
        assert client.get(base + path).status_code == reads
        assert client.post(base + path).status_code == 405 or person in (None, "stranger")
    attach = client.post(f"{base}entries/{receipt.entry.uid}/attach/", upload())
    assert attach.status_code == writes
    removed = client.post(f"{base}attachments/{receipt.pk}/remove/")
    assert removed.status_code == writes
    receipt.refresh_from_db()
    assert (receipt.removed_at is not None) is (person in ("editor", "owner"))


def test_a_file_is_served_so_that_it_can_do_nothing(page, receipt, owner, spend, as_, book):
    shown = page("viewer", f"attachments/{receipt.pk}/")
    assert shown["Content-Type"] == "image/jpeg"
    assert shown["Content-Disposition"] == "inline; filename*=utf-8''Rechnung%20M%C3%A4rz.jpg"
    assert shown["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert shown["Cache-Control"] == "private, no-cache"
    again = as_("viewer").get(f"/b/{book.pk}/attachments/{receipt.pk}/", headers={"if-none-match": shown["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", shown["ETag"])
    small = page("viewer", f"attachments/{receipt.pk}/thumbnail/")
    assert small["Content-Type"] == "image/jpeg"
    assert small["ETag"] != shown["ETag"]
    pdf = services.attach(entry=spend(2_00), actor=owner, data=PDF, file_name="x.html")
    saved = page("viewer", f"attachments/{pdf.pk}/")
    assert saved["Content-Type"] == "application/pdf"
    assert saved["Content-Disposition"] == 'attachment; filename="x.html"'


def test_the_entry_shows_its_files_and_says_what_was_refused(page, send, as_, book, receipt):
    shown = page("viewer", f"entries/{receipt.entry.uid}/").content.decode()
    assert f"/b/{book.pk}/attachments/{receipt.pk}/thumbnail/" in shown
    assert "Rechnung März.jpg" in shown
    assert 'type="file"' not in shown
    files = [upload()["file"], upload(b"MZ", "virus.exe")["file"]]
    answer = as_("editor").post(f"/b/{book.pk}/entries/{receipt.entry.uid}/attach/", {"file": files}, follow=True)
    text = answer.content.decode()
    assert "1 file attached." in text
    assert "virus.exe: This is not a JPEG" in text
    assert "bill.pdf" in text


def test_a_file_is_attached_by_api(api, url, spend):
    entry = spend(1_00)
    made = api.post(url(f"entries/{entry.uid}/attachments/"), upload(), format="multipart").json()
    assert (made["entry"], made["content_type"], made["size"]) == (str(entry.uid), "application/pdf", len(PDF))
    assert api.get(url(f"attachments/{made['id']}/content/")).content == PDF
    refused = api.post(url(f"entries/{entry.uid}/attachments/"), upload(b"MZ"), format="multipart")
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["file"])
    listed = api.get(url(f"entries/{entry.uid}/attachments/")).json()["results"]
    assert listed == api.get(url("attachments/")).json()["results"] == [made]
