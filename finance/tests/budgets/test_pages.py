"""The pages of budgets: who may, what they show and change."""

import datetime

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from finance.models import Assignment, Budget, BudgetLine, LineCarry
from finance.planning.budgets import services
from finance.tests.web.conftest import _today

__all__ = ["_today"]
D = datetime.date
GRID = "plan/budget/{budget}/"


@pytest.fixture
def ours(make, give, accounts, owner, spend):
    """Envelopes in March: 100 for groceries of which 30 are spent, nothing for rent."""
    budget = make("envelope")
    lines = [services.add_line(budget=budget, actor=owner, account=a) for a in (accounts.groceries, accounts.rent)]
    give(lines[0], "2026-03-01", 100_00)
    spend(30_00)
    return budget, lines


def text(response):
    return response.content.decode()


PAGES = [
    ("get", "plan/budget/", "read", {}),
    ("get", "plan/budget/new/", "edit", {}),
    ("get", GRID, "read", {}),
    ("get", GRID + "?count=12", "read", {}),
    ("get", GRID + "edit/", "edit", {}),
    ("get", GRID + "fill/?source=last", "edit", {}),
    ("get", GRID + "shares/", "read", {}),
    ("post", GRID + "shares/", "edit", {"shared_by": ""}),
    ("get", GRID + "lines/new/", "edit", {}),
    ("get", GRID + "lines/{line}/", "read", {}),
    ("post", GRID + "assign/", "edit", {"on": "2026-03-01"}),
    ("post", GRID + "lines/{line}/", "edit", {"do": "move", "target": "{other}", "amount": "1"}),
    ("post", GRID + "edit/", "edit", {"do": "remove"}),
]


@pytest.mark.parametrize(
    ("method", "path", "takes", "sent"), PAGES, ids=[f"{p[0]} {p[1]} {p[3].get('do', '')}" for p in PAGES]
)
def test_each_page_opens_for_whom_it_should(as_, book, ours, editor, viewer, stranger, method, path, takes, sent):
    budget, lines = ours
    names = {"budget": budget.pk, "line": lines[0].pk, "other": lines[1].pk}
    address = f"/b/{book.pk}/{path.format(**names)}"
    body = {name: value.format(**names) for name, value in sent.items()}
    refusals = {None: 302, "stranger": 404, "viewer": 403}
    for person in (None, "stranger", "viewer", "editor", "owner"):
        allowed = person in ("editor", "owner") or (person == "viewer" and takes == "read")
        with transaction.atomic():
            answer = getattr(as_(person), method)(address, body)
            assert (answer.status_code in (200, 302)) if allowed else answer.status_code == refusals[person], person
            if allowed and answer.status_code == 302:
                assert "/sign-in" not in answer["Location"]
            transaction.set_rollback(True)


def test_the_grid_shows_what_is_left_and_leads_to_its_rows(page, ours):
    budget, (groceries, _rent) = ours
    shown = text(page("owner", GRID.format(budget=budget.pk)))
    assert "March 2026" in shown
    assert "70.00" in shown
    assert f'/accounts/{groceries.account_id}/?start=2026-03-01&amp;end=2026-03-31"' in shown
    # Shared out without having it: 30 were spent, 70 are in the envelope.
    assert "−€100.00" in shown


def test_only_amounts_that_were_changed_are_recorded(send, ours, owner, give):
    budget, (groceries, rent) = ours
    typed = {
        "on": "2026-03-01",
        f"line-{groceries.pk}": "100.00",
        f"was-{groceries.pk}": "100.00",
        f"line-{rent.pk}": "400+50.5",
        f"was-{rent.pk}": "0.00",
        "note": "new flat",
    }
    # Somebody else was quicker with the line that this page leaves alone.
    give(groceries, "2026-03-01", 7_00)
    assert send("owner", GRID.format(budget=budget.pk) + "assign/", typed).status_code == 302
    record = Assignment.objects.latest("pk")
    assert (record.line_id, record.amount, record.note, record.made_by_id) == (rent.pk, 450_50, "new flat", owner.pk)
    assert Assignment.objects.count() == 3


