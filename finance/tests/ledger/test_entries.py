"""Posting, correcting, reversing: what a household does to its books."""

import datetime

import pytest

from finance import errors
from finance.ledger import services
from finance.ledger.models import AccountMonth, JournalEntry, JournalLine
from finance.ledger.posting import EntryDraft, LineDraft
from finance.ledger.registers import Filters, register_page
from finance.ledger.selectors import balances, entry_history, trial_balance
from finance.tests.conftest import TODAY
from platform_outbox.models import OutboxMessage

pytestmark = pytest.mark.django_db


def _events(book):
    return list(
        OutboxMessage.objects.filter(ordering_key=f"book:{book.pk}").order_by("pk").values_list("event_type", "payload")
    )


def test_a_purchase_moves_money_from_the_account_to_the_category(book, accounts, spend):
    entry = spend(12_34, payee="Aldi")

    assert [(line.account_id, line.amount) for line in entry.lines.order_by("position")] == [
        (accounts.groceries.pk, 1234),
        (accounts.checking.pk, -1234),
    ]
    assert balances(book=book) == {accounts.groceries.pk: 1234, accounts.checking.pk: -1234}
    assert _events(book)[-1] == (
        "finance.journal.posted",
        {"book_id": book.pk, "entry_ids": [entry.pk], "source": "manual"},
    )


@pytest.mark.parametrize(
    ("lines", "error", "field"),
    [
        ([("groceries", 1000), ("checking", -999)], errors.EntryUnbalanced, "lines"),
        ([("groceries", 1000)], errors.EntryInvalid, "lines"),
        ([], errors.EntryInvalid, "lines"),
        ([("groceries", 0), ("checking", 0)], errors.EntryInvalid, "lines.0.amount"),
        ([("expenses", 1000), ("checking", -1000)], errors.EntryInvalid, "lines.0.account"),
        ([("groceries", 10**17), ("checking", -(10**17))], errors.EntryInvalid, "lines.0.amount"),
    ],
)
def test_posting_refuses_what_is_no_entry_and_names_the_field(book, owner, accounts, lines, error, field):
    drafts = [LineDraft(account_id=getattr(accounts, name).pk, amount=amount) for name, amount in lines]
    before = OutboxMessage.objects.count()

    with pytest.raises(error) as caught:
        services.post_entry(book=book, actor=owner, date=TODAY, lines=drafts)

    assert list(caught.value.fields) == [field]
    assert not JournalEntry.objects.exists()
    assert OutboxMessage.objects.count() == before


def test_posting_refuses_an_account_of_another_book_as_unknown(book, stranger, owner, accounts):
    other = services.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    theirs = other.accounts.get(name="Groceries")

    with pytest.raises(errors.NotFound) as caught:
        services.post_entry(
            book=book,
            actor=owner,
            date=TODAY,
            lines=[
                LineDraft(account_id=theirs.pk, amount=1),
                LineDraft(account_id=accounts.checking.pk, amount=-1),
            ],
        )

    assert list(caught.value.fields) == ["lines.0.account"]


def test_a_correction_leaves_the_original_its_reversal_and_the_replacement(book, owner, accounts, spend):
    entry = spend(50_00, payee="Cafe")

    replacement = services.correct_entry(
        entry=entry,
        actor=owner,
        date=TODAY,
        payee="Café Anna",
        description="",
        on=TODAY,
        lines=[
            LineDraft(account_id=accounts.restaurants.pk, amount=5_00),
            LineDraft(account_id=accounts.checking.pk, amount=-5_00),
        ],
    )

    history = entry_history(entry=replacement)
    assert [(each.source, each.reverses_id, each.corrects_id) for each in history] == [
        ("manual", None, None),
        ("reversal", entry.pk, None),
        ("correction", None, entry.pk),
    ]
    assert entry_history(entry=entry) == history
    assert entry_history(entry=history[1]) == history
    assert balances(book=book) == {
        accounts.groceries.pk: 0,
        accounts.restaurants.pk: 500,
        accounts.checking.pk: -500,
    }
    assert [event for event, _ in _events(book)][-1] == "finance.journal.corrected"


