"""A verification finds what was changed in sealed entries, in seals and in heads, and names it."""

import datetime
import json

import pytest

from finance.ledger import chain, services
from finance.ledger.integrity import verify_ledger
from finance.ledger.models import JournalEntry, Seal
from finance.ledger.posting import LineDraft
from finance.tests.conftest import TODAY
from finance.tests.ledger.sealing.seals import NOW, found
from finance.tests.ledger.test_integrity import drift
from platform_outbox.testing import drain

pytestmark = [pytest.mark.django_db, pytest.mark.ledger_guards]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE finance_journalentry SET payee = 'Somebody else' WHERE id = %s",
        "UPDATE finance_journalentry SET description = ' ' WHERE id = %s",
        "UPDATE finance_journalentry SET uid = gen_random_uuid() WHERE id = %s",
        "UPDATE finance_journalentry SET source = 'import' WHERE id = %s",
        "UPDATE finance_journalentry SET created_at = created_at + interval '1 microsecond' WHERE id = %s",
        "UPDATE finance_journalentry SET created_by_id = NULL WHERE id = %s",
        "UPDATE finance_journalline SET memo = 'new' WHERE entry_id = %s AND position = 1",
        "UPDATE finance_journalline SET account_id = (SELECT id FROM finance_account WHERE name = 'Rent')"
        " WHERE entry_id = %s AND amount > 0",
        "UPDATE finance_journalline SET position = 3 - position WHERE entry_id = %s AND position = 1",
    ],
)
def test_whatever_is_changed_in_an_entry_is_found_and_named(book, three, change):
    if "3 - position" in change:
        drift("UPDATE finance_journalline SET position = 3 WHERE entry_id = %s AND position = 2", three[1].pk)
    else:
        drift(change, three[1].pk)
    problem = found(book=book)["chain_fits"]
    entry = JournalEntry.objects.get(pk=three[1].pk)
    assert problem.count == 1
    assert (
        f"book {book.pk}: seal 2 of entry {entry.uid} does not fit: the entry, or a seal, was changed after"
        in (problem.examples[0])
    )


def test_changed_amounts_that_still_balance_are_found(three):
    drift("UPDATE finance_journalline SET amount = amount * 10 WHERE entry_id = %s", three[0].pk)
    drift("UPDATE finance_accountmonth SET debit = debit + 900 WHERE debit > 0")
    drift("UPDATE finance_accountmonth SET credit = credit + 900 WHERE credit > 0")
    problems = found()
    assert problems.keys() == {"chain_fits"}
    assert f"seal 1 of entry {three[0].uid} does not fit" in problems["chain_fits"].examples[0]


def test_swapped_dates_are_found(three, spend):
    other = spend(4_00, on=datetime.date(2026, 3, 20))
    drain()
    for entry, date in ((three[0], other.date), (other, three[0].date)):
        drift("UPDATE finance_journalentry SET date = %s WHERE id = %s", date, entry.pk)
        drift("UPDATE finance_journalline SET date = %s WHERE entry_id = %s", date, entry.pk)
    problems = found()
    assert problems.keys() == {"chain_fits"}
    assert problems["chain_fits"].count == 2


def test_a_deleted_entry_is_found(three):
    drift("DELETE FROM finance_journalline WHERE entry_id = %s", three[1].pk)
    drift("DELETE FROM finance_journalentry WHERE id = %s", three[1].pk)
    drift("DELETE FROM finance_accountmonth")
    problem = found()["chain_fits"]
    assert problem.count == 1
    assert f"seal 2 of the entry with number {three[1].pk} has lost its entry" in problem.examples[0]


def test_a_removed_seal_is_found_and_a_new_one_does_not_hide_it(book, three):
    drift("DELETE FROM finance_seal WHERE seq = 2")
    for _ in range(2):
        problems = found()
        assert problems["chain_fits"].examples == [
            f"book {book.pk}: seal 3 of entry {three[2].uid} follows seal 2, which is missing"
        ]
        assert "chain_whole" in problems
        services.seal_missed()
    assert Seal.objects.get(entry=three[1]).seq == 4


