from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from tqdm import tqdm

from platform_outbox.operators import actions
from platform_outbox.operators.selection import Events, Selected, Selection, carry_out, moment


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Try dead or waiting events again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--id", type=int, nargs="+", default=[], help=_("Events by their number."))
        parser.add_argument("--dead", action="store_true", help=_("All dead letters."))
        parser.add_argument("--type", default="", help=_("Dead letters of one event type."))
        parser.add_argument("--error", default=None, help=_("Dead letters of one error, by its group in the console."))
        parser.add_argument(
            "--from", dest="since", type=moment, help=_("Dead letters emitted since then: a day or a moment.")
        )
        parser.add_argument("--to", dest="until", type=moment, help=_("Dead letters emitted before then."))
        parser.add_argument("--dry-run", action="store_true", help=_("Only tell how many there are."))

    def handle(self, *args: Any, **options: Any) -> None:
        narrowed = any(options[name] for name in ("type", "since", "until")) or options["error"] is not None
        if bool(options["id"]) == bool(options["dead"] or narrowed):
            raise CommandError(_("Say which: --id NUMBER …, or --dead, or any of --type, --error, --from and --to."))
        chosen: Events
        if options["id"]:
            chosen = Selected(ids=options["id"], condition=actions.condition_of(actions.requeue))
        else:
            chosen = Selection(
                event_type=options["type"],
                error_group=options["error"],
                emitted_from=options["since"],
                emitted_to=options["until"],
            ).until_now()
        if options["dry_run"]:
            self.stdout.write(_("Would be requeued: %s") % chosen.count())
            return
        count = 0
        with tqdm(total=chosen.count(), unit=" events", disable=None) as bar:
            for done in carry_out(chosen, service=actions.requeue, by=actions.command_user("requeue_outbox")):
                count += done
                bar.update(done)
        self.stdout.write(_("Requeued: %s") % count)
        if count < len(options["id"]):
            self.stdout.write(_("Not dead and not waiting, left alone: %s") % (len(options["id"]) - count))
