import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from finance.ledger import chain, services
from finance.management.books import book_named
from finance.models import JournalEntry


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Seal unsealed entries and show where the chains end: heads that you can keep elsewhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, help="number of one book (default: all)")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        book = book_named(options["book"]) if options["book"] is not None else None
        entries = JournalEntry.objects.all() if book is None else JournalEntry.objects.filter(book=book)
        quiet = options["verbosity"] == 0 or not sys.stderr.isatty()
        with tqdm(total=entries.count(), unit="entry", file=sys.stderr, disable=quiet, leave=False) as bar:
            made = services.seal_missed(book=book, on_progress=bar.update)
        if options["format"] == "json":
            heads = [asdict(head) for head in chain.heads(book=book)]
            self.stdout.write(json.dumps({"sealed_now": made, "heads": heads}, indent=1, default=str))
            return
        self.stdout.write(f"{made} entries sealed now.")
        for head in chain.heads(book=book):
            self.stdout.write(f"book {head.book_id}: {head.hash} is seal {head.seals}, of entry {head.entry_uid}")
