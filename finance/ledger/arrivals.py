"""What a slice needs to take its part of an exported book back: which account and which line is which in the new book."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db import connection

from finance.ledger.models import Account, Book, JournalEntry
from identity.models import User

_LINES = """
SELECT entry.uid, line.position, line.id, line.account_id
  FROM finance_journalentry AS entry JOIN finance_journalline AS line ON line.entry_id = entry.id
 WHERE entry.book_id = %s AND entry.uid = ANY(%s::uuid[])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A new book made of an export. `accounts` go by their ids in the export; entries have kept their uids.

    `files` are the archive's own files, by their SHA-256, which has been compared. `numbers` tells parts that come later
    what became of an earlier one's rows: "tag" → number in the export → number here.
    """

    book: Book
    # Who imports it: what the archive holds of one person becomes theirs.
    owner: User
    accounts: Mapping[str, Account]
    files: Mapping[str, bytes] = field(default_factory=dict)
    numbers: dict[str, dict[int, int]] = field(default_factory=dict)

    def account(self, number: object) -> Account:
        """The account with this number in the export. Raises KeyError."""
        return self.accounts[str(number)]

    def entries(self, uids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
        """uid → id of those entries that are in the book."""
        return dict(JournalEntry.objects.filter(book=self.book, uid__in=set(uids)).values_list("uid", "pk"))

    def lines(self, uids: Iterable[uuid.UUID]) -> dict[tuple[uuid.UUID, int], tuple[int, int]]:
        """(uid of the entry, position) → (id of the line, id of its account), for the lines of these entries."""
        with connection.cursor() as cursor:
            cursor.execute(_LINES, [self.book.pk, list(set(uids))])
            return {(uid, position): (line, account) for uid, position, line, account in cursor.fetchall()}
