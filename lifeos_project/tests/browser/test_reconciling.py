"""Reconciling a statement in a browser, by keyboard and on a phone."""

import datetime

import pytest

from finance.models import JournalLine
from finance.reconciliation import services

pytestmark = pytest.mark.browser


@pytest.fixture
def statement(book, anna, accounts, filled):
    """Ninety days of the checking account, to the cent of what its rows come to."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    start = today - datetime.timedelta(days=90)
    checking = accounts["Checking account"]
    shown = JournalLine.objects.filter(account=checking, date__gte=start, date__lte=today)
    return services.add_statement(
        book=book, account=checking, actor=anna, start=start, end=today, opening=0,
        closing=sum(shown.values_list("amount", flat=True)),
    )  # fmt: skip


def test_rows_are_ticked_by_keyboard_until_nothing_is_missing(new_page, anna, book, statement):
    tab = new_page(user=anna)
    tab.goto(f"/b/{book.pk}/statements/{statement.pk}/")
    missing = tab.locator(".proof-off")
    before = missing.inner_text()
    tab.keyboard.press("j")
    first = tab.locator(".tick").first
    tab.keyboard.press("Space")
    tab.locator(".tick[aria-checked=true]").wait_for()
    assert missing.inner_text() != before
    # The same row keeps the focus, so that the next is one key away.
    assert first.evaluate("tick => tick === document.activeElement")
    assert tab.locator("button[value=finish]").is_disabled()
    tab.get_by_role("button", name="Tick all rows of these days").click()
    tab.locator(".proof-on").wait_for()
    tab.locator("button[value=finish]").click()
    tab.get_by_text("Reconciled. Its rows are guarded from now on.").wait_for()


@pytest.mark.parametrize("scripts", [True, False])
def test_on_a_phone_nothing_is_wider_than_the_screen(new_page, anna, book, statement, scripts):
    tab = new_page(user=anna, size="phone", scripts=scripts)
    for path in (
        f"statements/{statement.pk}/",
        f"accounts/{statement.account_id}/statements/",
        f"accounts/{statement.account_id}/statements/new/",
        "settings/export/",
    ):
        tab.goto(f"/b/{book.pk}/{path}")
        if scripts:
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    tab.goto(f"/b/{book.pk}/statements/{statement.pk}/")
    tab.locator(".tick").first.click()
    tab.locator(".tick[aria-checked=true]").wait_for()
