import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from tqdm import tqdm

from platform_outbox.management.arguments import moment, operator
from platform_outbox.models import Replay
from platform_outbox.operators import replay


class Command(BaseCommand):
    help = "Run one handler again over events of the past, in their order; stopped, it goes on with --resume."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--handler", default="", help=_("Name of the handler, as in docs/events.md."))
        parser.add_argument("--type", nargs="+", default=[], help=_("Event types (default: all it listens to)."))
        parser.add_argument("--from", dest="since", help=_("Events emitted since then: a day or a moment."))
        parser.add_argument("--to", dest="until", help=_("Events emitted before then."))
        parser.add_argument("--book", type=int, help=_("Events of one book only."))
        parser.add_argument("--key", default="", help=_("Events of one ordering key only."))
        parser.add_argument("--rate", type=int, help=_("Events a second, at most."))
        parser.add_argument("--keep-going", action="store_true", help=_("Note events that fail, and go on."))
        parser.add_argument("--including-io", action="store_true", help=_("Repeat effects outside the database too."))
        parser.add_argument("--dry-run", action="store_true", help=_("Only count the events."))
        parser.add_argument("--resume", type=int, metavar="ID", help=_("Go on with a replay that was stopped."))

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["handler"]) == bool(options["resume"]):
            raise CommandError(_("Say --handler NAME, or --resume ID."))
        if options["rate"] is not None and options["rate"] < 1:
            raise CommandError(_("--rate takes a number of events a second."))
        try:
            if options["resume"]:
                self._run(replay.resume(replay_id=options["resume"], keep_going=options["keep_going"]))
            elif options["dry_run"]:
                self._count(self._plan(options))
            else:
                self._run(replay.start(self._plan(options)))
        except replay.ReplayRefused as error:
            raise CommandError(str(error)) from error

    def _plan(self, options: dict[str, Any]) -> Replay:
        return replay.plan(
            handler=options["handler"],
            by=operator("replay_events"),
            event_types=options["type"],
            ordering_key=f"book:{options['book']}" if options["book"] else options["key"],
            emitted_from=moment(options["since"]),
            emitted_to=moment(options["until"]),
            rate=options["rate"],
            keep_going=options["keep_going"],
            including_io=options["including_io"],
        )

    def _count(self, plan: Replay) -> None:
        found = 0
        with _bar(plan) as bar:
            for reached, found in replay.count(plan):  # noqa: B007
                bar.update(reached - bar.n - plan.first + 1)
        self.stdout.write(_("Would be handled by %(handler)s: %(count)s") % {"handler": plan.handler, "count": found})

    def _run(self, run: Replay) -> None:
        self.stdout.write(_("Replay %(id)s: %(handler)s") % {"id": run.pk, "handler": run.handler})
        stopped: list[int] = []

        def stop(number: int, frame: FrameType | None) -> None:
            stopped.append(number)

        # The events in hand are finished and the cursor stands behind them.
        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with _bar(run) as bar:
                for _step in replay.run(run, should_stop=lambda: bool(stopped)):
                    run.refresh_from_db()
                    bar.set_postfix(handled=run.handled, failed=run.failed, refresh=False)
                    bar.update(run.cursor - bar.n - run.first + 1)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if stopped:
            replay.stop(replay_id=run.pk)
        run.refresh_from_db()
        self._report(run)

    def _report(self, run: Replay) -> None:
        figures = {"handled": run.handled, "failed": run.failed, "id": run.pk}
        self.stdout.write(_("Handled: %(handled)s, failed: %(failed)s") % figures)
        if run.state != Replay.State.FINISHED:
            told = _("Stopped%(why)s. Go on with: manage.py replay_events --resume %(id)s")
            raise CommandError(told % {**figures, "why": f": {run.error}" if run.error else ""})


def _bar(run: Replay) -> Any:
    """Progress along the ids: counting the events beforehand would read all of them."""
    return tqdm(total=max(0, run.last - run.first + 1), initial=run.cursor - run.first + 1, unit=" ids", disable=None)
