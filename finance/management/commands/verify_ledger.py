import json
import sys
import time
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from tqdm import tqdm

from finance.ledger.integrity import CHECKS, Report, verify_ledger
from finance.management.books import book_named


class Command(BaseCommand):
    help = "Prove the books again from the postings alone. Ends with 1 where something is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, help="number of one book (default: all)")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        book = book_named(options["book"]) if options["book"] is not None else None
        started = time.perf_counter()
        quiet = options["verbosity"] == 0 or not sys.stderr.isatty()
        with tqdm(CHECKS, unit="check", file=sys.stderr, disable=quiet, leave=False) as bar:
            report = verify_ledger(book=book, now=timezone.now(), progress=lambda check: bar.update() and None)
        seconds = time.perf_counter() - started
        if options["format"] == "json":
            document = {**asdict(report), "sound": report.sound, "seconds": round(seconds, 3)}
            self.stdout.write(json.dumps(document, ensure_ascii=False, indent=1))
        else:
            self._tell(report, seconds=seconds)
        if not report.sound:
            # A report, not a failure of the command: CommandError would print it twice.
            sys.exit(1)

    def _tell(self, report: Report, *, seconds: float) -> None:
        looked = f"{report.books} books, {report.entries} entries, {report.lines} lines"
        if report.sound:
            self.stdout.write(f"Sound: {looked}, {len(CHECKS)} promises kept, in {seconds:.1f} s.")
            return
        self.stdout.write(f"NOT SOUND: {looked}; {len(report.problems)} of {len(CHECKS)} promises broken.")
        for problem in report.problems:
            self.stdout.write(f"\n{problem.promise}  [{problem.code}, {problem.count} times]")
            for example in problem.examples:
                self.stdout.write(f"  {example}")
            if problem.count > len(problem.examples):
                self.stdout.write(f"  and {problem.count - len(problem.examples)} more")
