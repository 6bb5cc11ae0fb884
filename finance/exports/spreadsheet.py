"""The entries of a book as CSV, one row for each line, for spreadsheets."""

import csv
import io
from collections.abc import Iterator

from finance import money
from finance.exports.journal import journal_of, snapshot
from finance.exports.names import full_names
from finance.ledger.models import Book
from finance.ledger.selectors import accounts_of

COLUMNS = (
    *("date", "entry", "payee", "description", "account", "amount", "currency", "memo", "source"),
    *("reverses", "corrects"),
)
# A spreadsheet would run a text that begins with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(book: Book) -> Iterator[str]:
    """RFC 4180 in UTF-8; amounts are plain decimals, debit positive. Texts that look like formulas get an apostrophe."""
    with snapshot():
        paths = full_names(accounts_of(book=book))
        yield _row(COLUMNS)
        for entry in journal_of(book=book):
            texts = [safe(text) for text in (entry.payee, entry.description)]
            yield "".join(
                _row((
                    entry.date, entry.uid, *texts, safe(paths[line.account_id]),
                    money.format_amount(line.amount, currency=line.currency), line.currency, safe(line.memo),
                    entry.source, entry.reverses or "", entry.corrects or "",
                ))
                for line in entry.lines
            )  # fmt: skip


def safe(text: str) -> str:
    """The text as a spreadsheet shows it, without running it as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(values: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(values)
    return out.getvalue()
