"""Each row of the guide is checked; docs/guide.md says what the checks have found."""

import functools
import os
from collections import Counter

import pytest
from django.conf import settings

from lifeos_project.tests.guide.page import page
from lifeos_project.tests.guide.rows import ROWS, SECTIONS, STATES, Row
from lifeos_project.tests.texts import differences

PAGE = settings.BASE_DIR / "docs" / "guide.md"

pytestmark = pytest.mark.django_db


@functools.cache
def state_of(row: Row) -> tuple[str, Exception | None]:
    """What has become of a row, and why. One that is not yet true becomes "false" too when it has come true unsaid."""
    try:
        row.check()
    except Exception as error:
        return ("open" if row.state == "open" else "false"), error
    return ("false", None) if row.state == "open" else (row.state, None)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.line} {row.term}")
def test_a_line_of_the_guide_is_as_the_table_says(row):
    state, error = state_of(row)
    if state == "false" and error is None:
        pytest.fail(
            f"Line {row.line} ({row.term}) is true now: give its row another state in rows.py, then make guide."
        )
    if state == "false":
        raise AssertionError(f"Line {row.line} ({row.term}) is not true any more: {error}") from error


def test_the_page_is_the_one_written_from_what_was_found():
    found = page({row: state_of(row)[0] for row in ROWS})
    if os.environ.get("LIFEOS_WRITE_GUIDE"):
        PAGE.write_text(found)
    changed = differences(PAGE.read_text(), found)
    assert not changed, f"docs/guide.md is older than the rows: make guide\n{changed}"


def test_the_rows_are_in_the_guides_order_and_say_everything():
    assert {row.state for row in ROWS} <= STATES.keys()
    for title, rows in SECTIONS.items():
        assert all(row.term and row.here for row in rows), title
    assert max(Counter((row.line, row.term, row.here) for row in ROWS).values()) == 1
    assert len(ROWS) >= 149
