"""Exports of other programs, small and sound: what moving in reads. They hold plans where the program has them."""

import csv
import io
import json
import sqlite3
from collections.abc import Sequence

from fuzz_inputs.files import Format, zip_of


def _sqlite(script: str) -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.executescript(script)
    data = connection.serialize()
    connection.close()
    return data


# GnuCash ------------------------------------------------------------------------------------------------------------

_ACCOUNTS = (  # id, name, type, space, commodity, parent
    ("root", "Root Account", "ROOT", "", "", ""), ("giro", "Giro", "BANK", "CURRENCY", "EUR", "root"),
    ("usd", "Dollar", "BANK", "CURRENCY", "USD", "root"), ("fund", "Fund", "STOCK", "NASDAQ", "ACME", "root"),
    ("food", "Food &amp; more", "EXPENSE", "CURRENCY", "EUR", "root"), ("open", "Opening", "EQUITY", "CURRENCY", "EUR", "root"),
)  # fmt: skip
_ENTRIES = (  # day, text, [(account, value, quantity)]
    ("2026-01-01", "Start", [("giro", 100000, 100000), ("open", -100000, -100000)]),
    ("2026-01-02", "Bakery", [("food", 1250, 1250), ("giro", -1250, -1250)]),
    ("2026-01-03", "Exchange", [("usd", 900, 1000), ("giro", -900, -900)]),
    ("2026-01-04", "Shares", [("fund", 50000, 1250), ("giro", -50000, -50000)]),
)


def _gnucash_xml() -> bytes:
    def commodity(tag: str, space: str, name: str) -> str:
        return f"<{tag}><cmdty:space>{space}</cmdty:space><cmdty:id>{name}</cmdty:id></{tag}>" if name else ""

    def slot(key: str, value: str) -> str:
        return f"<slot><slot:key>{key}</slot:key><slot:value>{value}</slot:value></slot>"

    def rhythm(tag: str) -> str:
        return (
            f"<{tag}><recurrence:mult>1</recurrence:mult><recurrence:period_type>month</recurrence:period_type>"
            f"<recurrence:start><gdate>2026-01-31</gdate></recurrence:start>"
            f"<recurrence:weekend_adj>none</recurrence:weekend_adj></{tag}>"
        )

    accounts = "".join(
        f"<gnc:account><act:name>{name}</act:name><act:id>{key}</act:id><act:type>{kind}</act:type>"
        f"{commodity('act:commodity', space, code)}{f'<act:parent>{parent}</act:parent>' if parent else ''}</gnc:account>\n"
        for key, name, kind, space, code, parent in _ACCOUNTS
    )
    entries = "".join(
        f"<gnc:transaction><trn:id>{n:032}</trn:id>{commodity('trn:currency', 'CURRENCY', 'EUR')}<trn:date-posted>"
        f"<ts:date>{day} 10:59:00 +0000</ts:date></trn:date-posted><trn:description>{text}</trn:description><trn:splits>"
        + "".join(
            f"<trn:split><split:memo>m</split:memo><split:reconciled-state>y</split:reconciled-state>"
            f"<split:value>{value}/100</split:value><split:quantity>{quantity}/100</split:quantity>"
            f"<split:account>{account}</split:account></trn:split>"
            for account, value, quantity in splits
        )
        + "</trn:splits></gnc:transaction>\n"
        for n, (day, text, splits) in enumerate(_ENTRIES, 1)
    )
    parts = "".join(
        "<trn:split><split:account>tRent</split:account><split:slots>"
        + slot("sched-xaction", slot("account", account) + slot(side, "700/1"))
        + "</split:slots></trn:split>"
        for account, side in (("food", "debit-numeric"), ("giro", "credit-numeric"))
    )
    plans = (
        f"<gnc:template-transactions><gnc:transaction><trn:description>Rent</trn:description><trn:splits>{parts}</trn:splits>"
        "</gnc:transaction></gnc:template-transactions><gnc:schedxaction><sx:name>Rent</sx:name><sx:enabled>y</sx:enabled>"
        "<sx:num-occur>9</sx:num-occur><sx:rem-occur>5</sx:rem-occur><sx:templ-acct>tRent</sx:templ-acct>"
        f"<sx:schedule>{rhythm('gnc:recurrence')}</sx:schedule></gnc:schedxaction>\n<gnc:budget><bgt:name>Home</bgt:name>"
        f"<bgt:num-periods>3</bgt:num-periods>{rhythm('bgt:recurrence')}<bgt:slots>{slot('food', slot('0', '5000/100'))}"
        "</bgt:slots></gnc:budget>\n"
    )
    head = '<?xml version="1.0" encoding="utf-8" ?>\n<gnc-v2 xmlns:gnc="http://www.gnucash.org/XML/gnc"><gnc:book version="2.0.0">\n'
    return f"{head}{accounts}{entries}{plans}</gnc:book></gnc-v2>".encode()


