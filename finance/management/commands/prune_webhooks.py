import datetime
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from finance.webhooks.services import prune_deliveries


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Delete old deliveries from the logs of webhooks. Workers do it once a day by themselves."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days", type=int, default=settings.WEBHOOK_LOG_DAYS, help="age in days (default: WEBHOOK_LOG_DAYS)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        before = timezone.now() - datetime.timedelta(days=options["days"])
        self.stdout.write(f"Deleted {prune_deliveries(before=before)} webhook deliveries.")
