from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from tqdm import tqdm

from platform_outbox.management.arguments import moment, operator
from platform_outbox.models import OutboxMessage
from platform_outbox.operators import actions
from platform_outbox.operators.selection import Selection, carry_out


class Command(BaseCommand):
    help = "Try dead or waiting events again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--id", type=int, nargs="+", default=[], help=_("Events by their number."))
        parser.add_argument("--dead", action="store_true", help=_("All dead letters."))
        parser.add_argument("--type", default="", help=_("Dead letters of one event type."))
        parser.add_argument("--error", default=None, help=_("Dead letters of one error, by its group in the console."))
        parser.add_argument("--from", dest="since", help=_("Dead letters emitted since then: a day or a moment."))
        parser.add_argument("--to", dest="until", help=_("Dead letters emitted before then."))
        parser.add_argument("--dry-run", action="store_true", help=_("Only tell how many there are."))

    def handle(self, *args: Any, **options: Any) -> None:
        narrowed = any(options[name] for name in ("type", "since", "until")) or options["error"] is not None
        if bool(options["id"]) == bool(options["dead"] or narrowed):
            raise CommandError(_("Say which: --id NUMBER …, or --dead, or any of --type, --error, --from and --to."))
        if options["id"]:
            self._requeue_ids(options["id"], dry_run=options["dry_run"])
        else:
            self._requeue_selection(self._selection(options), dry_run=options["dry_run"])

    def _selection(self, options: dict[str, Any]) -> Selection:
        return Selection(
            event_type=options["type"],
            error_group=options["error"],
            emitted_from=moment(options["since"]),
            emitted_to=moment(options["until"]),
        ).until_now()

    def _requeue_ids(self, ids: list[int], *, dry_run: bool) -> None:
        if dry_run:
            would = OutboxMessage.objects.filter(actions.condition_of(actions.requeue), pk__in=ids)
            self.stdout.write(_("Would be requeued: %s") % would.count())
            return
        count = actions.requeue(ids=ids, by=operator("requeue_outbox"))
        self.stdout.write(_("Requeued: %s") % count)
        if count < len(ids):
            self.stdout.write(_("Not dead and not waiting, left alone: %s") % (len(ids) - count))

    def _requeue_selection(self, selection: Selection, *, dry_run: bool) -> None:
        if dry_run:
            self.stdout.write(_("Would be requeued: %s") % selection.count())
            return
        count = 0
        with tqdm(total=selection.count(), unit=" events", disable=None) as bar:
            for done in carry_out(selection, service=actions.requeue, by=operator("requeue_outbox")):
                count += done
                bar.update(done)
        self.stdout.write(_("Requeued: %s") % count)
