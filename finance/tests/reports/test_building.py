"""Reports of small books whose figures can be worked out by hand."""

import datetime

import pytest
from django.db import connection

from finance.errors import Invalid, NotFound
from finance.ledger import services
from finance.ledger.models import JournalEntry
from finance.ledger.posting import LineDraft
from finance.reports import selectors
from finance.reports.definition import Kind
from finance.tags import services as tags
from finance.tests.conftest import TODAY

pytestmark = pytest.mark.django_db

JANUARY, FEBRUARY, MARCH = (datetime.date(2026, month, 10) for month in (1, 2, 3))


@pytest.fixture
def household(accounts, post, spend):
    """Opening 1,000.00; salary 3,000.00 each month; rent 800.00; groceries 100.00, 120.00, 90.00; 500.00 saved."""
    post({accounts.checking: 1000_00, accounts.opening: -1000_00}, on=datetime.date(2026, 1, 1))
    for month, food in ((JANUARY, 100_00), (FEBRUARY, 120_00), (MARCH, 90_00)):
        post({accounts.checking: 3000_00, accounts.salary: -3000_00}, on=month, payee="Employer")
        spend(800_00, payee="Landlord", on=month, category=accounts.rent)
        spend(food, payee="Market", on=month)
    spend(40_00, payee="Trattoria", category=accounts.restaurants, account=accounts.card)
    post({accounts.savings: 500_00, accounts.checking: -500_00})
    return accounts


def amounts(rows):
    return {row.label: [cell.amount for cell in row.cells] for row in rows}


class TestBalanceSheet:
    def test_both_sides_are_equal(self, report, household):
        made = report("balance-sheet")
        assert made.row("net_worth").cells[0].amount == 7250_00
        assert made.section("equity").total[0].amount == 7250_00
        assert amounts(made.section("equity").rows) == {
            "Opening balances": [1000_00],
            "Income less spending, to this day": [6250_00],
        }

    def test_the_end_of_an_earlier_period(self, report, household):
        made = report("balance-sheet", period="2026-01")
        assert amounts(made.section("assets").rows) == {"Checking account": [3100_00]}

    def test_a_day_within_a_month(self, report, household):
        assert report("balance-sheet", as_of="2026-02-09").row("net_worth").cells[0].amount == 3100_00
        assert report("balance-sheet", as_of="2026-02-10").row("net_worth").cells[0].amount == 5180_00

    def test_what_is_owed_is_negative(self, report, household):
        assert amounts(report("balance-sheet").section("liabilities").rows) == {"Credit card": [-40_00]}

    def test_compared_with_the_end_of_the_period_before(self, report, household):
        made = report("balance-sheet", period="2026-02", compare="previous")
        assert [cell.amount for cell in made.row("net_worth").cells] == [5180_00, 3100_00, 2080_00]


class TestIncomeStatement:
    def test_what_came_in_went_out_and_was_left(self, report, household):
        made = report("income-statement")
        assert made.section("income").total[0].amount == 3000_00
        assert made.section("expenses").total[0].amount == 930_00
        assert made.row("left").cells[0].amount == 2070_00

    def test_a_column_for_each_month_and_the_total(self, report, household):
        made = report("income-statement", period="2026-Q1", columns="month")
        assert [column.role for column in made.columns] == ["period"] * 3 + ["total"]
        assert [cell.amount for cell in made.section("expenses").total] == [900_00, 920_00, 930_00, 2750_00]

    def test_a_period_that_cuts_months(self, report, household):
        made = report("income-statement", period="2026-01-11..2026-03-09")
        assert made.section("expenses").total[0].amount == 920_00

    def test_depth_keeps_the_sums_of_what_it_hides(self, report, household):
        assert amounts(report("income-statement", depth="1").section("expenses").rows) == {
            "Food": [130_00],
            "Housing": [800_00],
        }

    def test_empty_rows_on_request(self, report, household):
        assert "Water" not in amounts(report("income-statement").section("expenses").rows)
        assert amounts(report("income-statement", empty="1").section("expenses").rows)["Water"] == [0]

    def test_the_month_that_is_not_over_is_compared_up_to_the_same_day(self, report, household, spend):
        spend(7_00, on=datetime.date(2026, 2, 16))
        made = report("income-statement", compare="previous")
        assert [cell.amount for cell in made.section("expenses").total] == [930_00, 920_00, 10_00]

    def test_average_of_the_months_before(self, report, household):
        made = report("income-statement", compare="average", averaged="2")
        assert [cell.amount for cell in made.section("expenses").total] == [930_00, 910_00, 20_00]

    def test_the_same_period_last_year(self, report, household, spend):
        spend(15_00, on=datetime.date(2025, 3, 2))
        made = report("income-statement", compare="last-year")
        assert [cell.amount for cell in made.section("expenses").total] == [930_00, 15_00, 915_00]


