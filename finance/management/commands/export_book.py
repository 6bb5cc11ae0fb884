import os
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from finance.exports.formats import FORMATS
from finance.management.books import book_named


class Command(BaseCommand):
    help = "Write a whole book down for hledger, beancount or as JSON, to a file or to standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, required=True, help="number of the book")
        parser.add_argument("--format", choices=sorted(FORMATS), required=True)
        parser.add_argument("--output", type=Path, help="file to write; it appears when it is complete")

    def handle(self, *args: Any, **options: Any) -> None:
        pieces = FORMATS[options["format"]](book_named(options["book"]))
        if options["output"] is None:
            for piece in pieces:
                self.stdout.write(piece, ending="")
            return
        try:
            _write(pieces, options["output"])
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from error


def _write(pieces: Iterable[str], output: Path) -> None:
    """Beside the target first, so that an export that breaks off leaves no half file. Books are private: mode 0600."""
    draft = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(pieces)
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)
