"""Payees: names and aliases, their totals, and what happens to the past."""

import datetime

import pytest

from finance.errors import Conflict, Invalid, NotFound
from finance.imports.suggestions.reader import Suggestions
from finance.ledger import services as ledger
from finance.models import JournalEntry, Payee, PayeeAlias
from finance.payees import selectors, services
from finance.payees.selectors import PayeeYear
from finance.tests.conftest import TODAY
from platform_outbox.models import OutboxMessage

day = datetime.date


def current(book):
    entries = JournalEntry.objects.filter(book=book, reverses=None, reversed_by=None)
    return sorted(entries.values_list("payee", flat=True))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "REWE"}, "name"),
        ({"name": "rewe markt gmbh"}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "Edeka", "aliases": ["Rewe"]}, "aliases"),
        ({"name": "Edeka", "aliases": ["x"] * 1 + [f"a{n}" for n in range(200)]}, "aliases"),
    ],
)
def test_a_text_means_one_payee(book, rewe, given, field):
    with pytest.raises(Invalid) as refused:
        services.save_payee(book=book, **given)
    assert list(refused.value.fields) == [field]


def test_a_usual_category_is_a_category(book, accounts):
    with pytest.raises(Invalid) as refused:
        services.save_payee(book=book, name="Bank", default_account=accounts.checking)
    assert list(refused.value.fields) == ["default_account"]


def test_aliases_are_set_as_a_whole(book, rewe, accounts):
    services.save_payee(book=book, payee=rewe, default_account=None, aliases=["REWE", "a", "A", "b"])
    assert selectors.texts_of(payee=selectors.payee_for(book=book, payee_id=rewe.pk)) == ["Rewe", "A", "b"]
    services.save_payee(book=book, payee=rewe)
    assert PayeeAlias.objects.count() == 2
    for text, found in (("B", [rewe]), ("REWE", [rewe]), ("c", [])):
        assert selectors.payees_beginning(book=book, prefix=text, limit=5) == found


def test_years_count_what_counts_by_every_name(book, owner, accounts, rewe, spend, django_assert_num_queries):
    spend(10_00, payee="REWE MARKT GMBH", on=day(2025, 5, 1))
    spend(20_00, payee="Rewe", on=day(2026, 1, 1))
    spend(-5_00, payee="rewe", on=day(2026, 2, 1))
    spend(-7_00, payee="Rewe", category=accounts.salary)
    spend(1_00, payee="Rewe City")
    ledger.reverse_entry(entry=spend(99_00, payee="Rewe"), actor=owner, on=TODAY)
    payee = selectors.payee_for(book=book, payee_id=rewe.pk)
    with django_assert_num_queries(1):
        years = selectors.years_of(payee=payee)
    assert years == [
        PayeeYear(year=2026, currency="EUR", entries=3, spent=15_00, received=7_00),
        PayeeYear(year=2025, currency="EUR", entries=1, spent=10_00, received=0),
    ]


def test_a_rename_leaves_the_past_alone_or_corrects_it(book, owner, rewe, spend):
    old, closed = spend(1_00, payee="rewe"), spend(2_00, payee="Rewe", on=day(2026, 1, 1))
    args = {"payee": rewe, "actor": owner, "today": TODAY}
    assert services.rename_payee(**args, name="REWE City", correct_past=False).entry_count == 0
    assert current(book) == ["Rewe", "rewe"]
    (payee,) = selectors.payees_beginning(book=book, prefix="rewe", limit=5)
    assert payee.name == "REWE City"
    ledger.close_period(book=book, actor=owner, through=day(2026, 1, 31))
    change = services.rename_payee(**args, name="Supermarket", correct_past=True)
    assert (change.entry_count, change.action) == (1, "rename_payee")
    assert current(book) == ["Rewe", "Supermarket"]  # what is closed is found by the alias
    new = JournalEntry.objects.get(corrects=old)
    assert [line.amount for line in new.lines.order_by("position")] == [1_00, -1_00]
    payee = selectors.payee_for(book=book, payee_id=rewe.pk)
    assert {entry.pk for entry in selectors.entries_named(book=book, names=selectors.texts_of(payee=payee))} == {
        new.pk,
        closed.pk,
    }


