"""What workers, the console and the metrics ask, asked of ten million old events: the plans and their times.

python bench/outbox_plans.py              10,000,000 events in ten partitions, some minutes and 5 GB of disk
python bench/outbox_plans.py --past 1     a million
python bench/outbox_plans.py --plans      print every plan, not only the times

Times are those of EXPLAIN ANALYZE in milliseconds with planning, the middle of three runs. A scan of a table with more
than SMALL rows is marked; none is expected but the count of sent events, which stops after 10,001 rows.
"""

import argparse
import json
import logging
import os
import statistics
import time

os.environ["DJANGO_SETTINGS_MODULE"] = "lifeos_project.test_settings"

import harness
from django.db import connection, transaction

from platform_outbox import testing
from platform_outbox.tests.readings import LARGE, fill, readings, statements_of

# The partition that is being filled holds what is open; reading all of a small one is right.
SMALL = 50_000


def large_tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE 'platform_outbox%' AND relkind = 'r' AND reltuples > "
            + str(SMALL)
        )
        return {name for (name,) in cursor.fetchall()}


def explained(statement: str) -> tuple[float, str]:
    """(milliseconds with planning, the plan) of the statement, whose changes are undone."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
        (found,) = cursor.fetchone()
        cursor.execute(f"EXPLAIN {statement}")
        text = "\n".join(row[0] for row in cursor.fetchall())
        transaction.set_rollback(True)
    plan = (json.loads(found) if isinstance(found, str) else found)[0]
    return plan["Planning Time"] + plan["Execution Time"], text


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--past", type=int, default=10, help="millions of old events")
    parser.add_argument("--plans", action="store_true", help="print the plans")
    options = parser.parse_args()
    with harness.scratch_database(), testing.muted_notifier():
        started = time.monotonic()
        fill(past=options.past * 1_000_000, parts=options.past, minutes=14 * 24 * 60)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) platform_outbox, platform_outbox_delivery, platform_outbox_attempt")
        print(f"{options.past} million events, laid in {time.monotonic() - started:.0f} s\n")
        print(f"{'what':<34}{'statements':>10}{'all, ms':>10}{'slowest, ms':>13}  scans")
        logging.disable(logging.INFO)
        for what, call in readings():
            tell(what, statements_of(call), plans=options.plans)


def tell(what: str, statements: list[str], *, plans: bool) -> None:
    times, scans, large = [], set(), large_tables()
    for statement in statements:
        runs = [explained(statement) for _ in range(3)]
        times.append(statistics.median(run[0] for run in runs))
        scans |= set(LARGE.findall(runs[0][1])) & large
        if plans:
            print(f"\n{statement}\n{runs[0][1]}\n")
    print(f"{what:<34}{len(times):>10}{sum(times):>10.1f}{max(times):>13.1f}  {', '.join(sorted(scans))}", flush=True)


if __name__ == "__main__":
    main()
