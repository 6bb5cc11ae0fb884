"""What is selected in a list: single rows, or all that its filter finds."""

import uuid
from collections import defaultdict
from dataclasses import dataclass, field

from django.http import QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from finance.errors import Invalid, NotFound
from finance.ledger.movements import natural
from finance.ledger.registers import MAX_PAGE, register_page
from finance.ledger.services.changes import MOST_ENTRIES
from finance.models import Book, JournalEntry, JournalLine
from finance.search.conditions import world_of
from finance.search.query import QueryError, parse_query
from finance.search.selectors import find_entries
from finance.web.register_filters import read_register


@dataclass(slots=True, kw_only=True)
class Selection:
    """Entries by id, each with the positions of the lines that were chosen, and what the lines of a list come to.

    `rows` counts rows of the list: an entry has two in a list with both of its accounts.
    """

    targets: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    sums: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    rows: int = 0

    def add(self, *, entry_id: int, position: int | None, currency: str = "", amount: int = 0) -> None:
        chosen = self.targets[entry_id]
        if position is not None and position not in chosen:
            chosen.add(position)
            self.sums[currency] += amount
        self.rows += 1


def picked(*, book: Book, picks: list[str]) -> Selection:
    """Rows by the value of their box: the id of a line, or the uid of an entry.

    Raises Invalid for what is neither, and NotFound for what the book does not have.
    """
    lines = {int(pick) for pick in picks if pick.isascii() and pick.isdigit() and len(pick) < 19}
    try:
        uids = {uuid.UUID(pick) for pick in picks if not pick.isdigit()}
    except ValueError as error:
        raise Invalid(reason=_("Choose entries from the list.")) from error
    if len(lines) + len(uids) > MOST_ENTRIES:
        raise Invalid(reason=_("At most %(most)s entries can be changed at once.") % {"most": MOST_ENTRIES})
    selection = Selection()
    found = JournalLine.objects.filter(book=book, pk__in=lines).values_list(
        "entry_id", "position", "currency", "amount"
    )
    for entry_id, position, currency, amount in found:
        selection.add(entry_id=entry_id, position=position, currency=currency, amount=amount)
    for entry_id in JournalEntry.objects.filter(book=book, uid__in=uids).values_list("pk", flat=True):
        selection.add(entry_id=entry_id, position=None)
    if selection.rows != len(lines) + len(uids):
        raise NotFound(thing="entry")
    return selection


def all_of(*, book: Book, account_id: int | None, query: str) -> Selection:
    """All rows that a register's address finds. Raises Invalid where there are more than 5,000, or for a bad filter."""
    try:
        _scope, form = read_register(book=book, query=QueryDict(query), account_id=account_id)
    except NotFound as error:
        if account_id is not None:
            raise
        raise Invalid(reason=_("This list does not exist; open it again.")) from error
    if form.errors:
        raise Invalid(reason=_("One of the filters cannot be read; correct it first."))
    selection, after = Selection(), None
    while True:
        page = register_page(accounts=form.chosen_accounts(), after=after, limit=MAX_PAGE, filters=form.filters())
        rows = {row.line_id: row for row in page.rows if not row.is_reversal and not row.is_reversed}
        for line_id, position in JournalLine.objects.filter(pk__in=rows).values_list("pk", "position"):
            row = rows[line_id]
            selection.add(
                entry_id=row.entry_id, position=position, currency=row.account.currency,
                amount=natural(row.amount, row.account.type),
            )  # fmt: skip
        if selection.rows > MOST_ENTRIES:
            raise Invalid(reason=_("The list has more than %(most)s entries; narrow it.") % {"most": MOST_ENTRIES})
        if page.next_cursor is None:
            return selection
        after = page.next_cursor


def all_found(*, book: Book, words: str) -> Selection:
    """All entries that a search finds. Raises Invalid where there are more than 5,000, or for a bad query."""
    try:
        terms = parse_query(words, language=get_language() or "en")
    except QueryError as error:
        raise Invalid(reason=error.message) from error
    if not terms:
        raise Invalid(reason=_("Say what to search for."))
    world = world_of(book=book, terms=terms)
    selection, after = Selection(), None
    while True:
        found = find_entries(book=book, terms=terms, after=after, limit=MAX_PAGE, world=world)
        for hit in found.entries:
            selection.add(entry_id=hit.id, position=None)
            for currency, amount in hit.movement.amounts:
                selection.sums[currency] += amount
        if selection.rows > MOST_ENTRIES:
            raise Invalid(reason=_("The search finds more than %(most)s entries; narrow it.") % {"most": MOST_ENTRIES})
        if found.next_cursor is None:
            return selection
        after = found.next_cursor
