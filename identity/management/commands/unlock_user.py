from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from identity import lockout


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Forget the failed sign-ins of an account or of a network address, so that signing in works again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", nargs="?", help="e-mail address of the account")
        parser.add_argument("--address", help="network address, as the audit trail shows it")

    def handle(self, *args: Any, email: str | None, address: str | None, **options: Any) -> None:
        if not email and not address:
            raise CommandError("Name an e-mail address, or a network address with --address.")
        count = lockout.unlock(actor=None, email=email, address=address)
        self.stdout.write(f"Forgot the failures of {count} device(s)." if count else "There was nothing to forget.")
