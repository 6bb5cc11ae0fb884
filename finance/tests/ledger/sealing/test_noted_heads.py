"""Heads that were noted: a chain that was taken away or made again is noticed, by us and by anybody who kept its head."""

import datetime
import json

import pytest
from django.core.management import CommandError
from django.db import IntegrityError, connection, transaction

from finance.ledger import services
from finance.ledger.integrity import verify_ledger
from finance.ledger.models import LedgerCheck, NotedHead
from finance.tests.ledger.sealing.seals import NOW, found, sealed
from finance.tests.ledger.test_integrity import drift, run
from platform_outbox.testing import drain

pytestmark = [pytest.mark.django_db, pytest.mark.ledger_guards]

LATER = datetime.timedelta(hours=2)


def take_away_the_chain(book):
    """As the owner of the tables can: every seal of the book, and the note of where they ended."""
    drift("DELETE FROM finance_seal WHERE book_id = %s", book.pk)
    drift("DELETE FROM finance_chainhead WHERE book_id = %s", book.pk)


def test_a_chain_that_is_taken_away_with_its_head_is_missed_right_after(book, three):
    assert verify_ledger(now=NOW).sound
    take_away_the_chain(book)
    for report in (verify_ledger(now=NOW), verify_ledger(book=book, now=NOW)):
        assert [problem.code for problem in report.problems] == ["chain_kept"]
        assert report.problems[0].examples == [
            f"book {book.pk}: the chain had 3 seals on 2026-03-15 12:00:00+00 and has 0 now:"
            " entries that were sealed are not any more"
        ]
    assert not verify_ledger(now=NOW).sound  # verifying does not forget it


def test_seals_taken_from_the_end_are_missed_though_the_head_was_put_right(book, three):
    verify_ledger(now=NOW)
    drift("DELETE FROM finance_seal WHERE seq = 3")
    drift(
        "UPDATE finance_chainhead AS head SET seals = 2, hash = seal.hash, entry_id = seal.entry_id"
        " FROM finance_seal AS seal WHERE seal.seq = 2"
    )
    assert found()["chain_kept"].examples[0].endswith("and has 2 now: entries that were sealed are not any more")


def test_a_chain_made_anew_over_a_changed_entry_is_missed_after_a_verification(book, three, spend):
    verify_ledger(now=NOW)
    take_away_the_chain(book)
    drift("UPDATE finance_journalentry SET payee = 'Nobody' WHERE id = %s", three[0].pk)
    services.seal_missed()
    assert "seal 3 is not the same" in found()["chain_kept"].examples[0]
    spend(4_00)
    drain()
    assert found().keys() == {"chain_kept"}


def test_a_chain_that_grows_is_noted_further_along(book, three, spend):
    verify_ledger(now=NOW)
    spend(4_00)
    drain()
    assert verify_ledger(now=NOW).sound
    noted = NotedHead.objects.get(book=book)
    assert (noted.seals, bytes(noted.hash)) == (4, sealed(book)[3])


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM finance_notedhead",
        "TRUNCATE finance_notedhead",
        "UPDATE finance_notedhead SET seals = 2",
        "UPDATE finance_notedhead SET hash = sha256('another')",
    ],
)
def test_a_noted_head_is_never_taken_back(book, three, statement):
    verify_ledger(now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # the key of the book was to be checked at the end
    with (
        pytest.raises(IntegrityError, match=r"only moves on|whole book only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert NotedHead.objects.get().seals == 3


def test_entries_that_wait_for_their_seal_too_long_are_a_warning_with_since_when(book, spend):
    older, newer = spend(1_00), spend(2_00)
    now = older.created_at
    assert verify_ledger(now=newer.created_at + datetime.timedelta(minutes=59)).warnings == []
    report = verify_ledger(now=now + LATER)
    assert report.sound
    (warning,) = report.warnings
    assert (warning.code, warning.count) == ("entries_sealed", 2)
    assert warning.examples == [f"book {book.pk}: 2 entries since {now:%Y-%m-%d %H:%M:%S} UTC are not sealed"]
    check = LedgerCheck.objects.order_by("pk").last()
    assert (check.problems, [each["count"] for each in check.warnings]) == ([], [2])
    drain()
    assert verify_ledger(now=now + LATER).warnings == []


def test_the_command_tells_both(book, three, spend):
    verify_ledger(now=NOW)
    take_away_the_chain(book)
    old = datetime.datetime(2026, 3, 1, 10, tzinfo=datetime.UTC)
    drift("UPDATE finance_journalentry SET created_at = %s", old)
    code, text = run()
    assert code == 1
    assert "NOT SOUND: 1 books, 3 entries (0 sealed), 6 lines; 1 of 12 promises broken." in text
    assert "entries that were sealed are not any more" in text
    assert "WARNING, not yet: Every entry is sealed within an hour.  [entries_sealed, 3 entries]" in text
    assert f"book {book.pk}: 3 entries since 2026-03-01 10:00:00 UTC are not sealed" in text
    code, text = run(format="json")
    told = json.loads(text)
    assert (code, told["sound"], [each["code"] for each in told["problems"]]) == (1, False, ["chain_kept"])
    assert [(each["code"], each["count"]) for each in told["warnings"]] == [("entries_sealed", 3)]


def test_the_command_tells_the_head_and_knows_it_again(book, three, spend):
    head = sealed(book)[-1].hex()
    code, text = run(book=book.pk)
    assert code == 0
    assert f"Head of the chain: {head}, seal 3, entry {three[2].uid}" in text

    spend(9_00)
    drain()
    code, text = run(book=book.pk, expect_head=head.upper())
    assert code == 0
    assert "The expected head is seal 3: nothing up to it has changed since it was noted." in text


def test_a_chain_made_anew_is_sound_but_not_the_one_that_was_noted(book, three):
    head = sealed(book)[-1].hex()
    drift("UPDATE finance_journalentry SET payee = 'Nobody' WHERE id = %s", three[0].pk)
    drift("DELETE FROM finance_seal")
    drift("DELETE FROM finance_chainhead")
    services.seal_missed()

    code, text = run(book=book.pk)
    assert (code, text.startswith("Sound: ")) == (0, True)
    code, text = run(book=book.pk, expect_head=head)
    assert (code, f"NOT THE CHAIN THAT WAS NOTED: no seal of this book has the hash {head}." in text) == (1, True)
    code, text = run(book=book.pk, expect_head=head, format="json")
    told = json.loads(text)
    assert (code, told["sound"], told["expected_head"], told["expected_seal"]) == (1, True, head, None)
    assert told["head"]["seals"] == 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"expect_head": "ab" * 32}, "A head belongs to one book"),
        ({"book": True, "expect_head": "abc"}, "64 hexadecimal digits"),
    ],
)
def test_what_cannot_be_a_head_is_refused(book, options, sentence):
    if options.get("book"):
        options = {**options, "book": book.pk}
    with pytest.raises(CommandError, match=sentence):
        run(**options)
