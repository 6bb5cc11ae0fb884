"""YNAB's register: splits, transfers on two rows, and amounts in any of its formats."""

import csv
import datetime
import io
import zipfile

import pytest

from finance.errors import BookUnreadable
from finance.ledger.models import Account, JournalEntry, JournalLine
from finance.planning.budgets.models import Budget, BudgetAccount
from finance.planning.budgets.views import Plan as BudgetPlan
from finance.planning.budgets.views import view_of
from finance.tests.book_import.conftest import left

HEADER = [
    "Account", "Flag", "Date", "Payee", "Category Group/Category", "Category Group", "Category", "Memo", "Outflow",
    "Inflow", "Cleared",
]  # fmt: skip


def row(account, date, payee, category="", memo="", out="$0.00", inflow="$0.00", flag=""):
    group, _, name = category.rpartition(": ")
    return [account, flag, date, payee, category, group, name, memo, out, inflow, "Cleared"]


def register(*rows):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([HEADER, *rows])
    return text.getvalue().encode()


def zipped(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"My Plan - {name}.csv", content)
    return packed.getvalue()


READY = "Inflow: Ready to Assign"


def test_mig_01_a_split_with_a_transfer_part_moves_its_money_once(move_in):
    data = register(
        row("Checking", "2026-01-15", "Transfer : Savings", memo="Split (2/2) aside", out="$250.00"),
        row("Checking", "2026-01-15", "Corner Shop", "Everyday: Food", "Split (1/2) bread", out="$150.00"),
        row("Savings", "2026-01-15", "Transfer : Checking", inflow="$250.00"),
        row("Checking", "2026-01-01", "Starting Balance", READY, inflow="$1,000.00"),
    )
    report, held = move_in(data, "ynab", base="USD")
    assert held == {
        "Assets:Checking": "600.00 USD", "Assets:Savings": "250.00 USD", "Equity:Opening balances": "-1000.00 USD",
        "Expenses:Everyday:Food": "150.00 USD",
    }  # fmt: skip
    assert (report.entries, report.differences) == (2, [])
    split = JournalEntry.objects.get(payee="Corner Shop")
    assert sorted(split.lines.values_list("amount", "memo")) == [(-40000, ""), (15000, "bread"), (25000, "aside")]
    assert JournalLine.objects.filter(account__name="Savings").count() == 1
    assert JournalEntry.objects.get(source="opening").date.isoformat() == "2026-01-01"


PLAN = '"Month","Category Group/Category","Category Group","Category","Assigned","Activity","Available"\n'


def test_mig_03_a_cards_own_envelope_is_told_with_what_was_assigned_spent_and_left(move_in):
    plan = PLAN + '"Jan 2026","Credit Card Payments: Visa","Credit Card Payments","Visa",$219.01,$407.29,$626.30\n'
    rows = register(row("Visa", "2026-01-15", "Shop", "Everyday: Food", out="$407.29"))
    report, held = move_in(zipped(Register=rows, Plan=plan), "ynab", base="USD")
    (told,) = [each for each in report.left_out if each.kind == "month of a card's payment in the plan"]
    assert told.examples == (
        "Jan 2026, Credit Card Payments: Visa Assigned $219.01 Activity $407.29 Available $626.30",
    )
    # The plan also says which accounts are cards.
    assert (held["Liabilities:Visa"], report.budgets) == ("-407.29 USD", 0)
    assert Account.objects.get(name="Visa").kind == "card"


