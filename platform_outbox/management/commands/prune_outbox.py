import datetime
import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from tqdm import tqdm

from platform_outbox import retention

UNITS = {"d": "days", "h": "hours", "w": "weeks"}


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Delete events that were handled or discarded long ago. Dead letters and waiting events stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", required=True, help=_("Age, such as 30d, 12h or 8w."))

    def handle(self, *args: Any, **options: Any) -> None:
        match = re.fullmatch(r"(\d{1,5})([dhw])", options["older_than"])
        if match is None:
            raise CommandError(_("--older-than takes a number and d, h or w: 30d, 12h, 8w."))
        age = datetime.timedelta(**{UNITS[match[2]]: int(match[1])})
        with tqdm(unit=" batches", disable=None) as bar:
            pruned = retention.prune(before=timezone.now() - age, renew=bar.update)
        self.stdout.write(_("Deleted: %s") % pruned.rows)
        if pruned.partitions:
            self.stdout.write(_("Dropped whole: %s") % ", ".join(pruned.partitions))