def _gnucash_sqlite() -> bytes:
    script = """
        CREATE TABLE books (guid text, root_account_guid text, root_template_guid text);
        CREATE TABLE commodities (guid text, namespace text, mnemonic text);
        CREATE TABLE accounts (guid text, name text, account_type text, commodity_guid text, parent_guid text);
        CREATE TABLE transactions (guid text, currency_guid text, num text, post_date text, description text);
        CREATE TABLE splits (guid text, tx_guid text, account_guid text, memo text, reconcile_state text, value_num bigint,
            value_denom bigint, quantity_num bigint, quantity_denom bigint);
        CREATE TABLE slots (obj_guid text, name text, string_val text, guid_val text, numeric_val_num bigint,
            numeric_val_denom bigint);
        CREATE TABLE schedxactions (guid text, name text, enabled integer, start_date text, end_date text, last_occur text,
            num_occur integer, rem_occur integer, template_act_guid text);
        CREATE TABLE recurrences (obj_guid text, recurrence_mult integer, recurrence_period_type text,
            recurrence_period_start text, recurrence_weekend_adjust text);
        CREATE TABLE budgets (guid text, name text, num_periods integer);
        CREATE TABLE budget_amounts (budget_guid text, account_guid text, period_num integer, amount_num bigint, amount_denom bigint);
        INSERT INTO books VALUES ('b', 'root', 'troot');
        INSERT INTO commodities VALUES ('EUR', 'CURRENCY', 'EUR'), ('USD', 'CURRENCY', 'USD'), ('ACME', 'NASDAQ', 'ACME');
        INSERT INTO accounts VALUES ('troot', 'Template Root', 'ROOT', '', NULL), ('tRent', 'T', 'BANK', 'EUR', 'troot');
        INSERT INTO schedxactions VALUES ('s', 'Rent', 1, '20260101', '', '', 9, 5, 'tRent');
        INSERT INTO recurrences VALUES ('s', 1, 'month', '20260131', 'none'), ('bb', 1, 'month', '20260101', 'none');
        INSERT INTO budgets VALUES ('bb', 'Home', 3);
        INSERT INTO budget_amounts VALUES ('bb', 'food', 0, 5000, 100);
        INSERT INTO transactions VALUES ('xs', 'EUR', '', '2026-01-01', 'Rent');
        INSERT INTO splits VALUES ('p1', 'xs', 'tRent', '', 'n', 0, 1, 0, 1), ('p2', 'xs', 'tRent', '', 'n', 0, 1, 0, 1);
        INSERT INTO slots VALUES ('p1', 'sched-xaction', NULL, 'f1', NULL, NULL), ('p2', 'sched-xaction', NULL, 'f2', NULL, NULL),
            ('f1', 'sched-xaction/account', NULL, 'food', NULL, NULL), ('f1', 'sched-xaction/debit-numeric', NULL, NULL, 700, 1),
            ('f2', 'sched-xaction/account', NULL, 'giro', NULL, NULL), ('f2', 'sched-xaction/credit-numeric', NULL, NULL, 700, 1);
    """
    rows = [
        f"INSERT INTO accounts VALUES ('{key}', '{name}', '{kind}', '{code}', nullif('{parent}', ''));"
        for key, name, kind, _space, code, parent in _ACCOUNTS
    ]
    for n, (day, text, splits) in enumerate(_ENTRIES, 1):
        rows.append(f"INSERT INTO transactions VALUES ('{n:032}', 'EUR', '', '{day} 10:59:00', '{text}');")
        rows += [
            f"INSERT INTO splits VALUES ('{n}{account}', '{n:032}', '{account}', 'm', 'y', {value}, 100, {quantity}, 100);"
            for account, value, quantity in splits
        ]
    return _sqlite(script + "\n".join(rows))


