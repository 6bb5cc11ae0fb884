"""Tags in a book and on its entries."""

import datetime

import pytest
from django.db import IntegrityError, connection, transaction

from finance.errors import Conflict, Invalid, NotFound
from finance.ledger import services as ledger
from finance.ledger.posting import LineDraft
from finance.models import Change, EntryTag, Tag
from finance.tags import selectors, services
from platform_outbox.models import OutboxMessage

ON = datetime.date(2026, 3, 15)


@pytest.fixture
def tag(book):
    return services.save_tag(book=book, name="Holiday", colour="teal")


def correct(entry, owner, accounts, amount):
    lines = [
        LineDraft(account_id=accounts.groceries.pk, amount=amount),
        LineDraft(account_id=accounts.checking.pk, amount=-amount),
    ]
    return ledger.correct_entry(
        entry=entry, actor=owner, date=entry.date, lines=lines, payee=entry.payee, description="", on=ON
    )


def events(name):
    return [event.payload for event in OutboxMessage.objects.filter(event_type=name).order_by("pk")]


def names_of(book, *entries):
    found = selectors.tags_of_entries(book=book, entry_ids=[entry.pk for entry in entries])
    return [[tag.name for tag in found.get(entry.pk, [])] for entry in entries]


def test_a_name_is_unique_whatever_its_capitals(book, tag):
    with pytest.raises(Invalid) as refused:
        services.save_tag(book=book, name="  hoLIday ")
    assert list(refused.value.fields) == ["name"]
    assert services.save_tag(book=book, tag=tag, name="HOLIDAY").name == "HOLIDAY"
    with pytest.raises(IntegrityError), transaction.atomic():
        Tag.objects.create(book=book, name="holiday")


@pytest.mark.parametrize("name", ["", "  ", "a" * 61, "a,b", 'a"b', "a\x00b"])
def test_a_name_that_cannot_be_typed_is_refused(book, name):
    with pytest.raises(Invalid):
        services.save_tag(book=book, name=name)


def test_a_colour_is_one_of_ours(book):
    with pytest.raises(Invalid) as refused:
        services.save_tag(book=book, name="Loud", colour="#ff0000")
    assert list(refused.value.fields) == ["colour"]


def test_a_book_has_a_thousand_tags_at_most(book, monkeypatch, tag):
    monkeypatch.setattr(services, "MOST_TAGS", 1)
    with pytest.raises(Conflict):
        services.save_tag(book=book, name="One more")


def test_names_find_tags_and_make_the_missing(book, tag):
    found = services.tags_named(book=book, names=["HOLIDAY", "Über uns", "holiday", "über  UNS"])
    assert [each.name for each in found] == ["Holiday", "Über uns"]
    assert Tag.objects.count() == 2


def test_a_correction_keeps_its_tags(book, owner, accounts, spend, tag):
    entry = spend(10_00)
    services.tag_entries(book=book, actor=owner, entry_ids=[entry.pk], add=[tag])
    second = correct(entry, owner, accounts, 11_00)
    third = correct(second, owner, accounts, 12_00)
    assert names_of(book, entry, second, third) == [["Holiday"]] * 3
    work = services.save_tag(book=book, name="Business")
    services.tag_entries(book=book, actor=owner, entry_ids=[third.pk], add=[work], remove=[tag])
    assert names_of(book, entry, third) == [["Business"]] * 2


def test_many_entries_in_few_queries_and_one_event(book, owner, spend, tag, django_assert_max_num_queries):
    entries = [spend(amount) for amount in range(1, 31)]
    ids = [entry.pk for entry in entries]
    services.tag_entries(book=book, actor=owner, entry_ids=ids[:3], add=[tag])
    with django_assert_max_num_queries(8):
        assert services.tag_entries(book=book, actor=owner, entry_ids=ids, add=[tag]) == 27
    told = events("finance.entries.tagged")
    assert told[-1]["entry_ids"] == ids[3:]
    assert told[-1]["added"] == [tag.pk]
    services.tag_entries(book=book, actor=owner, entry_ids=ids, add=[tag])
    assert len(events("finance.entries.tagged")) == 2  # nothing changed, nothing is told


def test_tags_are_read_in_one_query(book, owner, spend, tag, django_assert_num_queries):
    entries = [spend(amount) for amount in range(1, 6)]
    services.tag_entries(book=book, actor=owner, entry_ids=[entry.pk for entry in entries], add=[tag])
    with django_assert_num_queries(1):
        assert names_of(book, *entries) == [["Holiday"]] * 5


def test_setting_replaces(book, owner, spend, tag):
    entry = spend(1_00)
    services.tag_entries(book=book, actor=owner, entry_ids=[entry.pk], add=[tag])
    services.set_tags(book=book, actor=owner, entry_id=entry.pk, tags=services.tags_named(book=book, names=["a", "b"]))
    assert names_of(book, entry) == [["a", "b"]]
    services.set_tags(book=book, actor=owner, entry_id=entry.pk, tags=[])
    assert names_of(book, entry) == [[]]