@pytest.mark.parametrize("correct_past", [True, False])
def test_undo_of_a_rename_brings_name_and_aliases_back_and_can_be_undone(book, owner, rewe, spend, undo, correct_past):
    spend(1_00, payee="Rewe")
    before, new = named(book), "REWE sagt danke"
    change = services.rename_payee(payee=rewe, actor=owner, name=new, correct_past=correct_past, today=TODAY)
    after = named(book)
    taken_back = undo(change)
    assert (named(book), current(book)) == (before, ["Rewe"])
    undo(taken_back)
    assert (named(book), current(book)) == (after, [new if correct_past else "Rewe"])
    assert services.rename_payee(payee=rewe, actor=owner, name=new, correct_past=False, today=TODAY) is None


def test_a_rename_is_not_undone_under_a_payee_that_has_another_name_by_now(book, owner, rewe, undo):
    args = {"actor": owner, "correct_past": False, "today": TODAY}
    first = services.rename_payee(payee=rewe, name="First", **args)
    second = services.rename_payee(payee=rewe, name="Second", **args)
    with pytest.raises(Conflict, match="“First” was renamed, merged or removed since"):
        undo(first)
    undo(second)
    services.save_payee(book=book, payee=selectors.payee_for(book=book, payee_id=rewe.pk), aliases=[])
    services.save_payee(book=book, name="Rewe")
    with pytest.raises(Invalid, match="is a payee already"):
        undo(first)


def test_a_payee_can_take_one_of_its_aliases_as_its_name(book, owner, rewe):
    services.rename_payee(payee=rewe, actor=owner, name="REWE sagt danke", correct_past=False, today=TODAY)
    payee = selectors.payee_for(book=book, payee_id=rewe.pk)
    assert selectors.texts_of(payee=payee) == ["REWE sagt danke", "Rewe", "REWE Markt GmbH"]


def test_too_much_of_the_past_is_refused_as_a_whole(book, owner, rewe, spend, monkeypatch):
    monkeypatch.setattr(services, "MOST_ENTRIES", 1)
    spend(1_00, payee="Rewe")
    spend(2_00, payee="Rewe")
    with pytest.raises(Conflict):
        services.rename_payee(payee=rewe, actor=owner, name="New", correct_past=True, today=TODAY)
    assert Payee.objects.get().name == "Rewe"


@pytest.fixture
def merge(book, owner):
    def run(names, into, *, correct_past=True):
        return services.merge_payees(
            book=book, actor=owner, names=names, into=into, correct_past=correct_past, today=TODAY
        ).change  # fmt: skip

    return run


@pytest.fixture
def undo(owner):
    return lambda change: ledger.undo_change(change=change, actor=owner, today=TODAY)


def named(book):
    """Each payee with its usual category and its aliases."""
    return {
        payee.name: (payee.default_account and payee.default_account.name, selectors.texts_of(payee=payee)[1:])
        for payee in selectors.payees_of(book=book)
    }


@pytest.mark.parametrize("correct_past", [False, True])
def test_a_merge_moves_the_names_and_undo_brings_payees_and_entries_back(book, rewe, spend, merge, undo, correct_past):
    services.save_payee(book=book, name="Supermarket", aliases=["The shop"])
    spend(1_00, payee="Rewe")
    before = named(book)
    change = merge(["rewe markt gmbh"], "the shop", correct_past=correct_past)
    assert (change.action, change.entry_count) == ("merge_payees", int(correct_past))
    assert change.asked == {"payee": "Supermarket", "merged": ["Rewe"]}
    assert current(book) == ["Supermarket" if correct_past else "Rewe"]
    after = named(book)
    assert set(after["Supermarket"][1]) == {"The shop", "Rewe", "REWE Markt GmbH", "rewe sagt danke"}
    assert len(after) == 1
    assert OutboxMessage.objects.filter(event_type="finance.payee.merged").count() == 1
    undone = undo(change)
    assert (named(book), current(book)) == (before, ["Rewe"])
    undo(undone)
    assert (named(book), current(book)) == (after, ["Supermarket" if correct_past else "Rewe"])


