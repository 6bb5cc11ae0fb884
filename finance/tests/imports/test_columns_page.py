"""The page of columns: roles per column, the rows as they will be read, and what happens when they are read so."""

import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from finance.imports.models import ImportBatch, ImportProfile, ImportRow
from finance.imports.parsers.profile import CsvProfile
from finance.imports.preview import encodings_of, head_of
from finance.tests.imports.workbooks import Day, xlsx
from finance.web import import_columns
from platform_outbox.testing import drain

FILE = "Date,Description,Amount\n01/02/2026,Shop,4.00\n03/02/2026,Bar,5.00\n"


@pytest.fixture
def client(owner):
    signed_in = Client()
    signed_in.force_login(owner)
    return signed_in


@pytest.fixture
def page(client, book, stage):
    """Stages a file; returns its page, the values of the form on it, and a way to send them changed."""

    class Page:
        def __init__(self, data):
            self.batch = stage(data)
            self.url = f"/b/{book.pk}/imports/{self.batch.pk}/columns/"

        def values(self, answer=None):
            form = (answer or client.get(self.url)).context["form"]
            return {name: value for name in form.fields if (value := form[name].value()) is not None}

        def post(self, values, **more):
            return client.post(self.url, {**values, **{name.replace("__", "-"): value for name, value in more.items()}})

        def preview(self, values, **more):
            return self.post(values, preview="1", **more)

    return Page


def text(answer):
    return " ".join(answer.content.decode().split())


def as_read(answer):
    return [
        (each.row.number, str(each.row.date), each.row.payee, each.amount, each.row.problem)
        for each in answer.context["rows"]
    ]


def test_each_column_has_a_role_and_the_rows_are_shown_as_they_are_read(page, client):
    answer = client.get(page(FILE).url)
    assert [(name, field.value()) for name, field in answer.context["form"].roles] == [
        ("Date", "date"),
        ("Description", "description"),
        ("Amount", "amount"),
    ]
    assert as_read(answer) == [(2, "2026-02-01", "Shop", "€4.00", ""), (3, "2026-02-03", "Bar", "€5.00", "")]


def test_a_preview_shows_other_settings_and_changes_nothing(page):
    shown = page(FILE)
    before = ImportRow.objects.values_list("pk", flat=True)
    answer = shown.preview(shown.values(), date_order="mdy", sign="inverted", role__1="payee")
    assert answer.status_code == 200
    assert as_read(answer)[0] == (2, "2026-01-02", "Shop", "−€4.00", "")
    assert shown.values(answer)["role-1"] == "payee"
    assert list(ImportRow.objects.values_list("pk", flat=True)) == list(before)
    assert ImportBatch.objects.get().state == "staged"
    assert not ImportProfile.objects.exists()


def test_what_was_chosen_is_read_and_remembered(page):
    shown = page(FILE)
    answer = shown.post(shown.values(), date_order="mdy", sign="inverted")
    assert answer.status_code == 302
    row = ImportRow.objects.get(number=2)
    assert (row.amount, row.date) == (-4_00, datetime.date(2026, 1, 2))
    assert ImportProfile.objects.get().reading["sign"] == "inverted"


ROLES = "date value_date time amount fee balance currency status bank_id account counterparty_account counterparty_bank"


def test_every_role_can_be_set_and_unset(page):
    row = "2026-03-05,2026-03-06,10:00,-4.00,0.10,96.00,EUR,booked,TX12345,DE02100500000024290661,DE89370400440532013000,COBADEFF"
    shown = page(f"{','.join(f'c{i}' for i in range(12))}\n{row}\n{row.replace('TX12345', 'TX12346')}\n")
    profile = CsvProfile.from_dict(shown.batch.profile)

    def read_with(**roles):
        values = {name: value for name, value in shown.values().items() if not name.startswith("role-")}
        answer = shown.preview(values, **roles)
        form = answer.context["form"]
        return {role: i for i, (_name, field) in enumerate(form.roles) if (role := field.value())}

    every = {f"role__{i}": role for i, role in enumerate(ROLES.split())}
    assert read_with(**every) == {role: i for i, role in enumerate(ROLES.split())}
    bare = read_with(role__0="date", role__3="amount")
    assert bare == {"date": 0, "amount": 3}
    pair = read_with(
        role__0="date", role__3="debit", role__4="credit", role__7="flag", role__8="payee", role__9="description"
    )
    assert pair == {"date": 0, "debit": 3, "credit": 4, "flag": 7, "payee": 8, "description": 9}
    assert profile.date_column == 0


