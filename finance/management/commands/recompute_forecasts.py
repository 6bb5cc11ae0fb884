from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from finance.management.books import book_named
from finance.operations import OneOrAllBooks, recompute_forecasts
from platform_outbox.operations.runs import TerminalRun


class Command(BaseCommand):
    help = "Learn from the past of the books anew and keep today's forecasts, as happens each midnight. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, help="number of the book; without it: all books")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["book"] is not None:
            book_named(options["book"])
        run = TerminalRun(by="command", write=self.stdout.write, quiet=options["verbosity"] == 0)
        done = recompute_forecasts(OneOrAllBooks(book=options["book"]), run)
        run.close()
        self.stdout.write(f"{run.total} books, {done['forecasts']} forecasts made.")
