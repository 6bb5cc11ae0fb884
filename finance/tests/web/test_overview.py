"""The overview's figures against hand-made stories, and what it costs to show them."""

import datetime

import pytest
from django.db import connection
from django.utils import timezone

from finance.imports.services import stage_import
from finance.ledger import chain, services
from finance.ledger.integrity import verify_ledger
from finance.ledger.posting import LineDraft
from finance.ledger.selectors import accounts_of
from finance.models import AccountType
from finance.reports.building import build_report
from finance.reports.definition import read_definition
from finance.tests.conftest import TODAY
from finance.tests.imports.conftest import CSV
from finance.valuation.net_worth import wealth
from finance.web.overview import bars_of
from finance.web.spending import category_months, flow

MONTH = TODAY.replace(day=1)


@pytest.fixture
def earn(book, owner, accounts):
    def post(amount, *, on, account=None):
        lines = [
            LineDraft(account_id=(account or accounts.checking).pk, amount=amount),
            LineDraft(account_id=accounts.salary.pk, amount=-amount),
        ]
        return services.post_entry(book=book, actor=owner, date=on, payee="Employer", lines=lines)

    return post


def spending_of(book):
    nets = category_months(book=book, month=MONTH)
    return flow(book=book, accounts=accounts_of(book=book), type=AccountType.EXPENSE, month=MONTH, nets=nets)


def test_net_worth_is_known_at_each_months_end_and_today(book, earn, spend):
    earn(100_000, on=datetime.date(2024, 6, 1))
    earn(50_000, on=datetime.date(2025, 12, 31))
    spend(20_000, on=datetime.date(2026, 2, 10))
    spend(5_000, on=TODAY)
    spend(7_777, on=TODAY + datetime.timedelta(days=1))
    held = wealth(book=book, accounts=accounts_of(book=book), today=TODAY)
    by_day = {point.day.isoformat(): point.amount for point in held.points}
    assert len(held.points) == 12
    assert by_day["2025-04-30"] == 100_000
    assert by_day["2025-12-31"] == 150_000
    assert by_day["2026-02-28"] == 130_000
    assert by_day["2026-03-15"] == 125_000
    assert held.change == -5_000


def test_what_is_owed_is_taken_off(book, earn, spend, accounts):
    earn(100_000, on=TODAY)
    spend(30_000, on=TODAY, account=accounts.card)
    assert wealth(book=book, accounts=accounts_of(book=book), today=TODAY).now == 70_000


def test_money_without_a_rate_is_told_and_never_added_one_to_one(page, book, owner, earn, accounts):
    earn(100_000, on=TODAY)
    services.open_account(
        book=book, actor=owner, name="Yen", type="asset", kind="savings", currency="JPY", opening_balance=5_000, opened_on=TODAY,
    )  # fmt: skip
    held = wealth(book=book, accounts=accounts_of(book=book), today=TODAY)
    assert (held.now, held.unvalued) == (100_000, {"JPY": 5_000})
    html = page("viewer").content.decode()
    assert "€1,000.00" in html
    assert "¥5,000" in html
    assert "no rate from JPY to EUR is known" in html


def test_spending_is_grouped_below_the_root_and_set_beside_its_average(book, spend, accounts):
    for month in (9, 10, 11, 12):
        spend(6_000, on=datetime.date(2025, month, 5))
    spend(3_000, on=datetime.date(2026, 3, 1), category=accounts.groceries)
    spend(1_000, on=datetime.date(2026, 3, 2), category=accounts.restaurants)
    spend(90_000, on=datetime.date(2026, 3, 1), category=accounts.rent)
    shown = spending_of(book)
    assert [(row.account.name, row.amount, row.average) for row in shown.rows] == [
        ("Housing", 90_000, 0),
        ("Food", 4_000, 4_000),
    ]
    assert (shown.total, shown.averaged) == (94_000, 6)
    assert [(part.account.name, part.amount) for part in shown.rows[1].parts] == [
        ("Groceries", 3_000),
        ("Restaurants", 1_000),
    ]
    assert [(bar.length, bar.tick) for bar in bars_of(shown, month=MONTH)] == [("100.0%", None), ("4.4%", "4.4%")]


