"""Firefly III's export: who got money is a payee, what for is an account; accounts move by type, not by sign."""

import csv
import io
import json
import zipfile

import pytest

from finance.book_import.model import MARK
from finance.errors import BookUnreadable
from finance.ledger.models import Account, JournalEntry
from finance.tests.book_import.conftest import left, tags_of

COLUMNS = [
    "user_id", "group_id", "journal_id", "created_at", "updated_at", "group_title", "type", "currency_code", "amount",
    "foreign_currency_code", "foreign_amount", "primary_currency_code", "pc_amount", "pc_foreign_amount", "description",
    "date", "source_name", "source_iban", "source_type", "destination_name", "destination_iban", "destination_type",
    "reconciled", "category", "budget", "bill", "tags", "notes",
]  # fmt: skip
ASSET, EXPENSE, REVENUE, INITIAL = "Asset account", "Expense account", "Revenue account", "Initial balance account"
ids = iter(range(1, 10_000))


def row(type, amount, source, destination, *, currency="EUR", date="2026-02-03T00:00:00+01:00", group=None, **more):
    number = str(next(ids))
    cells = dict.fromkeys(COLUMNS, "") | {
        "group_id": group or number, "journal_id": number, "type": type, "currency_code": currency, "amount": amount,
        "description": "Something", "date": date, "source_type": source[0], "source_name": source[1],
        "destination_type": destination[0], "destination_name": destination[1],
    }  # fmt: skip
    return cells | more


def table(rows, columns=COLUMNS):
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


GIRO, USD, CARD = (ASSET, "Girokonto"), (ASSET, "Dollar"), (ASSET, "Visa")


def test_every_type_of_transaction_moves_its_accounts(move_in):
    report, held = move_in(
        table(
            [
                row("Opening balance", "100.00", (INITIAL, "Initial balance for Girokonto"), GIRO, date="2026-01-01"),
                row("Opening balance", "-40.00", CARD, (INITIAL, "Initial balance for Visa"), date="2026-01-01"),
                row("Deposit", "2000.00", (REVENUE, "Arbeitgeber GmbH"), GIRO, category="Gehalt", tags="lohn,2026 Q1"),
                row(
                    "Withdrawal",
                    "-12.50",
                    GIRO,
                    (EXPENSE, "Bäckerei"),
                    category="Essen",
                    budget="Monat",
                    notes="Kuchen",
                    reconciled="1",
                ),
                row("Withdrawal", "-20.00", GIRO, ("Cash account", "Cash account")),
                row("Transfer", "45.00", GIRO, USD, foreign_currency_code="USD", foreign_amount="50.00"),
                row("Withdrawal", "-5.00", USD, (EXPENSE, "Diner"), currency="USD", category="Essen"),
                row(
                    "Reconciliation", "1.00", (GIRO[0], GIRO[1]), ("Reconciliation account", "Girokonto reconciliation")
                ),
                row("Withdrawal", "-300.00", GIRO, ("Loan", "Autokredit")),
                row(
                    "Liability credit",
                    "500.00",
                    ("Loan", "Autokredit"),
                    ("Liability credit account", "x"),
                    date="2026-01-01",
                ),
            ]
        ),
        "firefly",
    )
    assert held == {
        "Assets:Girokonto": "1721.50 EUR", "Assets:Visa": "-40.00 EUR", "Assets:Dollar": "45.00 USD",
        "Liabilities:Autokredit": "-200.00 EUR", "Equity:Opening balances": "-60.00 EUR", "Equity:Reconciliation": "1.00 EUR",
        "Equity:Liability credit": "500.00 EUR", "Income:Gehalt": "-2000.00 EUR", "Expenses:Essen": "12.50 EUR",
        "Expenses:Essen USD": "5.00 USD", "Expenses:Uncategorised": "20.00 EUR", "Equity:Trading EUR": "45.00 EUR",
        "Equity:Trading USD": "-50.00 USD",
    }  # fmt: skip
    assert report.differences == []
    assert {(row.account, f"{row.ours}") for row in report.proof} >= {
        ("Assets:Dollar", "45.00"),
        ("Assets:Visa", "-40.00"),
    }
    baker = JournalEntry.objects.get(payee="Bäckerei")
    assert (baker.description, baker.date.isoformat()) == ("Something – Kuchen", "2026-02-03")
    paid = JournalEntry.objects.get(payee="Arbeitgeber GmbH")
    assert (paid.description, tags_of(paid)) == ("Something", ["2026 Q1", "lohn"])
    assert (left(report)["budget of a transaction"], left(report)[MARK]) == (1, 1)


