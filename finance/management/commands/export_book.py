from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from finance import replica
from finance.exports.formats import FORMATS
from finance.management.books import book_named
from platform_outbox.operations.runs import write_private


class Command(BaseCommand):
    help = "Export a whole book for hledger, beancount or as JSON, to a file or to standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, required=True, help="number of the book")
        parser.add_argument("--format", choices=sorted(FORMATS), required=True)
        parser.add_argument("--output", type=Path, help="file to write; it appears when it is complete")

    def handle(self, *args: Any, **options: Any) -> None:
        book, written = book_named(options["book"]), FORMATS[options["format"]]
        if options["output"] is None:
            for piece in written(book):
                self.stdout.write(piece, ending="")
            return
        try:
            replica.read(lambda: write_private(options["output"], written(book)))
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from error
