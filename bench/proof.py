"""What the chain costs: sealing against posting, posting to a book while it is sealed, and proving against reading;
and exports of the whole book against reading.

python bench/proof.py            50,000 entries, a few minutes
python bench/proof.py --quick    10,000 entries
"""

import argparse
import functools
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import harness
from django.db import connection
from django.utils import timezone
from ledger import Household, post_in_bulk, post_singly

from finance.exports.formats import FORMATS
from finance.ledger import chain, services
from finance.ledger.integrity import verify_ledger
from finance.ledger.models import JournalEntry

# Entries per event of a bulk posting.
PER_EVENT = 500
EXPORTS = ("hledger", "beancount", "json")
RAW = ("COPY finance_journalentry TO STDOUT", "COPY finance_journalline TO STDOUT")


def seal(household: Household, count: int) -> float:
    """Entries per second, event by event as a worker has them; the posting before is not counted."""
    post_in_bulk(household, count)
    ids = list(JournalEntry.objects.order_by("-pk").values_list("pk", flat=True)[:count])

    def work() -> None:
        for start in range(0, count, PER_EVENT):
            services.seal_entries(posted={household.book.pk: ids[start : start + PER_EVENT]})

    return harness.rate(count, work)


def newly_posted(household: Household) -> Iterator[list[int]]:
    """What was posted to the book since the last look, look by look."""
    last = JournalEntry.objects.order_by("-pk").values_list("pk", flat=True)[0]
    while True:
        newer = (
            JournalEntry.objects.filter(book=household.book, pk__gt=last).order_by("pk").values_list("pk", flat=True)
        )
        ids = list(newer[:PER_EVENT])
        last = ids[-1] if ids else last
        yield ids


@contextmanager
def sealing_process(household: Household, work: Iterator[list[int]]) -> Iterator[None]:
    """A process beside this one that seals entries of the book, fifty times a second."""
    connection.close()  # a forked child must not share it
    child = os.fork()
    if child == 0:
        for ids in work:
            services.seal_entries(posted={household.book.pk: ids})
            time.sleep(0.02)
        time.sleep(600)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def post_beside_sealing(household: Household, count: int) -> float:
    """Postings to the very book that is being sealed."""
    services.seal_missed()
    with sealing_process(household, newly_posted(household)):
        return post_singly(household, count)


def post_beside_sealing_elsewhere(household: Household, other: Household, count: int) -> float:
    """The same while a process does as much for another book: it takes the processor, but no lock of ours."""
    post_in_bulk(other, 4 * count)
    ids = list(JournalEntry.objects.filter(book=other.book).order_by("-pk").values_list("pk", flat=True)[: 4 * count])
    looks = newly_posted(other)
    with sealing_process(other, (ids[start : start + 4] + next(looks) for start in range(0, len(ids), 4))):
        return post_singly(household, count)


def copy_out(entries: int) -> float:
    with harness.raw_connection(autocommit=True) as raw, raw.cursor() as cursor:

        def work() -> None:
            for statement in RAW:
                with cursor.copy(statement) as copy:
                    for _ in copy:
                        pass

        return harness.rate(entries, work)


def walk(entries: int) -> float:
    return harness.rate(entries, lambda: [each.seals for each in chain.judged(book=None, after=chain.Place())])


def prove(entries: int) -> float:
    report = []
    rate = harness.rate(entries, lambda: report.append(verify_ledger(now=timezone.now())))
    assert report[0].sound, report[0].problems
    return rate


def export(household: Household, entries: int, format: str) -> float:
    def work() -> None:
        with tempfile.TemporaryFile("w") as file:
            file.writelines(FORMATS[format](household.book))

    return harness.rate(entries, work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=50_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="10,000 entries")
    options = parser.parse_args()
    entries = 10_000 if options.quick else options.entries
    with harness.scratch_database():
        household, other = Household(seed=1), Household(seed=2)
        post_in_bulk(household, 5_000)
        singles, bulk = (200, 2_000) if options.quick else (1_000, 10_000)
        writing = harness.interleaved(
            {
                "post_entry, nobody seals": ("entries/s", lambda: post_singly(household, singles)),
                "post_entry, another book is sealed": (
                    "entries/s",
                    lambda: post_beside_sealing_elsewhere(household, other, singles),
                ),
                "post_entry, its book is sealed": ("entries/s", lambda: post_beside_sealing(household, singles)),
                "post_entries": ("entries/s", lambda: post_in_bulk(household, bulk)),
                "seal_entries": ("entries/s", lambda: seal(household, bulk)),
            },
            repetitions=options.repetitions,
        )
        while (there := JournalEntry.objects.count()) < entries:
            post_in_bulk(household, min(20_000, entries - there))
        services.seal_missed()
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
        there = JournalEntry.objects.count()
        its = JournalEntry.objects.filter(book=household.book).count()
        reading = harness.interleaved(
            {
                "raw COPY out of entries and lines": ("entries/s", lambda: copy_out(there)),
                "walk along the chain": ("entries/s", lambda: walk(there)),
                "verify_ledger, everything": ("entries/s", lambda: prove(there)),
            }
            | {f"export, {name}": ("entries/s", functools.partial(export, household, its, name)) for name in EXPORTS},
            repetitions=options.repetitions,
        )
        harness.report(
            title=f"proof-{there}",
            figures={**writing, **reading},
            ratios=[
                harness.Ratio("post_entry, its book is sealed", "post_entry, another book is sealed", 0.9),
                harness.Ratio("seal_entries", "post_entries", 0.5),
                harness.Ratio("seal_entries", "post_entry, nobody seals", 5),
                harness.Ratio("walk along the chain", "raw COPY out of entries and lines", 0.15),
                harness.Ratio("verify_ledger, everything", "raw COPY out of entries and lines", 0.3),
                *(harness.Ratio(f"export, {name}", "raw COPY out of entries and lines", 0.3) for name in EXPORTS),
            ],
        )


if __name__ == "__main__":
    main()
    raise SystemExit(harness.status())
