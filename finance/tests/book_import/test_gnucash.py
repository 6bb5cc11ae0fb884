"""GnuCash in both of its files: the same book twice, with shares, two currencies and what is planned."""

import datetime
import gzip
import sqlite3

import pytest

from finance.book_import.model import MARK
from finance.errors import BookUnreadable
from finance.ledger.models import Account, JournalEntry
from finance.planning.budgets.models import Budget
from finance.planning.budgets.views import Plan, view_of
from finance.planning.schedules.models import Schedule
from finance.tests.book_import.conftest import left

ACCOUNTS = [  # id, name, type, space, commodity, parent
    ("root", "Root Account", "ROOT", "", "", ""),
    ("assets", "Aktiva", "ASSET", "CURRENCY", "EUR", "root"),
    ("giro", "Girokonto", "BANK", "CURRENCY", "EUR", "assets"),
    ("usd", "Dollar", "BANK", "CURRENCY", "USD", "assets"),
    ("fund", "ACME", "STOCK", "NASDAQ", "ACME", "assets"),
    ("food", "Essen & Trinken", "EXPENSE", "CURRENCY", "EUR", "root"),
    ("open", "Opening Balances", "EQUITY", "CURRENCY", "EUR", "root"),
]
ENTRIES = [  # id, day, description, notes, [(account, value, quantity, memo, state)]
    ("a" * 31 + "1", "2026-01-01", "Anfang", "", [("giro", 100000, 100000, "", "y"), ("open", -100000, -100000, "", "n")]),
    ("a" * 31 + "2", "2026-01-02", "Bäckerei", "Kuchen", [("food", 1250, 1250, "süß", "n"), ("giro", -1250, -1250, "", "n")]),
    ("a" * 31 + "3", "2026-01-03", "Wechsel", "", [("usd", 900, 1000, "", "n"), ("giro", -900, -900, "", "n")]),
    ("a" * 31 + "4", "2026-01-04", "Kauf", "", [("fund", 50000, 1250, "", "n"), ("giro", -50000, -50000, "", "n")]),
]  # fmt: skip
HELD = {
    "Aktiva:Girokonto": "478.50 EUR", "Aktiva:Dollar": "10.00 USD", "Expenses:Essen & Trinken": "12.50 EUR",
    "Equity:Opening Balances": "-1000.00 EUR", "Equity:Trading EUR": "509.00 EUR", "Equity:Trading USD": "-10.00 USD",
}  # fmt: skip


def xml(entries=ENTRIES, accounts=ACCOUNTS, extra="", head='<?xml version="1.0" encoding="utf-8" ?>'):
    def commodity(tag, space, id):
        return f"<{tag}><cmdty:space>{space}</cmdty:space><cmdty:id>{id}</cmdty:id></{tag}>" if id else ""

    def escaped(text):
        return text.replace("&", "&amp;")

    parts = [head, '<gnc-v2 xmlns:gnc="http://www.gnucash.org/XML/gnc"><gnc:book version="2.0.0">']
    for id, name, type, space, code, parent in accounts:
        parts.append(
            f'<gnc:account version="2.0.0"><act:name>{escaped(name)}</act:name><act:id type="guid">{id}</act:id>'
            f"<act:type>{type}</act:type>{commodity('act:commodity', space, code)}"
            + (f'<act:parent type="guid">{parent}</act:parent>' if parent else "") + "</gnc:account>"
        )  # fmt: skip
    for id, day, description, notes, splits in entries:
        parts.append(
            f'<gnc:transaction version="2.0.0"><trn:id type="guid">{id}</trn:id>{commodity("trn:currency", "CURRENCY", "EUR")}'
            f"<trn:date-posted><ts:date>{day} 10:59:00 +0000</ts:date></trn:date-posted>"
            f"<trn:description>{description}</trn:description><trn:slots><slot><slot:key>notes</slot:key>"
            f'<slot:value type="string">{notes}</slot:value></slot></trn:slots><trn:splits>'
        )
        for account, value, quantity, memo, state in splits:
            parts.append(
                f"<trn:split><split:memo>{memo}</split:memo><split:reconciled-state>{state}</split:reconciled-state>"
                f"<split:value>{value}/100</split:value><split:quantity>{quantity}/100</split:quantity>"
                f'<split:account type="guid">{account}</split:account></trn:split>'
            )
        parts.append("</trn:splits></gnc:transaction>")
    template = (
        "<gnc:template-transactions><gnc:account><act:name>T</act:name><act:id>t</act:id><act:type>BANK</act:type></gnc:account>"
        "<gnc:transaction><trn:id>x</trn:id></gnc:transaction></gnc:template-transactions>"
    )
    planned = "<gnc:schedxaction/><gnc:schedxaction/><gnc:budget/>"
    return "".join([*parts, template, planned, extra, "</gnc:book></gnc-v2>"]).encode()