def test_texts_of_entries_become_aliases_of_a_new_payee(book, spend, merge, undo):
    for amount, payee in enumerate(("AMZN Mktp", "amazon", "Amazon", "Aldi"), start=1):
        spend(amount, payee=payee)
    change = merge(["AMZN Mktp", "AMAZON", "Nobody"], " Amazon ")
    assert change.entry_count == 2
    assert sorted(current(book)) == ["Aldi", "Amazon", "Amazon", "Amazon"]
    assert named(book) == {"Amazon": (None, ["AMZN Mktp"])}
    undo(change)
    assert sorted(current(book)) == ["AMZN Mktp", "Aldi", "Amazon", "amazon"]
    assert named(book) == {}


def test_a_new_payee_takes_the_usual_category_over(book, rewe, merge):
    (category, _aliases) = named(book)["Rewe"]
    merge(["Rewe"], "Groceries and more")
    assert named(book)["Groceries and more"][0] == category == "Groceries"


def test_what_cannot_be_merged_is_refused_and_what_nobody_has_changes_nothing(book, rewe, spend, merge):
    spend(1_00, payee="Rewe")
    with pytest.raises(Conflict, match="another payee"):
        merge(["Rewe"], "Rewe")
    for names, into in ((["Rewe"], " "), ([], "Other"), ([str(n) for n in range(101)], "Other")):
        with pytest.raises(Invalid):
            merge(names, into)
    assert merge(["Nobody"], "Nobody else") is None
    assert list(named(book)) == ["Rewe"]


def test_entries_of_closed_periods_keep_their_payee(book, owner, spend, merge):
    spend(1_00, payee="Old", on=datetime.date(2026, 1, 5))
    spend(2_00, payee="Old")
    ledger.close_period(book=book, actor=owner, through=datetime.date(2026, 1, 31))
    assert merge(["Old"], "New").entry_count == 1
    assert sorted(current(book)) == ["New", "Old"]
    assert named(book) == {"New": (None, ["Old"])}


def test_an_undo_is_refused_where_the_name_has_been_taken_since(book, rewe, merge, undo):
    services.save_payee(book=book, name="Other")
    change = merge(["Rewe"], "Other", correct_past=False)
    payee = Payee.objects.get(name="Other")
    services.save_payee(book=book, payee=payee, aliases=[])
    services.save_payee(book=book, name="Rewe")
    with pytest.raises(Invalid, match="is a payee already"):
        undo(change)
    assert sorted(named(book)) == ["Other", "Rewe"]


def test_the_past_is_corrected_at_once(book, owner, rewe, spend, django_assert_max_num_queries):
    for amount in range(1, 31):
        spend(amount, payee="Rewe")
    with django_assert_max_num_queries(40):
        change = services.rename_payee(payee=rewe, actor=owner, name="New", correct_past=True, today=TODAY)
    assert change.entry_count == 30


def test_a_payee_that_was_removed_meanwhile_takes_no_aliases(book, owner, rewe):
    gone = services.save_payee(book=book, name="Gone")
    services.remove_payee(payee=selectors.payee_for(book=book, payee_id=gone.pk))
    args = {"actor": owner, "correct_past": False, "today": TODAY}
    for change in (
        lambda: services.rename_payee(payee=gone, name="New", **args),
        lambda: services.remove_payee(payee=gone),
    ):
        with pytest.raises(NotFound):
            change()
    assert PayeeAlias.objects.count() == 2


def test_a_merge_keeps_to_the_most_aliases(book, owner, rewe, monkeypatch):
    services.save_payee(book=book, name="Other")
    monkeypatch.setattr(services, "MOST_ALIASES", 2)
    with pytest.raises(Conflict):
        services.merge_payees(
            book=book, actor=owner, names=["Rewe"], into="Other", correct_past=False, today=TODAY
        )  # fmt: skip
    assert Payee.objects.count() == 2


def test_nothing_of_another_book(book, rewe, stranger):
    other = ledger.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    with pytest.raises(NotFound):
        selectors.payee_for(book=other, payee_id=rewe.pk)
    with pytest.raises(NotFound):
        services.save_payee(book=other, payee=rewe)
    assert selectors.payees_beginning(book=other, prefix="re", limit=5) == []
    assert services.save_payee(book=other, name="Rewe").pk != rewe.pk


def test_bank_files_know_an_alias(book, rewe, accounts):
    assert selectors.aliases_in(book_id=book.pk)["REWE Markt GmbH"] == "Rewe"
    assert Suggestions(account=accounts.checking)._names({"rewe markt gmbh"}) == {"rewe markt gmbh": "Rewe"}
