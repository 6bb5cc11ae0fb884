"""What may be known already is asked about, never posted or dropped in silence."""

import datetime

import pytest

from finance.errors import Invalid
from finance.imports.models import ImportRow, ImportStatement
from finance.imports.proof import proof_of
from finance.imports.services import assign_statement, decide_rows, undo_import
from finance.imports.services.staging import is_same_number
from finance.ledger.models import JournalEntry
from finance.ledger.posting import LineDraft
from finance.ledger.selectors import balance_of
from finance.ledger.services import correct_entry

TODAY = datetime.date(2026, 3, 15)
HEAD = "Date,Payee,Amount,Transaction ID\n"
FIRST = HEAD + "2026-03-02,REWE,-35.50,TX-000001\n2026-03-04,Kiosk,-3.50,TX-000002\n"


@pytest.mark.parametrize(
    ("again", "told"),
    [
        ("2026-03-02,REWE,-35.50,TX-900001\n", "the same text but another id of the bank"),
        ("2026-03-02,REWE Markt GmbH Berlin,-35.50,TX-900001\n", "another text and another id of the bank"),
        ("2026-03-02,REWE Markt GmbH Berlin,-35.50,\n", "another text"),
    ],
)
def test_the_same_day_and_amount_under_another_name_is_asked_about(stage, confirm, fates, accounts, again, told):
    confirm(stage(FIRST))
    batch = stage(HEAD + again)
    assert fates(batch) == ["question"]
    assert told in ImportRow.objects.get(batch=batch).reason
    with pytest.raises(Invalid, match="1 row needs your answer first"):
        confirm(batch)
    assert "1 row needs your answer and is left out" in " ".join(proof_of(batch.statements.get()).sentences)
    confirm(batch, leave_undecided=True)
    assert ImportRow.objects.get(batch=batch).outcome == "left"
    assert fates(stage(HEAD + again)) == ["question"]
    assert balance_of(account=accounts.checking) == -39_00


@pytest.mark.parametrize(("answer", "balance"), [("match", -39_00), ("post", -74_50), ("ignore", -39_00)])
def test_an_answer_is_remembered(stage, confirm, fates, accounts, owner, answer, balance):
    confirm(stage(FIRST))
    more = HEAD + "2026-03-02,REWE Markt GmbH,-35.50,TX-900001\n"
    batch = stage(more)
    decide_rows(batch=batch, actor=owner, fate="question", decision=answer)
    confirm(batch)
    assert balance_of(account=accounts.checking) == balance
    assert fates(stage(more)) == ["already_imported"]


def test_a_bank_that_renames_every_row_at_each_download_doubles_nothing(stage, confirm, fates, accounts):
    confirm(stage(FIRST))
    renamed = stage(FIRST.replace("TX-0", "TX-7") + "2026-03-04,Bakery,-3.50,TX-700003\n")
    # The kiosk's row is the one that is known; the bakery's has no twin left that it could be.
    assert fates(renamed) == ["question", "question", "new"]


def test_a_file_of_another_account_stops_with_a_question(stage, confirm, fates, accounts, owner):
    file = "Date,Payee,Amount,Account number\n2026-03-02,Shop,-5.00,DE02120300000000202051\n"
    confirm(stage(file, account=accounts.savings))
    batch = stage(file.replace("Shop", "Market"), account=accounts.checking)
    statement = ImportStatement.objects.get(batch=batch)
    assert statement.account is None
    assert "was imported into “Savings account” before" in batch.notes[0]
    assign_statement(statement=statement, actor=owner, account=accounts.savings)
    assert fates(batch) == ["question"]
    unknown = stage(file.replace("202051", "999999").replace("Shop", "Kiosk"), account=accounts.savings)
    assert ImportStatement.objects.get(batch=unknown).account is None
    assert "Earlier files of “Savings account” have the number DE02" in unknown.notes[0]


def test_numbers_of_one_account_in_different_spellings():
    iban = "DE02 1203 0000 0000 2020 51"
    for other in ("DE02120300000000202051", "202051", "****2051", "xxxx2051"):
        assert is_same_number(iban, other), other
    assert not is_same_number(iban, "DE02120300000000999999")
    assert not is_same_number("202051", "999999")
    assert is_same_number("DE02****2051", iban)
    # Blanks are no mask: the last digits alone prove nothing.
    assert not is_same_number(iban, "DE75 5121 0800 1245 1220 51")


def test_a_corrected_entry_still_has_its_bank_row(stage, confirm, fates, accounts, owner):
    """Otherwise the next purchase over the same amount would be taken for it, and never posted."""
    confirm(stage("Date,Payee,Amount\n2026-03-02,Kiosk,-3.50\n"))
    entry = JournalEntry.objects.get()
    lines = [
        LineDraft(account_id=accounts.checking.pk, amount=-350),
        LineDraft(account_id=accounts.groceries.pk, amount=350),
    ]
    correct_entry(entry=entry, actor=owner, date=entry.date, lines=lines, payee="Kiosk", description="", on=TODAY)
    batch = stage("Date,Payee,Amount,Balance\n2026-03-03,Kiosk,-3.50,-7.00\n")
    assert fates(batch) == ["new"]
    whole = stage("Date,Payee,Amount,Balance\n2026-03-02,Kiosk,-3.50,-3.50\n2026-03-03,Kiosk,-3.50,-7.00\n")
    assert "in the books but not in the file" not in " ".join(proof_of(whole.statements.get()).sentences)


