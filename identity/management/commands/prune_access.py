from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils import timezone

from identity import audit, tokens


class Command(BaseCommand):
    help = "Delete audit records past AUDIT_RETENTION_DAYS, expired tokens and expired sessions. Run it daily."

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        records = audit.prune(before=now - timedelta(days=settings.AUDIT_RETENTION_DAYS))
        expired = tokens.prune(now=now)
        call_command("clearsessions")
        self.stdout.write(f"Deleted {records} audit record(s) and {expired} expired token(s); cleared old sessions.")
