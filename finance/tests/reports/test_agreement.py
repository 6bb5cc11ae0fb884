"""Two reports never disagree: over random books of several months, currencies, corrections and transfers."""

import datetime
from collections import defaultdict
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finance.ledger import services
from finance.ledger.models import Account, JournalEntry, JournalLine
from finance.ledger.posting import EntryDraft, LineDraft
from finance.reports.building import build_report
from finance.reports.definition import read_definition
from finance.reports.valuing import NoRates

pytestmark = pytest.mark.django_db

FIRST = datetime.date(2025, 11, 1)
TODAY = datetime.date(2026, 3, 15)
DAYS = st.integers(0, 134).map(lambda days: FIRST + datetime.timedelta(days=days))
NAMES = ["checking", "savings", "card", "loan", "opening", "salary", "rent", "food"]
ENTRIES = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(1, 10**6), DAYS).filter(
        lambda entry: entry[0] != entry[1]
    ),
    min_size=1,
    max_size=12,
)
PERIODS = st.sampled_from(
    ["2026-02", "2026-Q1", "2025-11-05..2026-02-03", "2026-02-02..2026-02-02", "all", "this-month"]
)


class TwoToOne(NoRates):
    """A dollar is worth half a euro before 2026, and as much as one from then on."""

    def rate(self, currency, *, on):
        return Fraction(1) if on.year >= 2026 else Fraction(1, 2)


@pytest.fixture
def names(book, accounts, owner):
    def opened(name, type, kind, currency="EUR"):
        return services.open_account(
            book=book, actor=owner, name=name, type=type, kind=kind, currency=currency, parent=None
        )

    return {
        "checking": accounts.checking,
        "savings": accounts.savings,
        "card": accounts.card,
        "loan": opened("Loan", "liability", "loan"),
        "opening": accounts.opening,
        "salary": accounts.salary,
        "rent": accounts.rent,
        "food": accounts.groceries,
        "dollars": opened("Dollars", "asset", "checking", "USD"),
        "travel": opened("Travel", "expense", "category", "USD"),
    }


def amount(row, column=0):
    return row.cells[column].amount


@pytest.mark.parametrize("rates_of", [None, lambda **days: TwoToOne()])
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    entries=ENTRIES, period=PERIODS, abroad=st.lists(st.tuples(st.integers(-900, 900).filter(bool), DAYS), max_size=3)
)
def test_over_random_books(book, names, rates_of, entries, period, abroad):
    drafts = [
        EntryDraft(
            date=day,
            payee=f"{to}-{size % 3}",
            lines=[
                LineDraft(account_id=names[to].pk, amount=size),
                LineDraft(account_id=names[source].pk, amount=-size),
            ],
        )
        for to, source, size, day in entries
    ]
    drafts += [
        EntryDraft(
            date=day,
            payee="abroad",
            lines=[
                LineDraft(account_id=names["travel"].pk, amount=2 * size),
                LineDraft(account_id=names["dollars"].pk, amount=-2 * size),
            ],
        )
        for size, day in abroad
    ]
    posted = services.post_entries(book=book, actor=None, drafts=drafts, source="api")
    # Every third entry is taken back again.
    taken_back = list(JournalEntry.objects.filter(pk__in=posted[::3]).select_related("book"))
    services.reverse_entries(book=book, actor=None, entries=taken_back, on=TODAY)

    def report(kind, **texts):
        definition = read_definition(kind, {"period": period, **texts}, time_zone=book.time_zone, today=TODAY)
        return build_report(book=book, definition=definition, today=TODAY, rates_of=rates_of)

    income, cash = report("income-statement", compare="none"), report("cash-flow")
    first, last = income.scope.first, income.scope.last
    day_before = (first - datetime.timedelta(days=1)).isoformat()

    # The balance sheet is balanced.
    end = report("balance-sheet", as_of=last.isoformat())
    start = report("balance-sheet", as_of=day_before)
    for sheet in (start, end):
        assert amount(sheet.row("net_worth")) == sheet.section("equity").total[0].amount
        assert amount(sheet.row("net_worth")) == sum(
            sheet.section(key).total[0].amount for key in ("assets", "liabilities")
        )
        assert all(row.key != "differences" or rates_of for row in sheet.section("equity").rows)
    assert amount(report("net-worth", as_of=last.isoformat(), columns="none").summary[0]) == amount(
        end.row("net_worth")
    )

    # In one currency what was left is the change of net worth, less what was posted against equity.
    if rates_of is None:
        equity = _equity(end) - _equity(start)
        assert amount(income.row("left")) == amount(end.row("net_worth")) - amount(start.row("net_worth")) - equity
        assert income.not_valued == {} or set(income.not_valued) == {"USD"}

    # Spending is the income statement's, however it is grouped; columns add up to the total.
    for by in ("category", "payee", "member"):
        spending = report("spending", by=by, compare="none")
        assert spending.sections[0].total == income.section("expenses").total
    months = report("income-statement", columns="month")
    for section in months.sections:
        *parts, total = section.total
        assert sum(cell.amount for cell in parts) == total.amount
    assert [section.total[-1] for section in months.sections] == [section.total[0] for section in income.sections]

    # Money at the beginning and what changed it is money at the end.
    drift = next((row for row in cash.summary if row.key == "drift"), None)
    changed = amount(cash.row("opening")) + amount(cash.row("change")) + (amount(drift) if drift else 0)
    assert changed == amount(cash.row("closing"))
    assert drift is None or rates_of

    # The trial balance is the sum of the lines.
    sums = defaultdict(int)
    for account_id, size in JournalLine.objects.filter(book=book, date__lte=last).values_list("account_id", "amount"):
        sums[account_id] += size
    shown = {
        row.account.pk: row.cells[3].amount for section in report("trial-balance").sections for row in section.rows
    }
    held = {pk: size for pk, size in sums.items() if size}
    assert {pk: size for pk, size in shown.items() if size} == held
    for section in report("trial-balance").sections:
        assert section.total[0].amount == section.total[3].amount == 0
        assert section.total[1] == section.total[2]


def _equity(sheet):
    return sum(row.cells[0].amount for row in sheet.section("equity").rows if row.account and row.depth == 0)


def test_the_accounts_of_the_test_are_of_each_type(names):
    assert {each.type for each in Account.objects.filter(pk__in=[each.pk for each in names.values()])} == {
        *("asset", "liability", "equity", "income", "expense")
    }
