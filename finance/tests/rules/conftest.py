"""Rules for tests: save(name, conditions, actions) in the household's book."""

import pytest

from finance.rules import services
from finance.tests.api.conftest import api, clients, foreign, url
from finance.tests.imports.conftest import confirm, nothing_suggested, stage
from finance.tests.web.conftest import as_, page, send

__all__ = ["api", "as_", "clients", "confirm", "foreign", "nothing_suggested", "page", "send", "stage", "url"]


@pytest.fixture
def save(book, owner):
    def run(name="Groceries", conditions=None, actions=None, *, match="all", **options):
        conditions = conditions or [{"field": "payee", "test": "words", "value": "rewe"}]
        definition = {"match": match, "conditions": conditions, "actions": actions or [{"do": "ignore"}]}
        return services.save_rule(book=book, actor=owner, name=name, definition=definition, **options)

    return run
