"""Places of rows in lists by day; the paging itself is tested with real rows where tables are."""

import datetime

import pytest

from core.keyset import dated_place, read_dated_place


def test_a_place_is_read_as_it_was_written():
    place = datetime.date(2026, 3, 14), 2**63 - 1
    assert dated_place(*place) == "2026-03-14:9223372036854775807"
    assert read_dated_place(dated_place(*place)) == place


@pytest.mark.parametrize(
    "text",
    ["", ":", "2026-03-14", "2026-03-14:", "2026-02-30:1", "2026-03-14:x", "2026-03-14:-1", f"2026-03-14:{2**63}"],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read_dated_place(text)
