"""Fixtures for every test: the throw-away PostgreSQL and a flush that the ledger's guards let through."""

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations


@pytest.fixture(scope="session", autouse=True)
def _flush_past_the_guards():
    """Transactional tests empty their tables by TRUNCATE, which the ledger refuses to everybody.

    In replica mode ordinary triggers rest; only a superuser can switch it on.
    """
    original = DatabaseOperations.sql_flush

    def sql_flush(self, style, tables, *, reset_sequences=False, allow_cascade=False):
        statements = original(self, style, tables, reset_sequences=reset_sequences, allow_cascade=allow_cascade)
        if not statements:
            return statements
        return [
            "SET session_replication_role = replica",
            *statements,
            "SET session_replication_role = origin",
        ]

    DatabaseOperations.sql_flush = sql_flush
    yield
    DatabaseOperations.sql_flush = original
