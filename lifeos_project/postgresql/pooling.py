"""A pool such as PgBouncer between web processes and the database.

In transaction mode every transaction may run on another connection to the server. Workers and commands need one that
stays: they listen, hold advisory locks and set limits for their session. So "default" is the server itself, and only
web processes, which need none of that and are many, put the pool in its place.
"""

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from platform_outbox.wakeup.notifier import is_shared

HINT = "Name the server itself in DATABASE_DIRECT_URL (docs/scaling.md)."


def take_the_pool() -> None:
    """From here on this process reaches the database through the pool, if there is one."""
    if settings.SHARED_DATABASE:
        connections.settings["default"].update(settings.SHARED_DATABASE)


def objection(connection: BaseDatabaseWrapper) -> str:
    """Why this connection must not be used by what needs a session; empty when it leads to the server itself.

    Raises OperationalError when the database does not answer.
    """
    connection.ensure_connection()
    if not is_shared(connection.connection):
        return ""
    name = "DATABASE_DIRECT_URL" if settings.DATABASE_DIRECT_URL else "DATABASE_URL"
    return f"{name} leads through a connection pool, where neither notifications nor locks of a session hold."
