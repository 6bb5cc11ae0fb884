"""The quick entry without a connection, in a real browser."""

import pytest

from finance.models import JournalEntry

pytestmark = pytest.mark.browser


def test_an_entry_made_offline_is_posted_once_when_the_connection_is_back(new_page, anna, book, accounts):
    tab = new_page(user=anna, size="phone")
    address = f"/b/{book.pk}/quick/"
    tab.goto(address)
    tab.locator("#quick[data-ready]").wait_for()

    tab.context.set_offline(True)
    tab.goto(address)
    tab.get_by_label("Amount", exact=True).fill("12,5")
    tab.get_by_label("Category").select_option(str(accounts["Groceries"].pk))
    tab.get_by_label("Account", exact=True).select_option(str(accounts["Cash"].pk))
    tab.get_by_label("Payee").fill("Kiosk")
    tab.get_by_role("button", name="Save").click()
    tab.get_by_text("It is kept on this device and sent later.").wait_for()
    assert tab.locator("#quick-waiting li").count() == 1
    assert not JournalEntry.objects.exists()

    # Closed and opened again without a connection, it is still there.
    tab.goto(address)
    tab.get_by_text("12.50 EUR").wait_for()

    tab.context.set_offline(False)
    tab.evaluate("window.dispatchEvent(new Event('online'))")
    tab.get_by_text("Saved:").wait_for()

    entry = JournalEntry.objects.get()
    assert (entry.payee, entry.source) == ("Kiosk", "api")
    assert {line.account.name: line.amount for line in entry.lines.all()} == {"Groceries": 12_50, "Cash": -12_50}
    assert tab.locator("#quick-waiting li").count() == 0
    tab.reload()
    assert JournalEntry.objects.count() == 1


def test_what_another_person_left_on_the_device_is_not_shown(new_page, anna, book, accounts):
    tab = new_page(user=anna)
    tab.goto(f"/b/{book.pk}/quick/")
    tab.evaluate(
        """() => new Promise((resolve) => {
             const asked = indexedDB.open("lifeos-quick-999999", 1);
             asked.onupgradeneeded = () => asked.result.createObjectStore("entries", { keyPath: "at" });
             asked.onsuccess = () => {
               const entry = { at: 1, key: "k", book: 1, body: {}, shown: "secret of another" };
               const written = asked.result.transaction("entries", "readwrite");
               written.objectStore("entries").put(entry);
               written.oncomplete = resolve;
             };
           })"""
    )
    tab.reload()
    tab.get_by_label("Amount", exact=True).wait_for()
    assert "secret of another" not in tab.content()
