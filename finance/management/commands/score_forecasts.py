from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from core.clock import today_in
from finance.forecasts import score_forecasts
from finance.management.books import book_named
from finance.models import Book


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Compare earlier forecasts whose days are over with what came, as happens each midnight. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, help="number of the book; without it: all books")

    def handle(self, *args: Any, **options: Any) -> None:
        books = list(Book.objects.in_use().order_by("pk")) if options["book"] is None else [book_named(options["book"])]
        scored = 0
        for book in tqdm(books, unit="book", disable=None if options["verbosity"] else True, leave=False):
            scored += score_forecasts(book=book, today=today_in(book))
        self.stdout.write(f"{len(books)} books, {scored} figures compared.")
