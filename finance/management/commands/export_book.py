from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from finance import replica
from finance.book_archive.writing import as_archive, reader_of
from finance.exports.formats import ARCHIVE, CHOICES, FORMATS
from finance.ledger.models import Book
from finance.management.books import book_named
from platform_outbox.operations.runs import write_private


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = (
        "Export a whole book to a file or to standard output: everything as an archive, or its entries for hledger, "
        "beancount, as CSV or JSON."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, required=True, help="number of the book")
        parser.add_argument("--format", choices=CHOICES, required=True)
        parser.add_argument("--output", type=Path, help="file to write; it appears when it is complete")

    def handle(self, *args: Any, **options: Any) -> None:
        book = book_named(options["book"])
        written: Callable[[Book], Iterator[str] | Iterator[bytes]] = (
            (lambda book: as_archive(book, reader=reader_of(book=book)))
            if options["format"] == ARCHIVE
            else FORMATS[options["format"]]
        )
        if options["output"] is None:
            if options["format"] == ARCHIVE:
                raise CommandError("An archive is not text. Use --output to say where to write it.")
            for piece in written(book):
                self.stdout.write(str(piece), ending="")
            return
        try:
            replica.read(lambda: write_private(options["output"], written(book)))
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from error
