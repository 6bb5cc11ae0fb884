import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from lifeos_project.checks import preflight


class Command(BaseCommand):
    help = (
        "Check whether this release can replace the running one: settings, disk, services, and migrations that can "
        "be reversed and work with the old release. Exits with 1 if it cannot."
    )
    # They are what it reports.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--not-rolling",
            action="store_true",
            help="nothing runs during the migrations, so they need not work with the old release",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = preflight.findings(rolling=not options["not_rolling"])
        for problem in found.problems:
            self.stderr.write(problem)
        for name in found.pending:
            self.stdout.write(f"pending {name}")
        if found.problems:
            sys.exit(1)
