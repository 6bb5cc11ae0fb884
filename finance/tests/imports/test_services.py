"""From upload to postings and back: stories with exact figures."""

import datetime
import re

import pytest

from finance.errors import AccountClosedError, Conflict, Invalid, PeriodClosedError, StatementUnreadable
from finance.imports.models import ImportBatch, ImportProfile, ImportRow
from finance.imports.proof import proof_of
from finance.imports.services import (
    assign_statement,
    change_profile,
    decide_rows,
    discard_import,
    read_received,
    receive_file,
    settled,
    undo_import,
)
from finance.ledger import services as ledger
from finance.ledger.models import Account, JournalEntry, JournalLine
from finance.ledger.posting import LineDraft
from finance.ledger.selectors import balance_of
from finance.tests.imports.conftest import CSV
from platform_outbox.models import OutboxMessage
from platform_outbox.testing import drain

TODAY = datetime.date(2026, 3, 15)
OFX = """OFXHEADER:100
<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM><BANKID>1<ACCTID>DE02<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20260301<DTEND>20260331
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260302<TRNAMT>-35.50<FITID>TX-000001<NAME>REWE SAGT DANKE</STMTTRN>
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260305<TRNAMT>10.00<FITID>TX-000002<NAME>Refund</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>74.50<DTASOF>20260331</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""


def outcomes(batch):
    return list(ImportRow.objects.filter(batch=batch).order_by("pk").values_list("outcome", flat=True))


def row(batch, number):
    return ImportRow.objects.get(batch=batch, number=number)


def test_staging_posts_nothing_and_gives_every_row_a_fate_and_a_reason(stage, fates, accounts):
    batch = stage()
    assert (batch.state, batch.format, batch.rows_total) == ("staged", "csv", 4)
    assert fates(batch) == ["new"] * 4
    assert all(ImportRow.objects.filter(batch=batch).values_list("reason", flat=True))
    assert not JournalEntry.objects.exists()
    assert bytes(ImportBatch.objects.get(pk=batch.pk).content) == CSV


@pytest.mark.usefixtures("nothing_suggested")
def test_confirming_posts_all_rows_and_the_balance_is_the_statements(stage, confirm, accounts, owner):
    batch = confirm(stage())
    assert batch.state == "confirmed"
    assert batch.confirmed_by == owner
    assert balance_of(account=accounts.checking) == 1957_50
    assert outcomes(batch) == ["posted"] * 4
    entry = row(batch, 3).posted_entry
    assert (entry.payee, entry.description, entry.source, entry.date) == (
        "Rewe",
        "Groceries",
        "import",
        datetime.date(2026, 3, 2),
    )
    uncategorised = {
        line.account.name for line in JournalLine.objects.exclude(account=accounts.checking).select_related("account")
    }
    assert uncategorised == {"Uncategorised"}


def test_confirming_twice_posts_once(stage, confirm):
    batch = stage()
    confirm(batch)
    again = confirm(batch)
    assert again.state == "confirmed"
    assert JournalEntry.objects.count() == 4


def test_the_same_file_again_is_already_imported_and_posts_nothing(stage, confirm, fates):
    confirm(stage())
    again = stage()
    assert fates(again) == ["already_imported"] * 4
    assert any("This file was already imported" in note for note in again.notes)
    assert "march.csv" in row(again, 3).reason
    confirm(again)
    assert JournalEntry.objects.count() == 4
    assert outcomes(again) == ["left"] * 4


def test_overlapping_files_in_any_order_keep_twins_and_double_nothing(stage, confirm, accounts, fates):
    head, *lines = CSV.decode().splitlines(keepends=True)
    head_without, bare = "Date,Payee,Description,Amount\n", [",".join(line.split(",")[:4]) + "\n" for line in lines]
    confirm(stage(head_without + "".join(bare[2:])))
    second = stage(head_without + "".join(bare[1:]))
    assert fates(second) == ["new", "already_imported", "already_imported"]
    confirm(second)
    confirm(stage(CSV))
    assert balance_of(account=accounts.checking) == 1957_50
    assert head.startswith("Date")


def test_a_file_staged_before_another_was_confirmed_does_not_double(stage, confirm, accounts, fates):
    first, second = stage(), stage()
    confirm(first)
    assert fates(second) == ["new"] * 4
    confirm(second)
    assert outcomes(second) == ["left"] * 4
    assert fates(second) == ["already_imported"] * 4
    assert balance_of(account=accounts.checking) == 1957_50


def test_a_manual_entry_is_linked_instead_of_doubled(stage, confirm, spend, accounts, fates):
    entry = spend(35_50, payee="Supermarket", on=datetime.date(2026, 3, 1))
    batch = stage()
    assert fates(batch) == ["new", "probable_match", "new", "new"]
    matched = row(batch, 3)
    assert matched.matched_entry == entry
    assert "“Supermarket” of the same amount 1 day earlier" in matched.reason
    confirm(batch)
    assert outcomes(batch) == ["posted", "linked", "posted", "posted"]
    assert balance_of(account=accounts.checking) == 1957_50
    assert fates(stage()) == ["already_imported"] * 4


def test_a_match_can_be_refused_and_a_row_ignored(stage, confirm, spend, accounts, owner, fates):
    spend(35_50, payee="Other shop", on=datetime.date(2026, 3, 1))
    batch = stage()
    decide_rows(
        batch=batch, actor=owner, row_ids=[row(batch, 3).pk], decision="post", counter_account=accounts.groceries
    )
    decide_rows(batch=batch, actor=owner, row_ids=[row(batch, 4).pk], decision="ignore")
    confirm(batch)
    assert outcomes(batch) == ["posted", "posted", "ignored", "posted"]
    assert balance_of(account=accounts.groceries) == 71_00
    ignored = row(batch, 4)
    assert (ignored.decided_by, ignored.active) == (owner, True)
    assert fates(stage()) == ["already_imported"] * 4


def test_a_known_row_can_be_imported_anyway_as_the_next_twin(stage, confirm, accounts, owner):
    confirm(stage())
    batch = stage()
    decide_rows(batch=batch, actor=owner, row_ids=[row(batch, 4).pk], decision="post")
    confirm(batch)
    assert balance_of(account=accounts.checking) == 1954_00
    assert sorted(ImportRow.objects.filter(active=True, payee="Kiosk").values_list("occurrence", flat=True)) == [
        1,
        2,
        3,
    ]


def test_pending_and_broken_rows_are_never_posted(stage, confirm, owner, fates):
    batch = stage(
        "Date,Description,Amount\nPending,Shop,-4.00\n2026-03-01,Shop,-4.00\n2026-02-30,Shop,-5.00\n2026-03-02,Shop,abc\n"
    )
    assert fates(batch) == ["pending", "new", "error", "error"]
    assert row(batch, 4).reason.startswith("“2026-02-30” is not a day")
    for number in (2, 4):
        with pytest.raises(Invalid):
            decide_rows(batch=batch, actor=owner, row_ids=[row(batch, number).pk], decision="post")
    confirm(batch)
    assert outcomes(batch) == ["left", "posted", "left", "left"]


def test_a_transfer_seen_by_both_banks_is_posted_once(stage, confirm, accounts, owner, fates):
    """The first statement posts the transfer against savings; the second one finds it there."""
    batch = stage("Date,Payee,Amount\n2026-03-01,To savings,-100.00\n")
    decide_rows(batch=batch, actor=owner, fate="new", counter_account=accounts.savings)
    confirm(batch)
    other = stage("Date,Payee,Amount\n2026-03-03,From checking,100.00\n", account=accounts.savings)
    assert fates(other) == ["probable_match"]
    confirm(other)
    assert balance_of(account=accounts.savings) == 100_00
    assert JournalEntry.objects.count() == 1


def test_another_format_of_the_same_bank_finds_its_rows(stage, confirm, fates, accounts):
    confirm(stage())
    batch = stage(OFX, file_name="march.ofx")
    assert fates(batch) == ["question", "new"]
    decide_rows(batch=batch, actor=None, fate="question", decision="match")
    confirm(batch)
    assert balance_of(account=accounts.checking) == 1967_50
    assert fates(stage(OFX, file_name="march.ofx")) == ["already_imported", "already_imported"]


def test_categories_come_from_the_payees_history_and_abstain_when_divided(stage, spend, accounts):
    for day in range(1, 5):
        spend(20_00 + day, payee="REWE Markt 123", on=datetime.date(2026, 1, day))
        spend(
            5_00 + day,
            payee="Kiosk",
            on=datetime.date(2026, 1, day),
            category=[accounts.groceries, accounts.restaurants][day % 2],
        )
    drain()
    batch = stage(
        "Date,Payee,Amount\n2026-03-01,Rewe Markt 77,-9.00\n2026-03-01,Kiosk,-8.00\n"
        "2026-03-01,Unknown,-7.00\n2026-03-02,Rewe Markt 77,9.00\n"
    )
    found = ImportRow.objects.filter(batch=batch).order_by("pk").values_list("counter_account__name", flat=True)
    assert list(found) == ["Groceries", None, None, None]
    assert "4 of 4 times Groceries" in row(batch, 2).suggestion


def test_nothing_is_suggested_where_learning_is_switched_off(stage, spend, settings):
    for day in range(1, 5):
        spend(20_00 + day, payee="REWE Markt 123", on=datetime.date(2026, 1, day))
    drain()
    settings.ENABLE_ML = False
    batch = stage("Date,Payee,Amount\n2026-03-01,Rewe Markt 77,-9.00\n")
    staged = row(batch, 2)
    assert (staged.counter_account, staged.suggestion, staged.fate) == (None, "", "new")


def test_undo_reverses_what_is_untouched_and_lists_the_rest(stage, confirm, accounts, owner, fates):
    batch = confirm(stage())
    corrected, reversed_ = row(batch, 3).posted_entry, row(batch, 4).posted_entry
    replacement = [
        LineDraft(account_id=accounts.groceries.pk, amount=35_50),
        LineDraft(account_id=accounts.checking.pk, amount=-35_50),
    ]
    ledger.correct_entry(
        entry=corrected, actor=owner, date=corrected.date, lines=replacement, payee="Rewe", description="", on=TODAY
    )
    ledger.reverse_entry(entry=reversed_, actor=owner, on=TODAY)
    undone = undo_import(batch=batch, actor=owner, on=TODAY)
    assert undone.state == "undone"
    assert [(kept["entry_id"], kept["why"]) for kept in undone.kept] == [
        (corrected.pk, "It has been corrected since."),
        (reversed_.pk, "It has already been reversed."),
    ]
    assert balance_of(account=accounts.checking) == -35_50
    assert balance_of(account=accounts.groceries) == 35_50
    assert undo_import(batch=batch, actor=owner, on=TODAY).state == "undone"
    assert fates(stage()) == ["new", "already_imported", "new", "new"]


def test_undo_then_import_again_gives_the_same_books(stage, confirm, accounts, owner):
    undo_import(batch=confirm(stage()), actor=owner, on=TODAY)
    assert balance_of(account=accounts.checking) == 0
    confirm(stage())
    assert balance_of(account=accounts.checking) == 1957_50


def test_undo_keeps_entries_that_another_import_relies_on(stage, confirm, accounts, owner):
    first = stage("Date,Payee,Amount\n2026-03-01,To savings,-100.00\n")
    decide_rows(batch=first, actor=owner, fate="new", counter_account=accounts.savings)
    confirm(first)
    confirm(stage("Date,Payee,Amount\n2026-03-02,From checking,100.00\n", account=accounts.savings))
    undone = undo_import(batch=first, actor=owner, on=TODAY)
    assert [kept["why"] for kept in undone.kept] == ["A row of another import is linked to it too."]
    assert balance_of(account=accounts.savings) == 100_00


def test_a_file_staged_before_an_undo_brings_the_rows_back(stage, confirm, accounts, owner):
    first = confirm(stage())
    second = stage()
    undo_import(batch=first, actor=owner, on=TODAY)
    confirm(second)
    assert balance_of(account=accounts.checking) == 1957_50


def test_only_confirmed_imports_are_undone_and_only_open_ones_change(stage, confirm, owner):
    batch = stage()
    with pytest.raises(Conflict):
        undo_import(batch=batch, actor=owner, on=TODAY)
    confirm(batch)
    with pytest.raises(Conflict):
        decide_rows(batch=batch, actor=owner, fate="new", decision="ignore")
    with pytest.raises(Conflict):
        discard_import(batch=batch, actor=owner)
    with pytest.raises(Conflict):
        change_profile(batch=batch, actor=owner, changes={"sign": "inverted"})


def test_no_step_reads_the_bytes_of_the_file_again(stage, confirm, owner, django_assert_max_num_queries):
    with django_assert_max_num_queries(500) as asked:
        confirmed, discarded = stage(), stage(b"Date,Payee,Amount\n2026-03-20,Later,-1.00\n")
        confirm(confirmed)
        undo_import(batch=confirmed, actor=owner, on=TODAY)
        discard_import(batch=discarded, actor=owner)
    statements = [query["sql"] for query in asked.captured_queries]
    assert any("FOR UPDATE" in sql and "finance_importbatch" in sql for sql in statements)
    assert not [sql for sql in statements if sql.startswith("SELECT") and '"finance_importbatch"."content"' in sql]


def test_a_discarded_file_posts_nothing(stage, confirm, owner):
    batch = discard_import(batch=stage(), actor=owner)
    assert batch.state == "discarded"
    assert discard_import(batch=batch, actor=owner).state == "discarded"
    with pytest.raises(Conflict):
        confirm(batch)
    assert not JournalEntry.objects.exists()


def test_a_file_in_another_currency_is_refused(book, accounts, stage, owner):
    with pytest.raises(Invalid, match=r"The file is in USD, but the account “Checking account” is kept in EUR"):
        stage("Date,Description,Amount (USD)\n2026-03-01,Shop,-4.00\n")
    assert not ImportBatch.objects.exists()


def test_accounts_that_hold_no_money_are_refused(accounts, stage, owner):
    with pytest.raises(Invalid, match="holds money"):
        stage(account=accounts.groceries)
    ledger.close_account(account=accounts.savings, actor=owner, on=TODAY)
    accounts.savings.refresh_from_db()
    with pytest.raises(AccountClosedError):
        stage(account=accounts.savings)


def test_unreadable_files_leave_nothing_behind(stage):
    with pytest.raises(StatementUnreadable):
        stage(b"%PDF-1.4")
    assert not ImportBatch.objects.exists()


def test_rows_in_a_closed_period_are_errors_and_closing_later_refuses_all(stage, confirm, book, owner, fates):
    batch = stage()
    ledger.close_period(book=book, actor=owner, through=datetime.date(2026, 3, 2))
    with pytest.raises(PeriodClosedError):
        confirm(batch)
    assert not JournalEntry.objects.exists()
    assert ImportBatch.objects.get(pk=batch.pk).state == "staged"
    again = stage()
    assert fates(again) == ["error", "error", "new", "new"]
    assert "closed through 2026-03-02" in row(again, 2).reason


def test_the_proof_of_a_balance_column_holds_in_file_and_books(stage, confirm):
    batch = stage()
    proof = proof_of(batch.statements.get())
    assert (proof.opening, proof.rows_sum, proof.computed, proof.closing, proof.difference, proof.holds) == (
        0,
        1957_50,
        1957_50,
        1957_50,
        0,
        True,
    )
    assert (proof.books_closing, proof.books_difference) == (1957_50, 0)
    confirm(batch)
    proof = proof_of(ImportBatch.objects.get(pk=batch.pk).statements.get())
    assert (proof.books_closing, proof.books_difference, proof.sentences) == (1957_50, 0, [])


def test_the_proof_names_the_line_where_balances_break(stage):
    batch = stage(CSV.replace(b"1961.00", b"1960.00"))
    proof = proof_of(batch.statements.get())
    assert (proof.holds, proof.balance_break) == (False, 4)
    assert any("line 4" in sentence for sentence in proof.sentences)


def test_the_proof_tells_where_a_difference_may_come_from(stage, spend):
    spend(12_00, on=datetime.date(2026, 2, 20))
    spend(7_00, on=datetime.date(2026, 3, 2), payee="Cash box")
    proof = proof_of(stage().statements.get())
    assert proof.holds is True
    assert proof.books_difference == 19_00
    told = " ".join(proof.sentences)
    assert "books already held −€12.00 and the bank €0.00" in told
    assert "1 entry in this period, of −€7.00, is in the books but not in the file" in told


def test_the_proof_says_of_an_opening_balance_only_what_it_explains(stage):
    text = ":20:A\n:25:100/1\n:28C:1/1\n:60F:C260101EUR0,46\n:61:2602010201C45,00NTRFNONREF\n:86:Pay\n:62F:C260201EUR50,00\n-\n"
    proof = proof_of(stage(text, file_name="wrong.sta").statements.get())
    assert (proof.holds, proof.difference, proof.opening_needed.amount) == (False, 4_54, 46)
    told = " ".join(proof.sentences)
    assert "Opening balance and rows differ from the closing balance by €4.54." in told
    assert "with an opening balance of €0.46 on Jan 31, 2026, €4.54 still differ" in told
    # Without a closing balance it is not true that the file states none.
    half = text.replace(":62F:C260201EUR50,00\n", "")
    (sentence,) = proof_of(stage(half, file_name="half.sta").statements.get()).sentences
    assert sentence.startswith("The file states €0.46 before its first row")


def test_an_empty_account_starts_with_the_balance_that_the_bank_states(stage, confirm, accounts, owner):
    batch = stage(OFX, file_name="march.ofx")
    proof = proof_of(batch.statements.get())
    assert (proof.opening_needed.amount, proof.opening_needed.on) == (100_00, datetime.date(2026, 2, 28))
    batch = confirm(batch, opening_balance=True)
    assert balance_of(account=accounts.checking) == 74_50
    proof = proof_of(ImportBatch.objects.get(pk=batch.pk).statements.get())
    assert (proof.opening, proof.opening_source, proof.difference, proof.books_difference) == (100_00, "books", 0, 0)
    undo_import(batch=batch, actor=owner, on=TODAY)
    assert balance_of(account=accounts.checking) == 0


def test_a_statement_of_nothing_but_a_balance_can_open_the_account(stage, confirm, accounts):
    bare = re.sub(r"<BANKTRANLIST>.*</BANKTRANLIST>", "", OFX, flags=re.DOTALL)
    batch = confirm(stage(bare, file_name="balance.ofx"), opening_balance=True)
    assert balance_of(account=accounts.checking) == 74_50
    proof = proof_of(ImportBatch.objects.get(pk=batch.pk).statements.get())
    assert (proof.opening, proof.rows_count, proof.closing, proof.holds) == (74_50, 0, 74_50, True)


def test_ofx_closing_balance_is_checked_against_the_books(stage, confirm, accounts, book, owner):
    confirm(stage("Date,Payee,Amount\n2026-02-01,Start,100.00\n"))
    proof = proof_of(stage(OFX, file_name="march.ofx").statements.get())
    assert (proof.opening, proof.computed, proof.closing, proof.holds) == (100_00, 74_50, 74_50, True)


def test_a_corrected_profile_is_saved_and_used_for_the_next_file(stage, accounts, owner):
    text = "Date,Description,Amount\n01/02/2026,Shop,4.00\n03/02/2026,Shop,5.00\n"
    batch = stage(text)
    assert row(batch, 2).amount == 4_00
    settled(batch=change_profile(batch=batch, actor=owner, changes={"sign": "inverted", "date_order": "mdy"}))
    corrected = row(batch, 2)
    assert (corrected.amount, corrected.date) == (-4_00, datetime.date(2026, 1, 2))
    assert ImportProfile.objects.get().account == accounts.checking
    assert row(stage(text.replace("4.00", "6.00")), 2).amount == -6_00
    assert row(stage(text, account=accounts.savings), 2).amount == 4_00


def test_a_profile_that_reads_nothing_is_refused_and_changes_nothing(stage, owner, fates):
    batch = stage()
    with pytest.raises(StatementUnreadable):
        settled(batch=change_profile(batch=batch, actor=owner, changes={"date_column": 1}))
    with pytest.raises(Invalid):
        change_profile(batch=batch, actor=owner, changes={"date_column": "one"})
    assert fates(batch) == ["new"] * 4
    assert not ImportProfile.objects.exists()


def test_several_accounts_in_one_file_are_assigned_and_remembered(stage, confirm, accounts, owner, book):
    second = OFX.split("<OFX>")[1].replace("DE02", "DE99").replace("</OFX>", "").replace("TX-0", "TY-0")
    both = OFX.replace("</OFX>", second + "</OFX>")
    batch = stage(both, file_name="both.ofx")
    one, two = batch.statements.order_by("position")
    assert (one.account, two.account) == (accounts.checking, None)
    assign_statement(statement=two, actor=owner, account=accounts.savings)
    confirm(batch)
    assert balance_of(account=accounts.savings) == balance_of(account=accounts.checking) == -25_50
    again = stage(both, file_name="both.ofx")
    assert [s.account for s in again.statements.order_by("position")] == [accounts.checking, accounts.savings]


def test_rows_of_an_unassigned_statement_are_not_posted(stage, confirm):
    second = OFX.split("<OFX>")[1].replace("DE02", "DE99").replace("</OFX>", "").replace("TX-0", "TY-0")
    batch = confirm(stage(OFX.replace("</OFX>", second + "</OFX>"), file_name="both.ofx"))
    assert outcomes(batch) == ["posted", "posted", "left", "left"]


def test_excess_decimals_are_rounded_with_a_note_in_ofx_and_an_error_in_csv(stage):
    batch = stage(OFX.replace("-35.50", "-35.5012"), file_name="a.ofx")
    first = batch.rows.order_by("pk").first()
    assert (first.amount, first.note) == (-35_50, "The file says -35.5012; rounded to -35.50 EUR.")
    broken = stage("Date,Payee,Amount\n2026-03-01,A,-1.00\n2026-03-01,B,-1.2345\n")
    assert (row(broken, 3).fate, "more than the 2 decimals" in row(broken, 3).reason) == ("error", True)


def test_a_received_file_is_read_once_and_a_bad_one_is_marked(book, accounts, owner):
    batch = receive_file(book=book, account=accounts.checking, actor=owner, data=CSV, file_name="x/march.csv")
    assert (batch.state, batch.file_name) == ("received", "march.csv")
    assert read_received(batch=batch).state == "staged"
    assert read_received(batch=batch).rows.count() == 4
    bad = receive_file(book=book, account=accounts.checking, actor=owner, data=b"%PDF", file_name="a.pdf")
    bad = read_received(batch=bad)
    assert (bad.state, "PDF" in bad.problem) == ("refused", True)


def test_decisions_must_make_sense(stage, accounts, owner, book):
    batch = stage()
    ids = [row(batch, 3).pk]
    for options in (
        {"row_ids": ids, "decision": "match"},
        {"row_ids": ids, "decision": "nonsense"},
        {"row_ids": [0], "decision": "ignore"},
        {"row_ids": ids},
        {"decision": "ignore"},
        {"fate": "nonsense", "decision": "ignore"},
        {"row_ids": ids, "counter_account": accounts.checking},
        {"row_ids": ids, "counter_account": accounts.expenses},
    ):
        with pytest.raises(Invalid):
            decide_rows(batch=batch, actor=owner, **options)
    dollars = ledger.open_account(book=book, actor=owner, name="Dollars", type="asset", kind="checking", currency="USD")
    with pytest.raises(Invalid, match="USD"):
        decide_rows(batch=batch, actor=owner, row_ids=ids, counter_account=dollars)


def test_a_proof_without_an_unreadable_row_does_not_hold(stage):
    batch = stage("Date,Payee,Amount,Balance\n2026-03-01,Kiosk,-4.00,96.00\n2026-03-02,Bar, Foo,-3.00,93.00\n")
    proof = proof_of(batch.statements.get())
    assert (proof.difference, proof.holds) == (0, None)
    assert not any("states no balances" in sentence for sentence in proof.sentences)
    assert "1 row could not be read, so its amount is missing in the sum." in proof.sentences


def test_no_uncategorised_account_is_opened_where_every_row_has_a_category(stage, confirm, book, owner, accounts):
    batch = stage()
    batch.rows.update(counter_account=accounts.groceries)
    before = set(book.accounts.values_list("pk", flat=True))
    uncategorised = book.accounts.filter(name__startswith="Uncategorised")
    uncategorised.update(name="Something else")
    confirm(batch)
    assert set(book.accounts.values_list("pk", flat=True)) == before


def test_a_foreign_account_gets_its_own_uncategorised(stage, confirm, book, owner):
    dollars = ledger.open_account(book=book, actor=owner, name="Dollars", type="asset", kind="checking", currency="USD")
    confirm(stage("Date,Description,Amount\n2026-03-01,Shop,-4.00\n2026-03-01,Pay,9.00\n", account=dollars))
    names = Account.objects.filter(book=book, currency="USD").order_by("pk").values_list("name", "type")
    assert list(names) == [("Dollars", "asset"), ("Uncategorised USD", "expense"), ("Uncategorised USD", "income")]


def test_events_tell_of_staging_confirming_and_undoing(stage, confirm, owner):
    undo_import(batch=confirm(stage()), actor=owner, on=TODAY)
    names = set(OutboxMessage.objects.values_list("event_type", flat=True))
    assert {"finance.import.staged", "finance.import.confirmed", "finance.import.undone"} <= names


def test_staging_and_confirming_take_a_fixed_number_of_queries(stage, confirm, django_assert_max_num_queries):
    lines = "".join(f"2026-03-{day:02},Payee {day},-{n}.{day:02}\n" for day in range(1, 29) for n in range(1, 11))
    with django_assert_max_num_queries(39):
        batch = stage("Date,Payee,Amount\n" + lines)
    with django_assert_max_num_queries(45):
        confirm(batch)
    assert JournalEntry.objects.count() == 280
