import json
import signal
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from tqdm import tqdm

from platform_outbox import emit
from platform_outbox.operations import registry, services
from platform_outbox.operations.models import OperationRun
from platform_outbox.operations.runs import OperationStopped, TerminalRun
from platform_outbox.operators.actions import command_user

WATCH_SECONDS = 0.5
# What `status --json` tells of a run.
_TOLD = (
    *("id", "operation", "scope", "parameters", "dry_run", "by", "state", "requested_at", "started_at"),
    *("finished_at", "done", "unit", "result", "error"),
)


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Long operations: list them, run one here or in a worker, watch, cancel or resume a run."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help=_("What there is, with its parameters."))
        for name, text in (
            ("run", _("Carry an operation out in this process.")),
            ("start", _("Have a worker carry it out.")),
        ):
            action = actions.add_parser(name, help=text)
            action.add_argument("name")
            action.add_argument("given", nargs="*", metavar="parameter=value")
            action.add_argument("--dry-run", action="store_true", help=_("Tell what would be done, change nothing."))
            action.add_argument("--watch", action="store_true", help=_("Stay and show how far it is (start only)."))
        for name, text in (
            ("status", _("A run, or the newest ones.")),
            ("watch", _("Show how far a run is until it ends.")),
            ("cancel", _("Ask a run to end at its next step.")),
            ("resume", _("Have a failed or cancelled run continue.")),
        ):
            action = actions.add_parser(name, help=text)
            action.add_argument("run", type=int, nargs="?" if name == "status" else None)
            action.add_argument("--json", action="store_true", help=_("Print JSON (status only)."))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except (services.OperationRefused, registry.ParametersInvalid) as error:
            raise CommandError(str(error)) from error
        except OperationRun.DoesNotExist:
            raise CommandError(_("There is no run %s.") % options["run"]) from None

    def _list(self, options: dict[str, Any]) -> None:
        for operation in registry.all_operations():
            self.stdout.write(f"{operation.name}: {operation.title}. {operation.help_text}")
            for each in registry.parameters_of(operation.parameters):
                needed = _("needed") if each.required else _("default: %s") % each.default
                choices = f" ({', '.join(each.choices)})" if each.choices else ""
                kind = f"{each.name}={each.kind.__name__}{choices}"
                self.stdout.write(f"  {kind}  {each.label}, {needed}. {each.help_text}")

    def _run(self, options: dict[str, Any]) -> None:
        operation, given = self._wanted(options)
        if options["dry_run"] and not operation.dry_run:
            raise services.OperationRefused(_("%s has no dry run.") % operation.name)
        run = TerminalRun(
            by=command_user("command"),
            dry_run=options["dry_run"],
            write=self.stdout.write,
            quiet=options["verbosity"] == 0,
        )
        try:
            result = operation.function(registry.read(operation.parameters, given), run)
        except (KeyboardInterrupt, OperationStopped):
            raise CommandError(_("Stopped."), returncode=128 + signal.SIGINT) from None
        finally:
            run.close()
        self.stdout.write(json.dumps(result, ensure_ascii=False, indent=1, default=str))

    def _start(self, options: dict[str, Any]) -> None:
        operation, given = self._wanted(options)
        run = services.start(name=operation.name, given=given, by=command_user("command"), dry_run=options["dry_run"])
        self.stdout.write(_("Run %s waits for a worker.") % run.pk)
        if not emit.workers_alive():
            self.stderr.write(_("No worker is running: start one with manage.py outbox_worker."))
        if options["watch"]:
            self._watch({"run": run.pk})

    def _status(self, options: dict[str, Any]) -> None:
        one = options["run"]
        runs = [OperationRun.objects.get(pk=one)] if one else list(OperationRun.objects.order_by("-pk")[:20])
        if options["json"]:
            found = [{**{name: getattr(run, name) for name in _TOLD}, "total": run.steps} for run in runs]
            self.stdout.write(json.dumps(found, default=str))
            return
        for run in runs:
            self.stdout.write(_line(run))
        if one:
            self.stdout.write(runs[0].log, ending="")

    def _watch(self, options: dict[str, Any]) -> None:
        run = OperationRun.objects.get(pk=options["run"])
        with tqdm(total=run.total, disable=None, leave=False) as bar:
            while run.is_open:
                bar.total, bar.unit = run.total, run.unit or "step"
                bar.n = run.done
                bar.refresh()
                time.sleep(WATCH_SECONDS)
                run.refresh_from_db()
        self.stdout.write(_line(run))
        if run.state == OperationRun.State.FAILED:
            raise CommandError(run.error)

    def _cancel(self, options: dict[str, Any]) -> None:
        self.stdout.write(_line(services.cancel(run_id=options["run"], by=command_user("command"))))

    def _resume(self, options: dict[str, Any]) -> None:
        self.stdout.write(_line(services.resume(run_id=options["run"], by=command_user("command"))))

    @staticmethod
    def _wanted(options: dict[str, Any]) -> tuple[registry.Operation, dict[str, str]]:
        operation = registry.operation_named(options["name"])
        if operation is None:
            names = ", ".join(each.name for each in registry.all_operations())
            raise CommandError(_("There is no operation %(name)s; there are: %(names)s.") % {**options, "names": names})
        given = {}
        for text in options["given"]:
            name, equals, value = text.partition("=")
            if not equals:
                raise CommandError(_("%s is not of the form parameter=value.") % text)
            given[name] = value
        return operation, given


def _line(run: OperationRun) -> str:
    steps = f"{run.done}/{run.steps} {run.unit}" if run.steps else f"{run.done} {run.unit}"
    told = json.dumps(run.result, ensure_ascii=False, default=str) if run.result is not None else run.error
    dry = _(" (dry run)") if run.dry_run else ""
    when = timezone.localtime(run.requested_at)
    return f"#{run.pk} {run.operation} {run.scope}{dry}: {run.get_state_display()}, {steps.strip()}, {run.by}, {when:%Y-%m-%d %H:%M} {told}"
