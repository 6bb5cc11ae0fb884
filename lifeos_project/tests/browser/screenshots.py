"""The pictures of the README, taken of the demonstration: `make screenshots` writes them to docs/images."""

import datetime

import pytest
from django.conf import settings
from django.test import Client

from finance.demo.services import seed_household
from finance.models import Account
from identity.models import User
from insights.models import Insight
from platform_outbox import testing

pytestmark = pytest.mark.browser

IMAGES = settings.BASE_DIR / "docs" / "images"
WIDE = {"width": 1280, "height": 860}
LARGEST = 300_000  # bytes


@pytest.fixture
def household(transactional_db):
    """Two years of a household, as `make run` shows them, with the insights that the workers found."""
    owner = User.objects.create_user("nora@example.org", "correct horse battery", name="Nora")
    book = seed_household(owner=owner, months=24, seed=1, today=datetime.datetime.now(tz=datetime.UTC).date())
    testing.drain()
    return owner, book


def test_pictures_of_overview_register_and_insight(browser, live_server, household):
    owner, book = household
    checking = Account.objects.get(book=book, name="Checking account")
    insight = Insight.objects.get(book=book, kind="possible_duplicate")
    client = Client()
    client.force_login(owner)
    context = browser.new_context(
        viewport=WIDE, base_url=live_server.url, locale="en-GB", color_scheme="light", reduced_motion="reduce"
    )
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    tab = context.new_page()
    IMAGES.mkdir(exist_ok=True)
    for name, path in (
        ("overview", f"/b/{book.pk}/"),
        ("register", f"/b/{book.pk}/accounts/{checking.pk}/"),
        ("insight", f"/b/{book.pk}/insights/{insight.pk}/"),
    ):
        assert tab.goto(path).status == 200
        picture = IMAGES / f"{name}.png"
        tab.screenshot(path=picture)
        assert picture.stat().st_size < LARGEST
    context.close()