class TestTransfers:
    OUT = "Date,Payee,Amount\n2026-03-02,To savings,-500.00\n2026-03-03,Rewe,-20.00\n"
    IN = "Date,Payee,Amount\n2026-03-04,From checking,500.00\n2026-03-05,Interest,20.00\n"

    def test_both_sides_become_one_entry_and_come_apart_again(self, stage, confirm, fates, accounts, owner):
        confirm(stage(self.OUT))
        batch = stage(self.IN.replace("2026-03-05", "2026-03-08"), account=accounts.savings)
        assert fates(batch) == ["probable_match", "new"]
        assert "“Checking account” has the opposite amount" in ImportRow.objects.filter(batch=batch).first().reason
        confirm(batch)
        assert balance_of(account=accounts.checking) == -520_00
        assert balance_of(account=accounts.savings) == 520_00
        joined = ImportRow.objects.filter(batch=batch).first().posted_entry
        assert {line.account_id: line.amount for line in joined.lines.all()} == {
            accounts.checking.pk: -500_00,
            accounts.savings.pk: 500_00,
        }
        assert fates(stage(self.OUT)) == ["already_imported"] * 2
        assert fates(stage(self.IN, account=accounts.savings))[0] == "already_imported"
        undo_import(batch=batch, actor=owner, on=TODAY)
        assert balance_of(account=accounts.checking) == -520_00
        assert balance_of(account=accounts.savings) == 0
        again = stage(self.IN, account=accounts.savings)
        assert fates(again)[0] == "probable_match"

    @pytest.mark.usefixtures("nothing_suggested")
    def test_two_entries_that_fit_are_a_question(self, stage, confirm, fates, accounts):
        """TRF-05: ambiguous candidates are asked about."""
        confirm(stage(self.OUT + "2026-03-01,To savings too,-500.00\n"))
        batch = stage(self.IN, account=accounts.savings)
        assert fates(batch) == ["question", "probable_match"]
        assert "2 entries fit this row" in ImportRow.objects.filter(batch=batch).first().reason

    @pytest.mark.usefixtures("nothing_suggested")
    def test_two_rows_that_fit_one_entry_are_questions_and_cannot_both_be_it(
        self, stage, confirm, fates, accounts, owner
    ):
        confirm(stage(self.OUT))
        batch = stage(self.IN + "2026-03-03,Gift,500.00\n", account=accounts.savings)
        assert fates(batch) == ["question", "probable_match", "question"]
        decide_rows(batch=batch, actor=owner, fate="question", decision="match")
        with pytest.raises(Exception, match="has been changed; decide on it again"):
            confirm(batch)
        assert balance_of(account=accounts.savings) == 0

    def test_a_row_with_a_category_or_far_away_is_no_side(self, stage, confirm, fates, accounts, owner):
        batch = stage(self.OUT)
        decide_rows(batch=batch, actor=owner, row_ids=[ImportRow.objects.filter(batch=batch).first().pk],
                    counter_account=accounts.rent)  # fmt: skip
        confirm(batch)
        assert fates(stage(self.IN.replace("2026-03-05", "2026-03-08"), account=accounts.savings)) == ["new", "new"]

    def test_a_transfer_that_was_changed_since_stays_when_the_import_is_undone(self, stage, confirm, accounts, owner):
        confirm(stage(self.OUT))
        batch = confirm(stage(self.IN, account=accounts.savings))
        joined = ImportRow.objects.filter(batch=batch).order_by("pk").first().posted_entry
        lines = [
            LineDraft(account_id=line.account_id, amount=line.amount) for line in joined.lines.order_by("position")
        ]
        correct_entry(entry=joined, actor=owner, date=joined.date, lines=lines, payee="Mine", description="", on=TODAY)
        batch = undo_import(batch=batch, actor=owner, on=TODAY)
        assert [kept["why"] for kept in batch.kept] == ["It has been corrected since."]
        assert balance_of(account=accounts.savings) == 500_00

    def test_the_other_sides_number_tells_that_it_is_ones_own_account(self, stage, confirm, fates, accounts):
        head = "Date,Payee,Amount,Account number,Counterparty IBAN\n"
        savings = f"{head}2026-02-01,Interest,1.00,DE75512108001245126199,\n"
        confirm(stage(savings, account=accounts.savings))
        out = f"{head}2026-03-02,Olga,-500.00,DE02120300000000202051,DE75 5121 0800 1245 1261 99\n"
        batch = stage(out + "2026-03-02,Qwerty,-20.00,DE02120300000000202051,DE89370400440532013000\n")
        row, other = ImportRow.objects.filter(batch=batch).order_by("pk")
        assert (row.counter_account, row.suggestion) == (
            accounts.savings,
            "The other side is your account “Savings account”.",
        )
        assert other.counter_account is None
        confirm(batch)
        assert balance_of(account=accounts.savings) == 501_00
        back = f"{head}2026-03-03,Olga,500.00,DE75512108001245126199,DE02120300000000202051\n"
        assert fates(stage(back, account=accounts.savings)) == ["probable_match"]