# Actual -------------------------------------------------------------------------------------------------------------

_ACTUAL = """
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
INSERT INTO categories (id, name, is_income, cat_group) VALUES ('food', 'Food', 0, 'g1'), ('pay', 'Salary', 1, 'g2');
INSERT INTO category_mapping VALUES ('food', 'food'), ('eat', 'food');
INSERT INTO payees (id, name, transfer_acct) VALUES ('p1', 'Baker', NULL), ('t1', NULL, 'chk'), ('t2', NULL, 'sav');
INSERT INTO payee_mapping VALUES ('p1', 'p1');
INSERT INTO schedules VALUES ('s', 'Rent', 'r', 1, 0, 0);
INSERT INTO rules VALUES
  ('r', '[{"op":"is","field":"acct","value":"chk"},{"op":"is","field":"amount","value":-1250},{"op":"isapprox","field":"date","value":
  {"start":"2027-01-01","frequency":"monthly","interval":1,"patterns":[{"type":"TU","value":2}]}}]', '[]', 0),
  ('q', '[{"op":"contains","field":"imported_payee","value":"bak"}]', '[{"op":"set","field":"category","value":"food"}]', 0);
INSERT INTO zero_budgets VALUES ('z', 202601, 'food', 5000, 1);
INSERT INTO transactions (id, acct, amount, date, starting_balance_flag) VALUES ('a', 'chk', 100000, 20260101, 1);
INSERT INTO transactions (id, acct, amount, date, isParent, description) VALUES ('b', 'chk', -40000, 20260115, 1, 'p1');
INSERT INTO transactions (id, acct, amount, date, isChild, parent_id, category, notes) VALUES ('c', 'chk', -15000, 20260115, 1, 'b', 'eat', 'x');
INSERT INTO transactions (id, acct, amount, date, isChild, parent_id, description, transferred_id)
  VALUES ('d', 'chk', -25000, 20260115, 1, 'b', 't2', 'e');
INSERT INTO transactions (id, acct, amount, date, description, transferred_id) VALUES ('e', 'sav', 25000, 20260115, 't1', 'd');
"""  # noqa: E501


def _actual_zip() -> bytes:
    return zip_of(
        {"db.sqlite": _sqlite(_ACTUAL), "metadata.json": json.dumps({"id": "My-1", "budgetName": "Home"}).encode()}
    )


# Firefly III and YNAB -----------------------------------------------------------------------------------------------


