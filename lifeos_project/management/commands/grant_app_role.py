from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from finance.errors import FinanceError
from finance.ledger.grants import grant_application_rights
from lifeos_project.postgresql import ownership


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = (
        "Give a database role exactly the rights that web and workers need: no rewriting of posted rows. "
        "`migrate` does it for the role of DATABASE_URL if DATABASE_OWNER_URL is set; use this for another role."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--role", required=True, help="name of an existing database role")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with ownership.as_owner():
                tables = grant_application_rights(role=options["role"])
        except FinanceError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{options['role']} has the application's rights on {len(tables)} tables.")
