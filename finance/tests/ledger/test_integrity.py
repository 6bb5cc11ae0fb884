"""Drift is made as a superuser whose session lets no trigger fire; nobody else could make it."""

import datetime
import io
import json
from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from finance.demo.services import seed_household
from finance.ledger import integrity, services
from finance.ledger.integrity import PROMISES, verify_ledger
from finance.ledger.models import Account, JournalEntry, JournalLine, LedgerCheck
from finance.tests.conftest import TODAY

pytestmark = [pytest.mark.django_db, pytest.mark.ledger_guards]

NOW = datetime.datetime(2026, 3, 15, 12, tzinfo=datetime.UTC)


def drift(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, parameters)
        assert cursor.rowcount > 0
        cursor.execute("SET LOCAL session_replication_role = origin")


def broken(**arguments):
    return {problem.code: problem for problem in verify_ledger(now=NOW, **arguments).problems}


@pytest.fixture
def entry(spend):
    return spend(12_34)


@pytest.fixture
def other_book(stranger):
    return services.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="Europe/Berlin")


def test_books_that_people_keep_are_sound(owner, book, accounts, spend):
    demo = seed_household(owner=owner, months=6, seed=1, today=TODAY)
    spend(5_00)
    services.close_period(book=book, actor=owner, through=TODAY)
    report = verify_ledger(now=NOW)
    assert report.sound
    assert report.books == 2
    assert report.entries == JournalEntry.objects.count()
    assert report.lines == JournalLine.objects.count()
    assert verify_ledger(book=demo, now=NOW).entries == JournalEntry.objects.filter(book=demo).count()


def test_an_empty_installation_is_sound(db):
    report = verify_ledger(now=NOW)
    assert (report.sound, report.books, report.entries, report.lines) == (True, 0, 0, 0)


def test_a_changed_amount_is_found(entry, accounts):
    drift("UPDATE finance_journalline SET amount = 1235 WHERE entry_id = %s AND amount > 0", entry.pk)
    found = broken()
    assert found.keys() == {"entry_balanced", "months_equal_lines"}
    assert found["entry_balanced"].examples == [
        f"book {entry.book_id}: entry {entry.uid} is off by 1 minor units of EUR"
    ]
    assert found["months_equal_lines"].examples == [
        f"book {entry.book_id}: account {accounts.groceries.pk} in 2026-03"
        " has debit 1234, credit 0, 1 lines; its lines say 1235, 0, 1"
    ]


def test_a_lost_line_is_found(entry):
    drift("DELETE FROM finance_journalline WHERE entry_id = %s AND position = 2", entry.pk)
    found = broken()
    assert found.keys() == {"entry_complete", "entry_balanced", "months_equal_lines"}
    assert found["entry_complete"].examples == [f"book {entry.book_id}: entry {entry.uid} declares 2 lines and has 1"]


def test_an_entry_without_any_line_is_found(entry):
    drift("DELETE FROM finance_journalline WHERE entry_id = %s", entry.pk)
    assert "declares 2 lines and has 0" in broken()["entry_complete"].examples[0]


def test_lines_without_their_entry_are_found(entry):
    drift("DELETE FROM finance_journalentry WHERE id = %s", entry.pk)
    found = broken()
    assert found.keys() == {"line_belongs"}
    assert found["line_belongs"].count == 2
    assert found["line_belongs"].examples[0].endswith("has no entry")
    assert broken(book=entry.book).keys() == {"line_belongs"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("date = date + 1", "is dated 2026-03-16, its entry 2026-03-15"),
        ("currency = 'USD'", "is in USD, its account in EUR"),
    ],
)
def test_a_line_that_left_its_entry_is_found(entry, change, told):
    drift(f"UPDATE finance_journalline SET {change} WHERE entry_id = %s AND position = 1", entry.pk)
    assert told in broken()["line_belongs"].examples[0]