def test_seals_taken_from_the_end_with_their_entries_are_missed(book, three):
    for table, column in (("journalline", "entry_id"), ("journalentry", "id"), ("seal", "entry_id")):
        drift(f"DELETE FROM finance_{table} WHERE {column} = %s", three[2].pk)
    problem = found()["chain_whole"]
    assert problem.examples == [f"book {book.pk}: the chain should have 3 seals and has 2"]
    assert found(book=book).keys() >= {"chain_whole"}


def test_a_chain_that_was_taken_away_is_missed(book, three):
    drift("DELETE FROM finance_seal")
    assert found()["chain_whole"].examples == [f"book {book.pk}: the chain should have 3 seals and has 0"]


def test_a_head_that_was_changed_is_found(book, three):
    drift("UPDATE finance_chainhead SET hash = sha256('x')")
    assert found()["chain_whole"].examples == [
        f"book {book.pk}: the chain should have 3 seals and has 3, of which the last is another one"
    ]


def test_a_changed_seal_is_found_and_also_misses_its_follower(three):
    drift("UPDATE finance_seal SET hash = sha256('x') WHERE seq = 1")
    assert [example.split(" of ")[0][-6:] for example in found()["chain_fits"].examples] == ["seal 1", "seal 2"]


def test_many_faults_are_counted_and_ten_are_named(book, spend, monkeypatch):
    monkeypatch.setattr("finance.ledger.chain._JUDGED", chain._JUDGED.replace(str(chain.SLICE), "5"))
    for _ in range(13):
        spend(1_00)
    drain()
    drift("UPDATE finance_journalentry SET payee = 'Nobody'")
    problem = found()["chain_fits"]
    assert (problem.count, len(problem.examples)) == (13, 10)


def test_chains_of_several_books_are_walked_across_slices(book, stranger, three, spend, monkeypatch):
    monkeypatch.setattr("finance.ledger.chain._JUDGED", chain._JUDGED.replace(str(chain.SLICE), "2"))
    other = services.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    cash, rent = other.accounts.get(name="Cash"), other.accounts.get(name="Rent")
    for amount in (1, 2):
        lines = [LineDraft(account_id=cash.pk, amount=-amount), LineDraft(account_id=rent.pk, amount=amount)]
        services.post_entry(book=other, actor=stranger, date=TODAY, lines=lines)
    drain()
    parts = list(chain.judged(book=None, after=chain.Place()))
    assert (sum(part.seals for part in parts), [part.wrong for part in parts if part.wrong]) == (5, [])
    drift("UPDATE finance_journalentry SET payee = 'Nobody' WHERE book_id = %s", other.pk)
    assert found(book=book).keys() == set()
    assert found(book=other)["chain_fits"].count == found()["chain_fits"].count == 2


def test_a_stopped_verification_goes_on_where_it_was(book, spend, monkeypatch):
    monkeypatch.setattr("finance.ledger.chain._JUDGED", chain._JUDGED.replace(str(chain.SLICE), "3"))
    entries = [spend(1_00) for _ in range(7)]
    drain()
    drift("UPDATE finance_journalentry SET payee = 'Nobody' WHERE id = ANY(%s)", [entries[0].pk, entries[6].pk])
    steps = []

    class Stopped(Exception):
        pass

    def stop_after_two_slices(so_far):
        steps.append(json.dumps(so_far))
        if so_far["seals"] == 5:
            raise Stopped

    with pytest.raises(Stopped):
        verify_ledger(book=book, now=NOW, on_step=stop_after_two_slices)
    later = []
    report = verify_ledger(book=book, now=NOW, found=json.loads(steps[-1]), on_step=later.append)

    assert [so_far["seals"] for so_far in later] == [7]
    assert (report.seals, report.problems[0].count) == (7, 2)
