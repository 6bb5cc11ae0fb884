import datetime
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from core.clock import today_in
from finance import facts as books
from insights import history
from insights.rules.catalogue import RULES
from insights.sentences import sentence

# Sentences that a dry run prints per rule.
SHOWN = 20


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = (
        "Run the insight rules over the past of a book. A run that was stopped continues when you start it again "
        "with the same limits; a second run changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, required=True, help="number of the book")
        parser.add_argument("--from", dest="since", type=_day, help="first day (default: the book's first entry)")
        parser.add_argument("--to", dest="until", type=_day, help="last day (default: today)")
        parser.add_argument("--rule", choices=sorted(RULES), action="append", help="only this rule; may be repeated")
        parser.add_argument("--dry-run", action="store_true", help="show what would be found and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.ENABLE_INSIGHTS:
            raise CommandError("Insights are switched off (ENABLE_INSIGHTS=false).")
        book = books.books(book_ids=[options["book"]]).get(options["book"])
        if book is None:
            raise CommandError(f"There is no book {options['book']}.")
        until = options["until"] or today_in(book)
        since = options["since"] or books.first_entry_date(book_id=book.pk) or until
        if since > until:
            raise CommandError(f"The first day ({since}) is after the last ({until}).")
        for kind in options["rule"] or RULES:
            dry_run = options["dry_run"]
            limits = {"book_id": book.pk, "kind": kind, "since": since, "until": until}
            total = history.remaining_steps(**limits)  # type: ignore[arg-type]
            found: dict[str, str] = {}
            raised = 0
            # On stderr, so that what the command tells can be piped.
            with tqdm(total=total, desc=kind, unit="month", disable=None) as bar:
                for step in history.backfill(**limits, clock=timezone.now, dry_run=dry_run):  # type: ignore[arg-type]
                    found.update((each.dedup_key, sentence(each.template, each.params)) for each in step.found)
                    raised += step.raised
                    bar.update()
            if dry_run:
                self.stdout.write(f"{kind}: {len(found)} would be raised from {since} to {until}.")
                for text in list(found.values())[:SHOWN]:
                    self.stdout.write(f"  {text}")
            else:
                self.stdout.write(f"{kind}: {len(found)} found from {since} to {until}, {raised} of them are new.")


def _day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)
