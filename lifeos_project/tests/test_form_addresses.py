"""An address that only takes forms is no dead end in a browser."""

import pytest
from django.test import Client

from finance.ledger import services
from identity.models import User

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def home(db):
    owner = User.objects.create_user("olga@example.org", "correct horse battery")
    book = services.create_book(owner=owner, name="Home", base_currency="EUR", time_zone="Europe/Berlin")
    client = Client()
    client.force_login(owner)
    account = book.accounts.get(name="Cash")
    return client, {"book": book.pk, "account": account.pk}


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("/b/{book}/settings/rename/", "/b/{book}/settings/"),
        ("/b/{book}/accounts/{account}/move/", "/b/{book}/accounts/{account}/"),
        ("/b/{book}/members/3/role/", "/b/{book}/members/"),
        ("/b/{book}/imports/discard/", "/b/{book}/imports/"),
        ("/b/{book}/insights/muted/3/unmute/", "/b/{book}/insights/"),
        ("/theme/", "/"),
    ],
)
def test_a_browser_is_led_to_the_page_of_the_form(home, address, page):
    client, names = home
    answer = client.get(address.format(**names), headers=BROWSER)
    assert (answer.status_code, answer["Location"]) == (302, page.format(**names))
    assert client.get(answer["Location"], headers=BROWSER).status_code in (200, 302)


def test_programs_and_the_api_are_told_that_the_method_is_not_allowed(home):
    client, names = home
    assert client.get("/b/{book}/settings/rename/".format(**names)).status_code == 405
    assert client.delete("/b/{book}/settings/".format(**names), headers=BROWSER).status_code != 302
    assert client.get("/api/v1/auth/token/", headers=BROWSER).status_code == 405
