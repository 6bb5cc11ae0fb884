"""The parts of reports that need no database: definitions, columns, the flow diagram, cells."""

import datetime
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance.errors import Invalid
from finance.ledger.turnovers import bounds_of, cut_months
from finance.periods import PayRule
from finance.reports.columns import columns_of
from finance.reports.definition import KINDS, Columns, read_definition, scope_of
from finance.reports.figures import Cell, added
from finance.reports.flow_diagram import MOST, Source, flow_diagram

TODAY = datetime.date(2026, 3, 15)
PAY = PayRule(day=25)
BEGAN = datetime.date(2025, 11, 1)


def defined(kind="spending", **texts):
    return read_definition(kind, texts, time_zone="Europe/Berlin", today=TODAY)


def columns(*, today=TODAY, pay=None, kind="spending", **texts):
    definition = defined(kind, **texts)
    scope = scope_of(definition, today=today, pay=pay, first_day=BEGAN)
    return columns_of(definition, scope, today=today, pay=pay, first_day=BEGAN)


class TestDefinition:
    @pytest.mark.parametrize("kind", KINDS)
    def test_of_nothing_is_the_usual_one_and_needs_no_parameter(self, kind):
        assert defined(kind).parameters() == {}

    @pytest.mark.parametrize(
        "texts",
        [
            {"period": "last-month", "columns": "quarter", "compare": "last-year", "depth": "2", "empty": "1"},
            {"by": "payee", "top": "10", "account": "7", "averaged": "3", "compare": "previous"},
            {"as_of": "2026-02-01", "known_at": "2026-02-03T10:00:00+01:00"},
        ],
    )
    def test_reads_back_what_it_writes(self, texts):
        assert defined(**texts).parameters() == texts
        assert defined(**defined(**texts).parameters()) == defined(**texts)

    def test_a_day_as_moment_is_its_end_in_the_books_zone(self):
        known_at = defined(known_at="2026-03-31").known_at
        assert known_at.astimezone(datetime.UTC).isoformat() == "2026-03-31T21:59:59.999999+00:00"

    @pytest.mark.parametrize(
        ("texts", "field"),
        [
            ({"period": "soon"}, "period"),
            ({"columns": "week"}, "columns"),
            ({"compare": "now"}, "compare"),
            ({"averaged": "25"}, "averaged"),
            ({"depth": "0"}, "depth"),
            ({"top": "1001"}, "top"),
            ({"account": "١"}, "account"),
            ({"as_of": "31.3.2026"}, "as_of"),
            ({"known_at": "2026-02-30"}, "known_at"),
            ({"by": "colour"}, "by"),
        ],
    )
    def test_names_what_is_wrong(self, texts, field):
        with pytest.raises(Invalid) as refused:
            defined(**texts)
        assert list(refused.value.fields) == [field]

    def test_only_spending_and_income_are_grouped(self):
        for texts in ({"by": "payee"}, {"account": "3"}):
            with pytest.raises(Invalid):
                defined("cash-flow", **texts)


