import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from lifeos_project.backups import services, stores
from lifeos_project.backups.errors import BackupError
from lifeos_project.local.supervisor import StopRequested, stopping_on_signals


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = (
        "Back up database and attachments, and prove the backup by restoring it into a scratch database. "
        "Only proven backups are kept."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--list", action="store_true", help="list the backups and make none")
        parser.add_argument(
            "--before-deploy", action="store_true", help="made before a deploy, kept by BACKUP_KEEP_DEPLOYS"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["list"]:
                store = stores.configured()
                names = store.names()
                for name in names:
                    self.stdout.write(name)
                self.stderr.write(f"{len(names)} backups in {store.location}.")
                return
            quiet = options["verbosity"] == 0
            hidden = quiet or not sys.stderr.isatty()
            with stopping_on_signals(), tqdm(total=services.STEPS, file=sys.stderr, disable=hidden, leave=False) as bar:

                def progress(stage: str) -> None:
                    bar.set_description(stage)
                    bar.update()

                run = services.create_backup(
                    now=timezone.now(), before_deploy=options["before_deploy"], progress=progress
                )
            if not quiet:
                how = "encrypted" if run.encrypted else "NOT encrypted (BACKUP_AGE_RECIPIENTS is empty)"
                self.stdout.write(
                    f"{run.name}: {run.size:,} bytes, {run.entries:,} entries, restored and proven; {how}."
                )
                self.stdout.write(f"Kept in {run.location}.")
        except BackupError as error:
            raise CommandError(str(error)) from error
        except StopRequested:
            self.stderr.write("Stopped; nothing was kept, and earlier backups are untouched.")
            sys.exit(130)
