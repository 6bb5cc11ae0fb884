"""The pages of statements, for everybody, and what they do."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from finance.models import AccountStatement
from finance.reconciliation import services
from finance.tests.reconciliation.conftest import ask, day, line_of
from finance.tests.reconciliation.test_files import MARCH

READING = ["accounts/{account}/statements/", "statements/{statement}/"]
WRITING = ["accounts/{account}/statements/new/", "statements/{statement}/edit/"]
APRIL = {"start": "2026-04-01", "end": "2026-04-30", "opening": "60", "closing": "60,00"}
FORMS = {
    "accounts/{account}/statements/new/": APRIL,
    "accounts/{account}/statements/from-file/": {"import_statement": "{imported}"},
    "statements/{statement}/edit/": {**APRIL, "start": "2026-03-02", "version": "1"},
    "statements/{statement}/rows/": {"tick": "{line}"},
    "statements/{statement}/change/": {"do": "finish", "version": "2"},
    "statements/{statement}/difference/": {"account": "{groceries}"},
}


@pytest.fixture
def names(state, spend, accounts, stage, confirm):
    batch = stage(MARCH.encode(), account=accounts.savings)
    confirm(batch)
    return {
        "account": accounts.savings.pk,
        "groceries": accounts.groceries.pk,
        "imported": batch.statements.get().pk,
        "line": line_of(spend(40_00, on=day("2026-03-10"), account=accounts.savings), accounts.savings),
        "statement": state(0, -40_00, account=accounts.savings).pk,
    }


@pytest.mark.parametrize(
    ("person", "read", "write"),
    [(None, 302, 302), ("stranger", 404, 404), ("viewer", 200, 403), ("editor", 200, 200), ("owner", 200, 200)],
)
def test_pages_open_for_whom_they_should(page, send, names, person, read, write):
    for paths, expected in ((READING, read), (WRITING, write)):
        for path in paths:
            assert page(person, path.format(**names)).status_code == expected, path
    before = list(AccountStatement.objects.values())
    for path, data in FORMS.items():
        answer = send(person, path.format(**names), {key: text.format(**names) for key, text in data.items()})
        assert answer.status_code == (302 if write == 200 else write), (path, answer.content)
    assert (list(AccountStatement.objects.values()) != before) is (write == 200)


def test_what_is_no_account_of_money_has_no_statements(page, accounts):
    assert page("owner", f"accounts/{accounts.groceries.pk}/statements/").status_code == 404


def test_unknown_numbers_and_places_are_not_found(page, send, names):
    statement = f"statements/{names['statement']}/"
    assert page("owner", statement, after="yesterday").status_code == 404
    assert page("owner", f"accounts/{names['account']}/statements/", after="x").status_code == 404
    assert send("owner", f"{statement}rows/", {"tick": "-1"}).status_code == 404
    assert page("owner", "statements/999999/").status_code == 404


def test_ticking_until_nothing_is_missing_and_finishing(page, send, names):
    statement = f"statements/{names['statement']}/"
    body = page("owner", statement).content.decode()
    for part in ("−€40.00", 'aria-checked="false"', 'value="finish" disabled'):
        assert part in body
    assert send("owner", f"{statement}rows/?earlier=1", {"tick": names["line"]})["Location"].endswith("?earlier=1")
    body = page("owner", statement).content.decode()
    assert 'aria-checked="true"' in body
    assert 'value="finish" disabled' not in body
    send("owner", f"{statement}rows/", {"untick": names["line"]})
    send("owner", f"{statement}change/", {"do": "finish", "version": "1"})
    assert ask(AccountStatement.objects.get(pk=names["statement"])).statement.is_open
    send("owner", f"{statement}rows/", {"all": "period"})
    # Three rows of the bank file are in these days as well.
    assert ask(AccountStatement.objects.get(pk=names["statement"])).sums.count == 4


def test_a_refused_form_keeps_what_was_typed(send, names):
    path = f"accounts/{names['account']}/statements/new/"
    answer = send("owner", path, {**APRIL, "end": "2026-03-01", "closing": "12x"})
    assert answer.status_code == 400
    body = answer.content.decode()
    assert "12x" in body
    assert "is not a number" in body
    answer = send("owner", path, {**APRIL, "end": "2026-03-01"})
    assert "The last day is before the first." in answer.content.decode()


def test_the_timeline_shows_gaps_and_jumps(page, names, state, accounts):
    state(500_00, 500_00, "2026-04-03", "2026-04-30", account=accounts.savings)
    body = page("owner", f"accounts/{names['account']}/statements/").content.decode()
    assert "2 days before it are on no statement." in body
    assert "differs from the closing balance before it by +€540.00" in body
    assert body.count("<rect") == 2
    assert "march.csv" in body


@pytest.mark.parametrize("way", ["edit", "reverse", "cell", "selection"])
def test_an_entry_on_a_reconciled_statement_asks_wherever_it_is_changed(send, reconciled, accounts, way):
    statement, entry = reconciled
    line = line_of(entry, accounts.checking)
    forms = {
        "edit": (
            f"entries/{entry.uid}/edit/",
            {
                "mode": "spent", "amount": "41", "account": accounts.checking.pk, "category": accounts.groceries.pk,
                "date": "2026-03-10",
            },
        ),
        "reverse": (f"entries/{entry.uid}/reverse/", {}),
        "cell": ("changes/cell/", {"line": line, "field": "amount", "value": "41"}),
        "selection": (
            "changes/selection/", {"pick": line, "action": "delete", "view": accounts.checking.pk, "query": ""},
        ),
    }  # fmt: skip
    path, data = forms[way]
    body = send("owner", path, data).content.decode()
    assert "reconciled statement of Checking account" in body
    assert 'name="reopen"' in body
    assert ask(statement).statement.state == "reconciled"
    assert send("owner", path, {**data, "reopen": "on"}).status_code in (200, 302, 303)
    assert ask(statement).statement.is_open


def test_a_finished_statement_is_reopened_and_removed(send, reconciled):
    statement, _entry = reconciled
    change = f"statements/{statement.pk}/change/"
    send("owner", change, {"do": "remove"})
    assert AccountStatement.objects.exists()
    send("owner", change, {"do": "reopen"})
    send("owner", change, {"do": "remove"})
    assert not AccountStatement.objects.exists()


def test_the_page_costs_as_many_queries_with_many_rows(page, names, spend, accounts):
    def count():
        with CaptureQueriesContext(connection) as seen:
            page("owner", f"statements/{names['statement']}/")
        return len(seen)

    few = count()
    for _ in range(5):
        spend(1_00, account=accounts.savings)
    services.mark_cleared(account=accounts.savings, actor=None, line_ids=[names["line"]], cleared=True)
    assert count() == few
