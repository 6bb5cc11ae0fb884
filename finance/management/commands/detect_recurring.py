from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from finance.management.books import book_named
from finance.models import Book
from finance.planning.detection.services import look_through_books, payees_to_look_at


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Look for payments that come again, and offer them as schedules. Safe to repeat and to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, help="number of the book; without it: all books")

    def handle(self, *args: Any, **options: Any) -> None:
        named = options["book"]
        books = [book_named(named)] if named is not None else list(Book.objects.in_use().order_by("pk"))
        # On stderr, so that what the command tells can be piped.
        with tqdm(total=payees_to_look_at(books=books), unit="payee", disable=None) as bar:
            looked = look_through_books(books=books, between=lambda _book, _key, done, _new: bar.update(done))
        self.stdout.write(f"{len(books)} books, {looked.payees} payees, {looked.new} recurring payments that are new.")
