import os
import sys
from typing import Any

from django.conf import settings
from django.core.management import get_commands
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from gunicorn.app.wsgiapp import WSGIApplication

from lifeos_project.local import first_run
from lifeos_project.local.first_run import StartRefused
from lifeos_project.local.supervisor import ChildEnded, StopRequested, Supervisor, stopping_on_signals

MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]


class Command(BaseCommand):
    help = "Run everything in the foreground: database, migrations, demo household, web and worker (`make run`)."
    # Warnings would stand between the lines that matter; errors cannot occur in development.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, help="Port of the web pages (default: that of GUNICORN_BIND).")
        parser.add_argument("--no-demo", action="store_true", help="Do not fill an empty installation.")

    def handle(self, *args: Any, **options: Any) -> None:
        def write(line: str) -> None:
            self.stdout.write(line)
            self.stdout.flush()

        supervisor = Supervisor(write=write)
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
        first_run.check_database()
        applied = first_run.migrate()
        logins = first_run.ensure_logins()
        connection.close()
        supervisor.fork("web", lambda: _serve(f"{host}:{port}"))
        if applied:
            supervisor.say("lifeos", f"{applied} migrations applied.")
        cluster = connection.embedded_server()  # type: ignore[attr-defined]
        if cluster is not None:
            supervisor.follow("db", cluster.log_file)
        if "outbox_worker" in get_commands():
            supervisor.keep_alive("worker", [*MANAGE, "outbox_worker"], environment=dict(os.environ))
        if demo and first_run.wants_demo():
            supervisor.say("lifeos", "Filling the demo household ...")
            supervisor.run("demo", [*MANAGE, "seed_demo", *first_run.DEMO_ARGUMENTS], environment=dict(os.environ))
        url = f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0') else host}:{port}"  # noqa: S104
        told = [
            (login.email, login.password if login.still_opens() else "(the password was changed)") for login in logins
        ]
        supervisor.wait_for_answer(f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/health/live")  # noqa: S104
        supervisor.say("lifeos", f"LifeOS is at {url} (operators: {url}/admin/). Ctrl-C stops it.")
        for email, password in told:
            supervisor.say("lifeos", f"Sign in: {email}  {password}")
        supervisor.watch()


def _serve(bind: str) -> None:
    """gunicorn as its command would run it, without importing everything a second time."""
    import lifeos_project.urls  # noqa: F401  before gunicorn forks, so that its processes share it

    sys.argv = ["gunicorn", "-c", str(settings.BASE_DIR / "compose" / "gunicorn.conf.py"), "-b", bind]
    with connection.embedded_server_held():  # type: ignore[attr-defined]
        WSGIApplication("gunicorn [OPTIONS]", prog="gunicorn").run()
