"""What an archive holds besides accounts and entries. A slice with data of its own adds a line to PARTS.

It has a module `carrying` with two functions: `give(book, reader)` returns a JSON-able object with a `version`, in which
accounts go by id, entries by uid and lines by (uid, position); `take(arrival, document)` writes it into the new book, in
the transaction that makes it, and returns sentences about what could not be kept as it was. Files are named by their
SHA-256. Of what belongs to one person, such as a view that is not shared, only the reader's own leaves, and it becomes
that of the person who imports the archive.

Apps above finance call `add_part` in their module `carrying`.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DataError, IntegrityError
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext as _

from finance.attachments import carrying as attachments
from finance.errors import BookUnreadable
from finance.imports import carrying as imports
from finance.ledger import carrying as ledger
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book
from finance.payees import carrying as payees
from finance.planning.budgets import carrying as budgets
from finance.planning.cards import carrying as cards
from finance.planning.detection import carrying as recurring
from finance.planning.goals import carrying as goals
from finance.planning.loans import carrying as loans
from finance.planning.scenarios import carrying as scenarios
from finance.planning.schedules import carrying as schedules
from finance.preferences import carrying as preferences
from finance.receivables import carrying as receivables
from finance.reconciliation import carrying as reconciliation
from finance.reports import carrying as reports
from finance.rules import carrying as rules
from finance.tags import carrying as tags
from finance.valuation import carrying as valuation
from identity.models import User

__all__ = ["FILES", "PARTS", "Arrival", "Book", "BookUnreadable", "Part", "User", "add_part", "all_parts", "take_parts"]

# Members of the zip file below this folder are files of the book's own, such as receipts.
FILES = "files/"


def _no_files(book: Book) -> Iterator[tuple[str, bytes]]:
    yield from ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The part of one slice; `files` are (name, content), each read when it is written."""

    name: str
    give: Callable[[Book, User | None], dict[str, Any]]
    take: Callable[[Arrival, Any], list[str]]
    files: Callable[[Book], Iterator[tuple[str, bytes]]] = _no_files


# In the order in which they are taken: views, reports and schedules name tags.
PARTS: list[Part] = [
    Part(name="tags", give=tags.give, take=tags.take),
    Part(name="receipts", give=attachments.give, take=attachments.take, files=attachments.files),
    Part(name="values", give=valuation.give, take=valuation.take),
    Part(name="rules", give=rules.give, take=rules.take),
    Part(name="statements", give=reconciliation.give, take=reconciliation.take),
    Part(name="payees", give=payees.give, take=payees.take),
    Part(name="people", give=receivables.give, take=receivables.take),
    Part(name="imports", give=imports.give, take=imports.take),
    Part(name="schedules", give=schedules.give, take=schedules.take),
    Part(name="recurring", give=recurring.give, take=recurring.take),
    Part(name="changes", give=ledger.give, take=ledger.take),
    Part(name="loans", give=loans.give, take=loans.take),
    Part(name="cards", give=cards.give, take=cards.take),
    Part(name="goals", give=goals.give, take=goals.take),
    # After the plans that its steps are about.
    Part(name="scenarios", give=scenarios.give, take=scenarios.take),
    Part(name="preferences", give=preferences.give, take=preferences.take),
    Part(name="reports", give=reports.give, take=reports.take),
    Part(name="budgets", give=budgets.give, take=budgets.take),
]


def add_part(part: Part) -> None:
    """Add the part of an app above finance; it is taken after finance's own."""
    PARTS.append(part)


def all_parts() -> list[Part]:
    """The parts of all installed apps."""
    autodiscover_modules("carrying")
    return PARTS


def take_parts(arrival: Arrival, parts: Sequence[tuple[str, str]]) -> list[str]:
    """Take each part of an archive; returns sentences about what was left out. Raises BookUnreadable."""
    given = dict(parts)
    known = {part.name for part in all_parts()}
    left = [
        _("The part “%(name)s” of the export is not known here and was left out.") % {"name": name[:40]}
        for name in given
        if name not in known
    ]
    for part in all_parts():
        if part.name in given:
            try:
                document = json.loads(given[part.name])
            except (ValueError, RecursionError) as error:  # RecursionError: it is nested too deeply
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
