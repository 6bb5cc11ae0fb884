import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from platform_outbox.models import Replay
from platform_outbox.operations.operations import ReplayStopped, carry_on, count
from platform_outbox.operations.runs import OperationCancelled, TerminalRun
from platform_outbox.operators import replay
from platform_outbox.operators.actions import command_user
from platform_outbox.operators.selection import moment


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = (
        "Run one handler again over events of the past, in their order; a replay that stopped continues with --resume."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--handler", default="", help=_("Name of the handler, as in docs/events.md."))
        parser.add_argument("--type", nargs="+", default=[], help=_("Event types (default: all it listens to)."))
        parser.add_argument(
            "--from", dest="since", type=moment, help=_("Events emitted since then: a day or a moment.")
        )
        parser.add_argument("--to", dest="until", type=moment, help=_("Events emitted before then."))
        parser.add_argument("--book", type=int, help=_("Events of one book only."))
        parser.add_argument("--key", default="", help=_("Events of one ordering key only."))
        parser.add_argument("--rate", type=int, help=_("Events a second, at most."))
        parser.add_argument("--keep-going", action="store_true", help=_("Note events that fail, and continue."))
        parser.add_argument("--including-io", action="store_true", help=_("Repeat effects outside the database too."))
        parser.add_argument("--dry-run", action="store_true", help=_("Only count the events."))
        parser.add_argument("--resume", type=int, metavar="ID", help=_("Continue with a replay that was stopped."))

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["handler"]) == bool(options["resume"]):
            raise CommandError(_("Say --handler NAME, or --resume ID."))
        if options["rate"] is not None and options["rate"] < 1:
            raise CommandError(_("--rate takes a number of events a second."))
        try:
            if options["resume"]:
                wanted = replay.resume(replay_id=options["resume"], keep_going=options["keep_going"])
            else:
                wanted = replay.plan(
                    handler=options["handler"],
                    by=command_user("replay_events"),
                    event_types=options["type"],
                    ordering_key=f"book:{options['book']}" if options["book"] else options["key"],
                    emitted_from=options["since"],
                    emitted_to=options["until"],
                    rate=options["rate"],
                    keep_going=options["keep_going"],
                    including_io=options["including_io"],
                )
        except replay.ReplayRefused as error:
            raise CommandError(str(error)) from error
        self._carry_out(wanted, dry_run=options["dry_run"] and not options["resume"])

    def _carry_out(self, wanted: Replay, *, dry_run: bool) -> None:
        stopped: list[int] = []

        def stop(number: int, frame: FrameType | None) -> None:
            stopped.append(number)

        # The events in hand are finished and the cursor stands behind them.
        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        run = TerminalRun(by=wanted.by, write=self.stdout.write, stopping=lambda: bool(stopped))
        try:
            if dry_run:
                figures = {"handler": wanted.handler, "count": count(wanted, run)}
                self.stdout.write(_("Would be handled by %(handler)s: %(count)s") % figures)
                return
            if wanted.pk is None:
                wanted.save()
            self.stdout.write(_("Replay %(id)s: %(handler)s") % {"id": wanted.pk, "handler": wanted.handler})
            carry_on(wanted, run)
        except (ReplayStopped, OperationCancelled):
            if dry_run:
                raise CommandError(_("Stopped.")) from None
        finally:
            run.close()
            for number, handler in before.items():
                signal.signal(number, handler)
        wanted.refresh_from_db()
        told = {"handled": wanted.handled, "failed": wanted.failed, "id": wanted.pk}
        self.stdout.write(_("Handled: %(handled)s, failed: %(failed)s") % told)
        if wanted.state != Replay.State.FINISHED:
            said = _("Stopped%(why)s. Continue with: manage.py replay_events --resume %(id)s")
            raise CommandError(said % {**told, "why": f": {wanted.error}" if wanted.error else ""})
