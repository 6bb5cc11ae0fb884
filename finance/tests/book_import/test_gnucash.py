"""GnuCash in both of its files: the same book twice, with shares, two currencies and what is planned."""

import gzip
import sqlite3

import pytest

from finance.book_import.model import MARK
from finance.errors import BookUnreadable
from finance.ledger.models import Account, JournalEntry
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
    ],
)
def test_what_is_no_such_file_is_refused_by_name(read, data, said):
    with pytest.raises(BookUnreadable, match=said):
        read(data, "gnucash")


def test_a_gzip_bomb_ends_at_the_limit(read, monkeypatch):
    monkeypatch.setattr("finance.book_import.readers.archive.MAX_UNPACKED", 1024 * 1024)
    with pytest.raises(BookUnreadable, match="larger than 1 MB"):
        read(gzip.compress(b"0" * 5_000_000), "gnucash")


def test_the_child_reads_the_same(in_child):
    assert len(in_child(gzip.compress(xml()), "gnucash").entries) == 4
