"""Transfers whose sides differ, by a fee or an exchange: asked about, then one entry; and taken apart again."""

import datetime

import pytest

from finance.imports.matching import IncomingRow
from finance.imports.models import ImportRow
from finance.imports.services import decide_rows, undo_import
from finance.imports.transfers import Side, could_be_fee, could_be_one, unlike_sides
from finance.ledger.models import Account, JournalEntry
from finance.ledger.selectors import balance_of
from finance.ledger.services import open_account

DAY = datetime.date(2026, 3, 2)
TODAY = datetime.date(2026, 3, 31)
OUT = "Date,Payee,Amount\n2026-03-02,Transfer to savings,-21.50\n"
IN = "Date,Payee,Amount\n2026-03-03,Transfer received,20.00\n"

pytestmark = pytest.mark.usefixtures("nothing_suggested")


def row_of(batch):
    return ImportRow.objects.get(batch=batch)


def answer(batch, owner, decision="match"):
    decide_rows(batch=batch, actor=owner, row_ids=[row_of(batch).pk], decision=decision)


class TestFees:
    def test_trf_01_a_transfer_that_lost_a_fee_is_asked_and_becomes_one_entry(self, stage, confirm, accounts, owner):
        confirm(stage(OUT))
        batch = stage(IN, account=accounts.savings)
        row = row_of(batch)
        assert row.fate == "question"
        assert row.reason == (
            "“Checking account” sent 21.50 EUR 1 day earlier, and 20.00 EUR came in here: is it one transfer with a fee "
            "of 1.50 EUR? The text speaks of a transfer."
        )
        with pytest.raises(Exception, match="needs your answer"):
            confirm(batch)
        answer(batch, owner)
        confirm(batch)
        entry = row_of(batch).posted_entry
        fees = Account.objects.get(book=accounts.checking.book, name="Bank fees")
        assert {line.account_id: line.amount for line in entry.lines.all()} == {
            accounts.checking.pk: -21_50, accounts.savings.pk: 20_00, fees.pk: 1_50,
        }  # fmt: skip
        assert (balance_of(account=accounts.checking), balance_of(account=accounts.savings)) == (-21_50, 20_00)
        assert balance_of(account=fees) == 1_50

    def test_the_other_way_round_and_undone(self, stage, confirm, accounts, owner):
        confirm(stage(IN, account=accounts.savings))
        batch = stage(OUT)
        assert "“Savings account” received 20.00 EUR 1 day later, and 21.50 EUR went out here" in row_of(batch).reason
        answer(batch, owner)
        confirm(batch)
        assert (balance_of(account=accounts.checking), balance_of(account=accounts.savings)) == (-21_50, 20_00)
        undo_import(batch=batch, actor=owner, on=TODAY)
        assert (balance_of(account=accounts.checking), balance_of(account=accounts.savings)) == (0, 20_00)
        assert balance_of(account=Account.objects.get(name="Bank fees")) == 0

    def test_it_is_posted_by_itself_where_somebody_says_so(self, stage, confirm, accounts, owner):
        confirm(stage(OUT))
        batch = stage(IN, account=accounts.savings)
        answer(batch, owner, "post")
        confirm(batch)
        assert JournalEntry.objects.filter(book=batch.book).count() == 2

    def test_an_entry_that_was_changed_meanwhile_is_not_joined(self, stage, confirm, accounts, owner):
        confirm(stage(OUT))
        batch, twin = (stage(IN, account=accounts.savings) for _ in range(2))
        answer(batch, owner)
        answer(twin, owner)
        confirm(batch)
        decide_rows(batch=twin, actor=owner, row_ids=[row_of(twin).pk], decision="")
        # What the first one brought in is known by now.
        confirm(twin, leave_undecided=True)
        assert row_of(twin).outcome == "left"
        assert balance_of(account=accounts.savings) == 20_00

    @pytest.mark.parametrize(
        ("sent", "received"),
        [("Shop,-21.50", "Gift,20.00"), ("Transfer,-21.50", "Transfer,15.00"), ("Transfer,-20.00", "Transfer,21.50")],
    )
    def test_without_the_words_or_within_no_bound_nothing_is_asked(
        self, stage, confirm, fates, accounts, sent, received
    ):
        confirm(stage(f"Date,Payee,Amount\n2026-03-02,{sent}\n"))
        assert fates(stage(f"Date,Payee,Amount\n2026-03-03,{received}\n", account=accounts.savings)) == ["new"]


