import signal
import sys
from contextlib import suppress
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError
from django.utils.translation import gettext as _

from platform_outbox.wakeup.notifier import is_shared, own_connection
from platform_outbox.worker.process import REPLACE_ME, WorkerProcess, logger


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Handle events: the worker process. Stops after the event it is at on SIGTERM or SIGINT."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--threads", type=int, default=2, help=_("Shards handled at the same time by this process (default: 2).")
        )
        parser.add_argument(
            "--io-threads",
            type=int,
            default=settings.WORKER_IO_THREADS,
            help=_("Calls to the outside made at the same time by this process (default: %(default)s)."),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Limits that a worker sets for its session would come over others in a pool, and no notification would be heard.
        # A database that is away is waited for later, as at any other time.
        with suppress(psycopg.OperationalError, OperationalError), own_connection() as connection:
            if is_shared(connection):
                raise CommandError(
                    "The database is reached through a connection pool, on which a worker cannot work. Name the server "
                    "itself in DATABASE_DIRECT_URL (docs/scaling.md)."
                )
        # Its threads take shards in worker/executor.py and run each batch by processing/process.py.
        worker = WorkerProcess(threads=max(1, options["threads"]), io_threads=max(1, options["io_threads"]))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        worker.start()
        try:
            worker.wait()
        finally:
            logger.info("Outbox worker %s is stopping.", worker.name)
            ended = worker.shut_down()
            if not ended:
                logger.warning("A handler did not end in time; its event is rolled back and will be handled again.")
        logger.info("Outbox worker %s stopped.", worker.name)
        if worker.replaced:
            sys.exit(REPLACE_ME)
