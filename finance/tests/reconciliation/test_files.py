"""What bank files bring to statements: balances, ticked rows, cleared marks, pending rows."""

import datetime

import pytest

from finance import errors
from finance.bank_statements import add_from_file, clear_imported, pending_rows, stated_in_files, tick_file
from finance.ledger import services as ledger
from finance.ledger.models import JournalEntry, JournalLine
from finance.ledger.posting import LineDraft
from finance.ledger.selectors import balance_of
from finance.reconciliation.models import LineMark
from finance.reconciliation.selectors import marks_of
from finance.tests.reconciliation.conftest import ask, day

pytestmark = pytest.mark.django_db

HEAD = "Date,Payee,Amount,Balance\n"
MARCH = f"{HEAD}2026-03-02,Rent,-500.00,500.00\n2026-03-09,Market,-20.00,480.00\n2026-03-09,Market,-20.00,460.00\n"
OVERLAP = f"{HEAD}2026-03-09,Market,-20.00,480.00\n2026-03-09,Market,-20.00,460.00\n2026-03-12,Pay,100.00,560.00\n"
PENDING = (
    "Date,Payee,Amount,Status\n2026-03-10,Bakery,-5.00,Booked\n2026-03-12,Petrol,-100.00,Pending\n"
    "2026-03-13,Cafe,-3.00,Pending\n"
)


@pytest.fixture
def imported(stage, confirm):
    def run(text, **options):
        batch = stage(text.encode(), **options)
        confirm(batch)
        return batch

    return run


def test_a_file_with_balances_becomes_a_statement_with_its_rows_ticked(imported, accounts, owner):
    imported(MARCH)
    (stated,) = stated_in_files(account=accounts.checking)
    assert (stated.opening, stated.closing, stated.start, stated.end) == (
        1_000_00, 460_00, day("2026-03-02"), day("2026-03-09"),
    )  # fmt: skip
    statement = add_from_file(account=accounts.checking, actor=owner, import_statement_id=stated.import_statement_id)
    assert (ask(statement).difference, ask(statement).sums.count) == (0, 3)
    assert stated_in_files(account=accounts.checking) == []
    assert tick_file(statement=statement, actor=owner) == 0


def test_rows_that_an_earlier_file_brought_in_and_corrected_ones_are_ticked_too(imported, accounts, owner):
    imported(MARCH)
    imported(OVERLAP)
    market = JournalEntry.objects.filter(payee="Market").first()
    ledger.correct_entry(
        entry=market, actor=owner, date=market.date, payee="Corner market", description="", on=market.date,
        lines=[LineDraft(account_id=accounts.groceries.pk, amount=20_00),
               LineDraft(account_id=accounts.checking.pk, amount=-20_00)],
    )  # fmt: skip
    newest = stated_in_files(account=accounts.checking)[0]
    statement = add_from_file(account=accounts.checking, actor=owner, import_statement_id=newest.import_statement_id)
    assert (ask(statement).difference, ask(statement).sums.count) == (0, 3)


def test_a_file_that_is_not_of_the_account_is_not_found(imported, accounts, owner):
    batch = imported(MARCH)
    number = batch.statements.get().pk
    with pytest.raises(errors.NotFound):
        add_from_file(account=accounts.savings, actor=owner, import_statement_id=number)


def test_imported_rows_are_cleared_on_their_account_only(imported, accounts):
    batch = imported(MARCH)
    assert [clear_imported(import_id=batch.pk) for _ in range(2)] == [3, 0]
    ours = list(JournalLine.objects.filter(account=accounts.checking).values_list("pk", flat=True))
    assert marks_of(line_ids=ours) == dict.fromkeys(ours, "cleared")
    assert LineMark.objects.count() == 3
    assert clear_imported(import_id=10**9) == 0


def pending(book, accounts, today):
    found = pending_rows(book=book, account=accounts.checking, today=day(today))
    return {row.text: row.fell_off for row in found}


def test_pending_rows_are_in_no_balance_and_are_seen_to_fall_off(imported, book, accounts):
    # REC-03: −100.00 is pending, without an id, and disappears at the bank; the cafe is booked two days later.
    batch = imported(PENDING)
    held = balance_of(account=accounts.checking)
    assert held == -5_00
    assert pending(book, accounts, "2026-03-13") == {"Petrol": False, "Cafe": False}
    imported("Date,Payee,Amount,Status\n2026-03-15,Cafe,-3.00,Booked\n2026-03-16,Kiosk,-1.00,Booked\n")
    at = batch.__class__.objects.latest("pk").confirmed_at.date()
    after = {days: pending(book, accounts, "2026-03-16") for days in (0,)}
    assert after[0] == {"Petrol": True}
    assert balance_of(account=accounts.checking) == held - 4_00
    # Kept in sight for 30 days from the file that does not list it.
    late = at + datetime.timedelta(days=31)
    assert pending(book, accounts, late.isoformat()) == {}


OFX = """OFXHEADER:100
<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM><BANKID>1<ACCTID>DE02<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>2026{month}01<DTEND>2026{month}28
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>2026{month}02<TRNAMT>-35.50<FITID>{month}-1<NAME>REWE</STMTTRN>
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>2026{month}27<TRNAMT>10.00<FITID>{month}-2<NAME>Refund</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>{closing}<DTASOF>2026{month}26</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""


def test_openings_that_files_do_not_state_are_computed_in_one_query(imported, accounts, django_assert_num_queries):
    for month, closing in (("01", "64.50"), ("02", "39.00")):
        imported(OFX.format(month=month, closing=closing), file_name=f"{month}.ofx")
    with django_assert_num_queries(1):
        found = stated_in_files(account=accounts.checking)
    # The row of the 27th is after the day of the balance.
    assert [(each.end, each.opening, each.closing) for each in found] == [
        (day("2026-02-26"), 74_50, 39_00), (day("2026-01-26"), 100_00, 64_50),
    ]  # fmt: skip