def test_tagging_is_a_change_that_undo_takes_back_and_undo_again_brings_back(book, owner, spend, tag, accounts):
    had, new, old = spend(1_00), spend(2_00), services.save_tag(book=book, name="Old")
    services.tag_entries(book=book, actor=owner, entry_ids=[had.pk], add=[tag, old])
    change = services.change_tags(book=book, actor=owner, entry_ids=[had.pk, new.pk], add=[tag], remove=[old])
    assert (change.action, change.entry_count) == ("tag", 2)
    assert change.asked == {"add_tags": ["Holiday"], "remove_tags": ["Old"]}
    assert names_of(book, had, new) == [["Holiday"], ["Holiday"]]
    correct(new, owner, accounts, 3_00)  # a correction in between does not matter: tags belong to the first version
    undo = ledger.undo_change(change=change, actor=owner, today=ON)
    assert names_of(book, had, new) == [["Holiday", "Old"], []]
    assert undo.entry_count == 2
    ledger.undo_change(change=undo, actor=owner, today=ON)
    assert names_of(book, had, new) == [["Holiday"], ["Holiday"]]
    assert services.change_tags(book=book, actor=owner, entry_ids=[had.pk], add=[tag]) is None
    assert len(events("finance.change.made")) == 1
    assert len(events("finance.change.undone")) == 2


def test_an_undo_without_its_tag_is_refused(book, owner, spend, tag):
    change = services.change_tags(book=book, actor=owner, entry_ids=[spend(1_00).pk], add=[tag])
    services.remove_tag(tag=tag)
    with pytest.raises(Conflict, match="removed or merged since"):
        ledger.undo_change(change=change, actor=owner, today=ON)
    Change.objects.update(beside=None)
    with pytest.raises(Conflict, match="not on record"):
        ledger.undo_change(change=change, actor=owner, today=ON)


def test_merging_keeps_each_entry_once(book, owner, spend, tag):
    other = services.save_tag(book=book, name="Vacation")
    both, one = spend(1_00), spend(2_00)
    services.tag_entries(book=book, actor=owner, entry_ids=[both.pk], add=[tag, other])
    services.tag_entries(book=book, actor=owner, entry_ids=[one.pk], add=[other])
    services.merge_tag(tag=other, into=tag)
    assert names_of(book, both, one) == [["Holiday"]] * 2
    assert list(Tag.objects.values_list("name", flat=True)) == ["Holiday"]
    assert events("finance.tag.merged") == [{"book_id": book.pk, "tag_id": other.pk, "into_id": tag.pk}]
    with pytest.raises(Conflict):
        services.merge_tag(tag=tag, into=tag)


def test_a_removed_tag_is_gone_everywhere_and_cannot_be_used(book, owner, spend, tag):
    entry = spend(1_00)
    services.tag_entries(book=book, actor=owner, entry_ids=[entry.pk], add=[tag])
    services.remove_tag(tag=tag)
    assert not EntryTag.objects.exists()
    with pytest.raises(NotFound):
        services.tag_entries(book=book, actor=owner, entry_ids=[entry.pk], add=[tag])
    with pytest.raises(NotFound):
        services.save_tag(book=book, tag=tag, name="Back")


def test_nothing_of_another_book_is_tagged(book, owner, stranger, spend, tag):
    other = ledger.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    entry = spend(1_00)
    with pytest.raises(NotFound):
        services.tag_entries(book=other, actor=stranger, entry_ids=[entry.pk], add=[])
    with pytest.raises(NotFound):
        selectors.tag_for(book=other, tag_id=tag.pk)
    statement = (
        "INSERT INTO finance_entrytag (book_id, entry_id, tag_id, tagged_at) VALUES (%s, %s, %s, now());"
        "SET CONSTRAINTS ALL IMMEDIATE"
    )
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.replace("%s", "{}").format(other.pk, entry.pk, tag.pk))


def test_figures_are_of_what_counts_with_refunds_taken_off(
    book, owner, accounts, spend, tag, django_assert_num_queries
):
    corrected, deleted = spend(10_00), spend(99_00)
    refund, pay = spend(-2_50), spend(-3000_00, category=accounts.salary)
    moved = spend(50_00, category=accounts.savings)
    everything = [entry.pk for entry in (corrected, deleted, refund, pay, moved)]
    services.tag_entries(book=book, actor=owner, entry_ids=everything, add=[tag])
    correct(corrected, owner, accounts, 12_00)
    ledger.reverse_entry(entry=deleted, actor=owner, on=ON)
    with django_assert_num_queries(1):
        figures = selectors.tag_figures(book=book, tag_ids=[tag.pk])[tag.pk]
    assert figures.entries == 4
    assert figures.sums == [selectors.TagSum(currency="EUR", spent=9_50, received=3000_00)]
