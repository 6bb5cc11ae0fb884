"""Actual's database: splits, transfers on two rows, merged and deleted things; and databases that mean harm."""

import datetime
import io
import json
import sqlite3
import zipfile

import pytest

from finance.book_import.model import MARK
from finance.errors import BookUnreadable
from finance.ledger.models import Account, JournalEntry, JournalLine
from finance.planning.budgets.models import Budget, BudgetAccount
from finance.planning.budgets.views import Plan, view_of
from finance.planning.schedules.models import Schedule
from finance.rules.models import Rule
from finance.tests.book_import.conftest import left
from platform_outbox.models import OutboxMessage

SCHEMA = """
CREATE TABLE accounts (id TEXT PRIMARY KEY, name TEXT, offbudget INTEGER DEFAULT 0, closed INTEGER DEFAULT 0, tombstone INTEGER DEFAULT 0);
CREATE TABLE category_groups (id TEXT PRIMARY KEY, name TEXT, is_income INTEGER DEFAULT 0, sort_order REAL, tombstone INTEGER DEFAULT 0);
CREATE TABLE categories (id TEXT PRIMARY KEY, name TEXT, is_income INTEGER DEFAULT 0, cat_group TEXT, tombstone INTEGER DEFAULT 0);
CREATE TABLE category_mapping (id TEXT PRIMARY KEY, transferId TEXT);
CREATE TABLE payees (id TEXT PRIMARY KEY, name TEXT, category TEXT, tombstone INTEGER DEFAULT 0, transfer_acct TEXT);
CREATE TABLE payee_mapping (id TEXT PRIMARY KEY, targetId TEXT);
CREATE TABLE schedules (id TEXT PRIMARY KEY, name TEXT, rule TEXT, active INTEGER, completed INTEGER, tombstone INTEGER DEFAULT 0);
CREATE TABLE rules (id TEXT PRIMARY KEY, conditions TEXT, actions TEXT, tombstone INTEGER DEFAULT 0);
CREATE TABLE zero_budgets (id TEXT PRIMARY KEY, month INTEGER, category TEXT, amount INTEGER, carryover INTEGER);
CREATE TABLE transactions (id TEXT PRIMARY KEY, isParent INTEGER DEFAULT 0, isChild INTEGER DEFAULT 0, acct TEXT, category TEXT,
  amount INTEGER, description TEXT, notes TEXT, date INTEGER, error TEXT, starting_balance_flag INTEGER DEFAULT 0,
  transferred_id TEXT, sort_order REAL, tombstone INTEGER DEFAULT 0, cleared INTEGER DEFAULT 1, parent_id TEXT);
INSERT INTO accounts (id, name, offbudget, closed) VALUES ('chk', 'Checking', 0, 0), ('sav', 'Savings', 1, 0), ('old', 'Old', 0, 1);
INSERT INTO category_groups (id, name, is_income) VALUES ('g1', 'Usual', 0), ('g2', 'Income', 1);
INSERT INTO categories (id, name, is_income, cat_group, tombstone)
  VALUES ('food', 'Food', 0, 'g1', 0), ('eat', 'Eating', 0, 'g1', 1), ('pay', 'Salary', 1, 'g2', 0), ('gone', 'Gone', 0, 'g1', 1);
INSERT INTO category_mapping VALUES ('food', 'food'), ('eat', 'food');
INSERT INTO payees (id, name, transfer_acct)
  VALUES ('p1', 'Bäckerei', NULL), ('p2', 'Baker', NULL), ('t1', NULL, 'chk'), ('t2', NULL, 'sav');
INSERT INTO payee_mapping VALUES ('p1', 'p1'), ('p2', 'p1');
"""
UID = "0199a000-0000-7000-8000-00000000000"


def database(script="", *, wal=False):
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA + script)
    data = connection.serialize()
    connection.close()
    return data[:18] + b"\x02\x02" + data[20:] if wal else data


