"""Django's PostgreSQL backend with metrics, and with the embedded server started by the first connection.

Starting it from settings would start a database for `--help`, for the type checker and for every linter.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from django.db.backends.postgresql.client import DatabaseClient as PostgresqlClient
from django.db.backends.postgresql.features import DatabaseFeatures as PostgresqlFeatures
from django.db.models import Model
from django.db.utils import OperationalError
from django_prometheus.db.backends.postgresql.base import DatabaseWrapper as PrometheusWrapper

from lifeos_project.local.embedded_postgres import Cluster, EmbeddedPostgresError, program
from lifeos_project.postgresql import lookups, moments, passwords

lookups.use_arrays()


@cache
def cluster_at(directory: str, durable: bool) -> Cluster:
    """This process's handle on the embedded server of a data directory."""
    return Cluster(directory=Path(directory), durable=durable)


class DatabaseClient(PostgresqlClient):
    """`manage.py dbshell` finds the wheel's psql when the embedded server is in use."""

    def runshell(self, parameters: Iterable[str]) -> None:
        if self.connection.settings_dict.get("EMBEDDED"):
            self.connection.ensure_connection()
            os.environ["PATH"] = f"{program('psql').parent}{os.pathsep}{os.environ.get('PATH', '')}"
        super().runshell(parameters)


class DatabaseFeatures(PostgresqlFeatures):
    """What the server can do for us."""

    def allows_group_by_selected_pks_on_model(self, model: type[Model]) -> bool:
        """Whether grouping by Django's key is enough: not where the server's key is of the book as well."""
        return not any(field.name == "book" for field in model._meta.fields)


class DatabaseWrapper(PrometheusWrapper):  # type: ignore[misc]
    client_class = DatabaseClient
    features_class = DatabaseFeatures

    def embedded_server(self) -> Cluster | None:
        embedded = self.settings_dict.get("EMBEDDED")
        return cluster_at(embedded["directory"], embedded["durable"]) if embedded else None

    @contextlib.contextmanager
    def embedded_server_held(self) -> Iterator[None]:
        """Be counted as a user of the embedded server for the length of the block, connected or not."""
        cluster = self.embedded_server()
        if cluster is not None:
            cluster.ensure_running()
        try:
            yield
        finally:
            if cluster is not None:
                cluster.leave()

    def get_connection_params(self) -> dict[str, Any]:
        cluster = self.embedded_server()
        if cluster is not None:
            try:
                cluster.ensure_running()
            except EmbeddedPostgresError as error:
                raise OperationalError(str(error)) from error
        parameters: dict[str, Any] = super().get_connection_params()
        if self.timezone is moments.MomentLoader.timezone:
            parameters["context"] = moments.quick_at_moments(parameters["context"])
        if file := self.settings_dict.get("PASSWORD_FILE"):
            parameters["password"] = passwords.accepted(file, parameters)
        return parameters

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            return super().get_new_connection(conn_params)
        except psycopg.OperationalError as error:
            refused = error.pgconn is not None and error.pgconn.used_password
            if not (refused and self.settings_dict.get("PASSWORD_FILE")):
                raise
        # The server has taken the next password since this one was found to be right.
        return super().get_new_connection(self.get_connection_params())

    @property
    def pool(self) -> Any:
        options, file = self.settings_dict["OPTIONS"].get("pool"), self.settings_dict.get("PASSWORD_FILE")
        if options and file:
            options.setdefault("connection_class", passwords.connection_class(file))
        return super().pool
