import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from lifeos_project.checks import preflight


class Command(BaseCommand):
    help = (
        "Say whether this release may replace the running one: settings, disk, services, and migrations that can be "
        "taken back and let the old release run on. Ends with 1 where something stands against it."
    )
    # They are what it reports.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--not-rolling",
            action="store_true",
            help="nothing runs while migrations are applied: they need not suit the old release",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = preflight.findings(rolling=not options["not_rolling"])
        for problem in found.problems:
            self.stderr.write(problem)
        for name in found.pending:
            self.stdout.write(f"pending {name}")
        if found.problems:
            sys.exit(1)
