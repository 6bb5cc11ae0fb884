import datetime
import os
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from core.clock import day_in
from finance.demo.services import TIME_ZONE, has_demo_book, seed_household
from finance.errors import FinanceError
from finance.management.books import progress_bar
from finance.models import JournalEntry
from identity.models import User

DEMO = "demo@lifeos.example"
OPERATOR = "operator@lifeos.example"


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Fill a book with a realistic household; the same --months, --seed and --today give the same journal."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--months", type=int, default=24, help="full months before the current one (default 24)")
        parser.add_argument("--seed", type=int, default=1, help="another seed, another household (default 1)")
        parser.add_argument("--today", type=datetime.date.fromisoformat, help="last day, YYYY-MM-DD (default: today)")
        parser.add_argument(
            "--user", default=DEMO, help=f"e-mail address of the owner (default {DEMO}, created if missing)"
        )
        parser.add_argument("--operator", action="store_true", help=f"also create {OPERATOR}, who may use the admin")
        parser.add_argument(
            "--password-file",
            type=Path,
            help="lines of 'e-mail password'; generated passwords are added to it (mode 0600). "
            "DEMO_PASSWORD and OPERATOR_PASSWORD in the environment win.",
        )
        parser.add_argument("--force-new", action="store_true", help="add another book if there is one already")
        parser.add_argument("--if-missing", action="store_true", help="do nothing if there is one already")

    def handle(self, *args: Any, **options: Any) -> None:
        today = options["today"] or day_in(TIME_ZONE, at=timezone.now())
        logins = _Logins(options["password_file"])
        try:
            with transaction.atomic():
                owner = self._user(options["user"], logins, password=settings.DEMO_PASSWORD, superuser=False)
                if options["operator"]:
                    self._user(OPERATOR, logins, password=settings.OPERATOR_PASSWORD, superuser=True)
                if not (options["if_missing"] and has_demo_book(owner=owner)):
                    quiet = options["verbosity"] == 0
                    with progress_bar(unit="", label="entries", hidden=quiet, leave=True) as progress:
                        book = seed_household(
                            owner=owner, months=options["months"], seed=options["seed"], today=today,
                            force_new=options["force_new"], progress=progress,
                        )  # fmt: skip
                    told = f"{JournalEntry.objects.filter(book=book).count()} entries through {today}."
                    self.stdout.write(f"Book {book.pk}, “{book.name}”, of {owner.email}: {told}")
        except FinanceError as error:
            raise CommandError(error.detail) from error
        logins.keep()
        for email, password in logins.made.items():
            self.stdout.write(f"{email}  {password}")

    def _user(self, email: str, logins: "_Logins", *, password: str, superuser: bool) -> User:
        email = email.lower()
        found = User.objects.filter(email=email).first()
        if found is not None:
            return found
        if email not in (DEMO, OPERATOR):
            raise CommandError(f"There is no user {email}; only {DEMO} is created here.")
        chosen = password or logins.password_for(email)
        try:
            validate_password(chosen, User(email=email))
        except ValidationError as error:
            raise CommandError(f"The password given for {email} is refused: {' '.join(error.messages)}") from error
        name = "Operator" if superuser else "Anna O'Brien"
        return User.objects.create_user(email, chosen, name=name, is_staff=superuser, is_superuser=superuser)


class _Logins:
    """Passwords from the file where it has them, generated otherwise."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.made: dict[str, str] = {}
        self.known: dict[str, str] = {}
        if path is not None and path.exists():
            lines = (line.split(maxsplit=1) for line in path.read_text().splitlines() if line.strip())
            self.known = {line[0].lower(): line[1].strip() for line in lines if len(line) == 2}

    def password_for(self, email: str) -> str:
        if email not in self.known:
            self.known[email] = self.made[email] = secrets.token_urlsafe(12)
        return self.known[email]

    def keep(self) -> None:
        """Add the generated ones to the file, readable only by its owner."""
        if self.path is None or not self.made:
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a") as file:
            file.writelines(f"{email} {password}\n" for email, password in self.made.items())
