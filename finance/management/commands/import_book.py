"""Move in with a whole book from another program, or with an export of LifeOS."""

import json
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from finance.book_import import report as reports
from finance.book_import.child import read_in_child
from finance.book_import.model import Question
from finance.book_import.reading import READERS
from finance.book_import.services import BalancesDiffer, import_book
from finance.errors import FinanceError
from finance.imports.parsers.child import Limits
from finance.management.books import REFUSED, bytes_of, progress_bar, refuse
from identity.models import User

DOUBTFUL = 3


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = (
        "Create a new book from another program's export, with a proof by account. Exit code 0: created (or, with "
        "--dry-run, readable); 2: refused, with the reason; 3: created or readable, but balances differ from the file's."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the export, or - for standard input")
        parser.add_argument("--format", required=True, choices=sorted(READERS), help="the program that wrote it")
        parser.add_argument("--owner", help="e-mail address of the book's owner; not needed where there is one user")
        parser.add_argument("--name", default="", help="name of the new book; without it the one in the file")
        parser.add_argument("--base-currency", default="", help="main currency, such as EUR")
        parser.add_argument("--time-zone", default="", help="time zone of the book, such as Europe/Berlin")
        parser.add_argument("--dry-run", action="store_true", help="show what would come and keep nothing")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")
        parser.add_argument(
            "--accept-differences", action="store_true", help="create the book although balances differ"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = self._run(options)
        except BalancesDiffer as error:
            report = error.report
            if not options["json"]:
                self.stderr.write(self.style.ERROR(error.detail))
        except FinanceError as error:
            refuse(self, error, as_json=options["json"])
        shown = json.dumps(reports.as_dict(report), indent=2, ensure_ascii=False)
        self.stdout.write(shown if options["json"] else reports.as_text(report))
        if report.differences:
            sys.exit(DOUBTFUL if report.book or options["dry_run"] else REFUSED)

    def _run(self, options: dict[str, Any]) -> Any:
        email = options["owner"]
        asked = User.objects.filter(email__iexact=email) if email else User.objects.all()
        users = list(asked.order_by("pk")[:2])
        if email and not users:
            raise CommandError(f"There is no user {email}.")
        if not email and len(users) != 1:
            raise CommandError("Use --owner to say who owns the book.")
        data = bytes_of(options["file"])
        question = Question(
            format=options["format"], base_currency=options["base_currency"], time_zone=options["time_zone"]
        )
        limits = Limits(seconds=settings.IMPORT_READING_SECONDS, megabytes=settings.IMPORT_READING_MEMORY_MB)
        source = read_in_child(data, question, limits=limits)
        with progress_bar(unit="entry", hidden=options["json"] or None) as progress:
            return import_book(
                owner=users[0],
                source=source,
                name=options["name"],
                base_currency=options["base_currency"],
                time_zone=options["time_zone"],
                accept_differences=options["accept_differences"],
                dry_run=options["dry_run"],
                on_progress=progress,
            )
