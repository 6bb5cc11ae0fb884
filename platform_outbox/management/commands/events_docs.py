from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from platform_outbox import event_reference
from platform_outbox.event_reference import catalogue

PAGE = "docs/events.md"
SAMPLES = "docs/events"


class Command(BaseCommand):
    help = "Write docs/events.md from the event types and handlers of the code, and samples of new versions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help=_("Only tell whether the page is up to date."))

    def handle(self, *args: Any, **options: Any) -> None:
        page = Path(settings.BASE_DIR) / PAGE
        text = catalogue()
        if not options["check"]:
            page.parent.mkdir(exist_ok=True)
            page.write_text(text, encoding="utf-8")
            for path in event_reference.write_missing(Path(settings.BASE_DIR) / SAMPLES):
                self.stdout.write(f"{SAMPLES}/{path.name}")
        elif not page.exists() or page.read_text(encoding="utf-8") != text:
            raise CommandError(_("%s is out of date; run manage.py events_docs.") % PAGE)
