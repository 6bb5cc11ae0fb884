"""Every posted entry is sealed once, in order, into its own book's chain."""

import datetime

import pytest
from django.db import IntegrityError, connection, transaction

from finance.ledger import chain, services
from finance.ledger.integrity import verify_ledger
from finance.ledger.models import ChainHead, JournalEntry, Seal
from finance.ledger.posting import EntryDraft, LineDraft
from finance.periodic import seal_missed
from finance.tests.conftest import TODAY
from finance.tests.ledger.sealing.seals import NOW, expected_chain, sealed
from finance.tests.ledger.test_integrity import drift
from platform_outbox.models import OutboxMessage as Message
from platform_outbox.models import Status
from platform_outbox.testing import drain

pytestmark = [pytest.mark.django_db, pytest.mark.ledger_guards]


class EveryQuarter:
    """A run of the periodic job."""

    def renew(self):
        pass


def test_what_is_posted_is_sealed_in_order(book, three):
    assert sealed(book) == expected_chain(three)
    head = chain.head_of(book=book)
    assert (head.seals, head.hash, head.entry_uid) == (3, sealed(book)[2].hex(), str(three[2].uid))
    assert verify_ledger(now=NOW).sound
    assert verify_ledger(now=NOW).seals == 3


def test_nothing_is_sealed_before_the_worker_comes(book, spend):
    spend(1_00)
    assert chain.head_of(book=book) is None
    report = verify_ledger(now=NOW)
    assert (report.sound, report.entries, report.seals) == (True, 1, 0)


def test_any_text_and_any_link_is_in_the_seal(book, owner, accounts):
    texts = ['"quoted" \\ back', "tab\tline\nfeed\r\x08\x0c\x01\x1f\x7f", "日本 🍣 e\u0301 \u2028", "", "/</script>"]
    entries = [
        services.post_entry(
            book=book, actor=owner if place else None, date=TODAY, payee=text, description=text[::-1],
            lines=[LineDraft(account_id=accounts.rent.pk, amount=2**53 + 1, memo=text),
                   LineDraft(account_id=accounts.cash.pk, amount=-(2**53) - 1)],
        )
        for place, text in enumerate(texts)
    ]  # fmt: skip
    services.reverse_entry(entry=entries[0], actor=owner, on=TODAY)
    services.correct_entry(
        entry=entries[1], actor=owner, date=datetime.date(1999, 12, 31), payee="Later", description="", on=TODAY,
        lines=[LineDraft(account_id=accounts.rent.pk, amount=5), LineDraft(account_id=accounts.cash.pk, amount=-5)],
    )  # fmt: skip
    drain()
    everything = list(JournalEntry.objects.order_by("pk"))
    assert len(everything) == 8
    assert sealed(book) == expected_chain(everything)


def test_sessions_that_show_dates_and_numbers_differently_seal_the_same(book, spend):
    entry = spend(1_00)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL DateStyle = 'German, DMY'")
        cursor.execute("SET LOCAL TimeZone = 'Asia/Kolkata'")
        services.seal_entries(posted={book.pk: [entry.pk]})
        cursor.execute("SET LOCAL DateStyle = 'ISO, MDY'")
        cursor.execute("SET LOCAL TimeZone = 'UTC'")
    assert sealed(book) == expected_chain([entry])


def test_books_have_chains_of_their_own(book, stranger, three):
    other = services.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    cash, rent = other.accounts.get(name="Cash"), other.accounts.get(name="Rent")
    entry = services.post_entry(
        book=other, actor=stranger, date=TODAY,
        lines=[LineDraft(account_id=cash.pk, amount=-1), LineDraft(account_id=rent.pk, amount=1)],
    )  # fmt: skip
    drain()
    assert sealed(other) == expected_chain([entry])
    assert len(sealed(book)) == 3


def test_an_import_is_sealed_whole(book, owner, accounts):
    lines = [LineDraft(account_id=accounts.cash.pk, amount=-1), LineDraft(account_id=accounts.rent.pk, amount=1)]
    drafts = [EntryDraft(date=TODAY, lines=lines, payee=f"Shop {number}") for number in range(1_201)]
    ids = services.post_entries(book=book, actor=owner, drafts=drafts, source="import")
    drain()
    assert list(Seal.objects.order_by("seq").values_list("entry_id", flat=True)) == ids
    assert verify_ledger(now=NOW).sound


