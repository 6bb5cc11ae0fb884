"""Workbooks: typed cells become the table that CSV files are, exactly; and workbooks made to hurt."""

import datetime
import io
import zipfile
from decimal import Decimal

import pytest

from finance.errors import StatementUnreadable
from finance.imports.parsers.reading import Question, read_file
from finance.imports.parsers.recognise import read_statement
from finance.tests.imports.workbooks import Day, Formula, ods, xls, xlsx

FIRST = Day(46086)  # 5 March 2026
HEAD = ["Date", "Payee", "Amount", "Balance"]
ROWS = [HEAD, [FIRST, "Shop", -10.5, 89.5], [Day(FIRST + 1), 'Größe, Inc; "x"', -1234, -1144.5]]
PLAIN = [["2026-03-05" if isinstance(cell, Day) else cell for cell in row] for row in ROWS[:2]]


def rows_of(data, **named):
    return read_statement(data, **named).statements[0].rows


@pytest.mark.parametrize(("kind", "data"), [("xlsx", xlsx({"S": ROWS})), ("xls", xls(ROWS))])
def test_cells_are_read_as_what_they_are(kind, data):
    parsed = read_statement(data)
    (statement,) = parsed.statements
    assert (parsed.format, parsed.notes, statement.closing) == (kind, (), Decimal("-1144.50"))
    assert [(row.number, row.date, row.amount, row.payee) for row in statement.rows] == [
        (2, datetime.date(2026, 3, 5), Decimal("-10.5"), "Shop"),
        (3, datetime.date(2026, 3, 6), Decimal(-1234), 'Größe, Inc; "x"'),
    ]


def test_opendocument_sheets_are_read_as_well():
    parsed = read_statement(ods(PLAIN))
    assert (parsed.format, parsed.statements[0].rows[0].amount) == ("ods", Decimal("-10.5"))
    assert parsed.statements[0].rows[0].date == datetime.date(2026, 3, 5)


def test_days_have_no_doubtful_order():
    data = xlsx({"S": [HEAD, [Day(46024), "Shop", -1.5, 10]]})  # 2 January 2026
    parsed = read_statement(data, currency="USD")
    assert (parsed.statements[0].rows[0].date, parsed.notes) == (datetime.date(2026, 1, 2), ())


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (0.1 + 0.2, "0.3"), (100.10000000000001, "100.1"), (-1.234, "-1.234"), (1234.5, "1234.5"), (12345678.91, "12345678.91"),
        (5, "5"), (1e15, "1000000000000000"), (0.05, "0.05"), (1.1e-7, "0.00000011"),
    ],
)  # fmt: skip
def test_numbers_are_the_decimals_that_the_sheet_shows(value, amount):
    assert rows_of(xlsx({"S": [HEAD[:3], [FIRST, "Shop", value], [FIRST, "Inn", -7.25]]}))[0].amount == Decimal(amount)


def test_text_amounts_with_a_decimal_comma_beside_numbers_are_read_alike():
    found = rows_of(
        xlsx(
            {
                "S": [
                    ["Datum", "Empfänger", "Betrag"],
                    [FIRST, "A", "-1.234,50"],
                    [FIRST, "B", -7.25],
                    [FIRST, "C", 1234.125],
                ]
            }
        )
    )
    assert [row.amount for row in found] == [Decimal("-1234.50"), Decimal("-7.25"), Decimal("1234.125")]


def test_the_sheet_that_is_a_statement_is_read_and_the_others_are_named():
    cover = [["Account statement"], ["Customer", "Ann"]]
    second = [HEAD, *([FIRST, "Inn", -1.0, 5.0] for _ in range(3))]
    parsed = read_statement(
        xlsx(
            {"Cover": cover, "March": [HEAD, *([FIRST, f"Shop {n}", -1.0, 9.0 - n] for n in range(5))], "April": second}
        )
    )
    assert [row.payee for row in parsed.statements[0].rows] == [f"Shop {n}" for n in range(5)]
    assert parsed.notes[:2] == (
        "The sheet “March” is read.",
        "The sheet “April” looks like a statement as well and is not read; please import it as a file of its own.",
    )


def test_formulas_without_a_result_make_error_rows():
    parsed = read_statement(xlsx({"S": [HEAD[:3], [FIRST, "Shop", -1.5], [FIRST, "Inn", Formula("C2*2")]]}))
    assert parsed.statements[0].rows[1].problem == "The row has no amount."
    assert parsed.notes[0].startswith("1 cells hold formulas without a result")


def test_corrected_columns_apply_to_sheets():
    data = xlsx({"S": ROWS})
    profile = read_file(data, Question()).profile
    corrected = read_file(data, Question(profile=profile.to_dict(), changes={"sign": "inverted"}))
    assert (corrected.format, corrected.statements[0].rows[0].amount) == ("xlsx", Decimal("10.5"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (xlsx({"S": ROWS}, cells='<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), "has a cell in XFD1048576"),
        (xlsx({"S": ROWS}, cells=f'<row r="9"><c r="D7{"6" * 99}"><v>1</v></c></row>'), "has a cell in D76666666"),
        (xlsx({"S": ROWS}, cells='<row r="9"><c r="xfd9"><v>1</v></c></row>'), "has a cell in xfd9"),
        (xlsx({"S": [["x"], ["y" * 40_000] * 25]}, cells="<!--" + " " * 230_000_000 + "-->"), "larger than 200 MB"),
        (xlsx({"S": []}), "The workbook is empty."),
        (xlsx({"S": [["Hello"], ["World"]]}), "no column of dates"),
        (xlsx({"S": ROWS})[:-80], "damaged"),
        (xls(ROWS)[:700], "no Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 5000, "no Excel workbook"),
    ],
    ids=range(9),
)  # fmt: skip
def test_workbooks_that_hold_no_statement_are_refused_in_words(data, said):
    with pytest.raises(StatementUnreadable) as refused:
        read_statement(data)
    assert said in refused.value.detail


def test_an_opendocument_sheet_that_breaks_off_behind_a_row_is_damaged():
    whole = io.BytesIO(ods([["Date", "Text", "Amount"], ["2026-03-05", "Shop", -1.25], ["2026-03-06", "Bar", -2.5]]))
    packed = io.BytesIO()
    with zipfile.ZipFile(whole) as before, zipfile.ZipFile(packed, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            # Without the check the library reads on behind the end, until the limit of time ends it.
            last = content.rfind(b"</table:table-row>") + len(b"</table:table-row>")
            after.writestr(name, content[:last] if name == "content.xml" else content)
    with pytest.raises(StatementUnreadable, match="damaged workbook"):
        read_statement(packed.getvalue())


def test_empty_cells_up_to_the_last_column_do_no_harm():
    padded = xlsx({"S": ROWS}, cells='<row r="1048576"><c r="XFD1048576" s="1"/></row>')
    assert len(rows_of(padded)) == 2