def test_an_entry_is_reversed_once(book, owner, spend):
    entry = spend(10_00)
    reversal = services.reverse_entry(entry=entry, actor=owner, on=TODAY)

    with pytest.raises(errors.AlreadyReversed):
        services.reverse_entry(entry=entry, actor=owner, on=TODAY)
    with pytest.raises(errors.Conflict):
        services.reverse_entry(entry=reversal, actor=owner, on=TODAY)

    assert set(balances(book=book).values()) == {0}


def test_a_reversal_of_a_closed_day_is_dated_today(book, owner, spend):
    entry = spend(10_00, on=datetime.date(2026, 1, 10))
    services.close_period(book=book, actor=owner, through=datetime.date(2026, 1, 31))

    reversal = services.reverse_entry(entry=entry, actor=owner, on=TODAY)

    assert reversal.date == TODAY


def test_nothing_is_posted_into_a_closed_period(book, owner, spend):
    services.close_period(book=book, actor=owner, through=datetime.date(2026, 1, 31))

    with pytest.raises(errors.PeriodClosedError) as caught:
        spend(10_00, on=datetime.date(2026, 1, 31))

    assert list(caught.value.fields) == ["date"]
    spend(10_00, on=datetime.date(2026, 2, 1))
    services.reopen_period(book=book, actor=owner, through=None)
    spend(10_00, on=datetime.date(2026, 1, 31))


def test_many_entries_are_posted_together_or_not_at_all(book, owner, accounts):
    def draft(amount, off=0):
        return EntryDraft(
            date=TODAY,
            payee="Bulk",
            lines=[
                LineDraft(account_id=accounts.groceries.pk, amount=amount),
                LineDraft(account_id=accounts.checking.pk, amount=-amount + off),
            ],
        )

    with pytest.raises(errors.EntryUnbalanced) as caught:
        services.post_entries(book=book, actor=owner, drafts=[draft(1), draft(2, off=1)], source="import")
    assert list(caught.value.fields) == ["1.lines"]
    assert not JournalEntry.objects.exists()

    ids = services.post_entries(
        book=book, actor=owner, drafts=[draft(amount) for amount in range(1, 1202)], source="import"
    )

    assert len(set(ids)) == 1201
    assert JournalLine.objects.filter(entry_id=ids[7], amount__gt=0).get().amount == 8
    assert balances(book=book)[accounts.groceries.pk] == sum(range(1, 1202))
    assert AccountMonth.objects.get(account=accounts.groceries).lines == 1201
    assert [len(payload["entry_ids"]) for name, payload in _events(book) if name == "finance.journal.posted"] == [
        500,
        500,
        201,
    ]


def test_an_exchange_balances_in_each_currency_without_a_rate(book, owner, accounts):
    dollars = services.open_account(
        book=book, actor=owner, name="Dollar account", type="asset", kind="checking", currency="USD"
    )

    entry = services.exchange(
        book=book,
        actor=owner,
        date=TODAY,
        source_account=accounts.checking,
        source_amount=100_00,
        target_account=dollars,
        target_amount=110_00,
    )

    assert sorted(entry.lines.values_list("currency", "amount")) == [
        ("EUR", -10000), ("EUR", 10000), ("USD", -11000), ("USD", 11000),
    ]  # fmt: skip
    assert trial_balance(book=book, as_of=TODAY).totals == {"EUR": (10000, 10000), "USD": (11000, 11000)}


def test_balances_of_a_past_day_count_the_cut_month_by_its_days(book, accounts, spend):
    for day in (datetime.date(2025, 12, 31), datetime.date(2026, 1, 1), datetime.date(2026, 1, 15)):
        spend(1_00, on=day)

    def on(day):
        return balances(book=book, as_of=day).get(accounts.groceries.pk, 0)

    assert on(datetime.date(2025, 12, 30)) == 0
    assert on(datetime.date(2025, 12, 31)) == 100
    assert on(datetime.date(2026, 1, 14)) == 200
    assert on(datetime.date(2026, 1, 15)) == 300