def test_a_role_that_only_one_column_can_have(page):
    shown = page(FILE)
    answer = shown.post(shown.values(), role__1="date")
    assert (answer.status_code, text(answer).count("Only one column can be “Date”.")) == (400, 2)
    assert "Choose the column of dates." in text(shown.post(shown.values(), role__0=""))
    without = shown.post(shown.values(), role__2="")
    assert "name the column of amounts" in text(without)
    assert "name the column of amounts" in text(shown.preview(shown.values(), role__2=""))


def test_another_delimiter_shows_other_columns_which_are_then_chosen(page):
    shown = page("Date;Text, more;Amount\n2026-03-01;Shop, Berlin;-4.00\n2026-03-02;Bar, Berlin;-5.00\n")
    comma = shown.preview(shown.values(), delimiter=",")
    assert "is named as the amounts" in text(comma)
    assert as_read(comma) == []
    answer = shown.preview(shown.values(), encoding="cp1252")
    values = shown.values(answer)
    assert (values["encoding"], values["read_as"]) == ("cp1252", ";cp1252")
    assert shown.post(values, role__1="payee").status_code == 302
    batch = ImportBatch.objects.get()
    assert (batch.profile["encoding"], batch.profile["payee_columns"]) == ("cp1252", [1])


def test_the_line_of_names_can_be_chosen_or_none(page):
    shown = page("Export,of,today\nDatum,Wort,Betrag\n2026-03-01,Shop,-4.00\n2026-03-02,Bar,-5.00\n")
    assert shown.values()["header_line"] == "2"
    none = shown.preview(shown.values(), header_line="")
    assert [name for name, _field in none.context["form"].roles] == ["", "", ""]
    first = shown.preview(shown.values(none), header_line="1")
    assert [name for name, _field in first.context["form"].roles] == ["Export", "of", "today"]


def test_encodings_are_shown_with_the_words_that_they_make(page):
    head = "Datum;Text;Betrag\n01.02.2026;Kontoführung Zoé;-1,50\n".encode("cp1252")
    batch = page(head).batch
    assert dict(batch.encodings)["cp1251"] == "Kontofьhrung, Zoй"
    shown = dict(encodings_of(batch, b"", "cp1252"))
    assert shown["cp1252"] == "cp1252 · Kontoführung, Zoé"
    assert shown["cp1251"] == "cp1251 · Kontofьhrung, Zoй"
    assert shown["utf-16"] == "utf-16"
    assert "Kontoführung" in text(page(head).preview(page(head).values()))


def test_files_of_before_an_upgrade_show_their_words_too(page):
    batch = page("Datum;Text;Betrag\n01.02.2026;Kontoführung;-1,50\n".encode("cp1252")).batch
    before = encodings_of(batch, head_of(batch), "cp1252")
    batch.encodings = []
    assert encodings_of(batch, head_of(batch), "cp1252") == before
    # One that is not offered, but was used.
    assert encodings_of(batch, head_of(batch), "utf-8-sig")[0][0] == "utf-8-sig"