def test_a_line_moved_to_another_book_is_found_in_both(entry, other_book):
    elsewhere = Account.objects.get(book=other_book, name="Groceries")
    drift(
        "UPDATE finance_journalline SET account_id = %s, book_id = %s WHERE entry_id = %s AND position = 1",
        elsewhere.pk,
        other_book.pk,
        entry.pk,
    )
    assert "is of another book" in broken(book=entry.book)["line_belongs"].examples[0]
    assert "is of another book" in broken(book=other_book)["line_belongs"].examples[0]


@pytest.mark.parametrize("change", ["debit = debit + 1", "credit = credit + 1", "lines = lines + 1"])
def test_a_month_that_drifted_is_found(entry, change):
    drift(f"UPDATE finance_accountmonth SET {change}")
    found = broken()
    assert found.keys() == {"months_equal_lines"}
    assert found["months_equal_lines"].count == 2


def test_a_lost_and_an_invented_month_are_found(entry, accounts):
    drift("DELETE FROM finance_accountmonth WHERE account_id = %s", accounts.groceries.pk)
    drift(
        "INSERT INTO finance_accountmonth (book_id, account_id, month, debit, credit, lines)"
        " VALUES (%s, %s, '2026-03-01', 1, 0, 1)",
        entry.book_id,
        accounts.rent.pk,
    )
    assert broken()["months_equal_lines"].count == 2


def test_a_reversal_of_another_amount_is_found(entry, owner):
    reversal = services.reverse_entry(entry=entry, actor=owner, on=TODAY)
    drift("UPDATE finance_journalline SET amount = amount * 2 WHERE entry_id = %s", reversal.pk)
    found = broken()
    assert found.keys() == {"months_equal_lines", "reversal_opposite"}
    assert f"does not reverse entry {entry.uid}" in found["reversal_opposite"].examples[0]


def test_a_correction_of_what_still_stands_is_found(entry, spend):
    other = spend(1_00)
    drift("UPDATE finance_journalentry SET corrects_id = %s WHERE id = %s", entry.pk, other.pk)
    assert broken().keys() == {"correction_chained"}


def test_an_entry_smuggled_into_a_closed_period_is_found(entry, book, owner):
    services.close_period(book=book, actor=owner, through=TODAY)
    assert verify_ledger(now=NOW).sound
    later = timezone.now() + datetime.timedelta(hours=1)
    drift("UPDATE finance_journalentry SET created_at = %s WHERE id = %s", later, entry.pk)
    found = broken()
    assert found.keys() == {"closed_untouched"}
    assert "is dated 2026-03-15 and was recorded" in found["closed_untouched"].examples[0]


def test_the_closing_is_stamped_and_cannot_be_set_back(book, owner):
    before = timezone.now()
    services.close_period(book=book, actor=owner, through=TODAY)
    book.refresh_from_db()
    stamped = book.closed_at
    assert stamped >= before
    book.closed_at = None
    book.save()
    book.refresh_from_db()
    assert book.closed_at == stamped
    services.reopen_period(book=book, actor=owner, through=None)
    book.refresh_from_db()
    assert book.closed_at is None


def test_a_circle_of_accounts_is_found(book, accounts):
    food = accounts.groceries.parent
    drift("UPDATE finance_account SET parent_id = %s WHERE id = %s", accounts.groceries.pk, food.pk)
    found = broken()
    assert found.keys() == {"tree_sound"}
    assert found["tree_sound"].count == 3


def test_an_account_below_another_book_is_found(book, accounts, other_book):
    elsewhere = Account.objects.get(book=other_book, name="Food")
    drift("UPDATE finance_account SET parent_id = %s WHERE id = %s", elsewhere.pk, accounts.groceries.pk)
    assert "of another book or type" in broken()["tree_sound"].examples[0]


def test_the_other_books_of_the_installation_stay_out(entry, other_book):
    drift("UPDATE finance_journalline SET amount = 1 WHERE entry_id = %s AND position = 1", entry.pk)
    assert verify_ledger(book=other_book, now=NOW).sound
    assert not verify_ledger(book=entry.book, now=NOW).sound


