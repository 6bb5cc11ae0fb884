from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import sendtestemail

from identity import mail


class Command(sendtestemail.Command):
    """Takes the place of Django's command, which says nothing where no mail leaves."""

    help = "Send a test mail to these addresses and say who took it. Ends with 1 when none left."

    def handle(self, *args: Any, **options: Any) -> None:
        groups = (settings.ADMINS if options["admins"] else []) + (settings.MANAGERS if options["managers"] else [])
        recipients = [*options["email"], *(address for _, address in groups)]
        if not recipients:
            raise CommandError("Nobody to send it to: name an address.")
        try:
            server = mail.send_test(to=recipients)
        except mail.MailNotSent as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{server} took the mail to {', '.join(recipients)}.")
