"""The register and the entry form by keyboard alone, and both without scripts."""

import pytest
from playwright.sync_api import expect

from finance.imports.services import stage_import
from finance.models import Account, JournalEntry, JournalLine
from lifeos_project.tests.services import wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def checking(filled):
    return Account.objects.get(book=filled, name="Checking account")


def test_entries_are_written_one_after_the_other_without_the_mouse(new_page, anna, filled):
    tab = new_page(user=anna)
    tab.goto(f"/b/{filled.pk}/")
    tab.keyboard.press("n")
    expect(tab.locator("#id_amount")).to_be_focused()
    tab.keyboard.type("12,34")
    tab.keyboard.press("Tab")
    tab.keyboard.type("al")
    expect(tab.get_by_role("option", name="Aldi")).to_be_visible()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    expect(tab.locator("#id_payee")).to_have_value("Aldi")
    expect(tab.locator("#id_category option:checked")).to_have_text("Food › Groceries")
    tab.keyboard.press("Control+Enter")
    expect(tab.get_by_text("Saved: Aldi, €12.34.")).to_be_visible()
    expect(tab.locator("#id_amount")).to_be_focused()
    expect(tab.locator("#id_amount")).to_have_value("")
    entry = JournalEntry.objects.latest("pk")
    amounts = dict(JournalLine.objects.filter(entry=entry).values_list("account__name", "amount"))
    assert amounts == {"Groceries": 1234, "Checking account": -1234}


def test_the_last_amount_stands_as_ghost_text_and_is_taken_by_one_key(new_page, anna, filled):
    tab = new_page(user=anna)
    tab.goto(f"/b/{filled.pk}/entries/new/")
    tab.fill("#id_payee", "Aldi")
    expect(tab.locator("#id_amount")).to_have_attribute("placeholder", "10.00")
    expect(tab.locator("#payee-last")).to_contain_text("Last time €10.00 for Groceries")
    tab.focus("#id_amount")
    tab.keyboard.press("ArrowRight")
    expect(tab.locator("#id_amount")).to_have_value("10.00")


def test_correcting_a_payee_does_not_change_the_category_behind_ones_back(new_page, anna, filled):
    tab = new_page(user=anna)
    gym = JournalEntry.objects.filter(payee="Gym").first()
    tab.goto(f"/b/{filled.pk}/entries/{gym.uid}/edit/")
    tab.fill("#id_payee", "Aldi")
    expect(tab.locator("#payee-last")).to_be_visible()
    expect(tab.locator("#id_category option:checked")).to_have_text("Health › Sports")


def test_a_second_currency_asks_for_its_amount_and_one_currency_does_not(new_page, anna, filled):
    tab = new_page(user=anna)
    tab.goto(f"/b/{filled.pk}/entries/new/")
    tab.select_option("#id_category", label="Food › Groceries")
    expect(tab.locator("#id_counter_amount")).to_be_hidden()
    tab.select_option("#id_account", label="Dollars")
    expect(tab.locator("#id_counter_amount")).to_be_visible()


def test_changing_the_kind_keeps_what_was_typed(new_page, anna, filled):
    tab = new_page(user=anna)
    tab.goto(f"/b/{filled.pk}/entries/new/")
    tab.fill("#id_amount", "30")
    tab.fill("#id_payee", "IKEA")
    tab.get_by_role("button", name="Split").click()
    expect(tab.locator("#id_row-0-amount")).to_have_value("30")
    expect(tab.locator("#id_payee")).to_have_value("IKEA")
    tab.fill("#id_row-0-amount", "22.50")
    expect(tab.locator("#left")).to_have_text("7.50 left")
    tab.fill("#id_row-1-amount", "7,50")
    expect(tab.locator("#left")).to_have_text("adds up")


def test_rows_are_walked_unfolded_opened_and_corrected_by_keys(new_page, anna, checking):
    tab = new_page(user=anna)
    tab.goto(f"/b/{checking.book_id}/accounts/{checking.pk}/")
    for key in "jjjk":
        tab.keyboard.press(key)
    second = tab.locator(".register .row").nth(1)
    expect(second.locator(".payee")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator(".unfolded")).to_be_visible()
    expect(second.locator(".unfold")).to_have_attribute("aria-expanded", "true")
    address = second.locator(".unfold").get_attribute("href")
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"**{address}")
    tab.go_back()
    tab.keyboard.press("j")
    tab.keyboard.press("e")
    tab.wait_for_url("**/edit/**")
    expect(tab.get_by_role("heading", name="Edit this entry")).to_be_visible()


def test_a_click_folds_the_row_again(new_page, anna, checking):
    tab = new_page(user=anna)
    tab.goto(f"/b/{checking.book_id}/accounts/{checking.pk}/")
    first = tab.locator(".register .unfold").first
    first.click()
    expect(tab.locator(".unfolded")).to_have_count(1)
    first.click()
    expect(tab.locator(".unfolded")).to_have_count(0)
    expect(first).to_have_attribute("aria-expanded", "false")


def test_earlier_entries_are_added_in_place(new_page, anna, checking):
    tab = new_page(user=anna)
    tab.goto(f"/b/{checking.book_id}/accounts/{checking.pk}/")
    expect(tab.locator(".register .row")).to_have_count(50)
    tab.get_by_role("link", name="Earlier entries").click()
    expect(tab.locator("#more a")).to_have_count(0)
    expect(tab.locator(".register .row")).to_have_count(JournalLine.objects.filter(account=checking).count())
    days = tab.locator(".day-head").all_text_contents()
    assert len(days) == len(set(days))


