"""Search in a book of a million lines: time of each kind of query, and what its indexes cost when posting in bulk.

python bench/search.py             440,000 entries (about a million lines), some minutes
python bench/search.py --quick     20,000 entries

Notes have six words, a few of them in thousands of entries and most in few, as in a language. Times are of client and
server together, by the clock and in CPU: the latter is steady on a machine that does other work as well.
"""

import argparse
import dataclasses
import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path

import harness
from django.db import connection
from ledger import Household

from finance.ledger import services
from finance.search.conditions import world_of
from finance.search.query import parse_query
from finance.search.selectors import find_entries

LIMIT = 100  # milliseconds
WORDS = 8_000
NOTE = 6
QUERIES = {
    "a rare word": "w7990",
    "a word of some hundred entries": "w600",
    "a frequent word": "w3",
    "an amount": "123.45",
    "a shop of many": '"shop 17"',
    "two frequent words": "w1x w2x",
    "four frequent words": "w1x w2x w3x w4x",
    "a frequent and a rare word": "w1x w7990",
    "two frequent words that meet seldom": "w30x w40x",
    "a frequent word and a negation": "w1x -w2x",
    "two frequent words and a negation": "w30x w1x -w2x",
    "only a negation": "-w1x",
    "a payee and a word of the note": "payee:shop note:w30x",
    "a category and a word": "category:extra w30x",
    "a range of amounts and a word": "amount:>150 w30x",
    "words that everything begins with": "w shop",
}
INDEXES = ("finance_entry_words", "finance_line_words", "finance_line_size")


class Diary(Household):
    """A household that writes notes."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        # How often a word is used falls with its place, as in a language; "x" ends it, so that none begins another.
        self.words = [f"w{number}x" for number in range(1, WORDS + 1)]
        self.weights = list(itertools.accumulate(1 / number for number in range(1, WORDS + 1)))

    def draft(self):
        note = " ".join(self.random.choices(self.words, cum_weights=self.weights, k=NOTE))
        return dataclasses.replace(super().draft(), description=note)


def build(entries: int, diary: Diary) -> None:
    """The book at rest, as autovacuum leaves it."""
    for start in range(0, entries, 20_000):
        drafts = diary.drafts(min(20_000, entries - start))
        services.post_entries(book=diary.book, actor=diary.owner, drafts=drafts, source="import")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def cpu_milliseconds(work: Callable[[], object], *, times: int) -> float:
    """CPU of this process and of its server process, per call; the server counts in hundredths of a second."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        stat = Path(f"/proc/{cursor.fetchone()[0]}/stat")

    def used() -> float:
        numbers = stat.read_text().rpartition(")")[2].split()
        server = (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")
        return (time.process_time() + server) * 1000

    before = used()
    for _ in range(times):
        work()
    return (used() - before) / times


def searching(diary: Diary, said: str) -> Callable[[], object]:
    """One search as a page makes it."""

    def work() -> object:
        terms = parse_query(said, language="en")
        return find_entries(book=diary.book, terms=terms, world=world_of(book=diary.book, terms=terms))

    return work


def runs(diary: Diary) -> dict:
    found = {}
    for name, said in QUERIES.items():
        work = searching(diary, said)
        found[name] = ("ms", lambda work=work: harness.milliseconds(work, times=7))
        found[f"{name} (CPU)"] = ("ms CPU", lambda work=work: cpu_milliseconds(work, times=10))
    return found


def posting(diary: Diary, count: int) -> dict:
    """Posting in bulk with the indexes of search and without, when they are dropped and made again: CPU per entry."""

    def without(*indexes: str) -> float:
        drafts = diary.drafts(count)
        with connection.cursor() as cursor:
            cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE indexname = ANY(%s)", [list(indexes)])
            made = dict(cursor.fetchall())
            for name in made:
                cursor.execute(f"DROP INDEX {name}")
        post = {"book": diary.book, "actor": diary.owner, "drafts": drafts, "source": "import"}
        taken = cpu_milliseconds(lambda: services.post_entries(**post), times=1) * 1000 / count
        with connection.cursor() as cursor:
            for definition in made.values():
                cursor.execute(definition)
        return taken

    return {
        "posting with all indexes": ("µs CPU", without),
        "posting with no search indexes": ("µs CPU", lambda: without(*INDEXES)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=440_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="20,000 entries")
    options = parser.parse_args()
    with harness.scratch_database():
        diary, fresh = Diary(seed=1), Diary(seed=2)
        # In a small database, as after the first import: dropping and making indexes takes no time there.
        figures = harness.interleaved(posting(fresh, 10_000), repetitions=2 * options.repetitions)
        build(20_000 if options.quick else options.entries, diary)
        figures |= harness.interleaved(runs(diary), repetitions=options.repetitions)
        limits = [harness.Limit(name, LIMIT) for name in QUERIES]
        base = "posting with no search indexes"
        ratio = harness.Ratio("posting with all indexes", base, 1.1, at_most=True)
        harness.report(title="search", figures=figures, ratios=[*limits, ratio])


if __name__ == "__main__":
    main()
    raise SystemExit(harness.status())
