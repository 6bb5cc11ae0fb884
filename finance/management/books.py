"""What the commands for one book share."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import CommandError
from tqdm import tqdm

from finance.models import Book


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
