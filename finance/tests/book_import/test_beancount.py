"""Beancount: pads, balances, shares at cost; a file that would run code or open files does neither."""

import datetime
import io

import pytest
from django.core.management import call_command

from finance.book_import.model import MARK
from finance.book_import.services import BalancesDiffer
from finance.errors import BookUnreadable
from finance.ledger.models import Account, JournalEntry
from finance.tests.book_import.conftest import left, tags_of
from finance.tests.exports.conftest import weird_book  # noqa: F401 -- a fixture

LEDGER = """
option "title" "Zuhause"
option "operating_currency" "EUR"
2026-01-01 open Assets:Giro EUR
2026-01-01 open Assets:Giro:Dollar USD
2026-01-01 open Assets:Depot
2026-01-01 open Assets:Alt EUR
2026-01-01 open Equity:Opening-Balances
2026-01-01 open Expenses:Essen
2026-01-01 open Income:Kursgewinn
2026-01-01 commodity ACME

2026-01-01 pad Assets:Giro Equity:Opening-Balances
2026-01-02 balance Assets:Giro 1000.00 EUR

2026-01-03 * "Bäckerei" "Brötchen" #reise ^beleg-1
  uid: "0199a000-0000-7000-8000-000000000001"
  note: "x"
  Expenses:Essen   12.50 EUR
    memo: "süß"
  Assets:Giro

2026-01-04 * "Wechsel"
  Assets:Giro:Dollar  10.00 USD @ 0.90 EUR
  Assets:Giro         -9.00 EUR

2026-01-05 * "Kauf"
  Assets:Depot  577.279 ACME {{ 500.00 EUR }}
  Assets:Giro  -500.00 EUR

2026-01-06 ! "Verkauf"
  Assets:Depot  -577.279 ACME {} @ 1.00 EUR
  Assets:Giro    577.28 EUR
  Income:Kursgewinn

2026-01-07 balance Assets:Giro 1055.78 EUR
2026-01-07 price ACME 1.00 EUR
2026-01-08 close Assets:Alt
"""


def test_a_ledger_comes_with_its_balances_as_proof(move_in):
    report, held = move_in(LEDGER, "beancount", base="")
    assert held == {
        "Assets:Giro": "1055.78 EUR", "Assets:Giro:Dollar": "10.00 USD", "Equity:Opening-Balances": "-1000.00 EUR",
        "Expenses:Essen": "12.50 EUR", "Income:Kursgewinn": "-77.28 EUR", "Equity:Trading EUR": "9.00 EUR",
        "Equity:Trading USD": "-10.00 USD",
    }  # fmt: skip
    assert (report.name, report.base_currency, report.differences) == ("Zuhause", "EUR", [])
    stated = [(row.account, f"{row.ours}", row.on) for row in report.proof if row.stated]
    assert stated == [
        ("Assets:Giro", "1000.00", datetime.date(2026, 1, 1)), ("Assets:Giro", "1055.78", datetime.date(2026, 1, 6)),
    ]  # fmt: skip
    baker = JournalEntry.objects.get(uid="0199a000-0000-7000-8000-000000000001")
    assert (baker.payee, baker.description, baker.lines.get(amount=1250).memo) == (
        "Bäckerei",
        "Brötchen ^beleg-1",
        "süß",
    )
    assert tags_of(baker) == ["reise"]
    told = left(report)
    assert (told["price"], told["metadata"], told[MARK]) == (1, 1, 1)
    assert Account.objects.get(name="Opening-Balances").kind == "opening"


def test_inv_17_a_total_cost_says_total_and_per_unit(move_in):
    text = LEDGER.replace("{{ 500.00 EUR }}", "{{ 9588.61 EUR }}").replace("-500.00 EUR", "-9588.61 EUR")
    report, _held = move_in(text, "beancount", accept_differences=True)
    (cost,) = [each for each in report.left_out if each.kind == "cost of shares"]
    assert cost.examples[0] == "Assets:Depot: 577.279 ACME for 9588.61 EUR in all, 16.6100 each"


def test_a_balance_that_does_not_hold_is_a_difference(move_in):
    with pytest.raises(BalancesDiffer) as refused:
        move_in(LEDGER.replace("1055.78 EUR", "1055.90 EUR"), "beancount")
    (row,) = refused.value.report.differences
    assert (row.account, f"{row.source}", f"{row.ours}") == ("Assets:Giro", "1055.90", "1055.78")


def test_a_balance_counts_the_accounts_below(move_in):
    text = LEDGER + "2026-01-07 balance Assets:Giro 10.00 USD\n"
    report, _held = move_in(text, "beancount")
    assert [(row.account, f"{row.ours}") for row in report.proof if row.stated and row.currency == "USD"] == [
        ("Assets:Giro:Dollar", "10.00")
    ]


def test_our_own_export_comes_back_with_the_same_balances(weird_book, move_in):  # noqa: F811
    out = io.StringIO()
    call_command("export_book", book=weird_book.pk, format="beancount", stdout=out)
    report, _held = move_in(out.getvalue(), "beancount")
    assert (report.differences, report.entries) == ([], JournalEntry.objects.filter(book=weird_book).count())


def test_plugins_are_told_and_not_run(in_child, tmp_path):
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'was_here')!r}, 'w')\n__plugins__ = []\n")
    text = (
        f'option "insert_pythonpath" "{tmp_path}"\nplugin "evil"\nplugin "beancount.plugins.auto_accounts"\n' + LEDGER
    )
    source = in_child(text, "beancount")
    assert [(told.kind, told.count) for told in source.left_out if told.kind == "plugin"] == [("plugin", 2)]
    assert not (tmp_path / "was_here").exists()


def test_what_does_not_balance_is_left_out_and_a_difference(move_in):
    with pytest.raises(BalancesDiffer) as refused:
        move_in(LEDGER + '2026-02-01 * "x"\n  Assets:Giro  1.00 EUR\n', "beancount")
    assert left(refused.value.report)["entry that does not balance"] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('include "/etc/passwd"\n', "includes others, such as /etc/passwd"),
        ("2026-01-01 * \n  Assets:A 1.00\n", "Beancount finds"),
        (LEDGER + '2026-02-01 * "x"\n  Assets:Giro\n  Expenses:Essen\n', "Beancount finds"),
        (LEDGER + f'2026-02-01 * "x"\n  Assets:Giro {"9" * 40} EUR\n  Expenses:Essen\n', "too large"),
        ("1500-01-01 open Assets:A\n1500-01-02 balance Assets:A 1.00 EUR\n", "The year 1500"),
        ("nothing at all", "Beancount finds"),
        ('option "title" "\x00"\n', "zero bytes"),
        (LEDGER + '2026-02-01 * "x"\n  Assets:Giro ' + "(" * 50_000, "nested too deeply"),
    ],
)
def test_what_is_no_such_file_is_refused_by_name(read, text, said):
    with pytest.raises(BookUnreadable, match=said):
        read(text, "beancount")
