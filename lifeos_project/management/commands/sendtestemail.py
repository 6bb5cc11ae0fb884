from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from identity import mail


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    """Replaces Django's command, which says nothing when no mail is sent."""

    help = "Send a test mail to these addresses and name the server that accepted it. Exits with 1 if none did."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", nargs="+", help="address of the recipient")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            server = mail.send_test(to=options["email"])
        except mail.MailNotSent as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{server} accepted the mail to {', '.join(options['email'])}.")