def test_the_register_runs_the_balance_and_hides_superseded_pairs(book, owner, accounts, spend):
    services.post_opening_balance(account=accounts.checking, actor=owner, amount=100_00, on=datetime.date(2026, 1, 1))
    spend(10_00, on=datetime.date(2026, 2, 1), payee="A")
    wrong = spend(999_00, on=datetime.date(2026, 2, 2), payee="Wrong")
    spend(1_00, on=datetime.date(2026, 2, 2), payee="B")
    services.reverse_entry(entry=wrong, actor=owner, on=TODAY)
    spend(2_00, on=datetime.date(2026, 2, 2), payee="C")

    page = register_page(accounts=[accounts.checking])

    assert [(row.payee, row.amount, row.balance) for row in page.rows] == [
        ("C", -200, 8700),
        ("B", -100, 8900),
        ("A", -1000, 9000),
        ("", 10000, 10000),
    ]
    everything = register_page(accounts=[accounts.checking], filters=Filters(with_superseded=True))
    assert [(row.payee, row.superseded) for row in everything.rows if row.superseded] == [
        ("Wrong", True),
        ("Wrong", True),
    ]
    assert everything.rows[0].balance == 8700


def test_register_pages_join_without_gap_or_double(accounts, spend, django_assert_max_num_queries):
    for index in range(23):
        spend(100 + index, on=TODAY - datetime.timedelta(days=index // 4))

    seen, cursor = [], None
    while True:
        with django_assert_max_num_queries(5):
            page = register_page(accounts=[accounts.checking], after=cursor, limit=5)
        seen += page.rows
        cursor = page.next_cursor
        if cursor is None:
            break

    assert len({row.line_id for row in seen}) == len(seen) == 23
    balance = -sum(100 + index for index in range(23))
    for row in seen:
        assert row.balance == balance
        balance -= row.amount


def test_a_register_search_reads_a_window_and_offers_to_go_on(accounts, spend, monkeypatch):
    for index in range(12):
        spend(100 + index, payee="Needle" if index in (1, 11) else "Hay", on=TODAY - datetime.timedelta(days=index))
    monkeypatch.setattr("finance.ledger.registers.SCAN_WINDOW", 5)

    first = register_page(accounts=[accounts.checking], filters=Filters(search="needle"))

    assert [row.amount for row in first.rows] == [-101]
    assert first.searched_to == TODAY - datetime.timedelta(days=4)
    second = register_page(accounts=[accounts.checking], after=first.next_cursor, filters=Filters(search="needle"))
    third = register_page(accounts=[accounts.checking], after=second.next_cursor, filters=Filters(search="needle"))
    assert (second.rows, [row.amount for row in third.rows], third.next_cursor) == ([], [-111], None)


def test_bulk_texts_arrive_letter_by_letter(book, owner, accounts):
    texts = ["a\tb", "line\nbreak", "carriage\rreturn", "back\\slash", "\\N", "\\.", "", "Ünï – 💶", "\\\\n"]
    drafts = [
        EntryDraft(
            date=TODAY,
            payee=text,
            description=text,
            lines=[
                LineDraft(account_id=accounts.groceries.pk, amount=1, memo=text),
                LineDraft(account_id=accounts.checking.pk, amount=-1),
            ],
        )
        for text in texts
    ]

    ids = services.post_entries(book=book, actor=None, drafts=drafts, source="import")

    entries = JournalEntry.objects.in_bulk(ids)
    assert [entries[pk].payee for pk in ids] == texts
    assert [entries[pk].description for pk in ids] == texts
    assert [entries[pk].lines.get(position=1).memo for pk in ids] == texts
    assert {entry.created_by_id for entry in entries.values()} == {None}
