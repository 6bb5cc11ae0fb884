"""The database server as libpq's programs see it: parameters, environment, databases made, renamed and dropped."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Self
from urllib.parse import quote, urlencode

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import pq, sql

from lifeos_project.backups.errors import BackupError, BackupRefused
from lifeos_project.postgresql import passwords
from lifeos_project.postgresql.database_settings import database_settings

# Where one connects to rename the database that one would otherwise be connected to.
MAINTENANCE = "postgres"
# Nobody's statements may be cut off while a copy is made, whatever the server's defaults are.
PATIENT = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c lock_timeout=60000"
DJANGO_FIELDS = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """One database on one server, by libpq's own names of parameters."""

    parameters: Mapping[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        return self.parameters["dbname"]

    def named(self, name: str) -> Self:
        """Another database of the same server."""
        return replace(self, parameters={**self.parameters, "dbname": name})

    def connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """A connection of its own in autocommit mode, past Django's."""
        parameters = {"connect_timeout": "10", **self.parameters, "options": self._options()}
        try:
            return psycopg.connect(**parameters, autocommit=True)  # type: ignore[arg-type]
        except psycopg.OperationalError as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise BackupError(f"The database {self.name} cannot be reached: {reason}") from error

    def environment(self) -> dict[str, str]:
        """Variables for pg_dump, pg_restore and psql. Passwords never stand on a command line."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        known = _environment_names()
        given = {known[name]: value for name, value in self.parameters.items() if name in known}
        return {**kept, **given, "PGAPPNAME": "lifeos-backup", "PGOPTIONS": self._options(), "LC_MESSAGES": "C"}

    def url(self) -> str:
        """The database as DATABASE_URL names it."""
        rest = {name: value for name, value in self.parameters.items() if name not in ("user", "password", "dbname")}
        login = ":".join(
            quote(self.parameters[name], safe="") for name in ("user", "password") if self.parameters.get(name)
        )
        return f"postgresql://{login}{'@' if login else ''}/{quote(self.name, safe='')}?{urlencode(rest)}"

    def _options(self) -> str:
        return f"{self.parameters.get('options', '')} {PATIENT}".strip()


def configured() -> Database:
    """The database that is backed up and restored; starts the embedded server where that is in use."""
    if settings.BACKUP_DATABASE_URL:
        return from_url(settings.BACKUP_DATABASE_URL, variable="BACKUP_DATABASE_URL")
    cluster = connection.embedded_server()  # type: ignore[attr-defined]
    if cluster is not None:
        cluster.ensure_running()
    # A worker knows no owner and makes its backups as the role that serves, which may read everything.
    return from_django(settings.OWNER_DATABASE or connection.settings_dict)


def from_url(url: str, *, variable: str) -> Database:
    """The server of a URL that has been read from the setting `variable`."""
    return from_django(
        database_settings(
            url=url,
            variable=variable,
            password=settings.POSTGRES_PASSWORD,
            password_file=settings.POSTGRES_PASSWORD_FILE,
            embedded_directory=settings.VAR_DIR,
            durable=True,
            prepared_statements=True,
            conn_max_age=0,
            pool_size=0,
        )
    )


def from_django(django: Mapping[str, Any]) -> Database:
    """Django's settings of a database in libpq's words."""
    named = {ours: str(django.get(theirs) or "") for theirs, ours in DJANGO_FIELDS.items()}
    options = {name: str(value) for name, value in django.get("OPTIONS", {}).items() if name in _environment_names()}
    parameters = {name: value for name, value in {**options, **named}.items() if value}
    if file := django.get("PASSWORD_FILE"):
        parameters["password"] = passwords.accepted(file, parameters)
    return Database(parameters=parameters)


def create(database: Database, *, like: Database | None = None) -> None:
    """Make an empty database, with owner, encoding, locale and rights of the one that it will stand in for."""
    with database.named(MAINTENANCE).connect() as server:
        properties = _properties(server, like.name) if like is not None else None
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ").format(sql.Identifier(database.name))
        try:
            server.execute(statement + (properties or sql.SQL("ENCODING 'UTF8'")))
        except psycopg.errors.InsufficientPrivilege as error:
            raise BackupRefused(
                f"The role {server.info.user} may not create databases; allow it (ALTER ROLE {server.info.user} CREATEDB) "
                "or name another role in BACKUP_DATABASE_URL."
            ) from error
        if like is not None:
            _copy_rights(server, source=like.name, target=database.name)


def drop(database: Database) -> None:
    """Remove a database, even if others are connected to it."""
    with database.named(MAINTENANCE).connect() as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database.name)))


def swap(*, fresh: Database, into: Database, aside: str) -> None:
    """Give `fresh` the name of `into`, and `into` the name `aside`, both at once; connections to both are cut."""
    names = {
        "fresh": sql.Identifier(fresh.name),
        "into": sql.Identifier(into.name),
        "aside": sql.Identifier(aside),
    }
    with into.named(MAINTENANCE).connect() as server:
        # Nobody may be connected to a database that is renamed, nor come back between cutting and renaming.
        for name in (into.name, fresh.name):
            if exists(server, name):
                server.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        server.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = ANY(%s) AND pid <> pg_backend_pid()",
            [[into.name, fresh.name]],
        )
        try:
            with server.transaction():
                if exists(server, into.name):
                    server.execute(sql.SQL("ALTER DATABASE {into} RENAME TO {aside}").format(**names))
                server.execute(sql.SQL("ALTER DATABASE {fresh} RENAME TO {into}").format(**names))
        finally:
            for name in (into.name, fresh.name, aside):
                if exists(server, name):
                    server.execute(
                        sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true").format(sql.Identifier(name))
                    )


def exists(server: "psycopg.Connection[tuple[Any, ...]]", name: str) -> bool:
    return server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def major(server: "psycopg.Connection[tuple[Any, ...]]") -> int:
    """Major version of the server behind a connection."""
    return server.info.server_version // 10_000


def _properties(server: "psycopg.Connection[tuple[Any, ...]]", name: str) -> sql.Composed | None:
    provider_locale = "datlocale" if major(server) >= 17 else "daticulocale"
    row = server.execute(
        f"SELECT pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider::text, {provider_locale},"
        " datdba::regrole::text FROM pg_database WHERE datname = %s",
        [name],
    ).fetchone()
    if row is None:
        return None
    encoding, collate, ctype, provider, locale, owner = row
    parts = [
        sql.SQL("ENCODING {} LC_COLLATE {} LC_CTYPE {}").format(*map(sql.Literal, (encoding, collate, ctype))),
        # regrole has quoted the name where it needs to be.
        sql.SQL("OWNER ") + sql.SQL(owner),
    ]
    if provider == "i":
        parts.append(sql.SQL("LOCALE_PROVIDER icu ICU_LOCALE {}").format(sql.Literal(locale)))
    if provider == "b":
        parts.append(sql.SQL("LOCALE_PROVIDER builtin BUILTIN_LOCALE {}").format(sql.Literal(locale)))
    return sql.SQL(" ").join(parts)


def _copy_rights(server: "psycopg.Connection[tuple[Any, ...]]", *, source: str, target: str) -> None:
    """Who may connect, and settings of the database itself: a dump of one database carries neither."""
    rights = server.execute(
        "SELECT CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, privilege_type"
        " FROM pg_database, aclexplode(datacl) WHERE datname = %s",
        [source],
    ).fetchall()
    database = sql.Identifier(target)
    if rights:
        server.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    for grantee, right in rights:
        server.execute(sql.SQL(f"GRANT {right} ON DATABASE {{}} TO {grantee}").format(database))
    stated = server.execute(
        "SELECT unnest(setconfig) FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase"
        " WHERE setrole = 0 AND datname = %s",
        [source],
    ).fetchall()
    for (setting,) in stated:
        name, _, value = setting.partition("=")
        statement = sql.SQL("ALTER DATABASE {} SET {} TO {}")
        server.execute(statement.format(database, sql.Identifier(name), sql.Literal(value)))


@cache
def _environment_names() -> dict[str, str]:
    """libpq's parameters that an environment variable can set, with its name."""
    defaults = pq.Conninfo.get_defaults()
    return {option.keyword.decode(): option.envvar.decode() for option in defaults if option.envvar}
