"""Days in the writing of many countries, and days that are counted."""

import datetime

import pytest
from babel.dates import format_date, get_month_names

from finance.errors import StatementUnreadable
from finance.imports.parsers.csv import read_csv
from finance.imports.parsers.date_order import resolve_order
from finance.imports.parsers.dates import looks_like_date, parse_date, readings
from finance.imports.parsers.months import CROATIAN, LANGUAGES, month_of

DAY = datetime.date(2026, 3, 5)


def rows(text, **hints):
    (statement,) = read_csv(text.encode(), **hints).statements
    return statement.rows


@pytest.mark.parametrize("language", LANGUAGES)
def test_months_are_known_by_the_names_of_cldr(language):
    for width in ("wide", "abbreviated"):
        for month, name in get_month_names(width, "stand-alone", language).items():
            if name[0].isalpha():
                assert month in month_of(name), name
    for month in range(1, 13):
        day = datetime.date(2026, month, 15)
        written = format_date(day, "d MMMM y", language)
        found = readings(written)
        assert found.get("any") == day or day in found.values(), written
    assert language == CROATIAN or month_of(format_date(DAY, "MMMM", language))[0] == 3


@pytest.mark.parametrize(
    "written",
    [
        "2026年3月5日", "2026年03月05日 12:30", "2026년 3월 5일", "jeudi 5 mars 2026", "5 марта 2026 г.", "2026. március 5.",
        "2026 m. kovo 5 d.", "2026. gada 5. marts", "5 de març de 2026", "5 Mart 2026 Perşembe", "Mar 5, 26", "05-Mar-26",
        "5er mars 2026", "5 de marzo de 2026", "2026-Mar-05", "Thursday, March 5 2026", "05. März 26",
    ],
)  # fmt: skip
def test_days_as_banks_write_them(written):
    assert readings(written) == {"any": DAY}


@pytest.mark.parametrize("written", ["Order 12 2020", "4 Kiosk 1234", "31 Foo 2020", "5 x 26", "2026年13月5日"])
def test_other_texts_are_no_days(written):
    assert not looks_like_date(written)


def test_two_days_in_one_cell():
    first, second = rows("Date,Text,Amount\n11/14/2020 as of 11/13/2020,Shop,-5.00\n11/16/2020,Shop,-6.00\n")
    assert (first.date, first.note) == (datetime.date(2020, 11, 14), "Value date 2020-11-13.")
    assert (second.date, second.note) == (datetime.date(2020, 11, 16), "")


def test_a_month_that_two_languages_call_by_one_name_is_told():
    order = resolve_order(["5 listopada 2020", "6 marca 2020"])
    assert (order.order, parse_date("5 listopada 2020", order.order).month) == ("dmy", 11)
    assert "In Croatian it is 2020-10-05" in order.note


def test_one_croatian_name_makes_the_file_croatian():
    order = resolve_order(["5. listopada 2020.", "6. ožujka 2020.", "7. lipnja 2020."])
    assert (order.order, order.note) == ("dmy-hr", "")
    assert [parse_date(text, order.order).month for text in ("5. listopada 2020.", "7. lipnja 2020.")] == [10, 6]


@pytest.mark.parametrize(
    ("name", "cells", "order"),
    [
        ("Date", ["44000", "44001.5"], "excel"),
        ("created_at", ["1592438400", "1592524800"], "epoch"),
        ("Timestamp", ["1592438400000", "1592524800000"], "epoch_ms"),
    ],
)
def test_counted_days_are_read_in_a_column_named_so_and_told(name, cells, order):
    text = f"{name},Text,Amount\n" + "".join(f"{cell},Shop,-5.00\n" for cell in cells)
    parsed = read_csv(text.encode())
    assert parsed.profile.date_order == order
    assert [row.date for row in parsed.statements[0].rows] == [datetime.date(2020, 6, 18), datetime.date(2020, 6, 19)]
    assert f"“{cells[0]}” is read as" in parsed.notes[0]


def test_counted_days_are_no_days_where_other_dates_are():
    (row,) = rows("Date,Order,Amount\n2026-03-05,44000,-5.00\n")
    assert (row.date, row.amount) == (DAY, -5)


def test_a_cell_of_another_kind_in_a_column_of_counted_days_is_an_error():
    text = "Date,Text,Amount\n" + "44000,Shop,-5.00\n" * 12 + "12,Shop,-6.00\n"
    assert "“12” is no day when read as Excel's count of days" in rows(text)[-1].problem


@pytest.mark.parametrize("written", ["05/03/2569", "1404/12/14", "2569-03-05"])
def test_years_of_other_calendars_are_errors(written):
    first, second = rows(f"Date,Text,Amount\n2026-03-05,Shop,-5.00\n{written},Shop,-6.00\n")
    assert (first.date, second.date) == (DAY, None)
    assert "is not a day from 1900 to 2199" in second.problem
    with pytest.raises(StatementUnreadable, match="is not a day from 1900 to 2199"):
        rows(f"Date,Text,Amount\n{written},Shop,-6.00\n")


def test_figures_that_add_up_tell_columns_of_unknown_names():
    text = "Date,Aaa,Bbb,Ccc,Ddd\n2026-03-05,Shop,95.00,5.00,0.00\n2026-03-06,Wages,195.00,0.00,100.00\n"
    text += "2026-03-07,Bar,188.00,7.00,0.00\n"
    assert [(row.amount, row.balance) for row in rows(text)] == [(-5, 95), (100, 195), (-7, 188)]


def test_an_amount_of_unknown_name_is_told_where_another_column_could_be_it():
    parsed = read_csv(b"Date,Aaa,Bbb,Ccc\n2026-03-05,Shop,-5.00,1.50\n2026-03-06,Bar,-6.00,1.60\n")
    assert any("“Bbb” is taken as the amounts" in note for note in parsed.notes)
