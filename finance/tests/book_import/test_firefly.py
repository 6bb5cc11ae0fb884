"""Firefly III's export: who got money is a payee, what for is an account; accounts move by type, not by sign."""

import csv
import datetime
import io
import json
import zipfile

import pytest

from finance.book_import.model import MARK
from finance.errors import BookUnreadable
from finance.ledger.models import Account, JournalEntry
from finance.planning.budgets.models import Budget
from finance.planning.budgets.views import Plan, view_of
from finance.planning.goals.models import Goal
from finance.planning.goals.services import saved_for
from finance.planning.schedules.models import Schedule
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


def archive(rows, **files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        target.writestr("2026_03_01_transactions.csv", table(rows))
        for name, text in files.items():
            target.writestr(f"2026_03_01_{name}.csv", text)
    return packed.getvalue()


RECURRING = (
    "user_id,recurrence_id,row_contains,created_at,updated_at,type,title,description,first_date,repeat_until,latest_date,"
    "repetitions,apply_rules,active,type,moment,skip,weekend,currency_code,foreign_currency_code,source_name,source_type,"
    "destination_name,destination_type,amount,foreign_amount,category,budget,piggy_bank,tags\n"
)
GIVEN = {
    "kind": "Withdrawal", "first": "2027-01-05", "until": "", "times": "0", "active": "1",
    "parts": ("EUR,,Girokonto,Asset account,Vermieter,Expense account,700.000000000000,,Miete,,,wohnen",),
}  # fmt: skip


def recurring(title, repetition, **changed):
    given = GIVEN | changed
    head = f"1,{title},recurrence,,,{given['kind']},{title},,{given['first']},{given['until']},,{given['times']},1,{given['active']}\n"
    middle = f"1,{title},repetition{',' * 12}{repetition}\n"
    return head + middle + "".join(f"1,{title},transaction{',' * 16}{part}\n" for part in given["parts"])


def test_recurring_transactions_and_bills_become_schedules(move_in):
    split = [
        f"EUR,,Girokonto,Asset account,Laden,Expense account,{amount},,{name},,,"
        for amount, name in ((8, "Essen"), (2, "Bad"))
    ]
    text = RECURRING + "".join(
        [
            recurring("Miete", "monthly,31,0,3"),
            recurring("Alle zwei Wochen", "weekly,1,1,2", times="4"),
            recurring("Zweiter Dienstag", 'ndom,"2,2",0,1'),
            recurring("Jahr", "yearly,2026-02-28,0,1", until="2090-01-01"),
            recurring("Lohn", "monthly,15,0,4", kind="Deposit", parts=("EUR,,Chef,Revenue account,Girokonto,Asset account,99,,,,,",)),
            recurring("Sparen", "daily,,29,1", kind="Transfer", parts=("EUR,,Girokonto,Asset account,Spar,Asset account,5,,,,,",)),
            recurring("Geteilt", "monthly,1,0,1", parts=split),
            recurring("Aus", "monthly,1,0,1", active="0"),
            recurring("Mond", "lunar,1,0,1"),
            recurring("Kaputt", "weekly,eins,0,1"),
            recurring("Kein Tag", "monthly,99,0,1"),
            recurring("Kein Wochentag", 'ndom,"7,9",0,1'),
            recurring("Zu selten", "daily,,999999999999,1"),
        ]
    )  # fmt: skip
    bills = (
        "name,amount_min,amount_max,date,repeat_freq,skip,active,currency_code\n"
        "Strom,40.000000000000,50.000000000000,2027-01-10,quarterly,0,1,EUR\nGas,1,1,2027-01-10,monthly,0,1,EUR\n"
    )
    rows = [row("Withdrawal", "-45.00", GIRO, (EXPENSE, "Stadtwerke"), category="Energie", bill="Strom")]
    report, _held = move_in(archive(rows, recurring=text, bills=bills), "firefly")
    names = dict(Account.objects.values_list("pk", "name"))
    made = {each.name: each.definition for each in Schedule.objects.all()}
    days = {
        name: [f"{each.shown(day):%m-%d}" for day in each.occurrences(each.first, each.first.replace(year=2030))[:3]]
        for name, each in made.items()
    }
    assert days == {
        "Miete": ["01-29", "02-26", "03-31"], "Alle zwei Wochen": ["01-11", "01-25", "02-08"],
        "Zweiter Dienstag": ["01-12", "02-09", "03-09"], "Jahr": ["02-28", "02-28", "02-28"],
        "Lohn": ["01-15", "02-15", "03-15"], "Sparen": ["01-05", "02-04", "03-06"], "Geteilt": ["02-01", "03-01", "04-01"],
        "Strom": ["01-10", "04-10", "07-10"],
    }  # fmt: skip
    sides = {
        name: (each.amount, [(names[line.account_id], line.amount) for line in each.lines])
        for name, each in made.items()
    }
    assert sides["Miete"] == (-70000, [("Miete", 70000)])
    assert sides["Lohn"] == (9900, [("Uncategorised", -9900)])
    assert sides["Sparen"] == (-500, [("Spar", 500)])
    assert sides["Geteilt"] == (-1000, [("Essen", 800), ("Bad", 200)])
    power = made["Strom"]
    assert (power.amount, power.least, power.most, power.payee) == (-4500, -5000, -4000, "Stadtwerke")
    assert (made["Alle zwei Wochen"].count, made["Jahr"].until.year, len(made["Miete"].tag_ids)) == (4, 2090, 1)
    reasons = {each.why for each in report.left_out if each.kind == "recurring transaction"}
    assert {"it is switched off", "its days are not known here"} == reasons
    assert (left(report)["bill"], left(report)["recurring transaction that leaves out weekends"]) == (1, 1)


def test_budgets_become_tags_with_limits_and_piggy_banks_goals(move_in):
    budgets = (
        "name,active,order,start_date,end_date,currency_code,amount\n"
        "Essen,1,1,2026-02-01,2026-02-28,EUR,300.000000000000\nEssen,1,1,2026-03-01,2026-03-31,EUR,320.00\n"
        "Reisen,1,2,2026-01-01,2026-03-31,EUR,900\nEssen,1,1,2026-03-05,2026-03-17,EUR,10\n"
    )
    piggies = (
        "account_name,account_type,name,currency_code,target_amount,current_amount,start_date,target_date,order,active\n"
        "Girokonto,Asset account,Rad,EUR,500.000000000000,120.000000000000,,2027-01-01,1,1\n"
        "Girokonto,Asset account,Alt,EUR,50,10,,2025-01-01,1,1\n"
        "Girokonto,Asset account,Zu viel,EUR,5000,4000,,,1,1\nWeg,Asset account,Nirgends,EUR,5,0,,,1,1\n"
    )
    rows = [
        row("Opening balance", "1000.00", (INITIAL, "Start"), GIRO, date="2026-01-01"),
        row("Withdrawal", "-12.50", GIRO, (EXPENSE, "Laden"), budget="Essen", tags="reisen"),
        row("Withdrawal", "-20.00", GIRO, (EXPENSE, "Bahn"), budget="Reisen"),
    ]
    report, _held = move_in(archive(rows, budgets=budgets, piggies=piggies), "firefly")
    monthly, quarterly = Budget.objects.order_by("name")
    # A budget whose name is a tag already gets one of its own, so that it counts its own spending only.
    view = view_of(Plan(quarterly), on=datetime.date(2026, 2, 1))
    assert [(line.name, line.cells[0].assigned, line.cells[0].spent) for line in view.lines] == [
        ("Reisen (budget)", 90000, 2000)
    ]
    view = view_of(Plan(monthly), on=datetime.date(2026, 2, 1), count=2)
    assert [(cell.assigned, cell.spent) for cell in view.lines[0].cells] == [(30000, 1250), (32000, 0)]
    goals = {each.name: (each.target, each.by and each.by.year, saved_for(each)) for each in Goal.objects.all()}
    assert goals == {"Rad": (50000, 2027, 12000), "Alt": (5000, None, 1000), "Zu viel": (500000, None, 0)}
    told = left(report)
    assert (report.budgets, report.goals, told["goal"], told["date of a goal"]) == (2, 3, 1, 1)
    assert (told["amount set aside for a goal"], told["amount of a budget"]) == (1, 1)


def test_a_number_of_one_currency_never_becomes_that_of_another(move_in):
    plain = ("USD,,Girokonto,Asset account,Shop,Expense account,9,,Essen,,,",)
    bills = (
        "name,amount_min,amount_max,date,repeat_freq,skip,active,currency_code\nGas,9,9,2027-01-10,monthly,0,1,USD\n"
    )
    piggies = (
        "account_name,account_type,name,currency_code,target_amount,current_amount,active\n"
        "Girokonto,Asset account,Reise,USD,500,0,1\n"
    )
    rows = [row("Withdrawal", "-45.00", GIRO, (EXPENSE, "Stadtwerke"), category="Essen", bill="Gas")]
    text = RECURRING + recurring("Abo", "monthly,1,0,1", parts=plain)
    report, _held = move_in(archive(rows, recurring=text, bills=bills, piggies=piggies), "firefly")
    assert (report.schedules, report.goals, Schedule.objects.count(), Goal.objects.count()) == (0, 0, 0, 0)
    why = {(each.kind, each.why) for each in report.left_out}
    assert ("bill", "it moves more than one currency") in why
    assert {kind for kind, said in why if "Girokonto is kept in EUR, not in USD." in said} == {"schedule", "goal"}


def test_recurring_transactions_without_their_type_are_refused_by_name(read):
    given = archive(
        [row("Withdrawal", "-1", GIRO, (EXPENSE, "X"))], recurring=RECURRING.replace(",type,title", ",kind,title")
    )
    with pytest.raises(BookUnreadable, match=r"recurring\.csv"):
        read(given, "firefly")
