"""Tags as chips, receipts, and the search box that offers its operators, in a browser."""

from io import BytesIO

import pytest
from PIL import Image

from finance.attachments.services import attach
from finance.models import JournalEntry
from finance.payees.services import save_payee
from finance.tags.selectors import tags_of_entries
from finance.tags.services import save_tag, tag_entries

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def photo():
    out = BytesIO()
    Image.new("RGB", (600, 800), "teal").save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_tags_are_chips_and_files_are_attached(filled, book, anna, new_page, size):
    save_tag(book=book, name="Holiday", colour="teal")
    entry = JournalEntry.objects.filter(book=book, payee="IKEA").get()
    page = new_page(user=anna, size=size)
    page.goto(f"/b/{book.pk}/entries/{entry.uid}/edit/")
    field = page.locator("[data-tags] input:not([type=hidden])")
    field.fill("Flat")
    field.press("Enter")
    field.fill("holiday,")
    field.press("Backspace")
    field.press("Enter")
    assert page.locator("[data-tags] .tag").all_inner_texts() == ["Flat×", "holiday×"]
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/entries/*/")
    entry = JournalEntry.objects.get(corrects=entry)
    assert [tag.name for tag in tags_of_entries(book=book, entry_ids=[entry.pk])[entry.pk]] == ["Flat", "Holiday"]
    page.set_input_files("#file", [{"name": "shelf.jpg", "mimeType": "image/jpeg", "buffer": photo()}])
    page.get_by_text("1 file attached.").wait_for()
    assert page.locator(".file-name").all_inner_texts() == ["shelf.jpg"]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_box_offers_operators_and_marks_what_it_does_not_know(filled, book, anna, new_page):
    page = new_page(user=anna)
    page.goto(f"/b/{book.pk}/")
    box = page.locator("#search")
    box.press_sequentially("aldi -am")
    page.locator("[data-operator='amount:']").click()
    assert box.input_value() == "aldi -amount:"
    box.press_sequentially(">1000")
    page.locator("#search-results .hits a").first.wait_for()
    box.fill("amount_more:10")
    page.locator("#search-results mark").wait_for()
    assert page.locator("#search-results mark").inner_text() == "amount_more:"


def test_the_pages_fit_a_phone(filled, book, anna, accounts, new_page):
    holiday = save_tag(book=book, name="A holiday with a long name", colour="teal")
    ikea = JournalEntry.objects.get(book=book, payee="IKEA")
    tag_entries(book=book, actor=anna, entry_ids=[ikea.pk], add=[holiday])
    attach(entry=ikea, actor=anna, data=b"%PDF-1.7", file_name="a_rather_long_name_of_a_receipt_without_blanks.pdf")
    aldi = save_payee(book=book, name="Aldi", default_account=accounts["Groceries"], aliases=["ALDI SAGT DANKE"])
    page = new_page(user=anna, size="phone")
    for path in (
        *("tags/", f"tags/{holiday.pk}/", f"entries/{ikea.uid}/", "payees/named/", f"payees/{aldi.pk}/"),
        *("search/?q=tag:holiday", "entries/new/"),
    ):
        page.goto(f"/b/{book.pk}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