def test_what_cannot_be_read_is_said_at_its_line_and_nothing_is_saved(send, ours):
    budget, (groceries, rent) = ours
    typed = {"on": "2026-03-01", f"line-{groceries.pk}": "5", f"line-{rent.pk}": "1.234"}
    answer = send("owner", GRID.format(budget=budget.pk) + "assign/", typed)
    assert answer.status_code == 400
    assert f'id="line-{rent.pk}_error"' in text(answer)
    assert 'value="1.234"' in text(answer)
    assert Assignment.objects.count() == 1


def test_a_budget_and_its_lines_are_made_with_forms(send, page, book, accounts):
    new = {
        "name": "Pay month", "kind": "envelope", "currency": "EUR", "unit": "month", "every": "1", "day": "25",
        "shift": "before", "label_by": "end", "pays_from": str(accounts.checking.pk),
    }  # fmt: skip
    assert "Give the first day of a period" in text(
        send("owner", "plan/budget/new/", {**new, "unit": "week", "day": ""})
    )
    assert send("owner", "plan/budget/new/", new).status_code == 302
    budget = Budget.objects.get()
    assert (budget.day, budget.shift, budget.pays_from_id) == (25, "before", accounts.checking.pk)
    line = {"thing": f"a{accounts.rent.pk}", "carry": "surplus", "target_kind": "by_date", "target_amount": "600"}
    lines = GRID.format(budget=budget.pk) + "lines/new/"
    refused = send("owner", lines, line)
    assert (refused.status_code, "This target needs a day." in text(refused)) == (400, True)
    assert send("owner", lines, {**line, "target_due": "2026-06-30", "in_forecast": "on"}).status_code == 302
    made = BudgetLine.objects.get()
    assert (made.target_amount, made.target_due, made.in_forecast) == (600_00, D(2026, 6, 30), True)
    # From 25 February on five periods begin before the day.
    assert "€120.00 to its target" in text(page("owner", GRID.format(budget=budget.pk)))


def test_a_policy_changes_from_the_current_period_on(send, ours):
    budget, (groceries, _rent) = ours
    path = GRID.format(budget=budget.pk) + f"lines/{groceries.pk}/"
    body = {"do": "save", "carry": "none", "carry_from": "this", "target_kind": "", "on": "2026-03-15"}
    assert send("owner", path, body).status_code == 302
    carries = dict(LineCarry.objects.filter(line=groceries).values_list("since", "carry"))
    assert carries == {D.min: "both", D(2026, 3, 1): "none"}


def test_filling_shows_what_would_change_first(page, send, ours):
    budget, _lines = ours
    path = GRID.format(budget=budget.pk) + "fill/"
    shown = text(page("owner", path, on="2026-04-01", source="last"))
    assert "€100.00" in shown
    assert Assignment.objects.count() == 1
    send("owner", path, {"on": "2026-04-01", "source": "last"})
    assert Assignment.objects.get(period=D(2026, 4, 1)).amount == 100_00


def test_the_pages_ask_as_little_for_many_lines_as_for_few(as_, book, ours, accounts, owner):
    budget, _lines = ours
    client, address = as_("owner"), f"/b/{book.pk}/{GRID.format(budget=budget.pk)}"
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    for account in (accounts.restaurants, accounts.expenses, accounts.salary):
        services.add_line(budget=budget, actor=owner, account=account)
    with CaptureQueriesContext(connection) as many:
        client.get(address, {"count": 24})
    assert len(many) <= len(few) <= 25


@pytest.mark.parametrize(
    "query", [{"on": "0001-01-01"}, {"on": "9999-12-31", "count": "24"}, {"on": "x"}, {"count": "7"}]
)
def test_no_address_is_a_fault(page, ours, query):
    budget, lines = ours
    for path in (GRID, GRID + "fill/", GRID + "lines/{line}/"):
        assert page("owner", path.format(budget=budget.pk, line=lines[0].pk), **query).status_code == 200


def test_a_line_can_be_looked_at_before_its_budget_begins(page, make, accounts, owner):
    budget = make("envelope", starts_on=D(2026, 6, 1))
    line = services.add_line(budget=budget, actor=owner, account=accounts.rent)
    assert page("owner", GRID.format(budget=budget.pk) + f"lines/{line.pk}/").status_code == 200
