"""Reports over ten years against the statements that they run, in the same run: what is ours on top of the database.

python bench/reports.py            435,000 entries, 1,000,000 lines; some minutes
python bench/reports.py --quick    10,000 entries, under a minute
"""

import argparse
import datetime
from collections.abc import Callable
from typing import Any

import harness
from django.db import connection, transaction
from ledger import LAST_DAY, Household, post_in_bulk

from finance.ledger import services
from finance.ledger.posting import EntryDraft, LineDraft
from finance.report_sources import rates_of
from finance.reports.building import build_report
from finance.reports.definition import read_definition
from finance.valuation.services import save_rate

TEN_YEARS = "2016-01-01..2025-12-31"
REPORTS: dict[str, tuple[str, dict[str, str]]] = {
    "balance sheet": ("balance-sheet", {"as_of": "2025-12-17"}),
    "balance sheet by month": ("balance-sheet", {"columns": "month"}),
    "income statement": ("income-statement", {}),
    "income statement by month": ("income-statement", {"columns": "month"}),
    "net worth by month": ("net-worth", {"columns": "month"}),
    "spending by category": ("spending", {"compare": "none"}),
    "trial balance": ("trial-balance", {}),
    "spending by payee": ("spending", {"by": "payee", "compare": "none"}),
    "spending by member": ("spending", {"by": "member", "compare": "none"}),
    "cash flow by year": ("cash-flow", {"columns": "year"}),
    "balance sheet as known": ("balance-sheet", {}),
    "spending of a month by payee": ("spending", {"by": "payee", "period": "2025-10"}),
    "cash flow of a month": ("cash-flow", {"period": "2025-10"}),
}


class Travellers(Household):
    """The household of the ledger's figures, of whose entries one in twenty is in dollars."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        opened = {"book": self.book, "actor": None, "currency": "USD", "parent": None}
        self.dollars = services.open_account(name="Dollars", type="asset", kind="checking", **opened)
        self.travel = services.open_account(name="Travel", type="expense", kind="category", **opened)
        for year in range(2016, 2026):
            day = datetime.date(year, 1, 1)
            save_rate(book=self.book, actor=self.owner, base="USD", quote="EUR", date=day, rate="0.9")

    def draft(self) -> EntryDraft:
        usual = super().draft()
        if self.random.random() >= 0.05:
            return usual
        size = self.random.randrange(100, 20_000)
        lines = [
            LineDraft(account_id=self.travel.pk, amount=size),
            LineDraft(account_id=self.dollars.pk, amount=-size),
        ]
        return EntryDraft(date=usual.date, payee=usual.payee, lines=lines)


def made(household: Household, name: str, *, known_at: datetime.datetime) -> Callable[[], object]:
    kind, texts = REPORTS[name]
    given = {"period": TEN_YEARS, **texts}
    if name == "balance sheet as known":
        given["known_at"] = known_at.isoformat()
    definition = read_definition(kind, given, time_zone="Europe/Berlin", today=LAST_DAY)
    return lambda: build_report(
        book=household.book, definition=definition, today=LAST_DAY, rates_of=rates_of(household.book)
    )


def statements_of(work: Callable[[], object]) -> list[tuple[str, Any]]:
    """What the work asks the database, in its order."""
    asked: list[tuple[str, Any]] = []

    def note(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        work()
    return asked


def replayed(statements: list[tuple[str, Any]]) -> None:
    # The report's settings of the planner are among the statements, and hold within a transaction only.
    with transaction.atomic(), connection.cursor() as cursor:
        for sql, params in statements:
            cursor.execute(sql, params)
            if cursor.description:
                cursor.fetchall()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=435_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="10,000 entries")
    options = parser.parse_args()
    entries = 10_000 if options.quick else options.entries
    with harness.scratch_database():
        household = Travellers(seed=1)
        for start in range(0, entries, 20_000):
            post_in_bulk(household, min(20_000, entries - start))
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
            cursor.execute("SELECT clock_timestamp()")
            known_at = cursor.fetchone()[0]
        post_in_bulk(household, 5_000)  # recorded since
        runs, ratios = {}, []
        for name in REPORTS:
            work = made(household, name, known_at=known_at)
            statements = statements_of(work)
            times = 3 if options.quick else 5
            runs[f"sql of {name}"] = (
                "ms",
                lambda asked=statements, times=times: harness.milliseconds(lambda: replayed(asked), times=times),
            )
            runs[name] = ("ms", lambda work=work, times=times: harness.milliseconds(work, times=times))
            ratios.append(harness.Ratio(name, f"sql of {name}", 3, at_most=True))
        figures = harness.interleaved(runs, repetitions=options.repetitions)
        harness.report(title=f"reports-{entries}", figures=figures, ratios=ratios)


if __name__ == "__main__":
    main()
    raise SystemExit(harness.status())
