import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from finance.errors import FinanceError
from finance.management.books import book_named
from finance.rules.services import import_rules


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Add rules from an export to a book, all or none. A rule of a known name becomes that rule's next version."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, required=True, help="number of the book")
        parser.add_argument("file", type=Path, help="what export_rules has written")

    def handle(self, *args: Any, **options: Any) -> None:
        book = book_named(options["book"])
        try:
            document = json.loads(options["file"].read_text(encoding="utf-8"))
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        except (ValueError, RecursionError) as error:
            raise CommandError(f"{options['file']} is not JSON: {error}.") from error
        try:
            rules = import_rules(book=book, actor=None, document=document)
        except FinanceError as error:
            raise CommandError(
                "\n".join(f"{path}: {why}" for path, why in error.fields.items()) or error.detail
            ) from error
        self.stdout.write(f"{len(rules)} rules imported.")
