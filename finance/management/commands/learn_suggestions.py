from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from finance.imports.services import learn_book
from finance.management.books import book_named
from finance.models import Book


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Teach suggestions all entries that they have not learned yet, as after ENABLE_ML was off. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, help="number of the book; without it: all books")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.ENABLE_ML:
            raise CommandError("ENABLE_ML is off: nothing is learned.")
        books = list(Book.objects.order_by("pk")) if options["book"] is None else [book_named(options["book"])]
        counted = 0
        with tqdm(unit=" entries", disable=None) as bar:
            for book in books:
                counted += learn_book(book=book, between=bar.update)
        self.stdout.write(f"{len(books)} books, {counted} entries learned.")
