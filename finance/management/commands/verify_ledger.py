import json
import re
import sys
import time
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from finance.ledger import chain
from finance.ledger.integrity import PROMISES, Report, steps, verify_ledger
from finance.management.books import book_named


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Prove the books again from the postings alone. Exits with 1 if something is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, help="number of one book (default: all)")
        parser.add_argument("--format", choices=["text", "json"], default="text")
        parser.add_argument(
            "--expect-head",
            metavar="HASH",
            help="a head noted earlier; the chain must still contain it (needs --book)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        book = book_named(options["book"]) if options["book"] is not None else None
        expected = (options["expect_head"] or "").lower()
        if options["expect_head"] is not None:
            if book is None:
                raise CommandError("A head belongs to one book: add --book NUMBER.")
            if not re.fullmatch("[0-9a-f]{64}", expected):
                raise CommandError("A head is a hash of 64 hexadecimal digits.")
        started = time.perf_counter()
        quiet = options["verbosity"] == 0 or not sys.stderr.isatty()
        with tqdm(total=steps(book=book), unit="step", file=sys.stderr, disable=quiet, leave=False) as bar:
            report = verify_ledger(book=book, now=timezone.now(), on_step=lambda found: bar.update() and None)
        seconds = time.perf_counter() - started
        head = chain.head_of(book=book) if book is not None else None
        place = chain.place_of(book=book, hash_=expected) if book is not None and expected else None
        if options["format"] == "json":
            document = {**asdict(report), "sound": report.sound, "seconds": round(seconds, 3)}
            document |= {"head": asdict(head) if head else None} if book is not None else {}
            document |= {"expected_head": expected, "expected_seal": place} if expected else {}
            self.stdout.write(json.dumps(document, ensure_ascii=False, indent=1, default=str))
        else:
            self._tell(report, seconds=seconds)
            if head is not None:
                self.stdout.write(
                    f"Head of the chain: {head.hash}, seal {head.seals}, entry {head.entry_uid}, {head.sealed_at}."
                )
            if expected and place is not None:
                self.stdout.write(
                    f"The expected head is seal {place}: nothing up to it has changed since it was noted."
                )
            elif expected:
                self.stdout.write(f"NOT THE CHAIN THAT WAS NOTED: no seal of this book has the hash {expected}.")
        if not report.sound or (expected and place is None):
            # A report, not a failure of the command: CommandError would print it twice.
            sys.exit(1)

    def _tell(self, report: Report, *, seconds: float) -> None:
        looked = f"{report.books} books, {report.entries} entries ({report.seals} sealed), {report.lines} lines"
        if report.sound:
            self.stdout.write(f"Sound: {looked}, {PROMISES} promises kept, in {seconds:.1f} s.")
        else:
            self.stdout.write(f"NOT SOUND: {looked}; {len(report.problems)} of {PROMISES} promises broken.")
        for problem in report.problems:
            self.stdout.write(f"\n{problem.promise}  [{problem.code}, {problem.count} times]")
            for example in problem.examples:
                self.stdout.write(f"  {example}")
            if problem.count > len(problem.examples):
                self.stdout.write(f"  and {problem.count - len(problem.examples)} more")
        for warning in report.warnings:
            self.stdout.write(f"\nWARNING, not yet: {warning.promise}  [{warning.code}, {warning.count} entries]")
            for example in warning.examples:
                self.stdout.write(f"  {example}")
