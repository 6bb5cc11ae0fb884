"""The password of new connections, where a file holds it: changed without a restart and without a refused connection.

PostgreSQL knows one password per role, and file and server cannot change in the same moment. So the file may hold two,
one a line: the next one and the one of now. The server says which of them it is.
"""

import time
from pathlib import Path
from typing import Any

import psycopg

# A file that is written in place is empty for a moment.
PATIENCE_SECONDS = 1.0


def read(file: str) -> list[str]:
    """The passwords in `file`, the next one first. Raises OperationalError when it has none."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            found = [line.strip() for line in Path(file).read_text().splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise psycopg.OperationalError(f"POSTGRES_PASSWORD_FILE cannot be read: {type(error).__name__}") from error
        if found:
            return found
        if time.monotonic() > deadline:
            raise psycopg.OperationalError("POSTGRES_PASSWORD_FILE is empty.")
        time.sleep(0.02)


def accepted(file: str, parameters: dict[str, Any]) -> str:
    """The first password of `file` that the server takes, tried by connecting when there are several."""
    *others, last = read(file)
    for password in others:
        try:
            psycopg.connect(**{**parameters, "password": password}).close()
        except psycopg.OperationalError:
            # Refused, or the server is away: then the caller's own connection says so.
            continue
        return password
    return last


def connection_class(file: str) -> type[psycopg.Connection[Any]]:
    """For a pool, which keeps the parameters of its beginning: connections with the password of their own beginning."""

    class CurrentConnection(psycopg.Connection[Any]):
        @classmethod
        def connect(cls, conninfo: str = "", **parameters: Any) -> Any:
            parameters["password"] = accepted(file, parameters)
            return super().connect(conninfo, **parameters)

    return CurrentConnection
