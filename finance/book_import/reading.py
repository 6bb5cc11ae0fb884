"""Which programs are read, and by which module."""

from collections.abc import Mapping
from importlib import import_module

from core.texts import gettext as _
from core.texts import gettext_noop
from finance.book_import.model import Question, SourceBook
from finance.book_import.readers.archive import gunzip
from finance.errors import AmountInvalid, BookUnreadable, CurrencyUnknown

# The long operation that moves in, and the file in which it leaves its report.
OPERATION, REPORT_FILE = "books.import_book", "report.json"

MAX_BYTES = 50 * 1024 * 1024

# Loaded when they are asked for: beancount alone takes a second.
READERS: Mapping[str, str] = {
    "lifeos": "lifeos",
    "hledger": "hledger",
    "beancount": "beancount",
    "gnucash": "gnucash",
    "firefly": "firefly",
    "actual": "actual",
    "ynab": "ynab",
}
PROGRAMS: Mapping[str, str] = {
    "lifeos": gettext_noop("LifeOS (archive or JSON)"),
    "hledger": gettext_noop("hledger (print as JSON)"),
    "beancount": "Beancount",
    "gnucash": gettext_noop("GnuCash (XML or SQLite)"),
    "firefly": gettext_noop("Firefly III (transactions as CSV)"),
    "actual": gettext_noop("Actual (export)"),
    "ynab": gettext_noop("YNAB (register)"),
}


def read_book(data: bytes, question: Question) -> SourceBook:
    """Read an export of the program that the question names. Raises BookUnreadable with a sentence."""
    if question.format not in READERS:
        raise BookUnreadable(
            reason=_("“%(format)s” is none of %(names)s.") % {"format": question.format, "names": ", ".join(READERS)}
        )
    if not data.strip():
        raise BookUnreadable(reason=_("The file is empty."))
    if data.startswith(b"\x1f\x8b"):
        data = gunzip(data)
    reader = import_module(f"finance.book_import.readers.{READERS[question.format]}")
    try:
        book: SourceBook = reader.read(data, question)
    except RecursionError as error:
        raise BookUnreadable(reason=_("The file is nested too deeply to be such an export.")) from error
    except (AmountInvalid, CurrencyUnknown) as error:
        raise BookUnreadable(reason=error.detail) from error
    if not book.accounts:
        raise BookUnreadable(reason=_("The file has no accounts."))
    return book
