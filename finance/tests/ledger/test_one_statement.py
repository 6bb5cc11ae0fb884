"""A posting, a reversal and a correction are one statement each, with their event, and as refusable as ever."""

import datetime

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from finance import errors
from finance.ledger import replacements, services
from finance.ledger.models import AccountMonth, JournalEntry, JournalLine
from finance.ledger.posting import LineDraft
from finance.tests.conftest import TODAY
from platform_outbox.emit import notifier, shard_of
from platform_outbox.events import traced
from platform_outbox.models import OutboxMessage


@pytest.fixture
def rung(monkeypatch):
    """The shards that workers were told of."""
    told = []
    monkeypatch.setattr(notifier, "notify", lambda shards: told.extend(shards))
    return told


def _statements(call):
    with CaptureQueriesContext(connection) as captured:
        result = call()
    return result, [query["sql"].split()[0] for query in captured.captured_queries]


def _lines(accounts, amount, off=0):
    return [
        LineDraft(account_id=accounts.rent.pk, amount=amount),
        LineDraft(account_id=accounts.cash.pk, amount=-amount + off, memo="paid"),
    ]


def _last_event():
    event = OutboxMessage.objects.order_by("pk").last()
    return event.event_type, event.payload, event.trace


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_each_is_one_statement_with_its_event(book, owner, accounts, rung):
    def post(**changes):
        given = {"book": book, "actor": owner, "date": TODAY, "lines": _lines(accounts, 500), "payee": "Landlord"}
        return services.post_entry(**given | changes)

    def correct(entry, amount, off=0):
        return services.correct_entry(
            entry=entry,
            actor=owner,
            date=TODAY,
            lines=_lines(accounts, amount, off),
            payee="",
            description="",
            on=TODAY,
        )

    shard = shard_of(f"book:{book.pk}")
    with traced("request-1"):
        posted, statements = _statements(post)
    assert (statements, rung) == (["WITH"], [shard])
    assert _last_event() == (
        "finance.journal.posted",
        {"book_id": book.pk, "entry_ids": [posted.pk], "source": "manual"},
        "request-1",
    )
    assert _as_read(posted) == _as_read(JournalEntry.objects.get(pk=posted.pk))

    corrected, statements = _statements(lambda: correct(posted, 700))
    reversal = JournalEntry.objects.get(reverses=posted)
    assert (statements, rung) == (["WITH"], [shard] * 2)
    assert _last_event()[:2] == (
        "finance.journal.corrected",
        {"book_id": book.pk, "entry_id": posted.pk, "reversal_id": reversal.pk, "replacement_id": corrected.pk},
    )
    assert _as_read(corrected) == _as_read(JournalEntry.objects.get(corrects=posted))

    reversed_, statements = _statements(
        lambda: services.reverse_entry(entry=corrected, actor=None, on=TODAY, description="A mistake")
    )
    assert (statements, rung) == (["WITH"], [shard] * 3)
    assert _last_event()[:2] == (
        "finance.journal.reversed",
        {"book_id": book.pk, "entry_id": corrected.pk, "reversal_id": reversed_.pk},
    )
    assert _as_read(reversed_) == _as_read(JournalEntry.objects.get(reverses=corrected))
    assert (reversed_.description, reversed_.created_by) == ("A mistake", None)
    assert [(line.account_id, line.amount, line.memo) for line in reversed_.lines.order_by("position")] == [
        (accounts.rent.pk, -700, ""), (accounts.cash.pk, 700, "paid"),
    ]  # fmt: skip

    # What is refused leaves nothing, and tells nobody.
    services.close_account(account=accounts.savings, actor=owner, on=TODAY)
    standing = post()
    rung.clear()
    kept = _contents()
    for refused, field, call in (
        (errors.EntryUnbalanced, "lines", lambda: post(lines=_lines(accounts, 500, off=1))),
        (errors.AccountClosedError, "lines.0.account", lambda: post(lines=[
            LineDraft(account_id=accounts.savings.pk, amount=1), LineDraft(account_id=accounts.cash.pk, amount=-1)])),
        (errors.Conflict, "uid", lambda: post(uid=standing.uid)),
        (errors.EntryUnbalanced, "lines", lambda: correct(standing, 5, off=1)),
        (errors.EntryInvalid, "lines.0.amount", lambda: correct(standing, 0)),
        (errors.AlreadyReversed, None, lambda: correct(posted, 5, off=1)),
        (errors.AlreadyReversed, None, lambda: services.reverse_entry(entry=posted, actor=owner, on=TODAY)),
    ):  # fmt: skip
        with pytest.raises(refused) as caught:
            call()
        assert list(caught.value.fields) == ([field] if field else [])
    assert (_contents(), rung) == (kept, [])