def test_a_plan_becomes_envelopes_that_hold_what_the_file_says(move_in):
    def month(name, *rows):
        return "".join(f'"{name}","x",{cells}\n' for cells in rows)

    plan = (
        PLAN
        + month("Dec 2025", '"Everyday","Food",$30.00,-$50.00,-$20.00', '"Later","Car",$40.00,$0.00,$40.00')
        + month("Jan 2026", '"Everyday","Food",$100.00,-$60.00,$40.00', '"Later","Car",$10.00,$0.00,$45.00')
        + month("Feb 2026", '"Everyday","Food",$7.00,$0.00,$47.00', '"Later","Car",$0.00,$0.00,$45.00')
        + month("Moon 2026", '"Everyday","Food",$7.00,$0.00,$47.00')
    )
    rows = register(
        row("Checking", "2025-12-01", "Starting Balance", READY, inflow="$1,000.00"),
        row("Checking", "2025-12-15", "Shop", "Everyday: Food", out="$50.00"),
        row("Checking", "2026-01-15", "Shop", "Everyday: Food", out="$60.00"),
        row("House", "2026-01-15", "Bank", out="$5.00"),
    )
    report, held = move_in(zipped(Register=rows, Plan=plan), "ynab", base="USD")
    budget = Budget.objects.get()
    view = view_of(BudgetPlan(budget), on=datetime.date(2025, 12, 1), count=3)
    cells = {each.name: [(cell.carried, cell.assigned, cell.available) for cell in each.cells] for each in view.lines}
    # December's 20.00 too much lessen what is to assign, not January's envelope.
    assert cells == {
        "Everyday:Food": [(0, 3000, -2000), (0, 10000, 4000), (4000, 700, 4700)],
        "Later:Car": [(0, 4000, 4000), (4000, 1000, 5000), (5000, 0, 5000)],
    }
    assert [each.account.name for each in BudgetAccount.objects.filter(budget=budget)] == ["Checking"]
    assert view.periods[0].funds.adds_up
    (wrong,) = [each for each in report.left_out if each.kind == "envelope that holds another amount"]
    assert wrong.examples == ("Later: Car, 2026-01-01: 45.00 in the file, 50.00 here",)
    assert "Budget “Budget”: 1 of 2 envelopes hold what the file says for 2026-01." in report.notes
    assert (report.budgets, left(report)["month of a category in the plan"], held["Assets:House"]) == (
        1,
        1,
        "-5.00 USD",
    )
    # The category that only the plan has is there too.
    assert Account.objects.get(name="Car").parent.name == "Later"


def test_mig_07_a_negative_outflow_is_a_refund(move_in):
    report, held = move_in(register(row("Bank", "2026-01-15", "Shop", "Fun: Books", out="-50.00")), "ynab")
    assert held == {"Assets:Bank": "50.00 EUR", "Expenses:Fun:Books": "-50.00 EUR"}
    assert left(report)["refund?"] == 1


def test_two_equal_transfers_of_a_day_are_two_and_a_lost_side_is_told(move_in):
    twins = [
        row("A", "2026-01-15", "Transfer : B", out="5,00€"),
        row("B", "2026-01-15", "Transfer : A", inflow="5,00€"),
    ]
    report, held = move_in(register(*twins, *twins, row("A", "2026-02-15", "Transfer : B", out="1,00€")), "ynab")
    assert held == {
        "Assets:A": "-11.00 EUR", "Assets:B": "10.00 EUR", "Equity:Transfers without another side": "1.00 EUR",
    }  # fmt: skip
    assert (report.entries, left(report)["transfer without another side"]) == (3, 1)


def test_a_transfer_between_two_splits_is_one(move_in):
    data = register(
        row("A", "2026-01-15", "Shop", "X: Y", "Split (1/2)", out="1.00"),
        row("A", "2026-01-15", "Transfer : B", memo="Split (2/2)", out="2.00"),
        row("B", "2026-01-15", "Transfer : A", memo="Split (1/2)", inflow="2.00"),
        row("B", "2026-01-15", "Job", READY, "Split (2/2)", inflow="4.00"),
    )
    report, held = move_in(data, "ynab")
    assert (held["Assets:A"], held["Assets:B"], report.entries) == ("-3.00 EUR", "6.00 EUR", 2)


