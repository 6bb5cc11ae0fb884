"""`__in` takes as many values as there are."""

import uuid

import pytest
from django.db.models import F

from finance.models import Account, ImportRow, JournalEntry
from lifeos_project.postgresql.lookups import MANY

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "query",
    [
        JournalEntry.objects.filter(pk__in=range(70_000)),
        JournalEntry.objects.filter(reverses__in=range(70_000)),
        JournalEntry.objects.exclude(reverses__in=range(70_000)),
        JournalEntry.objects.filter(uid__in=[uuid.UUID(int=number) for number in range(70_000)]),
        ImportRow.objects.filter(identity__in=[str(number) for number in range(70_000)]),
        ImportRow.objects.filter(amount__in={*range(70_000)}, account__in=range(70_000)),
    ],
)
def test_more_values_than_a_statement_has_parameters(query):
    assert list(query) == []


def test_many_values_find_what_few_find():
    accounts = Account.objects.filter(pk__in=range(MANY + 1))
    assert "ANY(" in str(accounts.query)
    assert "ANY(" not in str(Account.objects.filter(pk__in=range(MANY)).query)


def test_expressions_among_many_values_are_left_to_django():
    query = Account.objects.filter(pk__in=[*range(MANY), F("parent_id")])
    assert '"parent_id"' in str(query.query)
    assert list(query) == []
