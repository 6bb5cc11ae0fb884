"""GnuCash: its XML file, compressed or not, and its SQLite file.

Schemas: libgnucash/doc/xml/gnucash-v2.rnc and the tables of libgnucash/backend/sql in GnuCash's repository. A split has
a value in the transaction's currency and a quantity in its account's commodity; balances are sums of quantities, and
debits are positive as here. Template transactions (of scheduled ones) are no transactions.
"""

from finance.book_import.model import Question, SourceBook
from finance.book_import.readers.gnucash_books import Books
from finance.book_import.readers.gnucash_sqlite import read_tables
from finance.book_import.readers.gnucash_xml import read_xml
from finance.book_import.readers.sqlite import MAGIC, opened


def read(data: bytes, question: Question) -> SourceBook:
    """The book. Raises BookUnreadable."""
    books = Books(question)
    if data.startswith(MAGIC):
        with opened(data) as tables:
            read_tables(tables, books)
    else:
        read_xml(data, books)
    return books.book()