def _table(names: Sequence[str], rows: Sequence[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


_COLUMNS = (
    "user_id", "group_id", "journal_id", "created_at", "updated_at", "group_title", "type", "currency_code", "amount",
    "foreign_currency_code", "foreign_amount", "primary_currency_code", "pc_amount", "pc_foreign_amount", "description",
    "date", "source_name", "source_iban", "source_type", "destination_name", "destination_iban", "destination_type",
    "reconciled", "category", "budget", "bill", "tags", "notes",
)  # fmt: skip
_FIREFLY = _table(
    _COLUMNS,
    [
        {
            "group_id": str(n // 2), "journal_id": str(n), "type": kind, "currency_code": "EUR", "amount": amount,
            "description": f"Entry {n}", "date": f"2026-02-0{n}T00:00:00+01:00", "source_type": source[0],
            "source_name": source[1], "destination_type": to[0], "destination_name": to[1], "category": "Food",
            "budget": "Month", "tags": "a,b", **more,
        }
        for n, (kind, amount, source, to, more) in enumerate(
            (
                ("Opening balance", "100.00", ("Initial balance account", "Start"), ("Asset account", "Giro"), {}),
                ("Deposit", "2000.00", ("Revenue account", "Work"), ("Asset account", "Giro"), {}),
                ("Withdrawal", "-12.50", ("Asset account", "Giro"), ("Expense account", "Shop"), {"bill": "Power"}),
                (
                    "Transfer", "45.00", ("Asset account", "Giro"), ("Asset account", "Dollar"),
                    {"foreign_currency_code": "USD", "foreign_amount": "50.00"},
                ),
                ("Withdrawal", "-300.00", ("Asset account", "Giro"), ("Loan", "Car"), {"notes": "x"}),
            ),
            1,
        )
    ],
)  # fmt: skip


def _firefly_zip() -> bytes:
    recurring = (
        "user_id,recurrence_id,row_contains,created_at,updated_at,type,title,description,first_date,repeat_until,latest_date,"
        "repetitions,apply_rules,active,type,moment,skip,weekend,currency_code,foreign_currency_code,source_name,source_type,"
        "destination_name,destination_type,amount,foreign_amount,category,budget,piggy_bank,tags\n"
        "1,R,recurrence,,,Withdrawal,R,,2027-01-05,,,0,1,1\n1,R,repetition,,,,,,,,,,,,monthly,31,0,3\n"
        "1,R,transaction,,,,,,,,,,,,,,,,EUR,,Giro,Asset account,Rent,Expense account,700.00,,Home,,,x\n"
    )
    return zip_of(
        {
            "2026_03_01_transactions.csv": _FIREFLY.encode(),
            "2026_03_01_recurring.csv": recurring.encode(),
            "2026_03_01_bills.csv": b"name,amount_min,amount_max,date,repeat_freq,skip,active,currency_code\n"
            b"Power,40.00,50.00,2027-01-10,quarterly,0,1,EUR\n",
            "2026_03_01_budgets.csv": b"name,active,order,start_date,end_date,currency_code,amount\n"
            b"Month,1,1,2026-02-01,2026-02-28,EUR,300.00\n",
            "2026_03_01_piggies.csv": b"account_name,account_type,name,currency_code,target_amount,current_amount,start_date,"
            b"target_date,order,active\nGiro,Asset account,Bike,EUR,500.00,120.00,,2027-01-01,1,1\n",
        }
    )


_YNAB = (
    '"Account","Flag","Date","Payee","Category Group/Category","Category Group","Category","Memo","Outflow","Inflow","Cleared"\n'
    '"Checking","","2026-01-01","Starting Balance","Inflow: Ready to Assign","Inflow","Ready to Assign","","$0.00","$1,000.00","C"\n'
    '"Checking","","2026-01-15","Shop","Everyday: Food","Everyday","Food","Split (1/2) bread","$150.00","$0.00","C"\n'
    '"Checking","","2026-01-15","Transfer : Savings","","","","Split (2/2)","$250.00","$0.00","C"\n'
    '"Savings","Red","2026-01-15","Transfer : Checking","","","","","$0.00","$250.00","C"\n'
    '"Visa","","2026-01-16","Shop","Everyday: Food","Everyday","Food","","$40.00","$0.00","U"\n'
)


def _ynab_zip() -> bytes:
    plan = (
        '"Month","Category Group/Category","Category Group","Category","Assigned","Activity","Available"\n'
        '"Jan 2026","x","Everyday","Food",$100.00,-$60.00,$40.00\n'
        '"Jan 2026","Credit Card Payments: Visa","Credit Card Payments","Visa",$219.01,$407.29,$626.30\n'
    )
    return zip_of({"My Plan - Register.csv": _YNAB.encode(), "My Plan - Plan.csv": plan.encode()})


# Plain text accounting ----------------------------------------------------------------------------------------------


def _hledger() -> bytes:
    def amount(number: int, commodity: str = "EUR") -> dict[str, object]:
        quantity = {"decimalMantissa": number, "decimalPlaces": 2, "floatingPoint": number / 100}
        return {"acommodity": commodity, "aquantity": quantity, "aprice": None}

    def posting(
        account: str, *amounts: dict[str, object], asserted: dict[str, object] | None = None
    ) -> dict[str, object]:
        stated = {"baamount": asserted, "bainclusive": False, "batotal": False} if asserted else None
        return {
            "paccount": account, "pamount": list(amounts), "ptype": "RegularPosting", "pcomment": "", "pdate": None,
            "ptags": [["trip", "italy"]], "pbalanceassertion": stated, "pstatus": "Unmarked",
        }  # fmt: skip

    entries = [
        {
            "tdate": f"2024-01-0{n}", "tdate2": None, "tdescription": "Shop | bread", "tcode": "", "tcomment": "c",
            "ttags": [["a", "b"]], "tstatus": "Cleared", "tpostings": postings,
        }
        for n, postings in enumerate(
            (
                [posting("assets:bank", amount(100000)), posting("equity:opening balances", amount(-100000))],
                [
                    posting("expenses:food", amount(1250)),
                    posting("assets:bank", amount(-1250), asserted=amount(98750)),
                ],
                [posting("assets:usd", amount(1000, "USD")), posting("assets:bank", amount(-900))],
            ),
            1,
        )
    ]  # fmt: skip
    return json.dumps(entries).encode()


_BEANCOUNT = """option "title" "Home"
option "operating_currency" "EUR"
2026-01-01 open Assets:Giro EUR
2026-01-01 open Assets:Dollar USD
2026-01-01 open Assets:Depot
2026-01-01 open Equity:Opening-Balances
2026-01-01 open Expenses:Food
2026-01-01 open Income:Gains

2026-01-01 pad Assets:Giro Equity:Opening-Balances
2026-01-02 balance Assets:Giro 1000.00 EUR
2026-01-03 * "Bakery" "Bread" #trip ^link
  uid: "0199a000-0000-7000-8000-000000000001"
  Expenses:Food   12.50 EUR
    memo: "x"
  Assets:Giro
2026-01-04 * "Exchange"
  Assets:Dollar  10.00 USD @ 0.90 EUR
  Assets:Giro    -9.00 EUR
2026-01-05 * "Shares"
  Assets:Depot  10 ACME {50.00 EUR}
  Assets:Giro  -500.00 EUR
2026-01-06 ! "Sale"
  Assets:Depot  -10 ACME {} @ 51.00 EUR
  Assets:Giro    510.00 EUR
  Income:Gains
2026-01-07 balance Assets:Giro 988.50 EUR
2026-01-07 price ACME 1.00 EUR
2026-01-08 close Assets:Dollar
"""


# Of other programs, by name.
FOREIGN = {
    "gnucash-xml": Format("books.gnucash", (_gnucash_xml(),), program="gnucash"),
    "gnucash-sqlite": Format("books.gnucash", (_gnucash_sqlite(),), program="gnucash"),
    "firefly": Format("firefly.zip", (_FIREFLY.encode(), _firefly_zip()), program="firefly"),
    "actual": Format("actual.zip", (_actual_zip(), _sqlite(_ACTUAL)), program="actual"),
    "ynab": Format("ynab.zip", (_ynab_zip(), _YNAB.encode()), program="ynab"),
    "hledger": Format("hledger.json", (_hledger(),), program="hledger"),
    "beancount": Format("books.beancount", (_BEANCOUNT.encode(),), program="beancount"),
}