@pytest.mark.django_db
def test_inside_a_transaction_a_refusal_leaves_it_usable_and_workers_hear_of_what_is_committed(
    book, owner, accounts, spend, rung, django_capture_on_commit_callbacks
):
    services.close_period(book=book, actor=owner, through=datetime.date(2026, 1, 31))
    rung.clear()
    with django_capture_on_commit_callbacks(execute=True) as told:
        with transaction.atomic():
            with pytest.raises(errors.PeriodClosedError):
                spend(1_00, on=datetime.date(2026, 1, 31))
            with pytest.raises(errors.PeriodClosedError):  # said first, whatever else is wrong
                spend(1_00, on=datetime.date(2026, 1, 31), category=accounts.expenses)
            spend(2_00)
            assert rung == []
        with transaction.atomic():
            spend(4_00)
            transaction.set_rollback(True)
    assert (len(told), rung) == (1, [shard_of(f"book:{book.pk}")])
    assert [-line.amount for line in JournalLine.objects.filter(account=accounts.checking)] == [2_00]


@pytest.mark.django_db
def test_an_entry_that_a_slice_watches_is_taken_back_with_its_watcher(book, owner, spend, monkeypatch):
    heard = []
    monkeypatch.setattr(replacements, "_watchers", {})
    replacements.watch_replacements(
        name="watched", watcher=lambda _, replaced: heard.extend(each.entry_id for each in replaced),
        concerns="entry.payee = 'Watched' AND entry.book_id = %(book)s",
    )  # fmt: skip
    watched, other = spend(1_00, payee="Watched"), spend(1_00)

    for entry in (watched, other):
        services.reverse_entry(entry=entry, actor=owner, on=TODAY)
    assert heard == [watched.pk]

    # Without a condition a watcher hears of all, and who else watches is asked as well.
    replacements.watch_replacements(name="all", watcher=lambda _, replaced: heard.append(len(replaced)))
    third = spend(1_00)
    services.reverse_entry(entry=third, actor=owner, on=TODAY)
    assert heard == [watched.pk, 1, third.pk]


@pytest.mark.django_db
def test_texts_arrive_letter_by_letter_and_are_taken_back_so(book, owner, accounts):
    memos = ["", "a\tb", "NULL", "q\"u\\o{t},e'", "line\nbreak", "\\N", "Ünï – 💶", '"', "\\", " lead "]
    lines = [LineDraft(account_id=accounts.rent.pk, amount=1, memo=memo) for memo in memos]
    lines.append(LineDraft(account_id=accounts.cash.pk, amount=-len(memos), memo="{}"))

    entry = services.post_entry(book=book, actor=owner, date=TODAY, lines=lines, payee="%(book)s {concerns} '")
    reversal = services.reverse_entry(entry=entry, actor=owner, on=TODAY)

    for each in (entry, reversal):
        assert [line.memo for line in each.lines.order_by("position")] == [*memos, "{}"]
        assert JournalEntry.objects.get(pk=each.pk).payee == "%(book)s {concerns} '"


@pytest.mark.django_db
def test_a_reversal_of_a_closed_day_is_dated_in_the_open_one_by_the_same_statement(book, owner, spend):
    entry = spend(10_00, on=datetime.date(2026, 1, 10))
    services.close_period(book=book, actor=owner, through=datetime.date(2026, 1, 31))

    reversal, statements = _statements(lambda: services.reverse_entry(entry=entry, actor=owner, on=TODAY))

    assert (reversal.date, statements.count("WITH"), "COPY" in statements) == (TODAY, 1, False)
    assert list(reversal.lines.values_list("date", flat=True)) == [TODAY] * 2


def _as_read(entry):
    return {field.attname: getattr(entry, field.attname) for field in JournalEntry._meta.concrete_fields}


def _contents():
    return (
        JournalEntry.objects.count(),
        sorted(AccountMonth.objects.values_list("account_id", "month", "debit", "credit", "lines")),
        OutboxMessage.objects.count(),
    )
