"""Swagger UI and Redoc in a real browser: they draw every operation under their policy, with nothing from elsewhere."""

import pytest


@pytest.fixture
def page(browser):
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("address", "operation"),
    [
        # Swagger UI draws only what is in sight of so long a document.
        ("/api/docs/#/entries/entries_create", "#operations-entries-entries_create"),
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
