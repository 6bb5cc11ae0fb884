import pytest

from finance.payees import services
from finance.tests.api.conftest import api, clients, foreign, url
from finance.tests.web.conftest import as_, page, send

__all__ = ["api", "as_", "clients", "foreign", "page", "send", "url"]


@pytest.fixture
def rewe(book, accounts):
    return services.save_payee(
        book=book, name="Rewe", default_account=accounts.groceries, aliases=["REWE Markt GmbH", "rewe sagt danke"]
    )
