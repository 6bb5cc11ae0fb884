import contextlib
import functools
import multiprocessing
from argparse import ArgumentParser
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import django
from django.core.management import CommandError
from django.core.management.base import BaseCommand
from tqdm import tqdm

MOST_PROCESSES = 64


def forecast_book(book_id: int, *, missing: bool) -> int:
    """Make the forecast of one book, in a transaction of its own; returns how many: none for a book without accounts.

    With `missing` only where there is none of today. A book that is gone meanwhile has none.
    """
    from core.clock import today_in
    from finance.forecasts import make_forecast
    from finance.models import Book, Forecast

    book = Book.objects.in_use().filter(pk=book_id).first()
    if book is None:
        return 0
    today = today_in(book)
    if missing and Forecast.objects.filter(book=book, made_on=today).exists():
        return 0
    return int(make_forecast(book=book, today=today) is not None)


def _begin(database: str) -> None:
    """In each new process, which knows no models before: Django, on the database that the command runs on."""
    django.setup()
    from django.db import connection

    connection.settings_dict["NAME"] = database


@contextlib.contextmanager
def _results(books: list[int], *, processes: int, missing: bool) -> Iterator[Iterator[int]]:
    one = functools.partial(forecast_book, missing=missing)
    if processes == 1:
        yield map(one, books)
        return
    from django.db import connection

    # New processes share no connection with this one.
    with ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(connection.settings_dict["NAME"],),
    ) as pool:
        yield pool.map(one, books, chunksize=4)


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Learn from the past of the books anew and keep today's forecasts, as happens each midnight. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, help="number of the book; without it: all books")
        parser.add_argument(
            "--missing", action="store_true", help="only books without today's forecast, as after a stop"
        )
        parser.add_argument("--processes", type=int, default=1, help="processes that share the books (default: 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        from finance.management.books import book_named
        from finance.models import Book

        if not 1 <= options["processes"] <= MOST_PROCESSES:
            raise CommandError(f"--processes is from 1 to {MOST_PROCESSES}.")
        if options["book"] is None:
            books = list(Book.objects.in_use().order_by("pk").values_list("pk", flat=True))
        else:
            books = [book_named(options["book"]).pk]
        with _results(books, processes=options["processes"], missing=options["missing"]) as results:
            quiet = None if options["verbosity"] else True
            made = sum(tqdm(results, total=len(books), unit="book", disable=quiet, leave=False))
        self.stdout.write(f"{len(books)} books, {made} forecasts made.")
