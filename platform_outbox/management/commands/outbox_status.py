import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from platform_outbox import outbox
from platform_outbox.models import OutboxMessage, Status, Worker


class Command(BaseCommand):
    help = "Tell how the outbox is doing: what waits, since when, dead letters, workers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help=_("Print one JSON object."))

    def handle(self, *args: Any, **options: Any) -> None:
        found: dict[str, Any] = dataclasses.asdict(outbox.health())
        now = timezone.now()
        found["workers"] = [
            {
                "name": worker.name,
                "broker": worker.broker,
                "heartbeat_seconds_ago": round((now - worker.heartbeat_at).total_seconds(), 1),
            }
            for worker in Worker.objects.order_by("name")
        ]
        dead = OutboxMessage.objects.filter(status=Status.DEAD, discarded_at=None).order_by("-id")[:10]
        found["newest_dead"] = [{"id": row.pk, "event": row.event_type, "error": row.error} for row in dead]
        if options["json"]:
            self.stdout.write(json.dumps(found))
            return
        self._print(found)

    def _print(self, found: dict[str, Any]) -> None:
        self.stdout.write(_("Waiting events: %s") % _capped(found["pending"]))
        self.stdout.write(_("Oldest of them: %.1f s") % found["oldest_pending_seconds"])
        self.stdout.write(_("Dead letters: %s") % _capped(found["dead"]))
        self.stdout.write(_("Workers alive: %s") % found["workers_alive"])
        for worker in found["workers"]:
            self.stdout.write(f"  {worker['name']} ({worker['broker']}), {worker['heartbeat_seconds_ago']} s")
        for row in found["newest_dead"]:
            self.stdout.write(f"  #{row['id']} {row['event']}: {row['error']}")


def _capped(count: int) -> str:
    return str(count) if count <= outbox.COUNT_CAP else _("more than %s") % outbox.COUNT_CAP
