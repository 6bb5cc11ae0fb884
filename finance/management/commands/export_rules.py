import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from finance.management.books import book_named
from finance.rules.services import export_rules
from platform_outbox.operations.runs import write_private


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Export a book's rules as JSON, for import_rules, to a file or to standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, required=True, help="number of the book")
        parser.add_argument("--output", type=Path, help="file to write; it appears when it is complete")

    def handle(self, *args: Any, **options: Any) -> None:
        document = json.dumps(export_rules(book=book_named(options["book"])), ensure_ascii=False, indent=1) + "\n"
        if options["output"] is None:
            self.stdout.write(document, ending="")
            return
        try:
            write_private(options["output"], [document])
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from error
