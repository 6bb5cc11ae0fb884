"""How well series are found in histories: generated households whose recurring payments are known.

python bench/planning_detection.py              1,000 households, seeds never used for tuning; some minutes
python bench/planning_detection.py --quick      100 of them
python bench/planning_detection.py --tuning     the seeds that the constants of series.py were chosen on

A series that is found counts as right when it has the planted rhythm and nine of ten of its entries are of that series;
each planted series can be found once. What ended is not to be found. Of the planted ones those count that go on and had
a few payments (bench/detection_app/households.py). Seeds 1 to 200 were for tuning; 10,001 to 11,000 never were.
"""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from claims import claim, status
from detection_app.households import TODAY, household

from finance.planning.detection.series import series_in

PRECISION, RECALL = 0.95, 0.90


@dataclass
class Score:
    """Counts over households: found, right, expected and found of those expected; by rhythm, and what was wrong."""

    found: int = 0
    right: int = 0
    expected: int = 0
    met: int = 0
    movements: int = 0
    expected_of: Counter[str] = field(default_factory=Counter)
    met_of: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    by_confidence: Counter[tuple[int, bool]] = field(default_factory=Counter)

    def add(self, other: "Score") -> None:
        for name in self.__dataclass_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            else:
                setattr(self, name, mine + theirs)


def score_of(seed: int) -> Score:
    """What is found in one household, compared with what was planted."""
    home, score = household(seed), Score()
    score.movements = len(home.movements)
    met: set[int] = set()
    planted = {each.number: each for each in home.planted}
    for series in series_in(home.movements, today=TODAY):
        score.found += 1
        owners = Counter(home.of_entry.get(entry_id) for entry_id in series.evidence)
        number, count = owners.most_common(1)[0]
        truth = None if number is None else planted[number]
        if truth is None:
            reason = f"noise {series.group} as {series.rhythm.cadence.name}"
        elif count * 10 < 9 * len(series.evidence):
            reason = "mixed"
        elif truth.rhythm != (name := "weekday_of_month" if series.rule.weekday else series.rhythm.cadence.name):
            reason = f"{truth.rhythm} as {name}"
        elif truth.number in met:
            reason = "twice"
        elif truth.ended:
            reason = "ended"
        else:
            reason = ""
            met.add(truth.number)
        score.right += not reason
        score.by_confidence[min(series.confidence // 5 * 5, 95), not reason] += 1
        if reason:
            score.wrong[reason] += 1
    for each in home.planted:
        if each.expected:
            score.expected += 1
            score.expected_of[each.rhythm] += 1
            score.met += each.number in met
            score.met_of[each.rhythm] += each.number in met
    return score


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 households instead of 1,000")
    parser.add_argument("--tuning", action="store_true", help="seeds 1 to 200, which the constants were chosen on")
    asked = parser.parse_args()
    seeds = range(1, 201) if asked.tuning else range(10_001, 10_101 if asked.quick else 11_001)
    started, total = time.perf_counter(), Score()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for score in pool.map(score_of, seeds, chunksize=5):
            total.add(score)
    seconds = time.perf_counter() - started
    precision, recall = total.right / total.found, total.met / total.expected
    print(
        f"{len(seeds):,} households (seeds {seeds[0]:,} to {seeds[-1]:,}), {total.movements:,} movements, {seconds:.0f} s"
    )
    print(f"{total.right:,} right of {total.found:,} found; {total.met:,} found of {total.expected:,} planted")
    print(claim(name="detection of series: precision", value=precision, at_least=PRECISION))
    print(claim(name="detection of series: recall", value=recall, at_least=RECALL))
    for rhythm, count in total.expected_of.most_common():
        print(f"  {rhythm:<15}{total.met_of[rhythm] / count:8.3f} of {count:,}")
    for reason, count in total.wrong.most_common(12):
        print(f"  wrong: {reason:<40}{count:>6,}")
    for floor in sorted({floor for floor, _right in total.by_confidence}):
        right, wrong = total.by_confidence[floor, True], total.by_confidence[floor, False]
        print(f"  stated {floor} % and more: {right / (right + wrong):.3f} right of {right + wrong:,}")
    return status()


if __name__ == "__main__":
    sys.exit(main())