def test_search_keys_and_menus_answer_to_the_keyboard(new_page, anna, filled):
    tab = new_page(user=anna)
    tab.goto(f"/b/{filled.pk}/")
    tab.keyboard.press("?")
    expect(tab.get_by_role("dialog", name="Keys")).to_be_visible()
    tab.keyboard.press("Escape")
    expect(tab.get_by_role("dialog", name="Keys")).to_be_hidden()
    tab.keyboard.press("Control+k")
    expect(tab.locator("#search")).to_be_focused()
    tab.keyboard.type("ike")
    hit = tab.locator("#search-results").get_by_role("link", name="IKEA")
    expect(hit).to_be_visible()
    tab.keyboard.press("ArrowDown")
    expect(hit).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", name="IKEA")).to_be_visible()


def test_the_chosen_colours_are_there_from_the_first_paint_of_the_next_page(new_page, anna, filled):
    tab = new_page(user=anna)
    tab.goto(f"/b/{filled.pk}/")
    tab.locator(".user-menu > summary").click()
    tab.get_by_role("button", name="Dark").click()
    background = "getComputedStyle(document.body).backgroundColor"
    assert tab.evaluate(background) == "rgb(11, 17, 32)"
    response = tab.goto(f"/b/{filled.pk}/accounts/")
    assert 'data-theme="dark"' in response.text()
    assert tab.evaluate(background) == "rgb(11, 17, 32)"


def test_the_chart_is_drawn_and_follows_the_pointer(new_page, anna, filled):
    tab = new_page(user=anna)
    tab.goto(f"/b/{filled.pk}/")
    # Asked again and again from here: Playwright's own waiting evaluates text, which the content policy forbids.
    points = "globalThis.Chart?.getChart('worth-chart')?.data.datasets[0].data.length"
    wait_until(lambda: tab.evaluate(points) == 12, seconds=60, what="the chart")
    tab.locator("#worth-chart").hover(position={"x": 300, "y": 100})
    shown = "Chart.getChart('worth-chart').tooltip.opacity"
    wait_until(lambda: tab.evaluate(shown) > 0, seconds=60, what="the tooltip")
    label = tab.evaluate("Chart.getChart('worth-chart').tooltip.body[0].lines[0]")
    assert label in tab.locator(".worth table").text_content()


@pytest.mark.parametrize(
    "address", ["register/?scope=spending", "reports/income-statement/?period=last-90-days&columns=month"]
)
def test_registers_and_reports_draw_their_chart(new_page, anna, filled, address):
    tab = new_page(user=anna)
    tab.goto(f"/b/{filled.pk}/{address}")
    drawn = "globalThis.Chart?.getChart(document.querySelector('canvas[data-chart]'))?.data.datasets"
    wait_until(lambda: tab.evaluate(f"{drawn}?.[0].data.length ?? 0") > 1, seconds=60, what="the chart")
    several = "income-statement" in address
    assert tab.evaluate(f"{drawn}.length") == (2 if several else 1)
    colour = "Chart.getChart(document.querySelector('canvas[data-chart]')).data.datasets.at(-1).backgroundColor"
    light = tab.evaluate(colour)
    tab.evaluate(
        "document.documentElement.dataset.theme = 'dark'; document.dispatchEvent(new CustomEvent('lifeos:theme'))"
    )
    assert tab.evaluate(colour) != light


def test_everything_can_be_read_and_written_without_scripts(new_page, anna, checking):
    tab = new_page(user=anna, scripts=False)
    book = f"/b/{checking.book_id}"
    tab.goto(f"{book}/")
    expect(tab.get_by_role("heading", name="Spending")).to_be_visible()
    expect(tab.locator("#worth-chart")).to_be_hidden()
    tab.get_by_text("The figures as a table").click()
    expect(tab.get_by_role("table", name="Net worth month by month")).to_be_visible()
    tab.goto(f"{book}/accounts/{checking.pk}/")
    tab.get_by_role("link", name="Earlier entries").click()
    expect(tab.locator(".register .row").first).to_be_visible()
    tab.locator(".register .unfold").first.click()
    expect(tab.get_by_role("heading", name="Origin")).to_be_visible()
    tab.goto(f"{book}/entries/new/")
    tab.get_by_role("button", name="Received").click()
    tab.fill("#id_amount", "5")
    tab.select_option("#id_category", label="Salary")
    tab.locator(".form-actions [name=save]").click()
    expect(tab.locator("#messages")).to_contain_text("Saved")
    tab.fill("#search", "aldi")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", name="Search for “aldi”")).to_be_visible()


def test_rows_of_an_import_are_decided_by_keyboard_and_the_figures_follow(new_page, anna, filled, checking):
    file = b"Date,Payee,Amount,Balance\n2021-03-01,Kiosk,-4.00,96.00\n2021-03-02,Cinema,-12.00,84.00\n"
    batch = stage_import(book=filled, account=checking, actor=anna, data=file, file_name="march.csv")
    tab = new_page(user=anna)
    tab.goto(f"/b/{filled.pk}/imports/{batch.pk}/")
    tab.locator("#opening, #rows").first.wait_for()
    tab.keyboard.press("j")
    tab.keyboard.press("j")
    expect(tab.locator(".import-row").nth(1)).to_be_focused()
    tab.keyboard.press("x")
    expect(tab.get_by_role("button", name="Post 1 entry")).to_be_visible()
    expect(tab.locator(".import-row").nth(1)).to_be_focused()
    tab.keyboard.press("k")
    tab.keyboard.press("c")
    tab.keyboard.type("Food › Groceries")
    tab.keyboard.press("Enter")
    expect(tab.locator("#post")).not_to_contain_text("without a category")
    tab.keyboard.press("Escape")
    expect(tab.locator(".import-row").first).to_be_focused()
