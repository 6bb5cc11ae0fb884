"""The arithmetic of statements."""

import datetime

import pytest

from finance.reconciliation.arithmetic import Join, difference, join_of


def day(number, month=2):
    return datetime.date(2026, month, number)


def test_the_difference_is_closing_minus_opening_minus_rows():
    # Field case REC-01: 7,506.37 in the ledger, of which a row of tomorrow is no part.
    assert difference(opening=0, closing=7_506_37, linked=7_406_37) == 100_00
    assert difference(opening=-50_00, closing=-80_00, linked=-30_00) == 0


@pytest.mark.parametrize(
    ("start", "opening", "expected"),
    [
        (day(1), 100_00, Join(jump=0)),
        (day(1), 115_00, Join(jump=15_00)),
        (day(4), 100_00, Join(gap=3, jump=0)),
        (day(30, 1), 100_00, Join(overlap=2)),
    ],
)
def test_how_a_statement_follows_the_one_that_ends_on_31_january(start, opening, expected):
    found = join_of(start=start, opening=opening, covered_to=day(31, 1), closing_before=100_00)
    assert found == expected
    assert found.holds is (expected == Join(jump=0))


def test_the_first_statement_follows_nothing():
    assert join_of(start=day(1), opening=5, covered_to=None, closing_before=None).holds
