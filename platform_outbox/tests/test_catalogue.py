import pytest
from django.core.management import call_command

from platform_outbox.catalogue import catalogue

pytestmark = pytest.mark.outbox


def test_the_page_of_events_tells_what_the_code_does():
    call_command("events_docs", "--check")


def test_the_catalogue_names_fields_and_leaves_out_tests():
    text = catalogue()
    assert "| `entry_ids` | list of int |" in text
    assert "| `through` | date or null |" in text
    assert "probe." not in text
