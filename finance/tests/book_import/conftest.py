import datetime
import io
import json

import pytest
from django.core.management import call_command

from finance.book_import.child import read_in_child
from finance.book_import.model import Question
from finance.book_import.reading import read_book
from finance.book_import.services import import_book
from finance.imports.parsers.child import Limits
from finance.ledger.models import Account, Book
from finance.ledger.selectors import account_paths, balances
from finance.money import format_amount
from finance.tags.selectors import tags_of_entries

LIMITS = Limits(seconds=60, megabytes=1024)


@pytest.fixture
def move_in(owner, monkeypatch):
    """Read in this process and create the book: move_in(data, "ynab") → (report, {path: balance with currency}).

    It is 1 March 2026: what was planned until then has ended.
    """
    monkeypatch.setattr("finance.book_import.keeping.today_in", lambda book: datetime.date(2026, 3, 1))

    def run(data, format, *, base="EUR", zone="Europe/Berlin", **options):
        raw = data if isinstance(data, bytes) else data.encode()
        source = read_book(raw, Question(format=format, base_currency=base, time_zone=zone))
        report = import_book(owner=owner, source=source, base_currency=base, time_zone=zone, **options)
        return report, held_by(report.book) if report.book else {}

    return run


@pytest.fixture
def read():
    """The source's book, read in this process."""

    def run(data, format, *, base="EUR"):
        raw = data if isinstance(data, bytes) else data.encode()
        return read_book(raw, Question(format=format, base_currency=base, time_zone="UTC"))

    return run


@pytest.fixture
def in_child():
    def run(data, format, *, base="EUR"):
        raw = data if isinstance(data, bytes) else data.encode()
        return read_in_child(raw, Question(format=format, base_currency=base, time_zone="UTC"), limits=LIMITS)

    return run


@pytest.fixture
def command(owner, tmp_path):
    """manage.py import_book → (exit code, output, error output)."""

    def run(data, format, *options, name="books.dat"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        out, err, code = io.StringIO(), io.StringIO(), 0
        try:
            call_command("import_book", str(path), f"--format={format}", *options, stdout=out, stderr=err)
        except SystemExit as leaving:
            code = leaving.code
        return code, out.getvalue(), err.getvalue()

    return run


def held_by(book_id):
    """{path: "12.34 EUR"} of all accounts with a balance."""
    book = Book.objects.get(pk=book_id)
    paths, currencies = account_paths(book=book), dict(Account.objects.filter(book=book).values_list("pk", "currency"))
    return {
        paths[pk]: f"{format_amount(amount, currency=currencies[pk])} {currencies[pk]}"
        for pk, amount in balances(book=book).items()
        if amount
    }


def left(report):
    """{kind: count} of what did not come."""
    return {each.kind: each.count for each in report.left_out}


def exported(book):
    out = io.StringIO()
    call_command("export_book", book=book.pk, format="json", stdout=out)
    return json.loads(out.getvalue())


def tags_of(entry):
    """Names of the entry's tags."""
    return [tag.name for tag in tags_of_entries(book=entry.book, entry_ids=[entry.pk]).get(entry.pk, [])]
