"""Registers of several accounts, every filter, and sums that are those of the rows."""

import datetime
import random

import pytest

from finance.errors import Invalid
from finance.ledger import register_sums as sums_module
from finance.ledger import services
from finance.ledger.models import JournalEntry
from finance.ledger.posting import LineDraft
from finance.ledger.register_sums import first_month_of, register_sums
from finance.ledger.registers import AmountRange, Filters, Kind, LineCondition, register_page
from finance.tests.conftest import TODAY

YEAR = {"start": datetime.date(2025, 3, 9), "end": datetime.date(2026, 3, 14)}


@pytest.fixture
def story(book, owner, editor, accounts, spend):
    """Half a year of purchases, with refunds, corrections, a transfer, pay, an exchange and one entry of tomorrow."""
    chance = random.Random(7)
    for number in range(60):
        entry = spend(
            chance.choice([-500, 1_250, 990, 7_000]),
            payee=chance.choice(["Aldi", "Landlord", "Café 100%"]),
            on=TODAY - datetime.timedelta(days=chance.randrange(180)),
            category=chance.choice([accounts.groceries, accounts.restaurants, accounts.rent]),
            account=chance.choice([accounts.checking, accounts.cash]),
        )
        if number % 7 == 0:
            services.reverse_entry(entry=entry, actor=owner, on=TODAY)

    def post(actor, payee, *lines, on=TODAY):
        drafts = [LineDraft(account_id=account.pk, amount=amount) for account, amount in lines]
        return services.post_entry(book=book, actor=actor, date=on, payee=payee, lines=drafts)

    post(editor, "", (accounts.savings, 20_000), (accounts.checking, -20_000))
    post(editor, "Employer", (accounts.checking, 90_000), (accounts.groceries, 1_000), (accounts.salary, -91_000))
    post(owner, "Later", (accounts.groceries, 333), (accounts.cash, -333), on=TODAY + datetime.timedelta(days=1))
    dollars = services.open_account(
        book=book, actor=owner, name="Dollars", type="asset", kind="savings", currency="USD"
    )  # fmt: skip
    services.exchange(
        book=book, actor=owner, date=TODAY, payee="", description="", source_account=accounts.checking,
        source_amount=10_000, target_account=dollars, target_amount=11_000,
    )  # fmt: skip
    accounts.dollars = dollars
    return accounts


def all_rows(accounts, filters):
    rows, after = [], None
    while True:
        page = register_page(accounts=accounts, filters=filters, after=after, limit=9)
        rows += page.rows
        after = page.next_cursor
        if after is None:
            return rows


def added_up(rows):
    found = {}
    for row in rows:
        debit, credit, count = found.get(row.account.currency, (0, 0, 0))
        found[row.account.currency] = debit + max(row.amount, 0), credit + max(-row.amount, 0), count + 1
    return found


FILTERS = {
    "everything": lambda a: Filters(),
    "with history": lambda a: Filters(with_superseded=True),
    "cut months": lambda a: Filters(**YEAR),
    "within a month": lambda a: Filters(start=datetime.date(2026, 3, 3), end=datetime.date(2026, 3, 14)),
    "one whole month": lambda a: Filters(start=datetime.date(2026, 2, 1), end=datetime.date(2026, 2, 28)),
    "open end": lambda a: Filters(start=datetime.date(2026, 1, 7)),
    "end of a month": lambda a: Filters(end=datetime.date(2026, 2, 28)),
    "backwards": lambda a: Filters(start=TODAY, end=datetime.date(2025, 1, 1)),
    "the end of the calendar": lambda a: Filters(start=datetime.date(9999, 12, 5)),
    "words": lambda a: Filters(search="aldi"),
    "a percent sign": lambda a: Filters(search="100%"),
    "payee": lambda a: Filters(payee="ALDI"),
    "amount": lambda a: Filters(amounts={"EUR": AmountRange(least=990, most=1_250)}),
    "signed": lambda a: Filters(amounts={"EUR": AmountRange(most=-990, signed=True)}),
    "another currency": lambda a: Filters(amounts={"USD": AmountRange(least=1)}),
    "no currency": lambda a: Filters(amounts={}),
    "counter account": lambda a: Filters(counter_account_ids=[a.cash.pk]),
    "spent": lambda a: Filters(kind=Kind.SPENT),
    "received": lambda a: Filters(kind=Kind.RECEIVED),
    "moved": lambda a: Filters(kind=Kind.MOVED),
    "exchanged": lambda a: Filters(kind=Kind.EXCHANGED),
    "source": lambda a: Filters(source=JournalEntry.Source.EXCHANGE),
    "nothing": lambda a: Filters(search="xyzzy"),
    "another slice's": lambda a: Filters(also=(LineCondition(sql="line.id %% %(n)s = 0", parameters={"n": 2}),)),
}


