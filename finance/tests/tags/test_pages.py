"""Tags on pages: the list with its figures, one tag, and the field of an entry."""

import re

import pytest

from finance.models import Tag
from finance.tags import selectors, services


@pytest.fixture
def tag(book, owner, spend):
    made = services.save_tag(book=book, name="Holiday", colour="teal")
    services.tag_entries(book=book, actor=owner, entry_ids=[spend(12_34).pk], add=[made])
    return made


def names_of(book, entry):
    return [tag.name for tag in selectors.tags_of_entries(book=book, entry_ids=[entry.pk]).get(entry.pk, [])]


@pytest.mark.parametrize("person", [None, "stranger", "viewer", "editor", "owner"])
def test_who_opens_and_changes_what(as_, book, tag, spend, person):
    client, entry, base = as_(person), spend(1_00), f"/b/{book.pk}/"
    refusals = {None: 302, "stranger": 404, "viewer": 403}
    assert client.get(f"{base}tags/").status_code == {**refusals, "viewer": 200}.get(person, 200)
    assert client.get(f"{base}tags/{tag.pk}/").status_code == refusals.get(person, 200)
    for path, data in (
        ("tags/", {"name": "New", "colour": "red"}),
        (f"entries/{entry.uid}/tags/", {"tags": "a, b"}),
        (f"tags/{tag.pk}/", {"do": "save", "name": "Holidays", "colour": "red"}),
    ):
        assert client.post(base + path, data).status_code == refusals.get(person, 302), path
    may = person in ("editor", "owner")
    assert set(Tag.objects.values_list("name", flat=True)) == ({"Holidays", "New", "a", "b"} if may else {"Holiday"})


def test_the_list_shows_counts_and_sums_and_leads_to_the_rows(page, tag):
    html = page("viewer", "tags/").content.decode()
    assert "€12.34" in html
    assert "?q=tag:%22Holiday%22" in html
    found = page("viewer", "search/", q='tag:"Holiday"').content.decode()
    assert "1 entry" in found
    assert "€12.34</span> out" in found


def test_a_name_that_is_taken_is_said_at_the_field(send, tag):
    answer = send("editor", "tags/", {"name": "HOLIDAY", "colour": "red"})
    assert answer.status_code == 400
    assert "There is a tag of this name already." in answer.content.decode()


def test_merging_and_removing(send, book, tag, spend, owner):
    other = services.save_tag(book=book, name="Vacation")
    assert send("editor", f"tags/{tag.pk}/", {"do": "merge", "into": "9" * 12}).status_code == 404
    send("editor", f"tags/{tag.pk}/", {"do": "merge", "into": other.pk})
    assert list(Tag.objects.values_list("name", flat=True)) == ["Vacation"]
    assert selectors.tag_figures(book=book, tag_ids=[other.pk])[other.pk].entries == 1
    send("editor", f"tags/{other.pk}/", {"do": "remove"})
    assert not Tag.objects.exists()


@pytest.mark.parametrize(("typed", "kept"), [(" Trip,  holiday ,", ["Holiday", "Trip"]), ("", [])])
def test_the_field_sets_the_tags_of_an_entry(send, page, book, tag, spend, typed, kept):
    entry = spend(1_00)
    said = send("editor", f"entries/{entry.uid}/tags/", {"tags": typed}, follow=True).content.decode()
    assert names_of(book, entry) == kept
    assert ("Tagged 1 entry: Trip, Holiday." in said or "Tagged 1 entry: Holiday, Trip." in said) is bool(kept)
    html = page("viewer", f"entries/{entry.uid}/").content.decode()
    assert html.count('class="tag tag-') == len(kept)


def test_more_tags_than_a_form_takes_are_refused(as_, book, spend):
    entry = spend(1_00)
    typed = {"tags": ",".join(f"t{number}" for number in range(51))}
    answer = as_("editor").post(f"/b/{book.pk}/entries/{entry.uid}/tags/", typed, follow=True)
    assert "Enter at most 50 tags." in answer.content.decode()
    assert names_of(book, entry) == []


def test_an_entry_is_saved_with_its_tags_and_a_correction_keeps_or_changes_them(send, page, book, accounts, spend):
    form = {"mode": "spent", "amount": "5", "account": accounts.checking.pk, "category": accounts.groceries.pk,
            "date": "2026-03-15", "payee": "Aldi"}  # fmt: skip
    refused = send("editor", "entries/new/", {**form, "tags": 'a"b'})
    assert refused.status_code == 200
    assert "without commas and quotation marks" in refused.content.decode()
    assert not book.entries.exists()
    send("editor", "entries/new/", {**form, "tags": "Weekly"})
    entry = book.entries.get()
    assert names_of(book, entry) == ["Weekly"]
    assert 'value="Weekly"' in page("editor", f"entries/{entry.uid}/edit/").content.decode()
    send("editor", f"entries/{entry.uid}/edit/", {**form, "amount": "6"})
    second = book.entries.get(corrects=entry)
    assert names_of(book, second) == ["Weekly"]
    send("editor", f"entries/{second.uid}/edit/", {**form, "amount": "7", "tags": "Monthly"})
    assert names_of(book, entry) == ["Monthly"]
    fold = page("viewer", f"entries/{second.uid}/fold/").content.decode()
    assert "Monthly" in fold


def test_tags_are_paged(page, book, monkeypatch):
    monkeypatch.setattr("finance.web.tags.PAGE", 2)
    for name in "abc":
        services.save_tag(book=book, name=name)
    html = page("viewer", "tags/").content.decode()
    assert "?after=" in html
    last = Tag.objects.order_by("pk")[1].pk
    assert page("viewer", "tags/", after=last).content.decode().count('class="tag tag-') == 1
    assert page("viewer", "tags/", after="x").status_code == 404


def test_the_message_of_tags_has_an_undo(as_, book, tag, spend, accounts):
    entries, client = [spend(1_00), spend(2_00)], as_("editor")
    form = {"action": "tag", "tag_value": "Trip", "view": "", "pick": [entry.uid for entry in entries]}
    said = client.post(f"/b/{book.pk}/changes/selection/", form, follow=True).content.decode()
    assert "Tagged 2 entries: Trip." in said
    address = re.search(r'"(/b/\d+/changes/\d+/undo/)"', said)[1]
    detail = client.get(address.removesuffix("undo/")).content.decode()
    assert all(f"/entries/{entry.uid}/" in detail for entry in entries)
    said = client.post(address, follow=True).content.decode()
    assert "Undone, 2 entries are as they were." in said
    assert [names_of(book, entry) for entry in entries] == [[], []]


def test_undoing_an_edit_puts_its_tags_back_as_well(as_, book, tag, spend, accounts):
    entry, client = spend(1_00, payee="Aldi"), as_("editor")
    form = {
        "mode": "spent", "amount": "2", "account": accounts.checking.pk, "category": accounts.groceries.pk,
        "date": "2026-03-15", "payee": "Aldi", "tags": "Trip", "save": "1",
    }  # fmt: skip
    said = client.post(f"/b/{book.pk}/entries/{entry.uid}/edit/", form, follow=True).content.decode()
    assert names_of(book, entry) == ["Trip"]
    client.post(re.search(r'"(/b/\d+/changes/\d+/undo/)"', said)[1])
    assert names_of(book, entry) == []
