"""Two people at once, each with a connection of their own."""

import pytest

from finance import errors
from finance.ledger import services as ledger
from finance.reconciliation import services
from finance.reconciliation.models import LineMark
from finance.tests.ledger.test_races import at_once
from finance.tests.reconciliation.conftest import ask, day, line_of

pytestmark = [pytest.mark.ledger_guards, pytest.mark.django_db(transaction=True)]


def test_two_people_tick_the_same_rows_and_both_are_right(state, spend, owner, editor, accounts):
    lines = [line_of(spend(1_00, on=day("2026-03-05")), accounts.checking) for _ in range(10)]
    statement = state(0, -10_00)
    found = at_once(
        *[lambda who=who: services.tick(statement=statement, actor=who, line_ids=lines) for who in (owner, editor)]
    )
    assert sorted(found) == [0, 10]
    assert ask(statement).difference == 0


def test_a_row_ends_up_on_one_of_two_statements(state, spend, owner, accounts):
    line = line_of(spend(1_00, on=day("2026-03-05")), accounts.checking)
    statements = [state(0, -1_00), state(0, -1_00, "2026-03-02")]
    found = at_once(
        *[lambda each=each: services.tick(statement=each, actor=owner, line_ids=[line]) for each in statements]
    )
    assert LineMark.objects.count() == 1
    assert [one for one in found if one == 1] == [1], found


def test_nobody_unticks_a_row_of_what_another_finishes(state, spend, owner, editor, accounts):
    line = line_of(spend(1_00, on=day("2026-03-05")), accounts.checking)
    for _ in range(5):
        statement = state(0, -1_00)
        services.tick(statement=statement, actor=owner, line_ids=[line])
        at_once(
            lambda statement=statement: services.reconcile(statement=statement, actor=owner),
            lambda statement=statement: services.untick(statement=statement, actor=editor, line_ids=[line]),
        )
        view = ask(statement)
        assert view.statement.is_open or view.difference == 0
        services.reopen_statement(statement=statement, actor=owner)
        services.untick(statement=statement, actor=owner, line_ids=[line])
        services.remove_statement(statement=view.statement, actor=owner)


def test_a_row_is_not_ticked_while_its_entry_is_taken_back(state, spend, owner, accounts):
    statement = state(0, 0)
    for _ in range(5):
        entry = spend(1_00, on=day("2026-03-05"))
        line = line_of(entry, accounts.checking)
        found = at_once(
            lambda line=line: services.tick(statement=statement, actor=owner, line_ids=[line]),
            lambda entry=entry: ledger.reverse_entry(entry=entry, actor=owner, on=day("2026-03-05")),
        )
        assert not isinstance(found[1], Exception), found
        assert found[0] == 1 or isinstance(found[0], errors.Conflict), found
        assert not LineMark.objects.filter(line_id=line).exists()