def test_a_workbook_shows_its_first_lines_and_takes_roles(page, client):
    rows = [["Date", "Text", "Value", "Other"], [Day(46054), "Müller; Söhne", 4.5, 1.25], [Day(46055), "Bar", 5, 2]]
    shown = page(xlsx({"S": rows}))
    answer = client.get(shown.url)
    assert answer.context["lines"][0] == (2, ["2026-02-01", "Müller; Söhne", "4.50", "1.25"])
    assert as_read(answer)[0] == (2, "2026-02-01", "Müller; Söhne", "€4.50", "")
    assert "not shown here" not in text(answer)
    assert [len(answer.context["form"].fields[name].choices) for name in ("delimiter", "encoding")] == [1, 1]
    values = {**shown.values(), "role-2": "", "role-3": "amount"}
    assert as_read(shown.preview(values))[0][3] == "€1.25"
    assert ImportRow.objects.filter(batch=shown.batch).first().amount == 4_50
    assert shown.post(values).status_code == 302
    drain()
    assert ImportRow.objects.filter(batch=shown.batch).first().amount == 1_25


def test_the_page_decodes_a_file_once(page, client, monkeypatch):
    """What each encoding makes of it was found out by the reader."""
    shown = page("Datum;Text;Betrag\n01.02.2026;Kontoführung;-1,50\n".encode("cp1252"))

    def decoded(*_given):
        raise AssertionError("in the request")

    monkeypatch.setattr("finance.imports.preview.words_under_each", decoded)
    monkeypatch.setattr("finance.imports.preview.words_under", decoded)
    assert "Kontoführung" in text(client.get(shown.url))


def test_an_encoding_chosen_once_is_used_for_the_next_file(stage, owner):
    name = "Datum;Příjemce;Částka\n"
    first = stage((name + "01.02.2026;Kiosek;-1,50\n").encode("cp1252", "replace"), file_name="a.csv")
    profile = CsvProfile.from_dict(first.profile).corrected(
        {"encoding": "cp1250", "header": ["Datum", "Příjemce", "Částka"]}
    )
    ImportProfile.objects.create(
        book=first.book,
        account=first.account,
        updated_by=owner,
        signature=profile.signature,
        reading=profile.to_dict(),
    )
    again = stage((name + "02.02.2026;Kiosek;-2,50\n").encode("cp1250"), file_name="b.csv")
    assert (again.profile["encoding"], again.profile["header"][1]) == ("cp1250", "Příjemce")


def test_corrections_in_vain_leave_the_import_as_it_was(page, client, book, monkeypatch):
    monkeypatch.setattr(import_columns, "WAIT_SECONDS", 0)
    shown = page("Date,Description,Amount\n2026-03-01,Shop,4.00\n")
    before = ImportRow.objects.get().pk
    assert shown.post(shown.values(), role__0="", role__1="date").status_code == 302
    drain()
    answer = client.get(f"/b/{book.pk}/imports/{shown.batch.pk}/")
    assert "None of the 1 rows can be read" in text(answer)
    assert (ImportBatch.objects.get().state, ImportRow.objects.get().pk) == ("staged", before)


@pytest.mark.parametrize("read_as", ["", ";", "xutf-8", ",zip", ",rot13", "\x00"])
def test_what_the_page_did_not_say_is_refused(page, read_as):
    shown = page(FILE)
    answer = shown.post(shown.values() | {"read_as": read_as}, role__1="payee")
    assert answer.status_code in (302, 400)
    assert ImportBatch.objects.get().profile["payee_columns"] == shown.batch.profile["payee_columns"]


def test_a_file_uploaded_and_its_columns_by_role(client, book, accounts, page):
    file = SimpleUploadedFile("march.csv", FILE.encode())
    client.post(f"/b/{book.pk}/imports/new/", {"account": accounts.checking.pk, "file": file})
    shown = page(FILE)
    other = Client()
    assert other.post(shown.url, {"preview": "1"}).status_code == 302


@pytest.mark.parametrize(("person", "status"), [(None, 302), ("stranger", 404), ("viewer", 403), ("editor", 200)])
def test_who_may_preview(page, request, person, status):
    shown = page(FILE)
    other = Client()
    if person:
        other.force_login(request.getfixturevalue(person))
    assert other.get(shown.url).status_code == status
    assert other.post(shown.url, {**shown.values(), "preview": "1"}).status_code == status
