from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from core.clock import today_in
from finance.management.books import book_named
from finance.models import Book
from finance.planning.detection.selectors import payees_paid_lately
from finance.planning.detection.services import look_through


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Look for payments that come again, and offer them as schedules. Safe to repeat and to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, help="number of the book; without it: all books")

    def handle(self, *args: Any, **options: Any) -> None:
        named = options["book"]
        books = [book_named(named)] if named is not None else list(Book.objects.in_use().order_by("pk"))
        total = sum(len(payees_paid_lately(book=book, today=today_in(book))) for book in books)
        payees = new = 0
        # On stderr, so that what the command tells can be piped.
        with tqdm(total=total, unit="payee", disable=None) as bar:
            for book in books:
                looked = look_through(book=book, between=lambda _key, done, _new: bar.update(done))
                payees, new = payees + looked.payees, new + looked.new
        self.stdout.write(f"{len(books)} books, {payees} payees, {new} recurring payments that are new.")
