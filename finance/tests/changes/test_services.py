"""Corrections in one move: what each edit does, what stays and why, the closed period, and Undo of all of it."""

import datetime

import pytest

from finance.errors import ChangedSince, Conflict, Invalid, NotFound, PeriodClosedError
from finance.ledger import services
from finance.ledger.change_models import Change, ChangedEntry
from finance.ledger.posting import EntryDraft, LineDraft
from finance.ledger.revising import Edit
from finance.ledger.selectors import balances
from finance.ledger.services import changes
from finance.models import Account, JournalEntry, JournalLine
from finance.tests.conftest import TODAY
from platform_outbox.models import OutboxMessage

MARCH_1 = datetime.date(2026, 3, 1)


@pytest.fixture
def change(book, owner):
    """change(entry, payee="Aldi") → what came of it; positions by `at`."""

    def carry_out(*entries, at=(), **edit):
        targets = {entry.pk: at for entry in entries}
        return services.change_entries(book=book, actor=owner, targets=targets, edit=Edit(**edit), today=TODAY)

    return carry_out


@pytest.fixture
def undo(owner):
    def take_back(made, **options):
        return services.undo_change(change=made, actor=owner, today=TODAY, **options)

    return take_back


@pytest.fixture
def split(book, owner, accounts):
    return services.post_entry(
        book=book, actor=owner, date=TODAY, payee="IKEA",
        lines=[
            LineDraft(account_id=accounts.groceries.pk, amount=700, memo="Food"),
            LineDraft(account_id=accounts.rent.pk, amount=300),
            LineDraft(account_id=accounts.checking.pk, amount=-1000),
        ],
    )  # fmt: skip


def says(entry):
    """The version that counts: date, payee, note and its lines."""
    while (after := JournalEntry.objects.filter(corrects=entry).first()) is not None:
        entry = after
    gone = JournalEntry.objects.filter(reverses=entry).exists()
    lines = JournalLine.objects.filter(entry=entry).order_by("position").values_list("account__name", "amount")
    return None if gone else (entry.date, entry.payee, entry.description, *lines)


def test_the_category_changes_and_nothing_else(change, spend, accounts, book):
    entry = spend(12_50, payee="Aldi", on=MARCH_1)
    made = change(entry, account=accounts.restaurants).change
    assert says(entry) == (MARCH_1, "Aldi", "", ("Restaurants", 12_50), ("Checking account", -12_50))
    assert balances(book=book)[accounts.groceries.pk] == 0
    assert (made.action, made.asked, made.entry_count) == ("edit", {"account": accounts.restaurants.pk}, 1)
    pair = ChangedEntry.objects.get(change=made)
    assert (pair.before, pair.after.corrects) == (entry, entry)


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ({"payee": "Lidl"}, (MARCH_1, "Lidl", "", 12_50)),
        ({"description": "Party"}, (MARCH_1, "Aldi", "Party", 12_50)),
        ({"date": datetime.date(2026, 2, 20)}, (datetime.date(2026, 2, 20), "Aldi", "", 12_50)),
        ({"shift_days": -1}, (datetime.date(2026, 2, 28), "Aldi", "", 12_50)),
        ({"amount": 9_00}, (MARCH_1, "Aldi", "", 9_00)),
        ({"payee": "Lidl", "amount": 1}, (MARCH_1, "Lidl", "", 1)),
    ],
)
def test_each_field_by_itself(change, spend, edit, expected):
    entry = spend(12_50, payee="Aldi", on=MARCH_1)
    change(entry, **edit)
    date, payee, note, amount = expected
    assert says(entry) == (date, payee, note, ("Groceries", amount), ("Checking account", -amount))


def test_the_amount_of_a_chosen_line_has_its_sign(change, spend):
    entry = spend(12_50)
    change(entry, at=(2,), amount=3_00)
    assert says(entry)[3:] == (("Groceries", -3_00), ("Checking account", 3_00))


def test_of_a_split_the_chosen_part_changes_and_without_one_nothing(change, split, accounts):
    with pytest.raises(Conflict, match="several parts; choose one"):
        change(split, account=accounts.restaurants)
    with pytest.raises(Conflict, match="several parts; choose one"):
        change(split, at=(3,), account=accounts.restaurants)  # the side that paid does not say which
    with pytest.raises(Conflict, match="several parts; change its amounts"):
        change(split, amount=5)
    change(split, at=(2,), account=accounts.restaurants)
    assert says(split)[3:] == (("Groceries", 700), ("Restaurants", 300), ("Checking account", -1000))


