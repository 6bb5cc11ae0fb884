"""The chain of seals: what it is made of, that nothing is left out of it, and that it tells what was changed."""

import datetime
import hashlib
import json

import pytest
from django.core.management import CommandError
from django.db import connection

from finance.ledger import chain, services
from finance.ledger.integrity import verify_ledger
from finance.ledger.models import ChainHead, JournalEntry, JournalLine, LedgerCheck, NotedHead, Seal
from finance.ledger.posting import EntryDraft, LineDraft
from finance.periodic import seal_missed
from finance.tests.conftest import TODAY
from finance.tests.ledger.test_integrity import drift, run
from platform_outbox.models import OutboxMessage as Message
from platform_outbox.models import Status
from platform_outbox.testing import drain

pytestmark = [pytest.mark.django_db, pytest.mark.ledger_guards]

NOW = datetime.datetime(2026, 3, 15, 12, tzinfo=datetime.UTC)


class EveryQuarter:
    """A run of the periodic job."""

    def renew(self):
        pass


def document(entry):
    """The entry as docs/proof.md says it is sealed, written without a look at the code that seals."""
    at = entry.created_at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    lines = [
        [line.position, line.account_id, line.currency, line.amount, line.memo]
        for line in JournalLine.objects.filter(entry=entry).order_by("position")
    ]
    fields = ["lifeos.entry.1", entry.book_id, entry.pk, str(entry.uid), entry.date.isoformat(), entry.payee,
              entry.description, entry.source, entry.line_count, entry.reverses_id, entry.corrects_id,
              entry.created_by_id, at, lines]  # fmt: skip
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def expected_chain(entries):
    previous, hashes = bytes(32), []
    for entry in entries:
        previous = hashlib.sha256(previous + document(JournalEntry.objects.get(pk=entry.pk)).encode()).digest()
        hashes.append(previous)
    return hashes


def sealed(book):
    return [bytes(each) for each in Seal.objects.filter(book=book).order_by("seq").values_list("hash", flat=True)]


def found(**arguments):
    return {problem.code: problem for problem in verify_ledger(now=NOW, **arguments).problems}


@pytest.fixture
def three(spend):
    entries = [spend(amount, payee=payee) for amount, payee in ((1_00, "Aldi"), (2_00, "Bäcker"), (3_00, "Čez"))]
    drain()
    return entries


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


def test_how_long_entries_wait_for_their_seal_is_known(three, spend):
    assert chain.waiting_seconds() == 0
    waiting = [spend(4_00), spend(5_00)]
    assert chain.waiting_seconds() < 60
    drift("UPDATE finance_journalentry SET created_at = now() - interval '2 hours' WHERE id = %s", waiting[1].pk)
    assert 7200 <= chain.waiting_seconds() < 7260
    services.seal_missed()
    assert chain.waiting_seconds() == 0


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


# The command ----------------------------------------------------------------------------------------------------


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


# The database ---------------------------------------------------------------------------------------------------


def test_seals_that_do_not_continue_the_chain_are_refused(book, three, spend):
    from django.db import IntegrityError, transaction

    entry = spend(4_00)
    for seq in (0, 3, 5):
        with pytest.raises(IntegrityError), transaction.atomic():
            Seal.objects.create(book=book, seq=seq, entry=entry, hash=bytes(32), sealed_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Seal.objects.create(book=book, seq=4, entry=entry, hash=b"short", sealed_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Seal.objects.create(book=book, seq=4, entry=three[0], hash=bytes(32), sealed_at=NOW)
    assert Seal.objects.count() == ChainHead.objects.get(book=book).seals == 3


# Seals that are taken away -----------------------------------------------------------------------------------------


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


def test_a_head_whose_seals_are_gone_is_found(book, three):
    drift("DELETE FROM finance_seal")
    assert found()["chain_whole"].examples == [f"book {book.pk}: the chain should have 3 seals and has 0"]


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
    from django.db import IntegrityError, transaction

    verify_ledger(now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # the key of the book was to be checked at the end
    with pytest.raises(IntegrityError, match="only moves on"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert NotedHead.objects.get().seals == 3


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
