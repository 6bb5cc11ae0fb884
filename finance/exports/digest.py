"""One hash of all that the entries of a book say, whatever their ids: equal for an export and for the book imported from it."""

import hashlib
import json

from finance.exports.journal import journal_of
from finance.exports.names import full_names
from finance.ledger.models import Book
from finance.ledger.selectors import accounts_of


def digest_of(*, book: Book) -> str:
    """SHA-256, 64 hexadecimal digits, over each entry as a JSON array, in the order of the export (date, then posting).

    The array: uid, date, payee, description, source, uid of the reversed entry, uid of the corrected one, and the lines
    as [full name of the account, currency, minor units, memo].
    """
    accounts = accounts_of(book=book)
    paths = full_names(accounts)
    named = {account.pk: (paths[account.pk], account.currency) for account in accounts}
    digest = hashlib.sha256()
    for entry in journal_of(book=book):
        lines = [[*named[account_id], amount, memo] for account_id, amount, memo in entry.lines]
        told = [
            entry.uid, entry.date, entry.payee, entry.description, entry.source, entry.reverses, entry.corrects, lines
        ]  # fmt: skip
        digest.update(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()