def test_a_transfer_is_recategorised_only_from_one_of_its_sides(change, book, owner, accounts):
    entry = services.post_entry(
        book=book, actor=owner, date=TODAY,
        lines=[LineDraft(account_id=accounts.savings.pk, amount=50), LineDraft(account_id=accounts.checking.pk, amount=-50)],
    )  # fmt: skip
    with pytest.raises(Conflict, match="no category"):
        change(entry, account=accounts.restaurants)
    with pytest.raises(Conflict, match="in this account already"):
        change(entry, at=(2,), account=accounts.checking)
    change(entry, at=(2,), account=accounts.restaurants)
    assert says(entry)[3:] == (("Restaurants", 50), ("Checking account", -50))


def test_an_opening_balance_has_no_category(change, owner, accounts):
    entry = services.post_opening_balance(account=accounts.cash, actor=owner, amount=500, on=MARCH_1)
    with pytest.raises(Conflict, match="opening balance"):
        change(entry, at=(1,), account=accounts.groceries)


def test_another_currency_is_refused(change, spend, book, owner):
    dollars = services.open_account(book=book, actor=owner, name="Fun", type="expense", kind="category", currency="USD")
    with pytest.raises(Conflict, match="Fun is kept in USD"):
        change(spend(1), account=dollars)


def test_many_at_once_change_together_and_the_rest_is_listed(change, spend, split, accounts, owner, undo):
    entries = [spend(100 + n, payee="Aldi") for n in range(5)]
    same = spend(9, category=accounts.restaurants)
    gone = spend(8)
    services.reverse_entry(entry=gone, actor=owner, on=TODAY)
    done = change(*entries, split, same, gone, account=accounts.restaurants)
    assert (done.change.entry_count, done.same) == (5, 1)
    assert {left.entry: left.why for left in done.left} == {
        split: "It has several parts; choose one of them.", gone: "It was changed or deleted since.",
    }  # fmt: skip
    assert [each["payee"] for each in done.change.left] == ["Market", "IKEA"]
    assert all(says(entry)[3][0] == "Restaurants" for entry in entries)
    undo(done.change)
    assert all(says(entry)[3][0] == "Groceries" for entry in entries)


def test_what_says_so_already_is_no_change(change, spend):
    done = change(spend(1, payee="Aldi"), payee="Aldi")
    assert (done.change, done.same, JournalEntry.objects.count()) == (None, 1, 1)


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        ({}, "Say what to change"),
        ({"amount": 0}, "cannot be zero"),
        ({"date": TODAY, "shift_days": 1}, "either"),
        ({"payee": "x" * 201}, "at most 200"),
        ({"description": "a\x00b"}, "at most 500"),
    ],
)
def test_edits_that_make_no_sense_are_refused(change, spend, edit, sentence):
    with pytest.raises(Invalid, match=sentence):
        change(spend(1), **edit)


def test_a_date_out_of_range_and_a_closed_account_leave_the_entry(change, spend, accounts, owner):
    entry = spend(1)
    with pytest.raises(Conflict, match="no such date"):
        change(entry, shift_days=10**7)
    with pytest.raises(Conflict, match="1900 to 2199"):
        change(entry, shift_days=365 * 400)
    services.close_account(account=accounts.restaurants, actor=owner, on=TODAY)
    with pytest.raises(Conflict, match="Restaurants is closed"):
        change(entry, account=accounts.restaurants)
    assert not Change.objects.exists()


def test_entries_of_another_book_and_too_many_are_refused(book, owner, stranger, spend, monkeypatch):
    entry = spend(1)
    other = services.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    edit = Edit(payee="x")
    with pytest.raises(NotFound):
        services.change_entries(book=other, actor=stranger, targets={entry.pk: ()}, edit=edit, today=TODAY)
    monkeypatch.setattr(changes, "MOST_ENTRIES", 1)
    with pytest.raises(Invalid, match="At most 1 entries"):
        services.change_entries(book=book, actor=owner, targets={entry.pk: (), spend(2).pk: ()}, edit=edit, today=TODAY)
    with pytest.raises(Invalid, match="at least one"):
        services.delete_entries(book=book, actor=owner, entry_ids=[], today=TODAY)


def test_in_a_closed_period_the_correction_is_dated_in_the_open_one_and_says_so(
    change, spend, book, owner, accounts, undo
):
    entry = spend(12_50, on=MARCH_1)
    services.close_period(book=book, actor=owner, through=datetime.date(2026, 3, 31))  # later than today
    before = balances(book=book, as_of=datetime.date(2026, 3, 31))
    done = change(entry, account=accounts.restaurants)
    april_1 = datetime.date(2026, 4, 1)
    assert (done.change.redated_to, done.change.redated_count) == (april_1, 1)
    assert says(entry)[0] == april_1
    assert balances(book=book, as_of=datetime.date(2026, 3, 31)) == before
    undone = undo(done.change)
    assert (undone.redated_to, undone.redated_count) == (april_1, 1)
    assert balances(book=book)[accounts.groceries.pk] == 12_50
    with pytest.raises(Conflict, match="closed on that day"):
        change(spend(1, on=april_1), date=MARCH_1)


