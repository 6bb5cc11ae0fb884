"""What a search finds as a table for a file."""

from collections.abc import Iterable, Iterator, Sequence

from django.utils.translation import gettext as _

from finance.exports.journal import snapshot
from finance.ledger.models import Book
from finance.search.conditions import world_of
from finance.search.query import Term
from finance.search.selectors import Hit, find_entries
from finance.sheets import Amount, Cell, FileTable
from finance.tags.selectors import tags_of_entries

ROWS_AT_ONCE = 500


def pages_found(*, book: Book, terms: list[Term]) -> Iterator[list[Hit]]:
    """All entries that the terms find, newest first, some hundred at a time, of one state of the database."""
    with snapshot():
        world, after = world_of(book=book, terms=terms), None
        while True:
            found = find_entries(book=book, terms=terms, after=after, limit=ROWS_AT_ONCE, world=world)
            yield found.entries
            if (after := found.next_cursor) is None:
                return


def search_table(*, book: Book, pages: Iterable[Sequence[Hit]], notes: Sequence[str]) -> FileTable:
    """A row for each amount of each entry: an exchange has two. The rows can be read once."""
    heads = [_("Date"), _("Payee"), _("Note"), _("Accounts"), _("Amount"), _("Currency"), _("Tags"), _("Entry")]

    def rows() -> Iterator[list[Cell]]:
        for some in pages:
            tags = tags_of_entries(book=book, entry_ids=[hit.id for hit in some])
            for hit in some:
                names = ", ".join(tag.name for tag in tags.get(hit.id, ()))
                for currency, amount in hit.movement.amounts:
                    yield [
                        *(hit.date, hit.payee, hit.description, hit.movement.accounts),
                        *(Amount(amount, currency), currency, names, str(hit.uid)),
                    ]

    return FileTable(title=_("Search"), notes=notes, heads=heads, rows=rows(), total=heads.index(_("Amount")))