class TestExchanges:
    @pytest.fixture
    def dollars(self, book, owner, accounts):
        return open_account(
            book=book, actor=owner, name="Dollar account", type="asset", kind="checking", currency="USD",
            parent=accounts.checking.parent,
        )  # fmt: skip

    def test_trf_06_each_side_keeps_its_own_currency(self, stage, confirm, accounts, dollars, owner):
        confirm(stage("Date,Payee,Amount\n2026-03-02,To checking account,-100.00\n", account=dollars))
        batch = stage("Date,Payee,Amount\n2026-03-03,Incoming,92.30\n")
        assert row_of(batch).reason == (
            "“Dollar account” sent 100.00 USD 1 day earlier, and 92.30 EUR came in here: is it one transfer with an "
            "exchange? The text names “Checking account”."
        )
        answer(batch, owner)
        confirm(batch)
        entry = row_of(batch).posted_entry
        assert sorted((line.currency, line.amount, line.account.kind) for line in entry.lines.all()) == [
            ("EUR", -92_30, "trading"), ("EUR", 92_30, "checking"), ("USD", -100_00, "checking"), ("USD", 100_00, "trading"),
        ]  # fmt: skip
        assert (balance_of(account=dollars), balance_of(account=accounts.checking)) == (-100_00, 92_30)

    def test_the_word_transfer_alone_is_not_enough(self, stage, confirm, fates, accounts, dollars):
        confirm(stage("Date,Payee,Amount\n2026-03-02,Transfer,-100.00\n", account=dollars))
        assert fates(stage("Date,Payee,Amount\n2026-03-03,Transfer,92.30\n")) == ["new"]
        assert fates(stage("Date,Payee,Amount\n2026-03-03,Change of 100.00 USD,92.30\n")) == ["question"]


class TestPure:
    def side(self, **values):
        given = {"entry_id": 1, "date": DAY, "amount": 21_50, "currency": "EUR", "text": "", "account": "Giro"}
        return Side(**{**given, **values})

    def asked(self, rows, sides):
        return unlike_sides(
            rows, sides, account="Savings", currency="EUR", numbers=frozenset({"de75512108001245126199"})
        )

    def row(self, position=0, **values):
        return IncomingRow(**{"position": position, "date": DAY, "amount": 20_00, "text": "transfer", **values})

    def test_bounds(self):
        assert could_be_fee(sent=21_50, received=20_00, currency="EUR")
        assert not could_be_fee(sent=20_00, received=20_00, currency="EUR")
        assert not could_be_fee(sent=25_10, received=20_00, currency="EUR")
        assert could_be_fee(sent=1000_00, received=950_00, currency="EUR")
        assert not could_be_fee(sent=4_00, received=2_50, currency="EUR")
        assert could_be_fee(sent=10_000, received=9_560, currency="JPY")
        assert not could_be_one(20_00, -21_50, currency="EUR", other_currency="EUR")
        assert could_be_one(-21_50, -20_00, currency="EUR", other_currency="EUR")

    def test_days_numbers_and_names(self):
        far = self.side(date=DAY - datetime.timedelta(days=5))
        assert not self.asked([self.row()], [far])
        plain = self.row(text="olga")
        assert not self.asked([plain], [self.side()])
        numbered = self.side(text="iban de75 5121 0800 1245 1261 99")
        assert "number" in self.asked([plain], [numbered])[0].reason
        assert "“Savings”" in self.asked([plain], [self.side(text="to savings")])[0].reason
        theirs = self.row(text="olga", counterparty="de02")
        assert "“Giro”" in self.asked([theirs], [self.side(numbers=frozenset({"de02"}))])[0].reason

    def test_several_that_fit_are_told_and_the_nearest_is_named(self):
        sides = [self.side(entry_id=1, amount=21_50), self.side(entry_id=2, amount=20_50)]
        found = self.asked([self.row()], sides)[0]
        assert (found.entry_id, found.reason[-23:]) == (2, "2 entries fit this row.")
        assert "Other rows fit it as well" in self.asked([self.row(), self.row(1)], sides[:1])[1].reason
