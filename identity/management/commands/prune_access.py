from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from identity.pruning import prune_access


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Delete audit records past AUDIT_RETENTION_DAYS, expired tokens and sessions. Workers do it daily."

    def handle(self, *args: Any, **options: Any) -> None:
        records, expired = prune_access(now=timezone.now())
        self.stdout.write(f"Deleted {records} audit record(s) and {expired} expired token(s); cleared old sessions.")
