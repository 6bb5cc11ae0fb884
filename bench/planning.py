"""Plans: what their pages take in a book of a million lines.

python bench/planning.py             440,000 entries (about a million lines), some minutes
python bench/planning.py --quick     20,000 entries
"""

import argparse

import harness
from planning_app import budgets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=440_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="20,000 entries")
    options = parser.parse_args()
    with harness.scratch_database():
        runs = budgets.runs(20_000 if options.quick else options.entries)
        figures = harness.interleaved(runs, repetitions=options.repetitions)
        harness.report(title="planning", figures=figures, ratios=budgets.limits(list(figures)))


if __name__ == "__main__":
    main()
