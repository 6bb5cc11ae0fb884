import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from lifeos_project.backups import recovery
from lifeos_project.backups.errors import BackupError
from lifeos_project.local.supervisor import StopRequested, stopping_on_signals
from lifeos_project.postgresql import ownership


class Command(BaseCommand):
    help = (
        "Restore a backup. It is proven in a new database, which then replaces the old one. Stop web and workers first."
    )
    # They would ask the database that may be gone.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", help="a name that `backup --list` shows, a path, or: latest")
        parser.add_argument("--identity", type=Path, metavar="FILE", help="file with the secret key of age")
        parser.add_argument("--overwrite", action="store_true", help="replace a database that holds people or books")
        parser.add_argument(
            "--take-ownership",
            action="store_true",
            help="give all tables to the restoring role, and grant nothing to others",
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="open the backup, compare its checksums and say whether it would be accepted; change nothing",
        )
        parser.add_argument(
            "--rehearse", action="store_true", help="restore into a scratch database and prove it there; change nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            identity = options["identity"].read_text() if options["identity"] else ""
            hidden = options["verbosity"] == 0 or not sys.stderr.isatty()
            with stopping_on_signals(), tqdm(total=recovery.STEPS, file=sys.stderr, disable=hidden, leave=False) as bar:
                self._restore(options, identity=identity, bar=bar)
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        except StopRequested:
            self.stderr.write("Stopped; the database is as it was.")
            sys.exit(130)

    def _restore(self, options: dict[str, Any], *, identity: str, bar: "tqdm[Any]") -> None:
        def progress(stage: str) -> None:
            bar.set_description(stage)
            bar.update()

        source = options["source"]
        if options["rehearse"]:
            manifest = recovery.rehearse_restore(source=source, identity=identity, progress=progress)
            self.stdout.write(recovery.described(manifest))
            self.stdout.write("It can be restored, and its ledger is sound.")
            return
        wanted = {name: options[name] for name in ("overwrite", "take_ownership")}
        if options["check"]:
            manifest = recovery.check_backup(source=source, identity=identity, **wanted, progress=progress)
            self.stdout.write(f"The backup of {manifest['made_at']} is whole and can be restored here.")
            return
        aside = recovery.restore_backup(
            source=source, identity=identity, **wanted, now=timezone.now(), progress=progress
        )
        self.stdout.write("Restored and proven.")
        try:
            ownership.renew_rights()
        except ownership.NoServingRole as error:
            self.stderr.write(str(error))
        if aside:
            self.stdout.write(
                f'The old database is kept as {aside}; drop it when you are sure: DROP DATABASE "{aside}";'
            )
