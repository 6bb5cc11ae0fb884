"""Swagger UI and Redoc in a real browser: they draw every operation under their policy, with nothing from elsewhere."""

import pytest
from playwright.sync_api import sync_playwright


@pytest.fixture
def page(chromium_path, monkeypatch):
    # Playwright's loop in this thread makes Django believe that it runs in async code.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("address", "operation"),
    [
        ("/api/docs/", "#operations-entries-entries_create"),
        ("/api/redoc/", "[id='tag/entries/operation/entries_create']"),
    ],
)
def test_the_documentation_is_drawn_without_other_hosts(live_server, page, address, operation):
    faults, answered = [], set()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("response", lambda response: answered.add(response.url.removeprefix("blob:").split("/")[2]))
    page.goto(f"{live_server.url}{address}")
    page.wait_for_selector(operation, state="attached", timeout=60_000)
    assert faults == []
    assert answered == {live_server.url.split("/")[2]}
