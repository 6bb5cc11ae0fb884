"""A real browser on a real server. Chromium is Debian's; nothing is fetched from outside."""

import datetime
import os

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from playwright.sync_api import sync_playwright

from finance.imports.services import stage_import
from finance.ledger import services
from finance.ledger.posting import EntryDraft, LineDraft
from finance.models import Account
from finance.rules.services import apply_to_past, save_rule
from finance.valuation.services import appraise, plan_depreciation, save_rate
from finance.webhooks import services as webhooks
from identity.models import User
from platform_outbox import testing
from platform_outbox.operations.models import OperationRun
from platform_outbox.operations.services import carry_out

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"desktop": {"width": 1360, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="session")
def browser(chromium_path):
    """One Chromium for all tests."""
    # Playwright keeps an event loop in this thread, which Django would take for asynchronous code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield chromium
        chromium.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture
def new_page(browser, live_server):
    """new_page(user=…, size="phone") → an empty tab on the live server; console errors fail the test in the end."""
    contexts, complaints = [], []

    def open_tab(*, user=None, size="desktop", scripts=True):
        context = browser.new_context(
            viewport=SIZES[size], base_url=live_server.url, locale="en-GB", java_script_enabled=scripts
        )
        context.set_default_timeout(30_000)
        contexts.append(context)
        if user is not None:
            client = Client()
            client.force_login(user)
            context.add_cookies(
                [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
            )
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        return tab

    yield open_tab
    for context in contexts:
        context.close()
    # A test that cuts the connection is told so by the browser.
    assert [text for text in complaints if "ERR_INTERNET_DISCONNECTED" not in text] == []


@pytest.fixture
def anna(transactional_db) -> User:
    return User.objects.create_user("anna@example.org", "correct horse battery", name="Anna")


@pytest.fixture
def book(anna):
    return services.create_book(owner=anna, name="Home", base_currency="EUR", time_zone="Europe/Berlin")


@pytest.fixture
def accounts(book):
    return {
        account.name: account
        for account in Account.objects.filter(book=book).exclude(type="income", name="Uncategorised")
    }


@pytest.fixture
def filled(book, anna, accounts):
    """Two months of a household, with another currency, a split, a correction and something in the future."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    dollars = services.open_account(
        book=book, actor=anna, name="Dollars", type="asset", kind="savings", currency="USD",
        parent=accounts["Checking account"].parent, opening_balance=50_000, opened_on=today - datetime.timedelta(days=90),
    )  # fmt: skip
    pk = {name: account.pk for name, account in accounts.items()}

    def draft(days_ago, payee, *sides, text=""):
        lines = [LineDraft(account_id=pk[name], amount=amount, memo=text) for name, amount in sides]
        return EntryDraft(date=today - datetime.timedelta(days=days_ago), payee=payee, lines=lines)

    drafts = [
        draft(70, "Employer", ("Checking account", 300_000), ("Salary", -300_000)),
        draft(40, "Employer", ("Checking account", 300_000), ("Salary", -300_000)),
        *(
            draft(day, "Aldi", ("Groceries", 1_000 + 37 * day), ("Checking account", -1_000 - 37 * day))
            for day in range(66)
        ),
        draft(12, "IKEA", ("Furniture", 18_999), ("Restaurants", 1_750), ("Checking account", -20_749), text="Shelf"),
        draft(-3, "Landlord", ("Rent", 90_000), ("Checking account", -90_000)),
    ]
    services.post_entries(book=book, actor=anna, drafts=drafts, source="manual")
    services.exchange(
        book=book, actor=anna, date=today, source_account=accounts["Checking account"], source_amount=10_000,
        target_account=dollars, target_amount=11_500, payee="Wise",
    )  # fmt: skip
    save_rate(book=book, actor=anna, base="USD", quote="EUR", date=today - datetime.timedelta(days=75), rate="0.91")
    car = services.open_account(
        book=book, actor=anna, name="Car", type="asset", kind="property", currency="EUR",
        parent=accounts["Checking account"].parent, opening_balance=900_000, opened_on=today - datetime.timedelta(days=90),
    )  # fmt: skip
    appraise(account=car, actor=anna, date=today - datetime.timedelta(days=70), value=840_000, note="Dealer's offer")
    plan_depreciation(account=car, actor=anna, months=48, residual=100_000)
    sides = [LineDraft(account_id=pk["Groceries"], amount=999), LineDraft(account_id=pk["Cash"], amount=-999)]
    wrong = services.post_entry(book=book, actor=anna, date=today, payee="Kiosk", lines=sides)
    right = [LineDraft(account_id=pk["Groceries"], amount=99), LineDraft(account_id=pk["Cash"], amount=-99)]
    services.correct_entry(entry=wrong, actor=anna, date=today, lines=right, payee="Kiosk", description="", on=today)
    for day in (2, 1):
        services.post_entry(
            book=book, actor=anna, date=today - datetime.timedelta(days=day), payee="Gym",
            lines=[LineDraft(account_id=pk["Sports"], amount=4_990), LineDraft(account_id=pk["Cash"], amount=-4_990)],
        )  # fmt: skip
    rows = f"Date,Payee,Amount,Balance\n{today},Aldi,-10.00,90.00\n{today},Kiosk,-2.00,88.00\nnever,Row,x,1\n"
    stage_import(
        book=book, account=accounts["Savings account"], actor=anna, data=rows.encode(), file_name="savings.csv"
    )
    parts = [{"account": pk["Sports"], "percent": "50", "of": "total"}, {"account": pk["Groceries"], "rest": True}]
    definition = {
        "conditions": [
            {"field": "payee", "test": "words", "value": "gym"},
            {"match": "any", "conditions": [
                {"field": "amount", "test": "between", "value": {"from": "10", "to": "80"}},
                {"field": "direction", "test": "is", "value": "in"},
            ]},
        ],
        "actions": [{"do": "payee", "value": "Sports club"}, {"do": "split", "parts": parts}],
    }  # fmt: skip
    save_rule(book=book, actor=anna, name="Sports club", definition=definition, override=True)
    apply_to_past(book=book, actor=anna, until=datetime.date(2020, 1, 1))
    hook = webhooks.add_endpoint(book=book, actor=anna, url="https://localhost/lifeos", description="Budget robot")
    webhooks.send_test(endpoint=hook.endpoint, actor=anna, now=datetime.datetime.now(tz=datetime.UTC))
    testing.drain(raise_errors=False)  # webhooks may not go there
    return book


@pytest.fixture
def moving_in(anna, settings, tmp_path):
    """Pages of moving in: the choice, a report with a difference, a book that was created, a refused file, one that waits."""
    settings.MEDIA_ROOT = tmp_path
    client = Client()
    client.force_login(anna)

    def upload(text, format):
        file = SimpleUploadedFile("Budget – Register.csv", text.encode())
        return client.post("/books/move-in/", {"format": format, "base_currency": "EUR", "file": file})["Location"]

    def work():
        for run in OperationRun.objects.filter(state="requested"):
            carry_out(run_id=run.pk, goes_on=lambda: True)

    ledger = (
        "2026-01-01 open Assets:Giro EUR\n2026-01-01 open Expenses:Essen-und-Trinken\n2026-01-01 price EUR 1 USD\n"
        '2026-01-02 * "Bäckerei" ""\n  Expenses:Essen-und-Trinken  12.50 EUR\n  Assets:Giro\n'
        "2026-01-03 balance Assets:Giro -12.00 EUR\n"
    )
    pages = ["/books/move-in/"]
    for text, format in ((ledger, "beancount"), ("a,b\n", "ynab"), (ledger.replace("-12.00", "-12.50"), "beancount")):
        pages.append(upload(text, format))
        work()
    pages.append(client.post(f"{pages[-1]}create/")["Location"])
    work()
    pages.append(upload(ledger, "beancount"))
    return pages
