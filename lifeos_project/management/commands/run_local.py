import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import get_commands
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from lifeos_project import first_run, metrics_files
from lifeos_project.embedded_postgres import Cluster
from lifeos_project.first_run import Login, StartRefused
from lifeos_project.supervisor import ChildEnded, StopRequested, Supervisor, stopping_on_signals


class Command(BaseCommand):
    help = "Run everything in the foreground: database, migrations, demo household, web and worker (`make run`)."
    # Warnings would stand between the lines that matter; errors cannot occur in development.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, help="Port of the web pages (default: that of GUNICORN_BIND).")
        parser.add_argument("--no-demo", action="store_true", help="Do not fill an empty installation.")

    def handle(self, *args: Any, **options: Any) -> None:
        supervisor = Supervisor(write=self._write)
        try:
            with stopping_on_signals():
                self._run(supervisor, port=options["port"], demo=not options["no_demo"])
        except StopRequested:
            supervisor.say("lifeos", "Stopping.")
        except (StartRefused, ChildEnded) as error:
            sys.exit(f"LifeOS does not run: {error}")
        finally:
            supervisor.stop()
            connection.close()

    def _run(self, supervisor: Supervisor, *, port: int | None, demo: bool) -> None:
        if settings.PRODUCTION:
            raise StartRefused("`make run` is for development; in production start gunicorn and the worker themselves.")
        host, _, configured = settings.GUNICORN_BIND.rpartition(":")
        port = port or int(configured)
        first_run.check_disk()
        first_run.check_port(host=host, port=port)
        logins = self._prepare(supervisor, demo=demo)
        self._start(supervisor, bind=f"{host}:{port}")
        url = f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0') else host}:{port}"  # noqa: S104
        supervisor.wait_for_answer(f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/health/live")  # noqa: S104
        self._greet(supervisor, url, logins)
        supervisor.watch()

    def _prepare(self, supervisor: Supervisor, *, demo: bool) -> list[Login]:
        first_run.check_database()
        embedded = connection.settings_dict.get("EMBEDDED")
        if embedded:
            supervisor.follow("db", Cluster(directory=Path(embedded["directory"])).log_file)
        applied = first_run.migrate()
        if applied:
            supervisor.say("lifeos", f"{applied} migrations applied.")
        logins = first_run.ensure_logins()
        if demo and first_run.seed_demo():
            supervisor.say("lifeos", "The demo household is there.")
        return logins

    def _start(self, supervisor: Supervisor, *, bind: str) -> None:
        environment = {**os.environ, "GUNICORN_BIND": bind}
        # Web and worker count into the same files, so that /metrics tells of both.
        environment[metrics_files.VARIABLE] = str(metrics_files.choose_directory(owner="run"))
        root = settings.BASE_DIR
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", str(root / "compose" / "gunicorn.conf.py")]
        supervisor.start("web", gunicorn, environment=environment)
        if "outbox_worker" in get_commands():
            supervisor.start(
                "worker", [sys.executable, str(root / "manage.py"), "outbox_worker"], environment=environment
            )

    def _greet(self, supervisor: Supervisor, url: str, logins: list[Login]) -> None:
        supervisor.say("lifeos", f"LifeOS is at {url} (operators: {url}/admin/). Ctrl-C stops it.")
        for login in logins:
            supervisor.say("lifeos", f"Sign in: {login.email}  {login.password or '(the password was changed)'}")

    def _write(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
