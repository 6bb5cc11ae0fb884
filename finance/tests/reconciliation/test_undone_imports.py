"""Undoing an import some of whose rows are on a reconciled statement: it asks, and does what was chosen."""

import pytest

from finance.bank_statements import ReconciledRows, undo_import
from finance.errors import ReconciledRow
from finance.imports.models import ImportRow
from finance.imports.services import decide_rows
from finance.ledger import services as ledger
from finance.ledger.models import JournalEntry, JournalLine
from finance.ledger.selectors import balance_of
from finance.reconciliation import services
from finance.tests.conftest import TODAY
from finance.tests.reconciliation.conftest import ask, day

pytestmark = pytest.mark.django_db

MARCH = (
    "Date,Payee,Amount,Balance\n2026-03-02,Rent,-500.00,500.00\n2026-03-09,Market,-20.00,480.00\n"
    "2026-03-12,Bakery,-5.00,475.00\n"
)
SAYS = "2 entries of this import are on reconciled statements: Checking account, Mar 1, 2026 to Mar 10, 2026 (2)"


def standing():
    return sorted(JournalEntry.objects.filter(reverses=None, reversed_by=None).values_list("payee", flat=True))


@pytest.fixture
def batch(stage, confirm):
    made = stage(MARCH.encode())
    confirm(made)
    return made


@pytest.fixture
def statement(batch, state, owner, accounts):
    """A finished statement of the first two rows."""
    made = state(0, -520_00, "2026-03-01", "2026-03-10")
    rows = JournalLine.objects.filter(account=accounts.checking, date__lte=day("2026-03-10"))
    services.tick(statement=made, actor=owner, line_ids=list(rows.values_list("pk", flat=True)))
    services.reconcile(statement=made, actor=owner)
    return made


@pytest.fixture
def undo(batch, owner):
    return lambda **options: undo_import(batch=batch, actor=owner, on=TODAY, **options)


def test_it_asks_and_names_the_statements(undo, statement):
    with pytest.raises(ReconciledRow) as refused:
        undo()
    assert refused.value.detail.startswith(SAYS)
    assert refused.value.facts["statements"] == [("Checking account, Mar 1, 2026 to Mar 10, 2026", 2)]
    assert standing() == ["Bakery", "Market", "Rent"]
    assert ask(statement).statement.state == "reconciled"


def test_undoing_all_reopens_that_statement(undo, statement, state):
    later = state(-520_00, -520_00, "2026-04-01", "2026-04-30")
    services.reconcile(statement=later, actor=None)
    assert undo(reconciled=ReconciledRows.UNDO).kept == []
    assert standing() == []
    assert [ask(each).statement.state for each in (statement, later)] == ["open", "reconciled"]


def test_keeping_undoes_the_rest_and_lists_them_with_the_reason(undo, statement, stage, confirm, batch):
    done = undo(reconciled=ReconciledRows.KEEP)
    assert standing() == ["Market", "Rent"]
    assert {each["why"] for each in done.kept} == {
        "It is on a reconciled statement: Checking account, Mar 1, 2026 to Mar 10, 2026."
    }
    assert (ask(statement).statement.state, ask(statement).difference) == ("reconciled", 0)
    # The file brings in only what is gone.
    confirm(stage(MARCH.encode(), file_name="again.csv"))
    assert standing() == ["Bakery", "Market", "Rent"]
    assert undo(reconciled=ReconciledRows.REFUSE).state == "undone"  # a second call changes nothing


def test_rows_of_closed_periods_and_changed_rows_need_no_answer(undo, statement, owner, book, accounts):
    rent = JournalEntry.objects.get(payee="Rent")
    with services.reopening(agreed=True):
        ledger.delete_entries(book=book, actor=owner, entry_ids=[rent.pk], today=TODAY)
    services.post_difference(statement=statement_of(statement), actor=owner, against=accounts.rent)
    services.reconcile(statement=statement_of(statement), actor=owner)
    ledger.close_period(book=book, actor=owner, through=day("2026-03-10"))
    done = undo()
    assert [each["payee"] for each in done.kept] == ["Rent"]
    assert ask(statement).statement.state == "reconciled"


def statement_of(statement):
    return ask(statement).statement


@pytest.mark.parametrize("side", ["checking", "savings"])
def test_of_a_transfer_only_the_row_that_goes_asks(stage, confirm, owner, accounts, state, side):
    """The file of the savings account made an entry of the checking account a transfer; that one keeps its own row."""
    confirm(stage("Date,Payee,Amount\n2026-03-02,Transfer to savings,-21.50\n"))
    joined = stage("Date,Payee,Amount\n2026-03-03,Transfer received,20.00\n", account=accounts.savings)
    row = ImportRow.objects.get(batch=joined)
    decide_rows(batch=joined, actor=owner, row_ids=[row.pk], decision="match")
    confirm(joined)
    account, amount = getattr(accounts, side), {"checking": -21_50, "savings": 20_00}[side]
    made = state(0, amount, "2026-03-01", "2026-03-05", account=account)
    line = JournalLine.objects.get(account=account, amount=amount, entry__reverses=None, entry__reversed_by=None)
    services.tick(statement=made, actor=owner, line_ids=[line.pk])
    services.reconcile(statement=made, actor=owner)
    if side == "savings":
        with pytest.raises(ReconciledRow, match="Savings account"):
            undo_import(batch=joined, actor=owner, on=TODAY)
    else:
        assert undo_import(batch=joined, actor=owner, on=TODAY).kept == []
        assert balance_of(account=accounts.savings) == 0
    assert (ask(made).statement.state, ask(made).difference) == ("reconciled", 0)


@pytest.mark.parametrize("person", [None, "stranger", "viewer", "editor", "owner"])
def test_the_page_asks_and_does_what_was_chosen(send, batch, statement, person):
    path = f"imports/{batch.pk}/undo/"
    refusal = {None: 302, "stranger": 404, "viewer": 403}.get(person)
    asked = send(person, path, {})
    assert asked.status_code == (refusal or 409)
    if refusal:
        assert send(person, path, {"reconciled": "keep"}).status_code == refusal
        assert standing() == ["Bakery", "Market", "Rent"]
        return
    html = asked.content.decode()
    assert "Checking account, Mar 1, 2026 to Mar 10, 2026 · 2 entries" in html
    assert 'name="reconciled" value="undo"' in html
    assert send(person, path, {"reconciled": "sell"}).status_code == 409
    kept = send(person, path, {"reconciled": "keep"}, follow=True).content.decode()
    assert "It is on a reconciled statement" in kept
    assert standing() == ["Market", "Rent"]


def test_the_api_refuses_until_told(api, url, batch, statement):
    path = url(f"imports/{batch.pk}/undo/")
    refused = api.post(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "reconciled")
    assert refused.json()["detail"].startswith(SAYS)
    assert api.post(path, {"reconciled_rows": "perhaps"}).status_code == 400
    done = api.post(path, {"reconciled_rows": "undo"}).json()
    assert (done["state"], done["kept"], standing()) == ("undone", [], [])
