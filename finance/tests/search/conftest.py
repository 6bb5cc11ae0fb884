from finance.tests.api.conftest import api, clients, foreign, url
from finance.tests.web.conftest import as_, page, send

__all__ = ["api", "as_", "clients", "foreign", "page", "send", "url"]