def test_many_faults_are_counted_and_the_first_told(spend):
    for _ in range(15):
        spend(1_00)
    drift("UPDATE finance_journalline SET amount = 2 WHERE position = 1")
    problem = broken()["entry_balanced"]
    assert (problem.count, len(problem.examples)) == (15, 10)


def test_every_verification_leaves_a_record(entry):
    verify_ledger(book=entry.book, now=NOW)
    drift("UPDATE finance_journalline SET amount = 1 WHERE position = 1")
    verify_ledger(now=NOW)
    first, second = LedgerCheck.objects.order_by("pk")
    assert (first.book, first.checked_at, first.entries, first.lines, first.problems) == (entry.book, NOW, 1, 2, [])
    assert second.book is None
    assert [problem["code"] for problem in second.problems] == ["entry_balanced", "months_equal_lines"]


def run(**options):
    out = io.StringIO()
    code = 0
    try:
        call_command("verify_ledger", stdout=out, verbosity=0, **options)
    except SystemExit as stopped:
        code = stopped.code
    return code, out.getvalue()


def test_the_command_says_that_the_books_are_sound(entry):
    code, text = run(book=entry.book_id)
    assert code == 0
    assert text.startswith(f"Sound: 1 books, 1 entries (0 sealed), 2 lines, {PROMISES} promises kept")


def test_the_command_reports_drift_and_ends_with_one(entry):
    drift("UPDATE finance_journalline SET amount = 1235 WHERE entry_id = %s AND amount > 0", entry.pk)
    code, text = run()
    assert code == 1
    assert "NOT SOUND: 1 books, 1 entries (0 sealed), 2 lines; 2 of 12 promises broken." in text
    assert "The lines of every entry sum to zero in each currency.  [entry_balanced, 1 times]" in text
    assert f"entry {entry.uid} is off by 1 minor units of EUR" in text


def test_the_command_reports_as_json(entry):
    code, text = run(format="json")
    assert (code, json.loads(text)["sound"]) == (0, True)
    drift("UPDATE finance_accountmonth SET debit = 0")
    code, text = run(format="json")
    document = json.loads(text)
    assert (code, document["sound"], document["entries"]) == (1, False, 1)
    assert [problem["code"] for problem in document["problems"]] == ["months_equal_lines"]


def test_an_unknown_book_is_a_sentence():
    with pytest.raises(CommandError, match="There is no book 4711"):
        call_command("verify_ledger", book=4711)


def test_the_lines_of_the_report_are_counted_though_the_months_are_wrong(entry, book):
    drift("UPDATE finance_accountmonth SET lines = lines + 1")
    assert verify_ledger(now=NOW).lines == verify_ledger(book=book, now=NOW).lines == JournalLine.objects.count() == 2


def test_all_books_at_once_are_judged_as_strictly_as_row_by_row(spend, other_book):
    elsewhere = Account.objects.get(book=other_book, name="Groceries")
    drifts = [
        "UPDATE finance_journalline SET amount = amount + 1 WHERE entry_id = %s AND position = 1",
        "DELETE FROM finance_journalline WHERE entry_id = %s AND position = 2",
        "DELETE FROM finance_journalline WHERE entry_id = %s",
        "DELETE FROM finance_journalentry WHERE id = %s",
        "UPDATE finance_journalline SET date = date + 1 WHERE entry_id = %s",
        "UPDATE finance_journalline SET currency = 'USD' WHERE entry_id = %s AND position = 1",
        f"UPDATE finance_journalline SET account_id = {elsewhere.pk} WHERE entry_id = %s AND position = 1",
        "UPDATE finance_journalline SET account_id = 0 WHERE entry_id = %s AND position = 1",
        "UPDATE finance_journalentry SET line_count = 3 WHERE id = %s",
    ]
    for each in drifts:
        drift(each, spend(12_34).pk)
    asked = [check for check in integrity.CHECKS if check.whole]
    assert len(asked) == 3
    for check in asked:
        found = integrity._run(check, book=None)
        assert found is not None
        assert found == integrity._run(replace(check, whole=""), book=None)