class TestColumns:
    @pytest.mark.parametrize(
        ("texts", "expected"),
        [
            ({"columns": "month"}, ["2026-01-10", "2026-02-01", "2026-03-01", "2026-04-01"]),
            ({"columns": "quarter"}, ["2026-01-10", "2026-04-01"]),
            ({"columns": "pay"}, ["2026-01-10", "2026-01-25", "2026-02-25", "2026-03-25"]),
        ],
    )
    def test_cover_the_period_without_gap(self, texts, expected):
        found = columns(period="2026-01-10..2026-04-03", compare="none", pay=PAY, **texts)
        starts = [column.first.isoformat() for column in found if column.role == "period"]
        assert starts == expected
        assert found[-1].role == "total"
        assert found[-2].last == found[-1].last == datetime.date(2026, 4, 3)

    def test_an_average_leaves_out_the_time_before_the_book_began(self):
        compared = next(column for column in columns(period="2026-02") if column.role == "compared")
        assert [span.first.month for span in compared.spans] == [11, 12, 1]

    def test_nothing_to_compare_with_is_no_column(self):
        assert [column.role for column in columns(period="2025-11")] == ["total"]
        assert [column.role for column in columns(period="all")] == ["total"]

    def test_the_period_that_is_not_over_is_compared_to_the_same_day(self):
        compared = next(column for column in columns(compare="previous") if column.role == "compared")
        assert (compared.first, compared.last) == (datetime.date(2026, 2, 1), datetime.date(2026, 2, 15))

    def test_as_of_cuts_both(self):
        total, compared, _difference = columns(period="2026-02", compare="previous", as_of="2026-02-10")
        assert total.last == datetime.date(2026, 2, 10)
        assert compared.last == datetime.date(2026, 1, 10)

    def test_holdings_have_no_total_and_end_today(self):
        found = columns(kind="net-worth")
        assert [column.role for column in found] == ["period"] * 3
        assert found[-1].last == TODAY

    def test_too_many_are_refused(self):
        with pytest.raises(Invalid, match="more than 132 columns"):
            columns(period="2000-01-01..2026-03-01", columns="month")

    def test_a_pay_period_needs_a_rule(self):
        with pytest.raises(Invalid, match="no pay period"):
            columns(columns=Columns.PAY.value)

    def test_months_that_a_bound_cuts(self):
        bounds = bounds_of(columns(period="2026-01-10..2026-03-31", compare="none")[0].spans)
        assert cut_months(bounds) == [datetime.date(2026, 1, 1)]


CELLS = st.builds(
    Cell,
    st.integers(-(10**9), 10**9),
    st.dictionaries(st.sampled_from(["USD", "GBP"]), st.integers(-99, 99).filter(bool)),
)


@given(rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5))
def test_rows_add_up_column_by_column(rows):
    sums = added(rows, columns=3)
    for place, total in enumerate(sums):
        assert total.amount == sum(row[place].amount for row in rows)
        for currency in ("USD", "GBP"):
            assert total.unvalued.get(currency, 0) == sum(row[place].unvalued.get(currency, 0) for row in rows)


@pytest.mark.parametrize(("amount", "count", "each"), [(5, 2, 3), (-5, 2, -3), (4, 3, 1), (-1, 3, 0), (7, 1, 7)])
def test_an_average_is_rounded_half_away_from_zero(amount, count, each):
    assert Cell(amount, {"USD": amount}).divided(count) == (each, {"USD": each})


AMOUNTS = st.lists(st.integers(-(10**7), 10**7), max_size=14)


def diagram(incoming, outgoing):
    sides = [
        [
            Source(key=f"{side}{number}", label=f"{side} {number}", amount=amount)
            for number, amount in enumerate(amounts)
        ]
        for side, amounts in (("in", incoming), ("out", outgoing))
    ]
    return flow_diagram(*sides, rest="Other", left_over="Left over", savings="From savings")


@given(incoming=AMOUNTS, outgoing=AMOUNTS)
def test_both_sides_of_the_flow_are_equal_and_inside_the_drawing(incoming, outgoing):
    made = diagram(incoming, outgoing)
    if made is None:
        assert not any(incoming)
        assert not any(outgoing)
        return
    sides = {side: [band for band in made.bands if band.side == side] for side in ("in", "out")}
    assert len({sum(band.source.amount for band in bands) for bands in sides.values()}) == 1
    for bands in sides.values():
        assert len(bands) <= MOST + 2
        assert all(band.source.amount > 0 for band in bands)
        for band, after in itertools.pairwise(bands):
            assert band.y + band.height <= after.y + 1
        assert bands[-1].y + bands[-1].height <= made.height
        assert all(re.fullmatch(r"[MCVZ0-9 ]+", band.path) for band in bands)


def test_what_earlier_money_paid_and_refunds_stand_on_the_left():
    made = diagram([100], [130, -10])
    assert {(band.kind, band.side): band.source.amount for band in made.bands if band.kind != "category"} == {
        ("savings", "in"): 20
    }
    assert [(band.source.label, band.side) for band in made.bands if band.kind == "category"] == [
        ("in 0", "in"),
        ("out 1", "in"),
        ("out 0", "out"),
    ]
