"""Money of bank files that pays an invoice: proposed on the row, linked when the file is confirmed."""

from finance.imports.expected import Expected, paid_by
from finance.imports.services import confirm_import, stage_import
from finance.models import ImportRow, InvoicePayment
from finance.receivables import services
from finance.receivables.invoicing import names_number
from finance.tests.receivables.conftest import DAY
from platform_outbox.testing import drain

FILE = b"""Date,Payee,Description,Amount
2026-03-20,Somebody,Payment of invoice 2026-0001,19.00
2026-03-21,BEN GMBH,thank you,119.00
2026-03-22,Somebody else,nothing,119.00
2026-03-23,Somebody,2026-00011,5.00
"""


def test_a_number_is_found_as_a_word():
    assert names_number("RE 2026-0001, thanks", "2026-0001")
    assert names_number("2026-0001.", "2026-0001")
    assert not names_number("2026-00011", "2026-0001")
    assert not names_number("12026-0001", "2026-0001")


def test_nothing_is_proposed_where_two_fit():
    one = Expected(account_id=1, amount=5, is_named=lambda text: "A1" in text, name="Ben", why="A1")
    two = Expected(account_id=2, amount=5, is_named=lambda text: "A2" in text, name="Ben", why="A2")
    ask = {"payee": "Ben", "description": "", "amount": 5, "date": DAY}
    assert paid_by([one, two], **ask) is None
    assert paid_by([one, two], **ask | {"description": "A2"}) is two
    assert paid_by([one], **ask) is one
    assert paid_by([one], **ask | {"description": "A1", "amount": 6}) is None


def test_rows_of_a_file_pay_the_invoice_that_they_name(book, owner, accounts, invoice):
    sent = services.send(invoice=invoice, actor=owner, on=DAY, due_on=None, today=DAY)
    batch = stage_import(book=book, account=accounts.checking, actor=owner, data=FILE, file_name="march.csv")
    rows = list(ImportRow.objects.filter(batch=batch).order_by("pk"))
    assert [row.counter_account_id == sent.claim_account_id for row in rows] == [True, True, False, False]
    assert "2026-0001 of Ben, €119.00 open" in rows[0].suggestion
    ImportRow.objects.filter(pk=rows[1].pk).update(decision="ignore")
    confirm_import(batch=batch, actor=owner, leave_undecided=True)
    drain()
    sent.refresh_from_db()
    assert (sent.status, sent.paid) == ("partly_paid", 19_00)
    assert InvoicePayment.objects.get().matched
