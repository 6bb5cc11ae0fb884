"""Two roles: one owns the tables and migrates, the other serves the application and cannot rewrite what is posted.

"default" is the serving role everywhere. What needs the owner takes it for the length of a block; web and workers are
not even told its login (docs/security.md). Without DATABASE_OWNER_URL one role does everything, as long as it may.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import ProgrammingError, connection, connections, transaction
from psycopg import sql

from finance.errors import FinanceError
from finance.ledger import grants

HINT = "Let another role own the tables: DATABASE_OWNER_URL (docs/upgrade.md)."
# Where a login differs from another; the rest of Django's settings of a database stays.
_LOGIN = ("NAME", "USER", "PASSWORD", "PASSWORD_FILE", "HOST", "PORT", "OPTIONS", "CONN_MAX_AGE", "EMBEDDED")


class NoServingRole(Exception):
    """The application's role cannot be made or held back; the message says why and what helps."""


@contextmanager
def as_owner() -> Iterator[None]:
    """Within the block the database is reached as the tables' owner, if one is named apart; not within a transaction."""
    current = connections.settings["default"]
    if settings.OWNER_DATABASE is None or is_taken():
        yield
        return
    connection.close()
    before = {name: current.pop(name) for name in _LOGIN if name in current}
    current.update(
        {"PASSWORD": ""} | {name: value for name, value in settings.OWNER_DATABASE.items() if name in _LOGIN}
    )
    try:
        yield
    finally:
        connection.close()
        for name in _LOGIN:
            current.pop(name, None)
        current.update(before)


def is_taken() -> bool:
    """Whether the database is reached as the owner just now, where another role serves."""
    owner = settings.OWNER_DATABASE
    return owner is not None and bool(connections.settings["default"]["USER"] == owner["USER"])


def renew_rights() -> list[str]:
    """Give the serving roles the application's rights and nothing else, as the owner; returns their names.

    A role that is missing is made. Does nothing where one role does everything. Raises NoServingRole.
    """
    from lifeos_project.postgresql import passwords

    if settings.OWNER_DATABASE is None:
        return []
    serving = {login["USER"]: login for login in _serving_logins()}
    with as_owner(), transaction.atomic():
        for role, login in serving.items():
            file = login.get("PASSWORD_FILE")
            password = login.get("PASSWORD") or (passwords.read(file)[0] if file else "")
            _ensure(role, password=password, local=str(login["HOST"]).startswith("/"))
            try:
                grants.grant_application_rights(role=role)
            except FinanceError as error:
                raise NoServingRole(error.detail) from error
    return list(serving)


def objections(*, revocable: bool = True) -> list[str]:
    """Why the serving role is not held back by the guards, one sentence each; `revocable` asks for what grants mend, too.

    A role that does not exist yet is none: renew_rights() makes it.
    """
    found = []
    names = list(dict.fromkeys(login["USER"] for login in _serving_logins()))
    if not names:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user::text")
            names = [str(cursor.fetchone()[0])]
    for name in names:
        reasons = [*(grants.too_mighty(role=name) or []), *(grants.excess(role=name) if revocable else [])]
        found += [f"The role {name}, which serves the application, {reason}." for reason in reasons]
    return found


def _serving_logins() -> list[Mapping[str, Any]]:
    logins = [settings.SERVING_DATABASE, settings.SHARED_DATABASE]
    return [login for login in logins if login is not None and login.get("USER")]


def _ensure(role: str, *, password: str, local: bool) -> None:
    if grants.too_mighty(role=role) is not None:
        return
    if not password and not local:
        raise NoServingRole(
            f"There is no database role {role}, and no password to create it with: set POSTGRES_PASSWORD (with containers "
            f"POSTGRES_APP_PASSWORD), or create the role yourself: CREATE ROLE {role} LOGIN."
        )
    statement = sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role))
    with connection.cursor() as cursor:
        if password:
            # As the server would store it: a statement may end up in its log.
            assert connection.connection is not None
            hidden = connection.connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
            statement += sql.SQL(" PASSWORD {}").format(sql.Literal(hidden.decode()))
        try:
            with transaction.atomic():
                cursor.execute(statement)
        except ProgrammingError as error:
            raise NoServingRole(
                f"There is no database role {role}, and the owner may not create it. As a superuser: "
                f"CREATE ROLE {role} LOGIN PASSWORD '…' (that of DATABASE_URL)."
            ) from error
