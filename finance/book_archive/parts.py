"""What an archive holds besides accounts and entries. A slice with data of its own adds a line to PARTS.

It has a module `carrying` with two functions: `give(book)` returns a JSON-able object with a `version`, in which accounts
go by id, entries by uid and lines by (uid, position); `take(arrival, document)` writes it into the new book, in the
transaction that makes it, and returns sentences about what could not be kept as it was. Files are named by their SHA-256.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DataError, IntegrityError
from django.utils.translation import gettext as _

from finance.attachments import carrying as attachments
from finance.errors import BookUnreadable
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book
from finance.reconciliation import carrying as reconciliation
from finance.rules import carrying as rules
from finance.tags import carrying as tags
from finance.valuation import carrying as valuation

# Members of the zip file below this folder are files of the book's own, such as receipts.
FILES = "files/"


def _no_files(book: Book) -> Iterator[tuple[str, bytes]]:
    yield from ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The part of one slice; `files` are (name, content), each read when it is written."""

    name: str
    give: Callable[[Book], dict[str, Any]]
    take: Callable[[Arrival, Any], list[str]]
    files: Callable[[Book], Iterator[tuple[str, bytes]]] = _no_files


# In the order in which they are taken.
PARTS: tuple[Part, ...] = (
    Part(name="tags", give=tags.give, take=tags.take),
    Part(name="receipts", give=attachments.give, take=attachments.take, files=attachments.files),
    Part(name="values", give=valuation.give, take=valuation.take),
    Part(name="rules", give=rules.give, take=rules.take),
    Part(name="statements", give=reconciliation.give, take=reconciliation.take),
)


def take_parts(arrival: Arrival, parts: Sequence[tuple[str, str]]) -> list[str]:
    """Take each part of an archive; returns sentences about what was left out. Raises BookUnreadable."""
    given = dict(parts)
    known = {part.name for part in PARTS}
    left = [
        _("The part “%(name)s” of the export is not known here and was left out.") % {"name": name[:40]}
        for name in given
        if name not in known
    ]
    for part in PARTS:
        if part.name in given:
            try:
                document = json.loads(given[part.name])
            except ValueError as error:
                raise BookUnreadable(
                    reason=_("The part “%(name)s” of the export is damaged.") % {"name": part.name}
                ) from error
            try:
                left += part.take(arrival, document)
            except (DataError, IntegrityError) as error:
                # What the database refuses, such as two rates of a pair for one day.
                raise BookUnreadable(
                    reason=_("The part “%(name)s” of the export contradicts itself.") % {"name": part.name}
                ) from error
    return left