def exported(script="", name="Zuhause"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("db.sqlite", database(script))
        archive.writestr("metadata.json", json.dumps({"id": "My-1", "budgetName": name}))
    return packed.getvalue()


def transaction(id, account, amount, *, date=20260115, **more):
    columns = {"id": id, "acct": account, "amount": amount, "date": date} | more
    values = ", ".join("NULL" if value is None else repr(value) for value in columns.values())
    return f"INSERT INTO transactions ({', '.join(columns)}) VALUES ({values});"


def test_mig_01_a_split_with_a_transfer_part_moves_its_money_once(move_in):
    script = (
        transaction("start", "chk", 100000, starting_balance_flag=1, date=20260101)
        + transaction(UID + "1", "chk", -40000, isParent=1, description="p2", notes="weekly")
        + transaction("c1", "chk", -15000, isChild=1, parent_id=UID + "1", category="eat", notes="bread")
        + transaction("c2", "chk", -25000, isChild=1, parent_id=UID + "1", description="t2", transferred_id="x")
        + transaction("x", "sav", 25000, description="t1", transferred_id="c2")
    )
    report, held = move_in(exported(script), "actual", name="")
    assert held == {
        "Assets:Checking": "600.00 EUR", "Assets:Savings": "250.00 EUR", "Equity:Opening balances": "-1000.00 EUR",
        "Expenses:Usual:Food": "150.00 EUR",
    }  # fmt: skip
    assert (report.name, report.entries, report.differences) == ("Zuhause", 2, [])
    split = JournalEntry.objects.get(uid=UID + "1")
    assert (split.payee, split.description) == ("Bäckerei", "weekly")
    assert sorted(split.lines.values_list("amount", "memo")) == [(-40000, ""), (15000, "bread"), (25000, "")]
    assert JournalLine.objects.filter(account__name="Savings").count() == 1
    assert Account.objects.filter(name="Old", closed_on=None).exists()  # no day is known on which it could have closed


def test_deleted_rows_and_planning_are_counted(move_in):
    script = (
        transaction("a", "chk", -100, category="food")
        + transaction("b", "chk", -200, tombstone=1)
        + transaction("p", "chk", -300, isParent=1, tombstone=1)
        + transaction("q", "chk", -300, isChild=1, parent_id="p")
        + transaction("in", "old", 500, category="pay") + transaction("out", "old", -500)
        + "INSERT INTO schedules (id, rule, active, tombstone) VALUES ('s1', 'r', 1, 0), ('s2', 'r', 1, 1);"
        + "INSERT INTO zero_budgets (id, month, category, amount) VALUES ('1', 202601, 'food', 5000);"
    )  # fmt: skip
    report, held = move_in(exported(script), "actual")
    assert held == {
        "Assets:Checking": "-1.00 EUR", "Expenses:Usual:Food": "1.00 EUR", "Income:Salary": "-5.00 EUR",
        "Expenses:Uncategorised": "5.00 EUR",
    }  # fmt: skip
    told = left(report)
    assert (told["deleted transaction"], told["schedule"], report.budgets) == (3, 1, 1)
    assert Account.objects.get(name="Old").closed_on is not None
    assert not Account.objects.filter(name="Gone").exists()


KINDS = {  # what Actual says → the next three days of Friday, 1 January 2027 on
    "every day": ({"frequency": "daily"}, "01-01 01-02 01-03"),
    "weekly": ({"frequency": "weekly"}, "01-01 01-08 01-15"),
    "every other week": ({"frequency": "weekly", "interval": 2}, "01-01 01-15 01-29"),
    "every four weeks": ({"frequency": "weekly", "interval": 4}, "01-01 01-29 02-26"),
    "twice a month": (
        {"frequency": "monthly", "patterns": [{"type": "day", "value": 15}, {"type": "day", "value": 1}]},
        "01-01 01-15 02-01",
    ),
    "monthly": ({"frequency": "monthly"}, "01-01 02-01 03-01"),
    "last day": ({"frequency": "monthly", "patterns": [{"type": "day", "value": -1}]}, "01-31 02-28 03-31"),
    "second Tuesday": ({"frequency": "monthly", "patterns": [{"type": "TU", "value": 2}]}, "01-12 02-09 03-09"),
    "last Friday": ({"frequency": "monthly", "patterns": [{"type": "FR", "value": -1}]}, "01-29 02-26 03-26"),
    "every other month": ({"frequency": "monthly", "interval": 2}, "01-01 03-01 05-01"),
    "every three months": ({"frequency": "monthly", "interval": 3}, "01-01 04-01 07-01"),
    "yearly, before a weekend": (
        {"frequency": "yearly", "start": "2027-01-02", "skipWeekend": True, "weekendSolveMode": "before"},
        "01-01 12-31 2029-01-02",
    ),
    "twice in all": (
        {"frequency": "weekly", "endMode": "after_n_occurrences", "endOccurrences": 2}, "01-01 01-08",
    ),
}  # fmt: skip


def schedule(name, conditions, actions=(), **more):
    columns = {"id": name, "name": name, "rule": f"r {name}", "tombstone": 0, "completed": 0} | more
    values = ", ".join(repr(value) for value in columns.values())
    rule = f"'r {name}', '{json.dumps(conditions)}', '{json.dumps(list(actions))}'"
    return (
        f"INSERT INTO schedules ({', '.join(columns)}) VALUES ({values});"
        f"INSERT INTO rules (id, conditions, actions) VALUES ({rule});"
    )


def conditions(date, *, amount=-1250, op="is", account="chk", payee="p2"):
    return [
        {"op": "is", "field": "description", "value": payee}, {"op": "is", "field": "acct", "value": account},
        {"op": op, "field": "amount", "value": amount}, {"op": "isapprox", "field": "date", "value": date},
    ]  # fmt: skip


def test_mig_05_schedules_of_every_kind_come_with_their_next_days(move_in):
    script = "".join(
        schedule(name, conditions({"start": "2027-01-01", **config})) for name, (config, _days) in KINDS.items()
    )
    marked = transaction("a", "chk", -100, cleared=0) + transaction("b", "chk", -200, cleared=1)
    report, _held = move_in(exported(script + marked), "actual")
    assert (report.schedules, left(report).get("schedule"), left(report)[MARK]) == (len(KINDS), None, 1)
    for each in Schedule.objects.select_related("account"):
        definition, expected = each.definition, KINDS[each.name][1].split()
        nominal = definition.occurrences(definition.first, definition.first.replace(year=2030))[:3]
        assert [f"{definition.shown(day):%Y-%m-%d}".removeprefix("2027-") for day in nominal] == expected, each.name
        assert (each.account.name, each.amount, each.payee) == ("Checking", -1250, "Bäckerei")


def test_a_schedule_keeps_its_other_side_and_how_well_its_amount_is_known(move_in):
    weekly = {"start": "2027-01-01", "frequency": "weekly"}
    food = {"op": "set", "field": "category", "value": "eat"}
    parts = [
        {"op": "set-split-amount", "value": -1000, "options": {"method": "fixed-amount", "splitIndex": 1}},
        {"op": "set", "field": "category", "value": "food", "options": {"splitIndex": 1}},
        {"op": "set-split-amount", "options": {"method": "remainder", "splitIndex": 2}},
    ]
    script = (
        schedule("once", conditions("2027-05-03"), [food])
        + schedule("aside", conditions(weekly, payee="t2"))
        + schedule("about", conditions(weekly, amount=-10000, op="isapprox"), [food])
        + schedule("between", conditions(weekly, amount={"num1": 500, "num2": 800}, op="isbetween"))
        + schedule("split", conditions(weekly), parts)
        + schedule("done", conditions(weekly), completed=1)
        + schedule("nowhere", conditions(weekly, account=None))
        + schedule("past", conditions("2020-05-03"), [food])
        + schedule("day 30", conditions({"start": "2027-01-30", "frequency": "monthly"}), [food])
        + schedule("odd", conditions({"start": "2027-01-30", "frequency": "lunar"}), [food])
        + "INSERT INTO rules (id, conditions, actions) VALUES ('own', '[]', '[]');"
    )
    report, _held = move_in(exported(script + transaction("a", "chk", -100, category="food")), "actual")
    names = dict(Account.objects.values_list("pk", "name"))

    def told(name):
        each = Schedule.objects.get(name=name)
        sides = [(names[line["account"]], line["amount"]) for line in each.lines]
        return each.unit, each.count, each.amount, each.least, each.most, sides

    assert told("once") == ("day", 1, -1250, None, None, [("Food", None)])
    assert told("aside") == ("week", None, -1250, None, None, [("Savings", None)])
    assert told("about") == ("week", None, -10000, -10750, -9250, [("Food", None)])
    assert told("between") == ("week", None, 650, 500, 800, [("Uncategorised", None)])
    assert told("split") == ("week", None, -1250, None, None, [("Food", 1000), ("Uncategorised", None)])
    reasons = {each.why: each.examples for each in report.left_out if each.kind == "schedule"}
    assert reasons == {
        "it is completed": ("done",), "it names no account": ("nowhere",), "it has ended": ("past",),
        "its days are not known here": ("odd",),
    }  # fmt: skip
    assert left(report)["schedule on a day that some months do not have"] == left(report)["rule"] == 1
    assert events("finance.schedule.saved") == report.schedules == 6


def test_a_rule_of_another_shape_does_not_stop_the_book(move_in):
    weekly = {"start": "2027-01-01", "frequency": "weekly"}
    food = {"op": "set", "field": "category", "value": "eat"}
    script = (
        schedule("sides", conditions(weekly), [{**food, "options": {"splitIndex": [1]}}])
        + schedule("field", [{"op": ["is"], "field": {}, "value": 1}])
        + schedule("rhythm", conditions({"start": "2027-01-01", "frequency": ["weekly"]}))
        + schedule("far", conditions({**weekly, "interval": 10**12}))
        + schedule("weekday", conditions(weekly | {"frequency": "monthly", "patterns": [{"type": "MO", "value": 31}]}))
        + schedule("good", conditions(weekly), [food])
        + 'INSERT INTO rules (id, conditions, actions) VALUES (\'odd\', \'[{"op": [], "field": []}]\', \'[{"op": "set"}]\');'
    )
    report, _held = move_in(exported(script + transaction("a", "chk", -100, category="food")), "actual")
    refused = sum(each.count for each in report.left_out if each.kind == "schedule")
    assert (report.schedules, report.rules, refused, left(report)["rule"]) == (1, 0, 5, 1)


def test_envelopes_keep_assignments_and_what_they_carry_over(move_in):
    script = (
        transaction("start", "chk", 100000, starting_balance_flag=1, date=20260101)
        + transaction("a", "chk", -7000, category="food", date=20260110)
        + transaction("b", "chk", -1000, category="food", date=20260210)
        + "INSERT INTO zero_budgets (id, month, category, amount, carryover) VALUES ('1', 202601, 'food', 5000, 1),"
        " ('2', 202602, 'food', 500, 0), ('3', 202603, 'food', 2000, 0), ('4', 202601, 'gone', 100, 0);"
        "CREATE TABLE reflect_budgets (id TEXT, month INTEGER, category TEXT, amount INTEGER, carryover INTEGER);"
        "INSERT INTO reflect_budgets VALUES ('1', 202601, 'pay', 200000, 0);"
    )
    report, _held = move_in(exported(script), "actual")
    envelopes, limits = Budget.objects.order_by("pk")
    assert (report.budgets, envelopes.kind, limits.kind, envelopes.starts_on.isoformat()) == (
        2, "envelope", "tracking", "2026-01-01",
    )  # fmt: skip
    assert [each.account.name for each in BudgetAccount.objects.filter(budget=envelopes)] == ["Checking", "Old"]
    view = view_of(Plan(envelopes), on=datetime.date(2026, 1, 1), count=3)
    # January's 20.00 too much are carried as Actual's flag says; February's 25.00 too much are not.
    assert [(cell.carried, cell.assigned, cell.available) for cell in view.lines[0].cells] == [
        (0, 5000, -2000), (-2000, 500, -2500), (0, 2000, 2000),
    ]  # fmt: skip
    assert view.periods[0].funds.adds_up
    assert left(report)["month of a category in the budget"] == 1
    assert events("finance.budget.assigned") == 4


def test_rules_that_map_come_from_the_least_to_the_most_specific(move_in):
    def rule(id, conditions, actions, *, stage="NULL", op="and"):
        given = f"'{json.dumps(conditions)}', '{json.dumps(actions)}', {stage}, '{op}'"
        return f"INSERT INTO rules (id, conditions, actions, stage, conditions_op) VALUES ('{id}', {given});"

    def asked(field, op, value, **more):
        return {"field": field, "op": op, "value": value, **more}

    food = {"op": "set", "field": "category", "value": "eat"}
    script = "ALTER TABLE rules ADD stage TEXT; ALTER TABLE rules ADD conditions_op TEXT;" + "".join(
        [
            rule("1", [asked("description", "is", "p2")], [food, {"op": "set", "field": "cleared", "value": True}]),
            rule("2", [asked("imported_description", "contains", "REWE")], [food]),
            rule("3", [asked("imported_description", "contains", "REWE")], [{"op": "set", "field": "description", "value": "t2"}]),
            rule("4", [asked("amount", "isbetween", {"num1": -2000, "num2": -1000}), asked("acct", "is", "chk")],
                 [{"op": "set", "field": "notes", "value": "Wocheneinkauf"}], stage="'pre'"),
            rule("5", [asked("description", "oneOf", ["p1", "p2"]), asked("notes", "matches", "^x+")], [food], op="or", stage="'post'"),
            rule("6", [asked("date", "is", "2026-01-01")], [food]),
            rule("7", [asked("description", "is", "p2")], [{"op": "delete-transaction"}]),
            rule("8", [asked("notes", "matches", "(")], [food]),
        ]
    )  # fmt: skip
    report, _held = move_in(exported(script + transaction("a", "chk", -100, category="food")), "actual")
    ids = {each.name: each.pk for each in Account.objects.all()}
    made = list(Rule.objects.order_by("position"))
    assert [each.name for each in made] == ["10.00 – 20.00", "REWE", "REWE (2)", "Bäckerei", "^x+"]
    assert [each.definition for each in made] == [
        {
            "match": "all",
            "conditions": [
                {"field": "amount", "test": "between", "value": {"from": "10.00", "to": "20.00"}},
                {"field": "direction", "test": "is", "value": "out"},
                {"field": "account", "test": "is", "value": ids["Checking"]},
            ],
            "actions": [{"do": "note", "value": "Wocheneinkauf"}],
        },
        *(
            {"match": "all", "conditions": [{"field": "any", "test": "contains", "value": "REWE"}], "actions": [action]}
            for action in (
                {"do": "category", "account": ids["Food"]}, {"do": "transfer", "account": ids["Savings"]},
            )
        ),
        {
            "match": "all", "conditions": [{"field": "payee", "test": "equals", "value": "Bäckerei"}],
            "actions": [{"do": "category", "account": ids["Food"]}],
        },
        {
            "match": "any",
            "conditions": [
                {"match": "any", "conditions": [{"field": "payee", "test": "equals", "value": "Bäckerei"}] * 2},
                {"field": "description", "test": "matches", "value": "^x+"},
            ],
            "actions": [{"do": "category", "account": ids["Food"]}],
        },
    ]  # fmt: skip
    assert (report.rules, sum(each.count for each in report.left_out if each.kind == "rule")) == (5, 3)


def events(name):
    return OutboxMessage.objects.filter(event_type=name).count()


def test_a_transfer_whose_sides_differ_is_not_joined(move_in):
    script = transaction("a", "chk", -100, transferred_id="b") + transaction("b", "sav", 90, transferred_id="a")
    report, held = move_in(exported(script), "actual")
    assert (held["Assets:Checking"], held["Assets:Savings"]) == ("-1.00 EUR", "0.90 EUR")
    assert held["Equity:Transfers without another side"] == "0.10 EUR"
    assert (left(report)["transfer without another side"], report.differences) == (2, [])


def test_hundredths_become_yen_exactly_or_are_told(move_in):
    report, held = move_in(exported(transaction("a", "chk", -120000, category="food")), "actual", base="JPY")
    assert held["Assets:Checking"] == "-1200 JPY"
    report, _held = move_in(
        exported(transaction("a", "chk", -120050, category="food")), "actual", base="JPY", accept_differences=True
    )
    assert (left(report)["amount rounded"], len(report.differences)) == (2, 1)


def test_a_database_with_a_write_ahead_log_is_read(move_in):
    _report, held = move_in(database(transaction("a", "chk", -100, category="food"), wal=True), "actual")
    assert held["Assets:Checking"] == "-1.00 EUR"


def test_a_month_that_is_no_finite_number_is_counted(read):
    month = "INSERT INTO zero_budgets VALUES ('z', 9e999, 'food', 5000, 1);"
    book = read(database(transaction("a", "chk", 100) + month), "actual")
    assert [each.count for each in book.left_out if each.kind == "month of a category in the budget"] == [1]


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, 'x' AS name FROM n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"nothing", "neither an archive nor a database"),
        (database("DROP TABLE payees;"), "payees has no column id"),
        (database(f"DROP TABLE payees; CREATE VIEW payees AS {ENDLESS};"), "payees has no column id"),
        (database(transaction("a", "chk", "much")), "not a whole number of hundredths"),
        (database(transaction("a", "chk", 100, date=20260230)), "“20260230” is not a day"),
        (database(transaction("a", "chk", 100, date=2**62)), "is not a day"),
        (database(transaction("a", "chk", 100) + "UPDATE transactions SET date = 9e999;"), "“inf” is not a day"),
        (database(transaction("a", "nowhere", 100)), "there is no account “a:nowhere”"),
        (database()[:5000], "cannot be read"),
        (b"SQLite format 3\x00" + b"\xff" * 5000, "cannot be read"),
    ],
)
def test_what_is_no_such_export_is_refused_by_name(move_in, data, said):
    with pytest.raises(BookUnreadable, match=said):
        move_in(data, "actual")


def test_the_child_reads_the_same(in_child):
    assert len(in_child(exported(transaction("a", "chk", -100)), "actual").entries) == 1
