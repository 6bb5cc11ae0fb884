"""Daily jobs of correcting, by mouse and by keyboard: what they cost in clicks and page loads is counted."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from finance.ledger.change_models import Change
from finance.models import Account, JournalEntry, JournalLine

pytestmark = pytest.mark.browser


class Counted:
    """A tab whose clicks, keys and page loads are counted from `start` on."""

    def __init__(self, tab):
        self.tab, self.clicks, self.loads = tab, 0, 0
        tab.on("framenavigated", self._loaded)

    def _loaded(self, frame):
        self.loads += frame == self.tab.main_frame

    def start(self, address):
        self.tab.goto(address)
        self.clicks = self.loads = 0
        return self

    def click(self, place, **options):
        self.clicks += 1
        # Chromium drops what is clicked before the first frame of a page is painted.
        self.tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        (self.tab.locator(place) if isinstance(place, str) else place).click(**options)

    @property
    def cost(self):
        return self.clicks, self.loads


@pytest.fixture
def checking(filled):
    return Account.objects.get(book=filled, name="Checking account")


@pytest.fixture
def register(checking):
    return f"/b/{checking.book_id}/accounts/{checking.pk}/"


@pytest.fixture
def counted(new_page, anna):
    return Counted(new_page(user=anna))


@pytest.fixture
def look(request):
    """look(tab, "name") keeps a picture where LOOK names a folder."""

    def keep(tab, name):
        if folder := os.environ.get("LOOK"):
            tab.screenshot(path=str(Path(folder) / f"{name}.png"))

    return keep


def row(tab, payee):
    return tab.locator(".register .row", has_text=payee)


def height(place):
    """How far down the page it is, however far that is scrolled."""
    return round(place.bounding_box()["y"] + place.page.evaluate("window.scrollY"))


def test_a_category_takes_two_clicks_and_no_page_load_and_undo_a_third(counted, register, look, checking):
    tab = counted.start(register).tab
    kiosk = row(tab, "Aldi").nth(2)
    balance, place = kiosk.locator(".balance-cell").text_content(), height(kiosk)
    counted.click(kiosk.locator(".chip[data-field]"))
    expect(tab.locator(".cell-edit input[type=search]")).to_be_focused()
    look(tab, "cell-category")
    counted.click(tab.get_by_role("button", name="Food › Restaurants"))
    expect(tab.locator("#messages")).to_contain_text("Groceries → Restaurants, €")
    assert counted.cost == (2, 0)
    changed = row(tab, "Aldi").nth(2)
    expect(changed.locator(".chip[data-field]")).to_have_text("Restaurants")
    assert (changed.locator(".balance-cell").text_content(), height(changed)) == (balance, place)
    look(tab, "cell-changed")
    counted.click(tab.locator("#messages").get_by_role("button", name="Undo"))
    expect(tab.locator("#messages")).to_contain_text("Undone: Restaurants → Groceries")
    expect(tab.locator(".register .chip[data-field]", has_text="Restaurants")).to_have_count(0)
    assert counted.cost == (3, 0)


def write(tab, text, key="Enter"):
    """Into the cell that has just been opened."""
    expect(tab.locator("#cell-value")).to_be_focused()
    tab.keyboard.type(text)
    tab.keyboard.press(key)


def test_payee_note_date_and_amount_change_in_place(counted, register, look):
    tab = counted.start(register).tab
    ikea = row(tab, "Landlord")
    counted.click(ikea.locator(".payee"))
    write(tab, "House owner")
    expect(tab.locator("#messages")).to_contain_text("Landlord → House owner.")
    counted.click(row(tab, "House owner").locator(".amount-cell a"))
    look(tab, "cell-amount")
    write(tab, "-900-20")
    expect(row(tab, "House owner").locator(".amount-cell")).to_have_text("−920.00")
    counted.click(row(tab, "House owner").locator(".unfold"))
    expect(tab.locator(".unfolded")).to_be_visible()
    look(tab, "unfolded")
    counted.click(tab.get_by_role("link", name="Add a note"))
    write(tab, "with heating")
    expect(row(tab, "House owner").locator(".memo")).to_have_text("with heating")
    counted.click(row(tab, "House owner").locator(".memo"))
    write(tab, "x", key="Escape")
    expect(row(tab, "House owner").locator(".memo")).to_have_text("with heating")
    assert counted.cost == (5, 0)


def test_twenty_rows_take_four_clicks(counted, register, look):
    tab = counted.start(register).tab
    counted.click(tab.locator("input.pick").nth(5))
    counted.click(tab.locator("input.pick").nth(24), modifiers=["Shift"])
    expect(tab.locator("#selection [data-count]")).to_have_text("20 selected")
    look(tab, "selection")
    place = tab.evaluate("window.scrollY")
    counted.click("#selection summary >> nth=0")
    expect(tab.locator("#selection-accounts input")).to_be_focused()
    look(tab, "selection-menu")
    counted.click(tab.locator("#selection-accounts").get_by_role("button", name="Food › Restaurants"))
    expect(tab.locator("#messages")).to_contain_text("→ Restaurants.")
    expect(tab.locator(".register .chip[data-field]", has_text="Restaurants").first).to_be_visible()
    expect(tab.locator("#selection")).to_be_hidden()
    assert counted.cost == (4, 0)
    assert tab.evaluate("window.scrollY") == place


def test_chosen_rows_are_saved_as_a_file_and_stay_chosen(counted, register, look):
    tab = counted.start(register).tab
    for number in (0, 2):
        counted.click(tab.locator("input.pick").nth(number))
    counted.click(tab.locator("#selection summary", has_text="Download"))
    look(tab, "selection-download")
    with tab.expect_download() as coming:
        counted.click(tab.locator("#selection").get_by_role("button", name="CSV"))
    assert len(Path(coming.value.path()).read_text("utf-8-sig").splitlines()) == 3
    expect(tab.locator("#selection [data-count]")).to_have_text("2 selected")
    assert counted.cost == (4, 0)
    counted.click(tab.locator(".filters summary", has_text="Download"))
    look(tab, "register-download")
    with tab.expect_download() as coming:
        counted.click(tab.locator(".filters").get_by_role("link", name="XLSX"))
    assert coming.value.suggested_filename == "checking-account.xlsx"


def test_all_of_the_list_is_changed_by_the_server_and_later_pages_stay(counted, register, checking, look):
    tab = counted.start(register).tab
    counted.click(tab.get_by_role("link", name="Earlier entries"))
    expect(tab.locator("#more a")).to_have_count(0)
    rows = tab.locator(".register .row").count()
    counted.click(tab.locator("input.pick").first)
    counted.click(tab.locator("#selection [name=all]"))
    expect(tab.locator("#selection-all")).to_contain_text("entries · ")
    counted.click("#selection summary >> nth=1")
    expect(tab.locator("#selection-payee")).to_be_focused()
    tab.keyboard.type("Everyone")
    tab.keyboard.press("Enter")
    expect(row(tab, "Everyone")).to_have_count(rows)
    assert counted.cost == (4, 0)
    assert Change.objects.get().entry_count == rows


def test_a_row_is_recategorised_by_keys_alone(counted, register):
    tab = counted.start(register).tab
    for key in "jjjj":
        tab.keyboard.press(key)
    tab.keyboard.press("c")
    expect(tab.locator(".cell-edit input[type=search]")).to_be_focused()
    tab.keyboard.type("restau")
    tab.keyboard.press("Enter")
    expect(tab.locator("#messages")).to_contain_text("→ Restaurants")
    expect(tab.locator(".register .row").nth(3).locator(".payee")).to_be_focused()
    tab.keyboard.press("x")
    expect(tab.locator("#selection [data-count]")).to_have_text("1 selected")
    tab.keyboard.press("p")
    expect(tab.locator("#cell-value")).to_be_focused()
    tab.keyboard.press("Escape")
    expect(tab.locator(".cell-edit")).to_have_count(0)
    assert counted.cost == (0, 0)


def test_a_row_is_deleted_and_brought_back(counted, register, look):
    tab = counted.start(register).tab
    counted.click(row(tab, "IKEA").locator(".unfold"))
    counted.click(tab.locator(".unfolded").get_by_role("button", name="Delete"))
    expect(row(tab, "IKEA")).to_have_count(0)
    look(tab, "deleted")
    counted.click(tab.locator("#messages").get_by_role("button", name="Undo"))
    expect(row(tab, "IKEA")).to_have_count(1)
    assert counted.cost == (3, 0)


def test_a_part_of_a_split_is_recategorised(counted, register):
    tab = counted.start(register).tab
    counted.click(row(tab, "IKEA").locator(".unfold"))
    counted.click(tab.locator(".unfolded tr", has_text="Restaurants").get_by_role("link", name="Change"))
    counted.click(tab.locator(".unfolded").get_by_role("button", name="Food › Groceries"))
    expect(tab.locator("#messages")).to_contain_text("Restaurants → Groceries, €17.50.")
    assert counted.cost == (3, 0)


def test_entries_are_added_one_after_another_with_sums_and_undone(counted, filled, look):
    tab = counted.start(f"/b/{filled.pk}/entries/new/").tab
    tab.keyboard.type("12.50+3")
    tab.select_option("#id_category", label="Food › Groceries")
    tab.keyboard.press("Control+Enter")
    expect(tab.locator("#messages")).to_contain_text("€15.50")
    look(tab, "saved")
    counted.click(tab.locator("#messages").get_by_role("button", name="Undo"))
    expect(tab.locator("#messages")).to_contain_text("Deleted: ")
    assert JournalEntry.objects.latest("pk").reverses_id is not None
    assert counted.clicks == 1


def test_an_exchange_names_its_currencies_and_shows_the_rate(counted, filled, look):
    tab = counted.start(f"/b/{filled.pk}/entries/new/?mode=exchanged").tab
    tab.select_option("#id_account", label="Checking account")
    tab.select_option("#id_target", label="Dollars")
    tab.fill("#id_amount", "100")
    tab.fill("#id_counter_amount", "115.62")
    expect(tab.locator("#rate")).to_have_text("1 EUR = 1.1562 USD")
    expect(tab.locator("label[for=id_amount] .unit")).to_have_text("EUR")
    expect(tab.locator("label[for=id_counter_amount] .unit")).to_have_text("USD")
    look(tab, "exchange")


def test_what_is_left_of_a_split_stands_in_its_last_part(counted, filled, look):
    tab = counted.start(f"/b/{filled.pk}/entries/new/?mode=split").tab
    tab.fill("#id_amount", "30")
    tab.select_option("#id_row-0-category", label="Food › Groceries")
    tab.fill("#id_row-0-amount", "20+2.50")
    tab.select_option("#id_row-1-category", label="Food › Restaurants")
    expect(tab.locator("#id_row-1-amount")).to_have_attribute("placeholder", "7.50")
    look(tab, "split")
    counted.click(".form-actions .btn-primary")
    expect(tab.locator("#messages")).to_contain_text("€30.00")
    assert JournalLine.objects.filter(entry=JournalEntry.objects.latest("pk"), amount=750).exists()
    assert counted.cost == (1, 1)


def test_on_a_phone_a_row_is_changed_by_two_taps_and_many_by_the_bar(new_page, anna, register, look):
    counted = Counted(new_page(user=anna, size="phone"))
    tab = counted.start(register).tab
    counted.click(row(tab, "Aldi").first.locator(".chip[data-field]"))
    expect(tab.locator(".cell-edit input[type=search]")).to_be_focused()
    look(tab, "phone-cell")
    counted.click(tab.get_by_role("button", name="Food › Restaurants"))
    expect(tab.locator("#messages")).to_contain_text("→ Restaurants")
    look(tab, "phone-changed")
    assert counted.cost == (2, 0)
    counted.click(tab.locator("input.pick").nth(2))
    counted.click("#selection summary >> nth=0")
    expect(tab.locator("#selection-accounts input")).to_be_focused()
    look(tab, "phone-selection")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_was_found_is_changed_where_it_is_shown(counted, filled, look):
    tab = counted.start(f"/b/{filled.pk}/search/?q=ikea").tab
    expect(tab.locator(".found")).to_have_count(1)
    counted.click(tab.locator(".found [data-field=date]"))
    expect(tab.locator("#cell-value")).to_be_focused()
    tab.fill("#cell-value", "2026-01-02")
    tab.keyboard.press("Enter")
    expect(tab.locator(".found")).to_contain_text("2 Jan 2026")
    counted.click(tab.locator(".found .pick"))
    expect(tab.locator("#selection [data-sum]")).to_have_text("−€207.49")
    counted.click("#selection summary >> nth=2")
    expect(tab.locator("#selection-note")).to_be_focused()
    tab.keyboard.type("shelf")
    look(tab, "search-selection")
    tab.keyboard.press("Enter")
    expect(tab.locator(".found .memo")).to_have_text("shelf")
    assert counted.cost == (3, 0)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_pages_of_changes_in_dark(new_page, anna, register, look, filled, size):
    tab = new_page(user=anna, size=size)
    tab.goto(register)
    tab.evaluate("document.cookie = 'theme=dark; path=/'")
    tab.goto(register)
    tab.locator("input.pick").first.click()
    tab.locator("#selection [name=action][value=delete]").click()
    expect(tab.locator("#messages")).to_contain_text("Deleted: Landlord")
    expect(row(tab, "Landlord")).to_have_count(0)
    tab.locator("input.pick").nth(3).click()
    look(tab, f"dark-register-{size}")
    tab.goto(f"/b/{filled.pk}/changes/")
    look(tab, f"dark-changes-{size}")
    expect(tab.get_by_role("button", name="Undo")).to_have_count(1)
    tab.get_by_role("link", name="Deleted: ").click()
    look(tab, f"dark-change-{size}")
    tab.goto(f"/b/{filled.pk}/entries/new/?mode=moved")
    look(tab, f"dark-form-{size}")
    assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_merging_selected_payees_asks_on_a_page_of_its_own(counted, register, look):
    tab = counted.start(register).tab
    counted.click(row(tab, "IKEA").locator("input.pick"))
    counted.click(tab.locator("#selection summary", has_text="Payee"))
    tab.locator("#selection-merge").fill("Furniture shop")
    counted.click(tab.get_by_role("button", name="Merge payees"))
    expect(tab.get_by_role("heading", name="Merge payees")).to_be_visible()
    look(tab, "merge")
    assert tab.locator("[name=name]").input_value() == "IKEA"
    counted.click(tab.get_by_role("button", name="Merge", exact=True))
    expect(tab.locator("#messages")).to_contain_text("Merged: IKEA → Furniture shop. 1 entry corrected.")
    expect(row(tab, "Furniture shop")).to_be_visible()
    assert counted.cost == (4, 1)
    counted.click(tab.locator("#messages").get_by_role("button", name="Undo"))
    expect(tab.locator("#messages")).to_contain_text("Undone")
    expect(row(tab, "IKEA")).to_be_visible()