class TestCashFlow:
    def test_own_transfers_cancel_and_the_money_adds_up(self, report, household):
        made = report("cash-flow")
        assert made.section("income").total[0].amount == 3000_00
        assert made.section("expenses").total[0].amount == -930_00
        assert made.section("other").total[0].amount == 0
        rows = amounts(made.summary)
        assert rows == {
            "Change of our money": [2070_00],
            "Money at the beginning": [5180_00],
            "Money at the end": [7250_00],
        }

    def test_what_moves_no_money_is_left_out(self, report, household, book, post):
        house = services.open_account(
            book=book, actor=None, name="House", type="asset", kind="property", currency="EUR", parent=None
        )
        post({house: 100_000_00, household.opening: -100_000_00})
        assert report("cash-flow").section("other").rows == []

    def test_a_payment_of_a_loan_is_not_spending(self, report, household, book, post):
        loan = services.open_account(
            book=book, actor=None, name="Loan", type="liability", kind="loan", currency="EUR", parent=None
        )
        post({loan: 200_00, household.checking: -200_00})
        made = report("cash-flow")
        assert amounts(made.section("other").rows) == {"Loan": [-200_00]}
        assert made.section("expenses").total[0].amount == -930_00


class TestNetWorth:
    def test_month_by_month(self, report, household):
        made = report("net-worth")
        assert [cell.amount for cell in made.row("net_worth").cells] == [3100_00, 5180_00, 7250_00]

    def test_the_last_column_is_today(self, report, household):
        made = report("net-worth", today=datetime.date(2026, 3, 5))
        assert [cell.amount for cell in made.row("net_worth").cells] == [3100_00, 5180_00, 5180_00]


class TestSpending:
    def test_by_category_largest_first(self, report, household):
        rows = report("spending").sections[0].rows
        assert [(row.label, row.depth, row.cells[0].amount) for row in rows] == [
            ("Housing", 0, 800_00),
            ("Rent", 1, 800_00),
            ("Food", 0, 130_00),
            ("Groceries", 1, 90_00),
            ("Restaurants", 1, 40_00),
        ]

    def test_a_refund_lowers_its_category(self, report, household, spend):
        spend(-100_00, payee="Market")
        rows = amounts(report("spending", compare="none").sections[0].rows)
        assert rows["Groceries"] == [-10_00]
        assert rows["Food"] == [30_00]

    def test_by_payee(self, report, household):
        assert amounts(report("spending", by="payee", period="2026-Q1").sections[0].rows) == {
            "Landlord": [2400_00],
            "Market": [310_00],
            "Trattoria": [40_00],
        }  # and nothing to compare with: the book began this quarter

    def test_payees_of_one_group(self, report, household):
        food = household.groceries.parent_id
        assert amounts(report("spending", by="payee", account=str(food), compare="none").sections[0].rows) == {
            "Market": [90_00],
            "Trattoria": [40_00],
        }

    def test_the_rest_of_the_payees_is_one_row(self, report, household):
        made = report("spending", by="payee", top="1", compare="none")
        assert amounts(made.sections[0].rows) == {"Landlord": [800_00], "2 others": [130_00]}
        assert made.sections[0].total[0].amount == 930_00

    def test_by_member_a_correction_stays_with_who_recorded_the_entry(self, report, household, editor, post, book):
        entry = post({household.groceries: 50_00, household.cash: -50_00}, actor=editor)
        lines = [LineDraft(account_id=household.groceries.pk, amount=60_00)]
        lines.append(LineDraft(account_id=household.cash.pk, amount=-60_00))
        owner = book.memberships.get(role="owner").user
        corrected = services.correct_entry(
            entry=entry, actor=owner, date=MARCH, lines=lines, payee="", description="", on=TODAY
        )
        services.reverse_entry(entry=corrected, actor=owner, on=TODAY)
        post({household.groceries: 5_00, household.cash: -5_00}, actor=editor)
        rows = amounts(report("spending", by="member", compare="none").sections[0].rows)
        assert rows == {owner.email: [930_00], "edgar@example.org": [5_00]}

    def test_income_is_positive(self, report, household):
        assert report("income").sections[0].total[0].amount == 3000_00
        assert amounts(report("income", by="payee", compare="none").sections[0].rows) == {"Employer": [3000_00]}

    def test_an_account_of_nobody_or_of_another_kind(self, report, household):
        for account in (household.checking.pk, 10**12):
            with pytest.raises(NotFound):
                report("spending", account=str(account))


