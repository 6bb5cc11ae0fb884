"""Plans: what their pages take in a book of a million lines, and how fast the forecasts of many books are made.

python bench/planning.py             440,000 entries (about a million lines) and 1,000 small books, some minutes
python bench/planning.py --quick     20,000 entries, 50 books
python bench/planning.py --only books
"""

import argparse

import harness
from planning_app import budgets, forecasts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=440_000)
    parser.add_argument("--books", type=int, default=1_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="20,000 entries, 50 books")
    parser.add_argument("--only", choices=["pages", "books"], help="one of the two parts")
    options = parser.parse_args()
    entries, books = (20_000, 50) if options.quick else (options.entries, options.books)
    with harness.scratch_database():
        if options.only != "books":
            world = budgets.build(entries)
            runs = budgets.runs(world) | forecasts.of_one(world["owner"], world["budgets"]["months"].book_id)
            figures = harness.interleaved(runs, repetitions=options.repetitions)
            names = list(figures)
            claims = budgets.limits([name for name in names if name.startswith("budget")])
            harness.report(title="planning", figures=figures, ratios=[*claims, *forecasts.limits(names)])
        if options.only != "pages":
            figures = harness.interleaved(forecasts.of_many(books), repetitions=min(options.repetitions, 2))
            harness.report(title="planning-books", figures=figures, ratios=forecasts.limits(list(figures)))


if __name__ == "__main__":
    main()
    raise SystemExit(harness.status())
