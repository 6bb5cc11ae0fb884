import pytest

from finance.imports import expected
from finance.ledger import replacements, undoing
from finance.ledger.models import Account, Book

HOME = Book(pk=1, base_currency="EUR", time_zone="Europe/Berlin")


@pytest.mark.django_db
def test_what_is_called_by_its_path_is_there():
    assert sorted(replacements._watchers) == ["goals", "receivables", "reconciliation", "schedules"]
    for watcher, condition in replacements._watchers.values():
        watcher(HOME, [])
        assert "entry" in condition()
    assert replacements.concerns().count(" OR ") >= 3
    assert expected.expected_on(Account(pk=1, book=HOME, currency="EUR")) == []
    assert sorted(undoing._slices) == ["payees", "tags"]
    for take_back in undoing._slices.values():
        with pytest.raises(
            (KeyError, TypeError, Book.DoesNotExist)
        ):  # of the function itself, which is given nothing to take back
            take_back(HOME, None, {})
