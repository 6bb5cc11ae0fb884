"""What the commands for one book share."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from finance.errors import FinanceError
from finance.models import Book

# Exit code of an import that was refused.
REFUSED = 2


def book_named(book_id: int) -> Book:
    """The book with that number, or a sentence for the terminal."""
    try:
        return Book.objects.get(pk=book_id)
    except Book.DoesNotExist:
        raise CommandError(f"There is no book {book_id}.") from None


def bytes_of(name: str) -> bytes:
    """What the file holds, or with - what comes on standard input. Raises CommandError for one that cannot be read."""
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}") from error


def refuse(command: BaseCommand, error: FinanceError, *, as_json: bool) -> NoReturn:
    """Write why nothing was done, as JSON on standard output or as a sentence on standard error, and exit with 2."""
    if as_json:
        told = {"code": error.code, "detail": error.detail, "fields": error.fields}
        command.stdout.write(json.dumps({"error": told}))
    else:
        command.stderr.write(command.style.ERROR(error.detail))
    sys.exit(REFUSED)


@contextmanager
def progress_bar(
    *, unit: str, label: str | None = None, hidden: bool | None, leave: bool = False
) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error that `progress(done, total)` moves; with `hidden` None it shows on a terminal only."""
    with tqdm(desc=label, unit=unit, file=sys.stderr, disable=hidden, leave=leave) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress
