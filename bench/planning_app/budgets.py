"""The part of bench/planning.py about budgets: 60 lines in 24 periods of a book of a million lines."""

import datetime
import statistics
import time
from collections.abc import Callable

import harness
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from ledger import Household, post_in_bulk

from finance.ledger import services as ledger
from finance.ledger.models import Account
from finance.planning.budgets import services
from finance.planning.budgets.views import Plan, view_of

LINES, PERIODS = 60, 24
FIRST = datetime.date(2024, 1, 1)
LIMIT = 100  # milliseconds, calendar months
# Periods that cut each month are added up from lines by index, and nobody promised them.
CUT = 400
MOST_QUERIES = 25


def build(entries: int) -> dict[str, object]:
    """Ten years of a household, and two budgets of two years: by calendar month, and from the 15th."""
    household = Household(seed=1)
    book, owner = household.book, household.owner
    parent = Account.objects.get(book=book, name="Expenses")
    expenses = Account.objects.filter(book=book, type="expense").postable()
    for number in range(LINES - expenses.count()):
        new = {"type": "expense", "kind": "category", "currency": "EUR", "parent": parent}
        household.categories.append(ledger.open_account(book=book, actor=None, name=f"More {number}", **new).pk)
    for start in range(0, entries, 20_000):
        post_in_bulk(household, min(20_000, entries - start))
    budgets = {}
    for name, day in (("months", 1), ("from the 15th", 15)):
        budget = services.save_budget(book=book, actor=owner, name=name, kind="envelope", day=day)
        for account in expenses.order_by("pk")[:LINES]:
            line = services.add_line(budget=budget, actor=owner, account=account)
            for month in range(PERIODS):
                period = datetime.date(2024 + month // 12, month % 12 + 1, 15)
                given = [services.Given(line=line, amount=250_00)]
                services.assign(budget=budget, actor=owner, day=period, given=given)
        budgets[name] = budget
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")  # as autovacuum leaves a book at rest
    return {"owner": owner, "budgets": budgets}


def runs(world: dict[str, object]) -> dict[str, tuple[str, Callable[[], float]]]:
    """What is measured in the world that was built, by name."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(world["owner"])
    found: dict[str, tuple[str, Callable[[], float]]] = {}
    for name, budget in world["budgets"].items():

        def figures(budget=budget) -> float:
            return harness.milliseconds(lambda: view_of(Plan(budget), on=FIRST, count=PERIODS), times=7)

        def page(budget=budget) -> float:
            def get() -> None:
                answer = client.get(f"/b/{budget.book_id}/plan/budget/{budget.pk}/?on={FIRST}&count={PERIODS}")
                assert answer.status_code == 200, answer.status_code

            return harness.milliseconds(get, times=7)

        def processor(budget=budget) -> float:
            """Ours alone, whatever else the machine does; what the database takes is in the others."""
            address = f"/b/{budget.book_id}/plan/budget/{budget.pk}/?on={FIRST}&count={PERIODS}"
            taken = []
            for _number in range(7):
                start = time.process_time()
                assert client.get(address).status_code == 200
                taken.append((time.process_time() - start) * 1000)
            return statistics.median(taken)

        def queries(budget=budget) -> float:
            with CaptureQueriesContext(connection) as caught:
                client.get(f"/b/{budget.book_id}/plan/budget/{budget.pk}/?on={FIRST}&count={PERIODS}")
            return float(len(caught))

        found[f"budget by {name}: figures of {LINES} lines, {PERIODS} periods"] = ("ms", figures)
        found[f"budget by {name}: page of {LINES} lines, {PERIODS} periods"] = ("ms", page)
        found[f"budget by {name}: processor of the page"] = ("ms", processor)
        found[f"budget by {name}: queries of the page"] = ("queries", queries)
    return found


def limits(names: list[str]) -> list[harness.Limit]:
    """What is claimed of them."""
    claims = []
    for name in names:
        cut = "15th" in name
        limit = MOST_QUERIES if "queries" in name else CUT if cut else LIMIT
        if "page" not in name or not cut:
            claims.append(harness.Limit(name, limit))
    return claims
