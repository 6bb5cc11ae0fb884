import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from platform_outbox import services


class Command(BaseCommand):
    help = "Try dead or waiting events again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--id", type=int, nargs="+", default=[], help=_("Events by their number."))
        parser.add_argument("--dead", action="store_true", help=_("All dead letters."))
        parser.add_argument("--type", default="", help=_("All dead letters of one event type."))

    def handle(self, *args: Any, **options: Any) -> None:
        ids: list[int] = options["id"]
        if bool(ids) == bool(options["dead"] or options["type"]):
            raise CommandError(_("Say which events: --id NUMBER …, or --dead, or --type NAME."))
        ids = ids or services.dead_ids(event_type=options["type"])
        count = services.requeue(ids=ids, by=f"{getpass.getuser()} (requeue_outbox)")
        self.stdout.write(_("Requeued: %s") % count)
        if count < len(ids):
            self.stdout.write(_("Not dead and not waiting, left alone: %s") % (len(ids) - count))
