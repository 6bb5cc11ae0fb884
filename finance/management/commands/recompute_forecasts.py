from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from core.clock import today_in
from finance.forecasts import make_forecast
from finance.management.books import book_named
from finance.models import Book, Forecast


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Learn from the past of the books anew and keep today's forecasts, as happens each midnight. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, help="number of the book; without it: all books")
        parser.add_argument(
            "--missing", action="store_true", help="only books without today's forecast, as after a stop"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        books = list(Book.objects.in_use().order_by("pk")) if options["book"] is None else [book_named(options["book"])]
        made = 0
        for book in tqdm(books, unit="book", disable=None if options["verbosity"] else True, leave=False):
            today = today_in(book)
            if not (options["missing"] and Forecast.objects.filter(book=book, made_on=today).exists()):
                made += make_forecast(book=book, today=today) is not None
        self.stdout.write(f"{len(books)} books, {made} forecasts made.")
