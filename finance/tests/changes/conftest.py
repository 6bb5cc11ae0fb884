"""Clients of the API and pages for tests of changes."""

from finance.tests.api.conftest import api, clients, url  # noqa: F401
from finance.tests.web.conftest import _today, as_, page, send  # noqa: F401
