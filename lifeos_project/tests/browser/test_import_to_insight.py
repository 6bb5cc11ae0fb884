"""The whole road in a browser: sign in, bring in a bank file, see it proven, follow an insight down to its entry."""

import datetime
import re

import pytest
from dateutil.relativedelta import relativedelta
from playwright.sync_api import expect

from finance.ledger.selectors import balance_of
from finance.models import Account, JournalEntry
from insights.models import Insight
from platform_outbox import testing

pytestmark = pytest.mark.browser

OPENING = 150_000


@pytest.fixture
def statement(tmp_path):
    """Seven months of a bank account whose streaming service became dearer; every row states the balance."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    rows = []
    for months_ago in range(6, -1, -1):
        first = today - relativedelta(months=months_ago, days=3)
        price = 1_599 if months_ago == 0 else 1_299
        rows += [(first, "Landlord", -75_000), (first, "Employer", 210_000), (first, "Streamflix", -price)]
    balance, lines = OPENING, ["Date,Payee,Amount,Balance"]
    for date, payee, amount in rows:
        balance += amount
        lines.append(f"{date.isoformat()},{payee},{amount / 100:.2f},{balance / 100:.2f}")
    path = tmp_path / "statement.csv"
    path.write_text("\n".join(lines) + "\n")
    return path, len(rows), balance


def test_a_bank_file_becomes_proven_books_and_an_insight_that_cites_its_entries(new_page, book, anna, statement):
    path, rows, closing = statement
    shown = f"€{closing / 100:,.2f}"
    tab = new_page()

    tab.goto("/")
    tab.fill("#id_username", "anna@example.org")
    tab.fill("#id_password", "correct horse battery")
    tab.get_by_role("button", name="Sign in").click()
    expect(tab.get_by_role("heading", name="This book is empty")).to_be_visible()

    tab.get_by_role("link", name="Import a bank file").click()
    tab.get_by_label("Account", exact=True).select_option(label="Checking account")
    tab.get_by_label("Bank file").set_input_files(path)
    tab.get_by_role("button", name="Continue").click()
    expect(tab.get_by_text("It adds up")).to_be_visible()
    expect(tab.locator("[data-proof=closing]")).to_have_text(shown)
    assert not JournalEntry.objects.exists()
    tab.get_by_role("button", name=f"Post {rows} entries").click()
    expect(tab.get_by_text(f"{rows} entries posted.")).to_be_visible()

    tab.get_by_role("link", name="Open the account").click()
    expect(tab.locator("#balance")).to_have_text(shown)
    expect(tab.locator(".register .row").first.locator(".balance-cell")).to_have_text(shown.removeprefix("€"))
    assert balance_of(account=Account.objects.get(book=book, name="Checking account")) == closing

    testing.drain()
    assert Insight.objects.filter(book_id=book.pk, kind="subscription_price_rise").count() == 1
    sentence = re.compile("Streamflix costs €15.99 a month instead of €12.99")
    tab.goto(f"/b/{book.pk}/")
    expect(tab.get_by_role("link", name=sentence)).to_be_visible()
    tab.get_by_role("link", name="Insights").first.click()
    tab.get_by_role("link", name=sentence).click()
    expect(tab.get_by_role("heading", name=sentence)).to_be_visible()
    tab.locator(".insight-subject").get_by_role("link", name="Streamflix").click()
    expect(tab.get_by_role("heading", name="Streamflix")).to_be_visible()
    expect(tab.locator(".entry-lines").first).to_contain_text("€15.99")
    expect(tab.get_by_role("link", name="statement.csv")).to_be_visible()
