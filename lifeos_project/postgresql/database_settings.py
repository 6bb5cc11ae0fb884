"""From a database URL to Django's settings, or to one sentence about what is wrong with it."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from lifeos_project.local import embedded_postgres

# The directory carries the major version: PostgreSQL cannot read another version's files.
EMBEDDED_MAJOR = "18"
DEFAULT_PORT = 5432


def database_settings(
    *,
    url: str,
    variable: str,
    password: str,
    embedded_directory: Path,
    durable: bool,
    prepared_statements: bool,
    conn_max_age: int,
    pool_size: int,
    shared: bool = False,
    password_file: str = "",
    patience: int = 10,
    embedded_user: str = embedded_postgres.USER,
) -> dict[str, Any]:
    """Django's settings of one database: the server of `url`, or the embedded one when there is no URL.

    `variable` is the name the URL was read from, for messages; `password` is used when the URL has none, and
    read again from `password_file` for each connection where that is given. `shared` says
    that a pool lends server connections from one transaction to the next; `patience` is how many seconds the server has
    to answer at all; `embedded_user` is the role on the embedded one.
    """
    if url:
        settings, options = _server(url, variable=variable, password=password, password_file=password_file)
    else:
        cluster = embedded_postgres.Cluster(directory=embedded_directory / EMBEDDED_MAJOR, durable=durable)
        settings, options = (
            {
                "NAME": embedded_postgres.DATABASE,
                "USER": embedded_user,
                "HOST": str(cluster.socket_directory),
                "PORT": embedded_postgres.PORT,
                "EMBEDDED": {"directory": str(cluster.directory), "durable": durable},
            },
            {},
        )
    pooled = {"pool": {"min_size": 1, "max_size": pool_size}} if pool_size else {}
    return {
        "ENGINE": "lifeos_project.postgresql",
        "CONN_MAX_AGE": 0 if pool_size else conn_max_age,
        "CONN_HEALTH_CHECKS": True,
        # A cursor on the server belongs to one connection; PgBouncer may hand out another between two fetches.
        "DISABLE_SERVER_SIDE_CURSORS": shared or not prepared_statements,
        "OPTIONS": {
            "server_side_binding": True,
            "prepare_threshold": 5 if prepared_statements else None,
            "connect_timeout": str(patience),
            # A host that vanished is given up as soon; otherwise its connections hang for a quarter of an hour.
            "tcp_user_timeout": str(patience * 1000),
            **pooled,
            **options,
        },
        **settings,
    }


def _server(url: str, *, variable: str, password: str, password_file: str) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        parts = urlsplit(url)
        # One host and port, or several with commas: libpq tries them in turn and heeds `target_session_attrs`.
        places = [urlsplit(f"//{place}") for place in parts.netloc.rpartition("@")[2].split(",")]
        hosts = [unquote(place.hostname or "") for place in places]
        ports = [str(place.port or (DEFAULT_PORT if len(places) > 1 else "")) for place in places]
    except ValueError as error:
        raise ImproperlyConfigured(f"{variable} is not a URL: {error}.") from None
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(
            f"{variable} must begin with postgresql:// (PostgreSQL is the only database); it begins with "
            f"“{parts.scheme or url[:12]}”."
        )
    settings = {
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or "") or password,
        "HOST": ",".join(hosts),
        "PORT": ",".join(ports),
    }
    options = dict(parse_qsl(parts.query))
    # libpq's way to name a Unix socket: postgresql:///name?host=/run/postgresql
    for key, name in (("host", "HOST"), ("port", "PORT"), ("user", "USER")):
        settings[name] = options.pop(key, settings[name])
    if password_file and not parts.password:
        settings["PASSWORD_FILE"] = password_file
    if not settings["NAME"]:
        raise ImproperlyConfigured(f"{variable} names no database; write postgresql://user:password@host:5432/name.")
    return settings, options