def database(entries=ENTRIES, script=""):
    connection = sqlite3.connect(":memory:")
    connection.executescript("""
        CREATE TABLE books (guid text, root_account_guid text, root_template_guid text);
        CREATE TABLE commodities (guid text, namespace text, mnemonic text);
        CREATE TABLE accounts (guid text, name text, account_type text, commodity_guid text, parent_guid text);
        CREATE TABLE transactions (guid text, currency_guid text, num text, post_date text, description text);
        CREATE TABLE splits (guid text, tx_guid text, account_guid text, memo text, reconcile_state text, value_num bigint,
            value_denom bigint, quantity_num bigint, quantity_denom bigint);
        CREATE TABLE slots (obj_guid text, name text, string_val text);
        CREATE TABLE schedxactions (guid text);
        CREATE TABLE budgets (guid text);
        INSERT INTO schedxactions VALUES ('1'), ('2');
        INSERT INTO budgets VALUES ('1');
        INSERT INTO books VALUES ('b', 'root', 'troot');
        INSERT INTO commodities VALUES ('EUR', 'CURRENCY', 'EUR'), ('USD', 'CURRENCY', 'USD'), ('ACME', 'NASDAQ', 'ACME');
        INSERT INTO accounts VALUES ('troot', 'Template Root', 'ROOT', '', NULL), ('t', 'T', 'BANK', 'EUR', 'troot');
        INSERT INTO transactions VALUES ('tt', 'EUR', '', '2026-01-01 10:59:00', 'Template');
        INSERT INTO splits VALUES ('ts', 'tt', 't', '', 'n', 0, 1, 0, 1);
    """)
    for id, name, type, _space, code, parent in ACCOUNTS:
        connection.execute("INSERT INTO accounts VALUES (?, ?, ?, ?, ?)", (id, name, type, code, parent or None))
    for id, day, description, notes, splits in entries:
        moment = day if len(day) > 10 else f"{day} 10:59:00"
        connection.execute("INSERT INTO transactions VALUES (?, 'EUR', '', ?, ?)", (id, moment, description))
        connection.execute("INSERT INTO slots VALUES (?, 'notes', ?)", (id, notes))
        for account, value, quantity, memo, state in splits:
            values = (id + account, id, account, memo, state, value, 100, quantity, 100)
            connection.execute("INSERT INTO splits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    connection.executescript(script)
    data = connection.serialize()
    connection.close()
    return data


@pytest.mark.parametrize("data", [xml(), gzip.compress(xml()), database()], ids=["xml", "gzip", "sqlite"])
def test_all_of_its_files_give_the_same_book(move_in, data):
    report, held = move_in(data, "gnucash", base="")
    assert (held, report.entries, report.differences, report.base_currency) == (HELD, 4, [], "EUR")
    baker = JournalEntry.objects.get(payee="Bäckerei")
    assert (baker.description, str(baker.uid).replace("-", ""), baker.date.isoformat()) == (
        "Kuchen",
        "a" * 31 + "2",
        "2026-01-02",
    )
    assert baker.lines.get(amount=1250).memo == "süß"
    told = left(report)
    assert (told["scheduled transaction"], told["budget"], told[MARK]) == (2, 1, 1)
    assert (told["account of shares"], told["purchase or sale of shares"], told["currency exchange"]) == (1, 1, 1)
    (cost,) = [each for each in report.left_out if each.kind == "cost of shares"]
    assert cost.examples == ("ACME: 12.5 NASDAQ:ACME for 500.00 EUR in all, 40.0000 each",)
    assert (Account.objects.get(name="Girokonto").kind, Account.objects.get(name="Aktiva").kind) == (
        "checking",
        "group",
    )


def test_an_old_database_has_days_as_midnight_of_its_zone(move_in):
    for number, moment in enumerate(("20091231230000", "2010-06-30 22:00:00")):
        entry = ("b" * 31 + str(number), moment, "Alt", "", [("giro", 1, 1, "", "n"), ("food", -1, -1, "", "n")])
        move_in(database([entry]), "gnucash")
    assert [f"{each}" for each in JournalEntry.objects.order_by("pk").values_list("date", flat=True)] == [
        "2010-01-01",
        "2010-07-01",
    ]


def rhythm(period, start, *, every=1, adjust="none"):
    return period, every, start, adjust


SCHEDULED = [  # name, [rhythm], enabled, (last, times in all, times left, end), [(account, debit, credit, formula)]
    ("Miete", [rhythm("month", "2026-01-31", adjust="forward")], "y", ("", 0, 0, ""),
     [("food", 70000, 0, "700"), ("giro", 0, 70000, "700")]),
    ("Zweimal", [rhythm("month", "2026-01-15"), rhythm("end of month", "2026-01-31")], "y", ("", 0, 0, ""),
     [("giro", 100, 0, "1"), ("food", 0, 100, "1")]),
    ("Rate", [rhythm("week", "2098-01-01", every=2)], "y", ("2098-01-29", 5, 2, ""), [("food", 0, 0, "12.50"), ("giro", 0, 0, "12.50")]),
    ("Dienstag", [rhythm("nth weekday", "2026-01-13")], "y", ("", 0, 0, "2098-12-31"), [("giro", 0, 500, "5"), ("food", 500, 0, "5")]),
    ("Aus", [rhythm("month", "2026-01-31")], "n", ("", 0, 0, ""), [("food", 1, 0, "1"), ("giro", 0, 1, "1")]),
    ("Formel", [rhythm("month", "2026-01-31")], "y", ("", 0, 0, ""), [("food", 0, 0, "miete*2"), ("giro", 0, 0, "miete*2")]),
    ("Mond", [rhythm("moon", "2026-01-31")], "y", ("", 0, 0, ""), [("food", 1, 0, "1"), ("giro", 0, 1, "1")]),
]  # fmt: skip
BUDGETED = [
    ("food", 0, 5000),
    ("food", 2, 6000),
    ("pay", 0, -200000),
    ("pay", 1, -200000),
    ("giro", 0, 100),
    ("food", 7, 1),
]


def planned_xml():
    def day(tag, text):
        return f"<{tag}><gdate>{text}</gdate></{tag}>" if text else ""

    def recurrence(tag, each):
        return (
            f"<{tag}><recurrence:mult>{each[1]}</recurrence:mult><recurrence:period_type>{each[0]}</recurrence:period_type>"
            f"{day('recurrence:start', each[2])}<recurrence:weekend_adj>{each[3]}</recurrence:weekend_adj></{tag}>"
        )

    def slot(key, value):
        return f"<slot><slot:key>{key}</slot:key><slot:value>{value}</slot:value></slot>"

    templates, scheduled = [], []
    for name, rhythms, enabled, (last, total, left_, end), splits in SCHEDULED:
        parts = "".join(
            f"<trn:split><split:account>t{name}</split:account><split:slots>"
            + slot(
                "sched-xaction",
                slot("account", account) + slot("debit-numeric", f"{debit}/100") + slot("credit-numeric", f"{credit}/100")
                + slot("debit-formula" if debit or account == "food" else "credit-formula", formula),
            ) + "</split:slots></trn:split>"
            for account, debit, credit, formula in splits
        )  # fmt: skip
        templates.append(
            f"<gnc:transaction><trn:description>An {name}</trn:description><trn:splits>{parts}</trn:splits></gnc:transaction>"
        )
        times = f"<sx:num-occur>{total}</sx:num-occur><sx:rem-occur>{left_}</sx:rem-occur>" if total else ""
        scheduled.append(
            f"<gnc:schedxaction><sx:name>{name}</sx:name><sx:enabled>{enabled}</sx:enabled>{day('sx:last', last)}{times}"
            f"{day('sx:end', end)}<sx:templ-acct>t{name}</sx:templ-acct><sx:schedule>"
            + "".join(recurrence("gnc:recurrence", each) for each in rhythms) + "</sx:schedule></gnc:schedxaction>"
        )  # fmt: skip
    amounts = "".join(slot(account, slot(number, f"{amount}/100")) for account, number, amount in BUDGETED)
    budget = (
        "<gnc:budget><bgt:name>Haushalt</bgt:name><bgt:num-periods>3</bgt:num-periods>"
        + recurrence("bgt:recurrence", rhythm("month", "2026-01-01"))
        + f"<bgt:slots>{amounts}</bgt:slots></gnc:budget>"
    )
    features = f"<book:slots>{slot('features', slot('Use natural signs in budget amounts', 'yes'))}</book:slots>"
    inside = f"<gnc:template-transactions>{''.join(templates)}</gnc:template-transactions>{''.join(scheduled)}{budget}"
    return xml(accounts=WITH_PAY, extra=features + inside)


def planned_database():
    script = [
        "DROP TABLE schedxactions; DROP TABLE budgets; ALTER TABLE slots ADD guid_val text;"
        "ALTER TABLE slots ADD numeric_val_num bigint; ALTER TABLE slots ADD numeric_val_denom bigint;"
        "CREATE TABLE schedxactions (guid text, name text, enabled integer, start_date text, end_date text, last_occur text,"
        " num_occur integer, rem_occur integer, template_act_guid text);"
        "CREATE TABLE recurrences (obj_guid text, recurrence_mult integer, recurrence_period_type text,"
        " recurrence_period_start text, recurrence_weekend_adjust text);"
        "CREATE TABLE budgets (guid text, name text, num_periods integer);"
        "CREATE TABLE budget_amounts (budget_guid text, account_guid text, period_num integer, amount_num bigint, amount_denom bigint);"
        "INSERT INTO accounts VALUES ('pay', 'Lohn', 'INCOME', 'EUR', 'root');"
        "INSERT INTO slots (obj_guid, name, string_val) VALUES ('b', 'features/Use natural signs in budget amounts', 'yes');"
        "INSERT INTO budgets VALUES ('bb', 'Haushalt', 3); INSERT INTO recurrences VALUES ('bb', 1, 'month', '20260101', 'none');"
    ]
    for name, rhythms, enabled, (last, total, left_, end), splits in SCHEDULED:
        bare = [text.replace("-", "") for text in (end, last)]
        script.append(f"INSERT INTO accounts VALUES ('t{name}', 'T', 'BANK', '', 'troot');")
        script.append(
            f"INSERT INTO schedxactions VALUES ('{name}', '{name}', {int(enabled == 'y')}, '', '{bare[0]}', '{bare[1]}',"
            f" {total}, {left_}, 't{name}'); INSERT INTO transactions VALUES ('x{name}', 'EUR', '', '2026-01-01', 'An {name}');"
        )
        for period, every, start, adjust in rhythms:
            start = start.replace("-", "")
            script.append(f"INSERT INTO recurrences VALUES ('{name}', {every}, '{period}', '{start}', '{adjust}');")
        for account, debit, credit, formula in splits:
            side = "debit" if debit or account == "food" else "credit"
            script.append(
                f"INSERT INTO splits VALUES ('s{name}{account}', 'x{name}', 't{name}', '', 'n', 0, 1, 0, 1);"
                f"INSERT INTO slots (obj_guid, name, guid_val) VALUES ('s{name}{account}', 'sched-xaction', 'f{name}{account}');"
                f"INSERT INTO slots (obj_guid, name, guid_val, string_val, numeric_val_num, numeric_val_denom) VALUES"
                f" ('f{name}{account}', 'sched-xaction/account', '{account}', NULL, 0, 1),"
                f" ('f{name}{account}', 'sched-xaction/{side}-formula', NULL, '{formula}', 0, 1),"
                f" ('f{name}{account}', 'sched-xaction/debit-numeric', NULL, NULL, {debit}, 100),"
                f" ('f{name}{account}', 'sched-xaction/credit-numeric', NULL, NULL, {credit}, 100);"
            )
    script += [
        f"INSERT INTO budget_amounts VALUES ('bb', '{key}', {number}, {amount}, 100);"
        for key, number, amount in BUDGETED
    ]
    return database(script="".join(script))


WITH_PAY = [*ACCOUNTS, ("pay", "Lohn", "INCOME", "CURRENCY", "EUR", "root")]


@pytest.mark.parametrize("data", [planned_xml(), planned_database()], ids=["xml", "sqlite"])
def test_scheduled_transactions_and_budgets_come_along(move_in, data):
    report, _held = move_in(data, "gnucash", base="")
    names = dict(Account.objects.values_list("pk", "name"))
    made = {each.name: each.definition for each in Schedule.objects.all()}
    assert {name: (each.amount, names[each.account_id]) for name, each in made.items()} == {
        "Miete": (-70000, "Girokonto"), "Zweimal": (100, "Girokonto"), "Dienstag": (-500, "Girokonto"),
        "Rate": (-1250, "Girokonto"),
    }  # fmt: skip
    # Two are left after the one of 29 January, of an old file that has its amounts in formulas alone.
    assert made["Rate"].last == datetime.date(2098, 2, 26)
    rent, twice, second = made["Miete"], made["Zweimal"], made["Dienstag"]
    march = datetime.date(2026, 3, 31)
    assert [f"{rent.shown(day)}" for day in rent.occurrences(rent.first, march)] == [
        "2026-02-02",
        "2026-03-02",
        "2026-03-31",
    ]
    assert [day.day for day in twice.occurrences(twice.first, march)] == [15, 31, 15, 28, 15, 31]
    assert [f"{day}" for day in second.occurrences(second.first, march)] == ["2026-01-13", "2026-02-10", "2026-03-10"]
    assert (second.payee, second.until, names[second.lines[0].account_id]) == (
        "An Dienstag", datetime.date(2098, 12, 31), "Essen & Trinken",
    )  # fmt: skip
    reasons = {each.why for each in report.left_out if each.kind == "scheduled transaction"}
    assert {"it is switched off", "its amount is a formula", "its rhythm is not known here"} <= reasons
    view = view_of(Plan(Budget.objects.get()), on=datetime.date(2026, 1, 1), count=3)
    assert {each.name: [cell.assigned for cell in each.cells] for each in view.lines} == {
        "Lohn": [200000, 200000, 0], "Essen & Trinken": [5000, 0, 6000],
    }  # fmt: skip
    assert (left(report)["amount of a budget"], left(report)["line of a budget"], report.budgets) == (1, 1, 1)


BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<gnc-v2>", "neither XML nor a database"),
        (b'<?xml version="1.0" encoding="utf-1"?><gnc-v2/>', "neither XML nor a database"),
        (b"<html></html>", "begins with “html”"),
        (b"plain text", "neither XML nor a database"),
        (xml(head=BOMB), "declares a document type"),
        (xml(head='<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd">'), "declares a document type"),
        (b"<gnc-v2>" + b"<a>" * 100, "nested too deeply"),
        (gzip.compress(xml())[:200], "ends too early"),
        (b"\x1f\x8bgarbage", "damaged"),
        (xml(accounts=[("x", "X", "MOON", "CURRENCY", "EUR", "")]), "type “MOON”"),
        (xml([("c" * 32, "2026-01-01", "D", "", [("nowhere", 1, 1, "", "n")])]), "no account nowhere"),
        (xml([("c" * 32, "2026-01-01", "D", "", [("giro", "1e9", 1, "", "n")])]), "“1e9/100” is not an amount"),
        (xml([("c" * 32, "nie", "D", "", [("giro", 1, 1, "", "n")])]), "is not a day"),
        (
            xml(accounts=[*ACCOUNTS, ("y", "Y", "BANK", "CURRENCY", "EUR", "lost")]),
            "inside one that is not in the file",
        ),
        (database(script="DROP TABLE splits"), "splits has no column account_guid"),
        (database(script="UPDATE splits SET value_denom = 0"), "divided by zero"),
        (database(script="UPDATE splits SET value_num = 'x'"), "not a fraction of whole numbers"),
        *(
            (xml(head=f'<?xml version="1.0" encoding="{name}" ?>'), "neither XML nor")
            for name in ("idna", "UTF-7", "x")
        ),
        (database().replace(b"reconcile_state text", b"reconcile_st\xc1te text"), "cannot be read"),
    ],
)
def test_what_is_no_such_file_is_refused_by_name(read, data, said):
    with pytest.raises(BookUnreadable, match=said):
        read(data, "gnucash")


def test_bytes_in_a_column_of_texts_are_read_as_text(read):
    book = read(database(script="UPDATE commodities SET mnemonic = x'414243' WHERE guid = 'USD'"), "gnucash")
    assert len(book.entries) == 4


def test_a_gzip_bomb_ends_at_the_limit(read, monkeypatch):
    monkeypatch.setattr("finance.book_import.readers.archive.MAX_UNPACKED", 1024 * 1024)
    with pytest.raises(BookUnreadable, match="larger than 1 MB"):
        read(gzip.compress(b"0" * 5_000_000), "gnucash")


def test_the_child_reads_the_same(in_child):
    book = in_child(gzip.compress(planned_xml()), "gnucash")
    assert (len(book.entries), len(book.schedules), len(book.budgets)) == (4, 4, 1)