@pytest.mark.django_db
def test_the_sums_are_those_of_the_rows_for_every_filter(story, editor):
    everything = [story.checking, story.cash, story.savings, story.dollars, story.groceries, story.restaurants]
    scopes = [everything, [story.checking], [story.dollars], [story.groceries, story.restaurants]]
    found = {}
    for name, filters in {**FILTERS, "who": lambda a: Filters(created_by_id=editor.pk)}.items():
        for scope in scopes:
            rows = all_rows(scope, filters(story))
            sums = register_sums(accounts=scope, filters=filters(story))
            expected = added_up(rows)
            assert {code: (s.debit, s.credit, s.rows) for code, s in sums.totals().items()} == expected, name
            assert sum(each.rows for each in sums.by_account.values()) == len(rows), name
            by_day = register_sums(accounts=scope, filters=filters(story), by_day=True)
            assert by_day.totals() == sums.totals(), name
            assert {day for _code, day in by_day.by_day} == {row.date for row in rows}, name
            found[name] = found.get(name, 0) + len(rows)
    # Each filter leaves something out, and those that should find something do.
    assert found["with history"] > found["everything"]
    fewer = {name for name in found if name not in ("everything", "with history")}
    assert all(found[name] < found["everything"] for name in fewer)
    assert {name for name in fewer if not found[name]} == {
        "backwards", "the end of the calendar", "no currency", "nothing",
    }  # fmt: skip


@pytest.mark.django_db
def test_kinds_say_what_an_entry_did(story):
    def payees(kind, account=None):
        return {row.payee for row in all_rows([account or story.checking], Filters(kind=kind))}

    assert payees(Kind.RECEIVED) == {"Employer"}
    assert "Employer" in payees(Kind.SPENT)  # groceries were kept back from the pay
    moved = all_rows([story.checking], Filters(kind=Kind.MOVED))
    assert [row.counter_lines[0].name for row in moved] == ["Savings account"]
    assert len(all_rows([story.checking], Filters(kind=Kind.EXCHANGED))) == 1


@pytest.mark.django_db
def test_an_exchange_is_told_as_what_was_given_for_what(story):
    for account in (story.checking, story.dollars):
        (row,) = all_rows([account], Filters(kind=Kind.EXCHANGED))
        assert row.exchanged == (("EUR", 10_000), ("USD", 11_000))
        assert [line.account_id for line in row.others] == [
            story.dollars.pk if account is story.checking else story.checking.pk
        ]
    assert all_rows([story.savings], Filters())[0].exchanged is None


@pytest.mark.django_db
def test_the_lines_of_a_group_are_merged_newest_first_and_pages_join(story, django_assert_num_queries):
    scope = [story.groceries, story.restaurants, story.rent, story.cash]
    rows = all_rows(scope, Filters())
    places = [(row.date, row.line_id) for row in rows]
    assert places == sorted(set(places), reverse=True)
    assert {row.account.pk for row in rows} == {account.pk for account in scope}
    assert all(row.balance is None for row in rows)
    for accounts in (scope, scope[:2]):
        with django_assert_num_queries(6):  # switches on, rows, where it stopped, switches off, other lines
            register_page(accounts=accounts, limit=200)


@pytest.mark.django_db
def test_a_group_without_accounts_has_an_empty_register():
    assert register_page(accounts=[]).rows == []
    assert register_sums(accounts=[], filters=Filters()).totals() == {}


@pytest.mark.django_db
def test_sums_over_more_lines_than_are_looked_at_say_so(story, monkeypatch):
    monkeypatch.setattr(sums_module, "SUM_WINDOW", 10)
    rows = all_rows([story.checking], Filters(with_superseded=True))
    sums = register_sums(accounts=[story.checking], filters=Filters(search="a"))
    assert (sums.newest, sums.read_to) == (10, rows[9].date)
    exact = register_sums(accounts=[story.checking], filters=Filters(**YEAR))
    assert exact.newest is None


@pytest.mark.django_db
def test_a_bad_place_is_refused(story):
    for place in ("x", "2026-01-01", "2026-01-01:-1", "2026-13-01:4"):
        with pytest.raises(Invalid):
            register_page(accounts=[story.cash, story.checking], after=place)


@pytest.mark.django_db
def test_the_first_month_is_that_of_the_oldest_line(story, spend, accounts):
    spend(100, on=datetime.date(2019, 5, 17), category=accounts.rent)
    assert first_month_of(accounts=[accounts.rent, accounts.groceries]) == datetime.date(2019, 5, 1)
    assert first_month_of(accounts=[accounts.opening]) is None
