from finance.tests.conftest import accounts, book, owner, spend  # noqa: F401  # fixtures
