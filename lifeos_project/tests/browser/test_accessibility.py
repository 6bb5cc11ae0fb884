"""Axe finds nothing on any page: light and dark, desktop and phone. WCAG 2.2 AA."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe

from finance.models import JournalEntry
from lifeos_project.tests.browser.pages import open_pages, pages_of

pytestmark = pytest.mark.browser

RULES = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
COLOURS = {
    "resultTypes": ["violations"],
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}


def violations(tab, options, *, within=None):
    """What axe has to say of the page as it stands, or of the part of it at the selector `within`."""
    axe = Axe()
    if not tab.evaluate("'axe' in window"):  # half a megabyte: once per page, not once per look
        tab.evaluate(axe.axe_script)
    found = tab.evaluate(
        "([part, options]) => axe.run(part || document, options).then((results) => results.violations)",
        [within, options],
    )
    return [(each["id"], [node["target"] for node in each["nodes"]][:3]) for each in found]


def problems_of(tab, url):
    """Violations in light, as the page opens and unfolded; then of the dark colours, unfolded as it is by then.

    Structure does not depend on colours and is looked at once.
    """
    response = tab.goto(url)
    tab.evaluate("document.fonts.ready.then(() => null)")
    found = {}
    tab.emulate_media(color_scheme="light", reduced_motion="reduce")
    for name, state in open_pages(tab):
        if state:
            state()
        if problems := violations(tab, RULES):
            found[f"{url} light {name}"] = problems
    tab.emulate_media(color_scheme="dark", reduced_motion="reduce")
    if problems := violations(tab, COLOURS):
        found[f"{url} dark"] = problems
    width = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if width > 0:
        found[f"{url} scrolls sideways"] = width
    return response.status, found


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_no_page_of_a_book_has_a_barrier(new_page, anna, filled, size):
    tab = new_page(user=anna, size=size)
    found = {}
    # Sizes differ in what is beside what; on the phone, where things meet, it is every page.
    for url in list(pages_of(filled))[:: 2 if size == "desktop" else 1]:
        status, problems = problems_of(tab, url)
        assert status == 200, url
        found |= problems
    assert not found, json.dumps(found, indent=1)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_no_page_without_a_book_has_a_barrier(new_page, anna, size):
    visitor, fresh = new_page(size=size), new_page(user=anna, size=size)
    found = {}
    for url in ("/accounts/sign-in/", "/accounts/sign-up/", "/accounts/password/forgotten/"):
        found |= problems_of(visitor, url)[1]
    for url in ("/books/new/", "/accounts/profile/", "/accounts/password/change/"):
        found |= problems_of(fresh, url)[1]
    assert not found, json.dumps(found, indent=1)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_no_page_of_moving_in_has_a_barrier(new_page, anna, moving_in, size):
    tab = new_page(user=anna, size=size)
    found = {}
    for url in moving_in:
        status, problems = problems_of(tab, url)
        assert status == 200, url
        found |= problems
    assert not found, json.dumps(found, indent=1)


def test_an_empty_book_has_no_barrier(new_page, anna, book):
    tab = new_page(user=anna)
    assert problems_of(tab, f"/b/{book.pk}/") == (200, {})
    assert not JournalEntry.objects.exists()


def test_a_refused_form_has_no_barrier_and_the_reader_is_taken_to_the_reason(new_page, anna, book):
    tab = new_page(user=anna)
    tab.goto(f"/b/{book.pk}/entries/new/")
    tab.fill("#id_amount", "1.234")
    tab.select_option("#id_category", label="Food › Groceries")
    tab.click(".form-actions [name=save]")
    tab.wait_for_selector(".field-refused")
    assert tab.evaluate("document.activeElement.getAttribute('role')") == "alert"
    assert violations(tab, RULES) == []
