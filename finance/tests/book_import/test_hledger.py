"""hledger's own JSON, made by hledger where it is installed: its balances are ours afterwards."""

import gzip
import io
import json
import shutil
import subprocess
from decimal import Decimal

import pytest
from django.core.management import call_command

from finance import money
from finance.book_import.services import BalancesDiffer
from finance.errors import BookUnreadable
from finance.ledger.models import Account, JournalEntry
from finance.tests.book_import.conftest import left, tags_of
from finance.tests.exports.conftest import weird_book  # noqa: F401 -- a fixture

JOURNAL = """
account vermögen:bank   ; type: C
account kosten          ; type: X

2024-01-01 Anfang
    vermögen:bank    1000.00 EUR
    equity:opening balances

2024-01-02 * (c1) Bäckerei Süß | Brötchen  ; trip:italy, und Kaffee
    kosten:essen    12.50 €  ; Laugen
    kosten:bad       0.50 €
    vermögen:bank  -13.00 EUR = 987.00 EUR

2024-01-03 ! Change
    assets:usd   10.00 USD @ 0.9 EUR
    vermögen:bank  -9.00 EUR

2024-01-04 Broker
    assets:broker  10 AAPL @@ 500.00 EUR
    vermögen:bank  -500.00 EUR

2024-01-05 Envelopes
    (budget:food)  40.00 EUR
    [assets:savings]  5.00 EUR
    [vermögen:bank]  -5.00 EUR
"""


def amount(number, commodity="EUR", places=2, **more):
    quantity = {"decimalMantissa": number, "decimalPlaces": places, "floatingPoint": 0.1}
    return {"acommodity": commodity, "aquantity": quantity, "aprice": None, **more}


def posting(account, *amounts, kind="RegularPosting", asserted=None):
    stated = {"baamount": asserted, "bainclusive": False, "batotal": False} if asserted else None
    return {
        "paccount": account, "pamount": list(amounts), "ptype": kind, "pcomment": "", "pdate": None, "ptags": [],
        "pbalanceassertion": stated, "pstatus": "Unmarked",
    }  # fmt: skip


def transaction(*postings, date="2024-01-01", told="Shop", **more):
    return {
        "tdate": date, "tdate2": None, "tdescription": told, "tpostings": list(postings), "tcode": "", "tcomment": "",
        "ttags": [], "tstatus": "Cleared", **more,
    }  # fmt: skip


def printed(*transactions):
    return json.dumps(transactions).encode()


@pytest.fixture
def journal(tmp_path):
    """(print -O json; accounts --types) of a journal, and the balances that hledger sees."""

    def run(text):
        path = tmp_path / "books.journal"
        path.write_text(text)

        def hledger(*arguments):
            command = ["hledger", "-f", str(path), *arguments]
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

        balances = {
            (name, each["acommodity"]): Decimal(each["aquantity"]["decimalMantissa"]).scaleb(
                -each["aquantity"]["decimalPlaces"]
            )
            for name, _, _, amounts in json.loads(hledger("bal", "--flat", "--no-total", "-O", "json"))[0]
            for each in amounts
        }
        return hledger("print", "-O", "json") + hledger("accounts", "--types"), balances

    return run


@pytest.mark.hledger
@pytest.mark.skipif(shutil.which("hledger") is None, reason="hledger is not installed (Debian package hledger)")
def test_what_hledger_prints_comes_with_hledgers_balances(journal, move_in, db):
    declared = "account vermögen  ; type: A\naccount assets:broker  ; type: A\n" + JOURNAL
    data, theirs = journal(declared)
    report, held = move_in(data, "hledger")
    assert report.differences == []
    assert held["vermögen:bank"] == "473.00 EUR"
    assert held["assets:usd"] == "10.00 USD"
    assert held["kosten:essen"] == "12.50 EUR"
    ours = {path: Decimal(text.split()[0]) for path, text in held.items()}
    assert {name: number for (name, _code), number in theirs.items() if name in ours} == {
        path: number for path, number in ours.items() if not path.split(":")[-1].startswith("Trading")
    }
    told = left(report)
    assert (told["virtual posting"], told["currency exchange"], told["purchase or sale of shares"]) == (1, 1, 1)
    (cost,) = [each for each in report.left_out if each.kind == "cost of shares"]
    assert cost.examples == ("assets:broker: 10 AAPL for 500.00 EUR in all, 50.0000 each",)
    entry = JournalEntry.objects.get(payee="Bäckerei Süß")
    assert (entry.description, tags_of(entry)) == ("Brötchen und Kaffee (c1)", ["trip:italy"])
    assert entry.lines.get(amount=12_50).memo == "Laugen"
    assert [row.stated for row in report.proof if row.on] == [True]
    assert Account.objects.get(name="bank").kind == "checking"
    assert Account.objects.get(name="opening balances").kind == "opening"


@pytest.mark.hledger
@pytest.mark.skipif(shutil.which("hledger") is None, reason="hledger is not installed (Debian package hledger)")
def test_our_own_export_comes_back_with_the_same_balances(journal, weird_book, move_in):  # noqa: F811
    out = io.StringIO()
    call_command("export_book", book=weird_book.pk, format="hledger", stdout=out)
    data, _theirs = journal(out.getvalue())
    report, _held = move_in(data, "hledger")
    before, after = JournalEntry.objects.filter(book=weird_book), JournalEntry.objects.filter(book=report.book)
    assert (report.differences, set(after.values_list("uid"))) == ([], set(before.values_list("uid")))


