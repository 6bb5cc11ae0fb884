"""Nothing that workers, the console or the metrics ask reads the past: every question has an index path.

In a table of a few thousand rows a scan is honestly cheaper, so the planner is asked with scans priced out of reach; a
question without an index path shows its scan nevertheless. bench/outbox_plans.py asks the same of ten million rows.
"""

import pytest
from django.db import connection

from platform_outbox.tests.readings import LARGE, fill, readings, statements_of

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]


# Scans that are right: why, by what asks.
RIGHT = {
    "list: sent": "the count stops after 10,001 rows, and sent ones are everywhere",
    "requeue": "asks the deliveries one by one where they are many; here reading them all is cheaper",
}


def plan_of(statement):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + statement)
        return "\n".join(row[0] for row in cursor.fetchall())


def test_nothing_that_is_asked_reads_the_past():
    fill(past=4_000, parts=2, minutes=500)
    asked, scans = 0, []
    for what, call in readings():
        statements = statements_of(call)
        assert statements, f"“{what}” asked nothing"
        asked += len(statements)
        for statement in statements:
            plan = plan_of(statement)
            if LARGE.search(plan) and what not in RIGHT:
                scans.append(f"{what}:\n{statement}\n{plan}")
    assert not scans, "\n\n".join(scans)
    assert asked > 40


def test_a_question_without_an_index_would_be_found():
    fill(past=1_000, parts=2, minutes=10)
    plan = plan_of("SELECT count(*) FROM platform_outbox WHERE event_type = 'x'")
    assert LARGE.search(plan), plan