class TestTrialBalance:
    def test_debits_equal_credits(self, report, household):
        section = report("trial-balance", period="2026-03").section("EUR")
        opening, debit, credit, closing = (cell.amount for cell in section.total)
        assert (opening, closing) == (0, 0)
        assert debit == credit == 4430_00

    def test_has_columns_of_its_own(self, report, household):
        with pytest.raises(Invalid) as refused:
            report("trial-balance", columns="month")
        assert "columns" in refused.value.fields


class TestTags:
    def test_an_entry_counts_under_each_tag_and_once_in_the_total(self, report, household, spend, book, owner):
        """Also a corrected entry, whose tags hang on its first version, and not one that was taken back."""
        holiday, shared = tags.tags_named(book=book, names=["Holiday", "Shared"])
        trip, gone = spend(70_00), spend(5_00)
        tags.set_tags(book=book, actor=owner, entry_id=trip.pk, tags=[holiday, shared])
        tags.set_tags(book=book, actor=owner, entry_id=gone.pk, tags=[holiday])
        services.reverse_entry(entry=gone, actor=owner, on=TODAY)
        lines = [LineDraft(account_id=household.restaurants.pk, amount=75_00)]
        lines.append(LineDraft(account_id=household.checking.pk, amount=-75_00))
        services.correct_entry(entry=trip, actor=owner, date=TODAY, lines=lines, payee="Inn", description="", on=TODAY)
        made = report("spending", by="tag", compare="none")
        assert amounts(made.sections[0].rows) == {"No tag": [930_00], "Holiday": [75_00], "Shared": [75_00]}
        assert made.sections[0].total[0].amount == 1005_00


class TestDays:
    """The last day of a period is inside it, and a correction counts when it was made."""

    def test_rep_17_both_ends(self, report, spend):
        spend(100_00, on=datetime.date(2025, 10, 1))
        spend(200_00, on=datetime.date(2025, 10, 31))
        made = report("spending", period="2025-10-01..2025-10-31", compare="none")
        assert made.sections[0].total[0].amount == 300_00

    def test_rep_19_last_quarter_on_20_january(self, report, spend):
        spend(1_00, on=datetime.date(2024, 12, 31))
        spend(2_00, on=datetime.date(2025, 1, 1))
        day = datetime.date(2025, 1, 20)
        made = report("spending", period="last-quarter", compare="none", today=day)
        assert (made.scope.first, made.scope.last) == (datetime.date(2024, 10, 1), datetime.date(2024, 12, 31))
        assert made.sections[0].total[0].amount == 1_00
        assert report("spending", period="2017", today=day).scope.last == datetime.date(2017, 12, 31)

    @pytest.mark.parametrize("kind", list(Kind))
    @pytest.mark.parametrize("period", ["0001-01-01..9999-12-31", "9999", "0001", "all", "..0001-01-01"])
    def test_the_ends_of_the_calendar(self, report, spend, kind, period):
        spend(1_00)
        report(kind, period=period, compare="none" if kind is Kind.TRIAL_BALANCE else "previous", columns="none")


def test_what_would_read_too_much_is_refused_with_a_sentence(report, household, monkeypatch):
    monkeypatch.setattr(selectors, "MAX_LINES", 5)
    monkeypatch.setattr(selectors, "MAX_RECORDED", 5)
    with pytest.raises(Invalid, match="would read 7 lines, more than 5"):
        report("spending", by="payee", period="all", compare="none")
    with pytest.raises(Invalid, match="More than 5 entries were recorded since") as refused:
        report("balance-sheet", known_at="2020-01-01")
    assert "known_at" in refused.value.fields


@pytest.mark.django_db(transaction=True)
def test_as_it_was_known(report, household, book, owner, spend):
    """Every report of an earlier moment is the report that was made then."""

    def all_reports(**texts):
        kinds = [("trial-balance", {}), ("balance-sheet", {}), ("net-worth", {}), ("income-statement", {})]
        kinds += [("cash-flow", {}), *(("spending", {"by": by}) for by in ("category", "payee", "tag", "member"))]
        made = [report(kind, period="2026-03-02..2026-03-20", **query, **texts) for kind, query in kinds]
        return [
            ([(section.key, section.total, amounts(section.rows)) for section in each.sections], amounts(each.summary))
            for each in made
        ]

    then = all_reports()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment = cursor.fetchone()[0].isoformat()
    spend(1_00, on=datetime.date(2026, 3, 3))
    late = spend(7_00, on=datetime.date(2026, 1, 3))
    services.reverse_entry(entry=late, actor=owner, on=TODAY)
    first = JournalEntry.objects.filter(book=book, payee="Trattoria").get()
    first.book = book
    services.reverse_entry(entry=first, actor=owner, on=TODAY)
    assert all_reports() != then
    assert all_reports(known_at=moment) == then
    assert all(
        not any(cell for *_key, total, _rows in sections for cell in total)
        for sections, _summary in all_reports(known_at="2020-01-01")
    )