# hledger before 1.40 and since; a cost per unit gives the same total.
@pytest.mark.parametrize(
    ("key", "tag", "number", "places"),
    [("aprice", "TotalPrice", 958861, 2), ("acost", "TotalCost", 958861, 2), ("acost", "UnitCost", 16_6100101, 7)],
)
def test_inv_17_a_position_with_its_cost_says_total_and_per_unit(move_in, key, tag, number, places):
    cost = {"tag": tag, "contents": amount(number, places=places)}
    report, held = move_in(
        printed(
            transaction(
                posting("assets:depot", amount(577279, "FUND", 3, **{key: cost})),
                posting("assets:cash", amount(-958861)),
            )
        ),
        "hledger",
    )
    (told,) = [each for each in report.left_out if each.kind == "cost of shares"]
    assert told.examples == ("assets:depot: 577.279 FUND for 9588.61 EUR in all, 16.6100 each",)
    assert held == {"assets:cash": "-9588.61 EUR", "Equity:Trading EUR": "9588.61 EUR"}


def test_one_account_of_two_currencies_becomes_two(move_in):
    report, held = move_in(
        printed(
            transaction(
                posting("expenses:food", amount(100), amount(200, "USD")),
                posting("assets:a", amount(-100), amount(-200, "USD")),
            )
        ),
        "hledger",
    )
    assert held == {
        "assets:a": "-1.00 EUR", "assets:a USD": "-2.00 USD", "expenses:food": "1.00 EUR", "expenses:food USD": "2.00 USD",
    }  # fmt: skip
    assert report.differences == []


def test_an_assertion_that_does_not_hold_is_a_difference(move_in):
    entry = transaction(posting("expenses:a", amount(100)), posting("assets:b", amount(-100), asserted=amount(-101)))
    with pytest.raises(BalancesDiffer) as refused:
        move_in(printed(entry), "hledger")
    (row,) = refused.value.report.differences
    assert (row.account, row.source, row.ours, row.stated) == ("assets:b", Decimal("-1.01"), Decimal("-1.00"), True)


def test_an_assertion_that_counts_what_does_not_come_proves_nothing(move_in):
    virtual = transaction(posting("assets:b", amount(4000), kind="VirtualPosting"))
    entry = transaction(posting("expenses:a", amount(100)), posting("assets:b", amount(-100), asserted=amount(3900)))
    report, held = move_in(printed(virtual, entry), "hledger")
    assert (held["assets:b"], [row for row in report.proof if row.stated]) == ("-1.00 EUR", [])
    assert left(report)["virtual posting"] == 1


def test_decimals_finer_than_the_currency_are_rounded_with_a_line_and_a_difference(move_in):
    entry = transaction(posting("expenses:a", amount(12345, places=3)), posting("assets:b", amount(-12345, places=3)))
    with pytest.raises(BalancesDiffer):
        move_in(printed(entry), "hledger")
    report, held = move_in(printed(entry), "hledger", accept_differences=True)
    assert held == {"assets:b": "-12.34 EUR", "expenses:a": "12.34 EUR"}
    assert left(report)["amount rounded"] == 2


def test_symbols_are_read_only_where_one_currency_can_be_meant(move_in):
    entry = printed(transaction(posting("expenses:a", amount(100, "$")), posting("assets:b", amount(-100, "$"))))
    with pytest.raises(BookUnreadable, match="several currencies"):
        move_in(entry, "hledger", base="EUR")
    report, held = move_in(entry, "hledger", base="CAD")
    assert (held["expenses:a"], report.notes) == ("1.00 CAD", ("Amounts in $ were read as CAD.",))
    assert money.exponent("CAD") == 2


def test_an_account_of_unknown_type_is_asked_for(move_in):
    entry = printed(transaction(posting("kosten:a", amount(100)), posting("assets:b", amount(-100))))
    with pytest.raises(BookUnreadable, match=r"type of “kosten:a” is not known.*accounts --types"):
        move_in(entry, "hledger")
    _report, held = move_in(entry + b"\nkosten:a   ; type: X\nassets:b  ; type: A\n", "hledger")
    assert held == {"assets:b": "-1.00 EUR", "kosten:a": "1.00 EUR"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"2024-01-01 Shop\n  a  1 EUR\n", "begins with is not a list"),
        (b"; nothing", "does not begin with the output of hledger"),
        (b'{"a": 1}', "begins with is not a list"),
        (b"[1]", "transaction 1 is not an object"),
        (printed(transaction(posting("assets:a", amount(1.5)))), "“decimalMantissa” is not a whole number"),
        (printed(transaction(posting("assets:a", amount(10**70)))), "too large"),
        (printed(transaction(posting("assets:a", amount(1, places=10**9)))), "too many decimals"),
        (printed(transaction(posting("assets:a", amount(1)), date="0000-01-01")), "is not a day"),
        (printed(transaction(posting("assets:a", amount(1), kind="Magic"))), "unknown type “Magic”"),
        (printed(transaction(posting("assets:a", amount(1)), ttags=5)), "“ttags” is not a list"),
        (printed() + b"\ngarbage\n", "no line of hledger accounts"),
    ],
)
def test_what_is_no_such_output_is_refused_by_name(read, data, said):
    with pytest.raises(BookUnreadable, match=said):
        read(data, "hledger")


def test_a_compressed_file_is_read(in_child):
    entry = transaction(posting("expenses:a", amount(100)), posting("assets:b", amount(-100)))
    assert len(in_child(gzip.compress(printed(entry)), "hledger").entries) == 1
