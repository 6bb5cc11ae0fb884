"""Every format from the bytes to the proof, read in the child process as in production."""

import pytest

from finance.errors import StatementUnreadable
from finance.imports.models import ImportBatch, ImportRow
from finance.imports.parsers.child import Limits, read_in_child
from finance.imports.parsers.reading import Question
from finance.imports.proof import proof_of
from finance.tests.imports import test_camt as camt
from finance.tests.imports import test_mt940 as mt940
from finance.tests.imports.workbooks import Day, ods, xls, xlsx

SHEET = [["Date", "Payee", "Amount", "Balance"], [Day(46086), "Shop", -10.25, 89.75], [Day(46087), "Inn", -9.75, 80]]
TEXTS = [["2026-03-05" if isinstance(cell, Day) else cell for cell in row] for row in SHEET]
FILES = {
    "camt": camt.document(
        camt.account(camt.balance("OPBD", "90.00", "2026-03-01"), camt.balance("CLBD", "80.00"), camt.entry())
    ),
    "mt940": mt940.message(mt940.line()).encode(),
    "xlsx": xlsx({"S": SHEET}),
    "xls": xls(SHEET),
    "ods": ods(TEXTS),
}


@pytest.mark.parametrize("kind", FILES)
def test_files_of_every_format_are_staged_proven_and_posted(stage, confirm, kind):
    batch = stage(FILES[kind], file_name=f"march.{kind}")
    assert (batch.format, batch.get_format_display() != kind) == (kind, True)
    proof = proof_of(batch.statements.get())
    assert (proof.opening_source, proof.difference) == ("file", 0)
    assert confirm(batch).state == ImportBatch.State.CONFIRMED
    assert set(ImportRow.objects.filter(batch=batch).values_list("outcome", flat=True)) == {"posted"}


def test_a_file_read_twice_is_posted_once(stage, confirm, fates):
    confirm(stage(FILES["camt"]))
    assert fates(stage(FILES["camt"])) == ["already_imported"]


def test_qif_states_no_balances(stage):
    batch = stage(b"!Type:Bank\nD2026-03-05\nT-10.00\nPShop\n^\n")
    assert (batch.format, proof_of(batch.statements.get()).holds) == ("qif", None)


def test_a_sheet_that_would_fill_the_memory_ends_in_a_sentence():
    """Cells without an address get past the look inside; the child's limits hold all the same."""
    many = '<row r="1048576">' + '<c t="inlineStr"><is><t>x</t></is></c>' * 16_000 + "</row>"
    with pytest.raises(StatementUnreadable):
        read_in_child(xlsx({"S": SHEET}, cells=many), Question(), limits=Limits(seconds=60, megabytes=512))