def test_sealing_again_seals_nothing(book, three):
    before = sealed(book)
    Message.objects.update(status=Status.PENDING)
    drain()
    assert services.seal_missed() == 0
    assert services.seal_entries(posted={book.pk: [entry.pk for entry in three]}) == 0
    assert sealed(book) == before


def test_an_entry_is_sealed_into_no_other_books_chain(book, stranger, spend):
    entry = spend(1_00)
    other = services.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    assert services.seal_entries(posted={other.pk: [entry.pk]}) == 0
    assert not Seal.objects.exists()


def test_entries_that_no_event_tells_of_are_sealed_by_the_job(book, three, spend, monkeypatch):
    monkeypatch.setattr("finance.ledger.services.sealing.AT_ONCE", 2)
    late = [spend(amount) for amount in (4_00, 5_00, 6_00)]
    Message.objects.filter(status=Status.PENDING).update(status=Status.SENT)
    seal_missed(EveryQuarter())
    assert sealed(book) == expected_chain([*three, *late])


def test_a_new_installation_costs_the_job_two_queries(db, django_assert_num_queries):
    with django_assert_num_queries(2):
        seal_missed(EveryQuarter())


def test_the_job_looks_no_closer_where_everything_is_sealed(three, django_assert_num_queries):
    with django_assert_num_queries(2):
        seal_missed(EveryQuarter())


def test_sealing_the_postings_of_a_book_takes_three_statements(book, spend, django_assert_num_queries):
    posted = {book.pk: [spend(1_00).pk for _ in range(5)]}
    with django_assert_num_queries(3):
        services.seal_entries(posted=posted)


def test_several_books_are_sealed_at_once(book, stranger, spend, django_assert_num_queries):
    other = services.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    cash, rent = other.accounts.get(name="Cash"), other.accounts.get(name="Rent")
    lines = [LineDraft(account_id=cash.pk, amount=-1), LineDraft(account_id=rent.pk, amount=1)]
    ours, theirs = [], []
    for _ in range(2):
        ours.append(spend(1_00))
        theirs.append(services.post_entry(book=other, actor=stranger, date=TODAY, lines=lines))
        posted = {other.pk: [entry.pk for entry in theirs], book.pk: [entry.pk for entry in ours]}
        with django_assert_num_queries(3):
            assert services.seal_entries(posted=posted) == 2
    assert (sealed(book), sealed(other)) == (expected_chain(ours), expected_chain(theirs))
    assert verify_ledger(now=NOW).sound


def test_sealing_one_book_leaves_the_others_and_tells_how_many(book, stranger, spend):
    other = services.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    lines = [
        LineDraft(account_id=other.accounts.get(name=name).pk, amount=amount)
        for name, amount in (("Cash", -1), ("Rent", 1))
    ]
    services.post_entry(book=other, actor=stranger, date=TODAY, lines=lines)
    for _ in range(3):
        spend(1_00)
    looked_at = []
    assert services.seal_missed(book=book, on_progress=looked_at.append) == Seal.objects.count() == 3
    assert (looked_at, Seal.objects.filter(book=other).count()) == ([3], 0)


def test_how_long_entries_wait_for_their_seal_is_known(three, spend):
    assert chain.waiting_seconds() == 0
    waiting = [spend(4_00), spend(5_00)]
    assert chain.waiting_seconds() < 60
    drift("UPDATE finance_journalentry SET created_at = now() - interval '2 hours' WHERE id = %s", waiting[1].pk)
    assert 7200 <= chain.waiting_seconds() < 7260
    services.seal_missed()
    assert chain.waiting_seconds() == 0


def test_seals_that_do_not_continue_the_chain_are_refused(book, three, spend):
    entry = spend(4_00)
    for seq in (0, 3, 5):
        with pytest.raises(IntegrityError), transaction.atomic():
            Seal.objects.create(book=book, seq=seq, entry=entry, hash=bytes(32), sealed_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Seal.objects.create(book=book, seq=4, entry=entry, hash=b"short", sealed_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Seal.objects.create(book=book, seq=4, entry=three[0], hash=bytes(32), sealed_at=NOW)
    assert Seal.objects.count() == ChainHead.objects.get(book=book).seals == 3
