"""What every reader's book goes through: names, types, closings and roundings, each with a line in the report."""

import datetime
import time
from decimal import Decimal

import pytest

from finance.book_import.model import SourceAccount, SourceBalance, SourceBook, SourceEntry, SourceLine
from finance.book_import.plan import paths_of, plan_of
from finance.book_import.services import import_book
from finance.errors import BookUnreadable, CurrencyUnknown, Invalid
from finance.ledger.models import Account, Book

DAY = datetime.date(2026, 1, 2)


def account(key, type="asset", **more):
    return SourceAccount(key=key, name=more.pop("name", key), type=type, **more)


def entry(*sides, **more):
    lines = tuple(SourceLine(account=key, currency=code, amount=Decimal(text)) for key, code, text in sides)
    return SourceEntry(date=DAY, lines=lines, **more)


def book(*accounts, entries=(), balances=(), **more):
    return SourceBook(format="test", accounts=accounts, entries=tuple(entries), balances=tuple(balances), **more)


def planned(source):
    plan = plan_of(source, base_currency="EUR")
    return plan, paths_of(plan.accounts), {each.kind: each.count for each in plan.left_out}


def test_names_are_tidied_numbered_and_cut():
    long = "L" * 200
    _plan, paths, told = planned(
        book(account("1", name="Cash"), account("2", name=" Cash\n"), account("3", name=""), account("4", name=long))
    )
    assert paths == ["Assets", "Assets:Cash", "Assets:Cash (2)", "Assets:Unnamed", "Assets:" + "L" * 120]
    assert told == {"two accounts of one name": 1, "long name": 1}


def test_an_account_below_one_of_another_type_stands_at_the_top_of_its_own():
    _plan, paths, told = planned(book(account("a"), account("x", "expense", parent="a")))
    assert paths == ["a", "Expenses", "Expenses:x"]
    assert told == {"account below one of another type": 1}


def test_accounts_close_only_where_the_ledger_lets_them():
    entries = [entry(("full", "EUR", "5"), ("x", "EUR", "-5")), entry(("empty", "EUR", "5"), ("empty", "EUR", "-5"))]
    plan, paths, told = planned(
        book(account("full", closed=True), account("empty", closed=True), account("x", "income"), entries=entries)
    )
    closed = {path: each.closed_on for path, each in zip(paths, plan.accounts, strict=True) if each.closed_on}
    assert closed == {"Assets:empty": DAY}
    assert told == {"closed account with a balance": 1}


def test_a_closed_parent_stays_open_above_an_open_child():
    plan, _paths, _told = planned(book(account("a", closed_on=DAY), account("b", parent="a")))
    assert not any(each.closed_on for each in plan.accounts)


def test_what_is_off_by_a_rounding_keeps_its_balance():
    plan, paths, told = planned(
        book(account("a"), account("x", "expense"), entries=[entry(("a", "EUR", "-10.00"), ("x", "EUR", "10.005"))])
    )
    assert {paths[line.account]: line.amount for line in plan.entries[0].lines} == {
        "Assets:a": -1000,
        "Expenses:x": 1000,
    }
    assert told == {"amount rounded": 1}
    plan, paths, told = planned(
        book(account("a"), account("x", "expense"), entries=[entry(("a", "EUR", "-10.00"), ("x", "EUR", "10.01"))])
    )
    assert {paths[line.account]: line.amount for line in plan.entries[0].lines} == {
        "Assets:a": -1000, "Expenses:x": 1001, "Equity:Rounding differences EUR": -1,
    }  # fmt: skip
    assert told == {"entry off by a rounding": 1}


def test_an_entry_of_many_lines_or_none_is_left_out_and_told():
    sides = [("a", "EUR", "1"), ("x", "EUR", "-1")]
    _plan, _paths, told = planned(
        book(
            account("a"),
            account("x", "income"),
            entries=[entry(*sides * 501), entry(("a", "EUR", "0"), ("x", "EUR", "0"))],
        )
    )
    assert told == {"entry too long": 1, "entry without money": 1}


def test_thousands_of_equal_names_and_balances_are_little_work(monkeypatch):
    monkeypatch.setattr("finance.book_import.plan._MOST_COMPARED", 100)
    accounts = [account("top"), *(account(f"{n}", name="Cash", parent="top", closed=True) for n in range(5000))]
    stated = [
        SourceBalance(account="top", currency="EUR", amount=Decimal(0), on=DAY, stated=True, with_children=True)
        for _ in range(5000)
    ]
    began = time.process_time()
    plan, paths, told = planned(book(*accounts, balances=stated))
    assert time.process_time() - began < 5  # it takes a fifth of a second; squared it would take minutes
    assert (len(plan.checks), told["stated balance that was not compared"], paths[-1]) == (1, 4999, "top:Cash (5000)")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (book(account("a"), account("a")), "two accounts of the same id"),
        (book(account("a", parent="b"), account("b", parent="a")), "is inside itself"),
        (book(account("0"), *(account(f"{n + 1}", parent=f"{n}") for n in range(50))), "more than 50 levels deep"),
        (book(account("a"), entries=[entry(("b", "EUR", "1"))]), "no account “b”"),
        (book(account("a"), entries=[entry(("a", "EUR", "1e17"))]), "too large"),
    ],
)
def test_what_contradicts_itself_is_refused(source, said):
    with pytest.raises(BookUnreadable, match=said):
        plan_of(source, base_currency="EUR")


def test_all_or_nothing(owner):
    source = book(
        account("a"), account("x", "income"),
        entries=[entry(("a", "EUR", "1"), ("x", "EUR", "-1"))],
        balances=[SourceBalance(account="a", currency="EUR", amount=Decimal("1.00"))],
    )  # fmt: skip
    for problem, more in ((CurrencyUnknown, {"base_currency": "XXY"}), (Invalid, {"time_zone": "Mars/Base"})):
        with pytest.raises(problem):
            import_book(owner=owner, source=source, **more)
    with pytest.raises(RuntimeError):
        import_book(owner=owner, source=source, before_commit=fail)
    assert not Book.objects.exists()
    assert not Account.objects.exists()
    assert import_book(owner=owner, source=source, dry_run=True).book is None
    assert not Book.objects.exists()


def fail(_report):
    raise RuntimeError("gone")
