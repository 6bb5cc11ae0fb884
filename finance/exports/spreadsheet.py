"""The entries of a book as CSV, one row for each line, for spreadsheets."""

from collections.abc import Iterator

from finance import money
from finance.exports.journal import journal_of, snapshot
from finance.exports.names import full_names
from finance.ledger.models import Book
from finance.ledger.selectors import accounts_of
from finance.sheets import csv_row, safe

COLUMNS = (
    *("date", "entry", "payee", "description", "account", "amount", "currency", "memo", "source"),
    *("reverses", "corrects"),
)


def as_csv(book: Book) -> Iterator[str]:
    """RFC 4180 in UTF-8; amounts are plain decimals, debit positive. Texts that look like formulas get an apostrophe."""
    with snapshot():
        accounts = accounts_of(book=book)
        paths, currencies = full_names(accounts), {account.pk: account.currency for account in accounts}
        yield csv_row(COLUMNS)
        for entry in journal_of(book=book):
            texts = [safe(text) for text in (entry.payee, entry.description)]
            yield "".join(
                csv_row((
                    entry.date, entry.uid, *texts, safe(paths[account_id]),
                    money.format_amount(amount, currency=currencies[account_id]), currencies[account_id], safe(memo),
                    entry.source, entry.reverses or "", entry.corrects or "",
                ))
                for account_id, amount, memo in entry.lines
            )  # fmt: skip