def test_a_split_is_one_entry(move_in):
    rows = [
        row("Withdrawal", "-3.00", GIRO, (EXPENSE, "Markt"), group="7", group_title="Einkauf", category="Essen", description="Brot"),
        row("Withdrawal", "-4.00", GIRO, (EXPENSE, "Markt"), group="7", group_title="Einkauf", category="Haus", description="Seife"),
    ]  # fmt: skip
    report, _held = move_in(table(rows), "firefly")
    entry = JournalEntry.objects.get()
    assert (entry.description, entry.payee, report.entries) == ("Einkauf", "Markt", 1)
    assert sorted(entry.lines.values_list("amount", "memo")) == [(-700, ""), (300, "Brot"), (400, "Seife")]


def test_a_foreign_amount_of_a_purchase_is_a_remark(move_in):
    data = table(
        [row("Withdrawal", "-9.00", GIRO, (EXPENSE, "Diner"), foreign_currency_code="USD", foreign_amount="-10.00")]
    )
    report, held = move_in(data, "firefly")
    assert held == {"Assets:Girokonto": "-9.00 EUR", "Expenses:Uncategorised": "9.00 EUR"}
    assert left(report)["foreign amount beside an amount"] == 1


def test_accounts_csv_says_currencies_roles_and_what_is_closed(move_in):
    accounts = table(
        [
            {"type": ASSET, "name": "Visa", "currency_code": "EUR", "role": "ccAsset", "active": "1"},
            {"type": ASSET, "name": "Dollar", "currency_code": "USD", "role": "savingAsset", "active": ""},
        ],
        ["type", "name", "currency_code", "role", "active"],
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        rows = [row("Transfer", "45.00", CARD, USD, foreign_currency_code="USD", foreign_amount="50.00")]
        archive.writestr("2026_03_01_transactions.csv", table(rows))
        archive.writestr("2026_03_01_accounts.csv", accounts)
        archive.writestr("2026_03_01_rules.csv", "a,b\n")
    report, held = move_in(packed.getvalue(), "firefly")
    assert (held["Liabilities:Visa"], held["Assets:Dollar"]) == ("-45.00 EUR", "50.00 USD")
    assert (Account.objects.get(name="Visa").kind, Account.objects.get(name="Dollar").kind) == ("card", "savings")
    assert left(report)["file 2026_03_01_rules.csv"] == 1


def test_the_api_gives_the_same_and_must_be_whole(move_in, read):
    part = {
        "type": "withdrawal", "date": "2026-02-03T00:00:00+01:00", "currency_code": "EUR", "amount": "12.500000000000",
        "foreign_currency_code": None, "foreign_amount": None, "description": "Brot", "source_name": "Girokonto",
        "source_type": "Asset account", "destination_name": "Bäckerei", "destination_type": "Expense account",
        "category_name": "Essen", "budget_name": None, "bill_name": None, "tags": ["süß"], "notes": None,
    }  # fmt: skip
    page = {
        "data": [{"id": "1", "attributes": {"group_title": None, "transactions": [part]}}],
        "meta": {"pagination": {"total": 1}},
    }
    _report, held = move_in(json.dumps(page), "firefly")
    assert held == {"Assets:Girokonto": "-12.50 EUR", "Expenses:Essen": "12.50 EUR"}
    assert (JournalEntry.objects.get().description, tags_of(JournalEntry.objects.get())) == ("Brot", ["süß"])
    page["meta"]["pagination"]["total"] = 51
    with pytest.raises(BookUnreadable, match="1 of 51 transactions"):
        read(json.dumps(page), "firefly")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("a,b\n1,2\n", "no column “group_id”"),
        (table([]), "has no transactions"),
        (table([row("Magic", "1.00", GIRO, USD)]), "line 2: “magic” is no type"),
        (table([row("Transfer", "1,00", GIRO, USD)]), "line 2: “1,00” is not an amount"),
        (table([row("Transfer", "1.00", GIRO, USD, date="yesterday")]), "line 2: “yesterday” is not a day"),
        (table([row("Transfer", "1.00", ("Moon account", "x"), USD)]), "“moon account” is no type of account"),
        ("{}", "“data” is not a list"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_what_is_no_such_export_is_refused_by_name(read, data, said):
    with pytest.raises(BookUnreadable, match=said):
        read(data, "firefly")
