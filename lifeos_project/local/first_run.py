"""What `make run` prepares before anything is served, and why it may refuse: each time one sentence."""

import errno
import io
import secrets
import socket
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command, get_commands
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from finance.models import Book
from lifeos_project.local.secret_files import kept_secret
from lifeos_project.postgresql import ownership

OLDEST_POSTGRESQL = 15
DEMO_EMAIL = "demo@lifeos.example"
OPERATOR_EMAIL = "operator@lifeos.example"
DEMO_ARGUMENTS = ["--months", "24", "--seed", "1", "--user", DEMO_EMAIL]


class StartRefused(Exception):
    """LifeOS cannot start here; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Someone who was made on the first start, with the password of then."""

    email: str
    password: str

    def still_opens(self) -> bool:
        """Whether the password is still that of the first start. Slow, as checking passwords has to be."""
        user = get_user_model().objects.filter(email=self.email, is_active=True).first()
        return user is not None and user.check_password(self.password)


def check_port(*, host: str, port: int) -> None:
    """Refuse a port that is taken or not ours to take."""
    with socket.socket() as probe:
        # As gunicorn does: a connection of the last run that is still winding down is no reason to refuse.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror})"
            raise StartRefused(f"Port {port} {reason}; choose another one: make run PORT={port + 1}") from None


def check_disk() -> None:
    """Refuse a checkout whose var/ cannot be written."""
    probe = settings.VAR_DIR / ".writable"
    try:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StartRefused(
            f"{settings.VAR_DIR} cannot be written ({error.strerror}), but the data, logs and secrets live there."
        ) from None


def check_database() -> None:
    """Refuse a server that does not answer or is too old; starts the embedded one."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
            (major,) = cursor.fetchone()
    except (OperationalError, DatabaseError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if settings.DATABASE_URL:
            reason = f"The database named in DATABASE_URL cannot be used: {reason}"
        raise StartRefused(reason) from None
    if major < OLDEST_POSTGRESQL:
        raise StartRefused(
            f"The server in DATABASE_URL is PostgreSQL {major}; {OLDEST_POSTGRESQL} is the oldest supported version."
        )


def migrate() -> int:
    """Bring the tables up to date; returns how many migrations were applied."""
    with ownership.as_owner():
        executor = MigrationExecutor(connection)
        pending = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if settings.RUN_MIGRATIONS:
        # Also with nothing pending: data of an older release has one role, and gets the other one's rights here.
        try:
            call_command("migrate", if_wanted=True, verbosity=0, interactive=False, stdout=io.StringIO())
        except CommandError as error:
            raise StartRefused(str(error)) from None
    elif pending:
        raise StartRefused(f"{pending} migrations are pending and RUN_MIGRATIONS is false; run: manage.py migrate")
    return pending


def ensure_logins() -> list[Login]:
    """The demo household's owner and the operator, made on the first start."""
    return [_ensure_login(DEMO_EMAIL, operator=False), _ensure_login(OPERATOR_EMAIL, operator=True)]


def wants_demo() -> bool:
    """Whether this installation is empty and should get a demo household."""
    return "seed_demo" in get_commands() and not Book.objects.exists()


def _ensure_login(email: str, *, operator: bool) -> Login:
    name = f"{email.partition('@')[0]}-password"
    password = kept_secret(directory=settings.VAR_DIR / "secrets", name=name, make=lambda: secrets.token_urlsafe(12))
    users = get_user_model().objects
    if not users.filter(email=email).exists():
        make = users.create_superuser if operator else users.create_user
        make(email, password)
    return Login(email=email, password=password)