def test_undo_and_undo_of_undo(change, spend, undo, accounts):
    entry = spend(12_50, payee="Aldi", on=MARCH_1)
    as_it_was = says(entry)
    made = change(entry, account=accounts.restaurants, payee="Lidl", date=TODAY).change
    changed = says(entry)
    back = undo(made)
    assert says(entry) == as_it_was
    assert (back.action, back.undoes) == ("undo", made)
    undo(back)
    assert says(entry) == changed
    with pytest.raises(Conflict, match="undone already"):
        undo(made)


def test_deleting_undo_and_deleting_again(spend, book, owner, undo, accounts):
    entry = spend(12_50, payee="Aldi", on=MARCH_1)
    as_it_was = says(entry)
    made = services.delete_entries(book=book, actor=owner, entry_ids=[entry.pk], today=TODAY).change
    assert says(entry) is None
    back = undo(made)
    assert says(entry) == as_it_was
    assert JournalEntry.objects.get(corrects=entry).pk == ChangedEntry.objects.get(change=back).after_id
    again = undo(back)
    assert says(entry) is None
    undo(again)
    assert says(entry) == as_it_was
    assert balances(book=book)[accounts.groceries.pk] == 12_50


def test_undo_is_refused_for_what_was_changed_since_and_goes_on_without_it(change, spend, undo, accounts):
    one, two = spend(1, payee="One"), spend(2, payee="Two")
    made = change(one, two, account=accounts.restaurants).change
    change(JournalEntry.objects.get(corrects=one), payee="Changed")
    with pytest.raises(ChangedSince) as refused:
        undo(made)
    assert [entry.payee for entry in refused.value.facts["entries"]] == ["One"]
    assert refused.value.facts["rest"] == 1
    undone = undo(made, skip_changed=True)
    assert (undone.entry_count, undone.left_count) == (1, 1)
    assert says(one)[3][0] == "Restaurants"
    assert says(two)[3][0] == "Groceries"


def test_a_deleted_entry_that_is_back_already_is_not_brought_back_twice(spend, book, owner, undo):
    entry = spend(1)
    made = services.delete_entries(book=book, actor=owner, entry_ids=[entry.pk], today=TODAY).change
    lines = [LineDraft(account_id=line.account_id, amount=line.amount) for line in entry.lines.all()]
    drafts = [changes.Posting(draft=EntryDraft(date=TODAY, lines=lines), source="manual", corrects_id=entry.pk)]
    accounts = {account.pk: account for account in Account.objects.filter(book=book)}
    changes.copy_entries(book=book, actor=owner, postings=drafts, accounts=accounts)
    with pytest.raises(ChangedSince):
        undo(made, skip_changed=True)


def test_replacing_an_entry_as_a_whole_can_be_undone(spend, owner, accounts, undo, book):
    entry = spend(12_50, payee="Aldi")
    as_it_was = says(entry)
    lines = [LineDraft(account_id=accounts.rent.pk, amount=5), LineDraft(account_id=accounts.cash.pk, amount=-5)]
    draft = EntryDraft(date=TODAY, payee="Landlord", lines=lines)
    made = services.replace_entry(entry=entry, actor=owner, draft=draft, today=TODAY)
    assert says(entry) == (TODAY, "Landlord", "", ("Rent", 5), ("Cash", -5))
    undo(made)
    assert says(entry) == as_it_was
    services.close_period(book=book, actor=owner, through=MARCH_1)
    closed = EntryDraft(date=MARCH_1, payee="", lines=lines)
    with pytest.raises(PeriodClosedError):
        services.replace_entry(entry=spend(1), actor=owner, draft=closed, today=TODAY)


def test_events_tell_of_every_entry_and_of_the_change(change, spend, undo, accounts, book, owner):
    entry = spend(1)
    OutboxMessage.objects.all().delete()
    made = change(entry, account=accounts.restaurants).change
    back = undo(made)
    gone = services.delete_entries(
        book=book, actor=owner, entry_ids=[ChangedEntry.objects.get(change=back).after_id], today=TODAY
    ).change
    undo(gone)
    kinds = list(OutboxMessage.objects.order_by("id").values_list("event_type", flat=True))
    assert kinds == [
        "finance.journal.corrected", "finance.change.made", "finance.journal.corrected", "finance.change.undone",
        "finance.journal.reversed", "finance.change.made", "finance.journal.posted", "finance.change.undone",
    ]  # fmt: skip


def test_many_entries_cost_as_many_questions_as_few(change, spend, accounts, django_assert_max_num_queries, undo):
    entries = [spend(n + 1) for n in range(40)]
    # One each is whether a plan's payments follow the entries.
    with django_assert_max_num_queries(27):
        made = change(*entries, account=accounts.restaurants).change
    with django_assert_max_num_queries(27):
        undo(made)