@pytest.mark.parametrize(
    ("text", "base", "minor"),
    [
        ("$1,234.56", "USD", 123456), ("1.234,56€", "EUR", 123456), ("1 234,56 zł", "PLN", 123456),
        ("1'234.56", "CHF", 123456), ("¥1,234", "JPY", 1234), ("₹1,23,456.00", "INR", 12345600), ("1.234,567", "KWD", 1234567),
    ],
)  # fmt: skip
def test_amounts_in_all_of_its_formats(move_in, text, base, minor):
    move_in(register(row("A", "2026-01-15", "Shop", "X: Y", out=text)), "ynab", base=base)
    assert JournalLine.objects.get(account__name="Y").amount == minor


@pytest.mark.parametrize(
    ("written", "second"),
    [
        ("02/03/2026", "28/03/2026"), ("03/02/2026", "03/28/2026"), ("02.03.2026", "03.03.2026"),
        ("02-03-2026", "03-03-2026"), ("2026/03/02", "2026/03/03"), ("2026-03-02", "2026-03-03"),
    ],
)  # fmt: skip
def test_dates_are_read_in_all_of_its_formats(read, written, second):
    rows = [row("A", date, "Shop", "X: Y", out="1.00") for date in (written, second)]
    assert read(register(*rows), "ynab").entries[0].date.isoformat() == "2026-03-02"


def test_dates_that_can_be_read_twice_are_refused(read):
    with pytest.raises(BookUnreadable, match="day or with the month first"):
        read(register(row("A", "02/03/2026", "Shop", "X: Y", out="1.00")), "ynab")
    with pytest.raises(BookUnreadable, match=r"line 3: “31/02/2026” is not a day"):
        read(register(*(row("A", date, "Shop", out="1.00") for date in ("02/03/2026", "31/02/2026"))), "ynab")


def test_an_emoji_in_two_halves_is_one(read):
    halves = "Essen 🥡".encode("utf-16-le").decode("utf-16-le").encode("utf-16", "surrogatepass")
    broken = "".join(chr(unit) for unit in memoryview(halves[2:]).cast("H")).encode("utf-8", "surrogatepass")
    data = register(row("A", "2026-01-15", "Shop", "X: FOOD", out="1.00")).replace(b"FOOD", broken)
    assert "Essen 🥡" in {account.name for account in read(data, "ynab").accounts}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"Date,Amount\n2026-01-01,1\n", "no column “Account”"),
        (register(), "has no rows"),
        (register(row("A", "yesterday", "Shop", out="1.00")), "line 2: “yesterday”"),
        (register(row("A", "2026-01-15", "Shop", out="ten")), "line 2: “ten” is not an amount"),
        (register(row("A", "2026-01-15", "Shop", out="1.5")), "does not have the 2 decimals"),
        (register(row("A", "2026-01-15", "Shop", out="9" * 30 + ".00")), "is too large"),
        (register(["A"]), "line 2: it has 1 columns"),
        (zipped(Plan="a,b\n"), "holds 0 registers"),
        (b"PK\x03\x04broken", "damaged"),
    ],
)
def test_what_is_no_register_is_refused_by_name(read, data, said):
    with pytest.raises(BookUnreadable, match=said):
        read(data, "ynab")


def test_a_bomb_ends_at_the_limit(read, monkeypatch):
    monkeypatch.setattr("finance.book_import.readers.archive.MAX_UNPACKED", 1024 * 1024)
    with pytest.raises(BookUnreadable, match="larger than 1 MB"):
        read(zipped(Register=b"0" * 2_000_000), "ynab")


def test_without_a_currency_it_is_asked_for(read):
    with pytest.raises(BookUnreadable, match="Choose the main currency"):
        read(register(row("A", "2026-01-15", "Shop", out="1.00")), "ynab", base="")


def test_what_macos_adds_to_an_archive_is_passed_over(read):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("Plan - Register.csv", register(row("A", "2026-01-15", "Shop", "X: Y", out="1.00")))
        archive.writestr("__MACOSX/._Plan - Register.csv", b"\x00\x05\x16\x07")
    assert len(read(packed.getvalue(), "ynab").entries) == 1