def test_a_young_book_is_averaged_over_the_months_it_has(book, spend):
    spend(6_000, on=datetime.date(2026, 2, 5))
    spend(1_000, on=TODAY)
    shown = spending_of(book)
    assert (shown.averaged, shown.rows[0].average) == (1, 6_000)


def test_the_average_is_rounded_as_the_report_rounds_it(book, spend):
    spend(50, on=datetime.date(2026, 1, 5))
    spend(51, on=datetime.date(2026, 2, 5))
    definition = read_definition("spending", {}, time_zone=book.time_zone, today=TODAY)
    section = build_report(book=book, definition=definition, today=TODAY).sections[0]
    assert spending_of(book).average == section.total[1].amount == 51


def test_a_refund_larger_than_the_spending_draws_no_bar_backwards(book, spend):
    spend(-2_000, on=TODAY)
    assert [bar.length for bar in bars_of(spending_of(book), month=MONTH)] == ["0.0%"]


def test_the_overview_asks_the_database_a_fixed_number_of_questions(
    as_, book, earn, spend, django_assert_max_num_queries
):
    client = as_("owner")
    for day in range(1, 15):
        earn(1_000, on=datetime.date(2026, 3, day))
        spend(100, on=datetime.date(2026, 2, day))
    with django_assert_max_num_queries(29):
        assert client.get(f"/b/{book.pk}/").status_code == 200


def test_the_chart_has_its_figures_as_a_table(page, earn):
    earn(123_456, on=TODAY)
    html = page("viewer").content.decode()
    assert "The figures as a table" in html
    assert html.count("€1,234.56") >= 3
    assert '"values": ["0.00"' in html


def test_an_empty_book_offers_ways_to_begin_to_those_who_may(page):
    written = page("owner").content.decode()
    assert "Import a bank file" in written
    assert "Add the first account" in written
    assert "Add the first account" not in page("viewer").content.decode()


def test_the_proof_shows_both_sides_of_a_day(page, spend):
    spend(1_234, on=datetime.date(2026, 1, 5))
    today = page("viewer", "proof/").content.decode()
    assert "The books are in order" in today
    assert "debits €12.34, credits €12.34" in today
    assert "Nothing was posted up to this day" in page("viewer", "proof/", on="2026-01-04").content.decode()
    assert page("viewer", "proof/", on="nonsense").status_code == 200


def test_the_proof_shows_the_last_seal(page, book, spend):
    entry = spend(1_234)
    assert "Nothing is sealed yet" in page("viewer", "proof/").content.decode()
    services.seal_entries(posted={book.pk: [entry.pk]})
    sealed = page("viewer", "proof/").content.decode()
    assert "1 entry is sealed." in sealed
    assert f"<code>{chain.head_of(book=book).hash}</code>" in sealed


def test_the_proof_tells_of_seals_that_are_gone_and_of_entries_that_wait(page, book, spend):
    entry = spend(1_234)
    services.seal_entries(posted={book.pk: [entry.pk]})
    verify_ledger(now=timezone.now())
    kept = page("viewer", "proof/").content.decode()
    assert "notice-trouble" not in kept
    assert "not sealed yet" not in kept
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM finance_seal")
        cursor.execute("DELETE FROM finance_chainhead")
        cursor.execute("UPDATE finance_journalentry SET created_at = '2026-03-01 10:00Z'")
        cursor.execute("SET LOCAL session_replication_role = origin")
    text = page("viewer", "proof/").content.decode()
    assert "1 entry was sealed, and that seal is gone." in text
    assert "1 entry, recorded on Mar 1, 2026 at " in text
    assert "is not sealed yet" in text


def test_waiting_bank_files_are_counted_and_nothing_says_that_nothing_is_to_do(page, book, owner, accounts, spend):
    spend(10_00)
    assert "Nothing to look at." in page("owner").content.decode()
    for number in range(5):
        stage_import(book=book, account=accounts.checking, actor=owner, data=CSV, file_name=f"march-{number}.csv")

    html = page("owner").content.decode()

    assert html.count(">march-") == 3
    assert "All 5 bank files awaiting review" in html
    assert "Nothing to look at." not in html
