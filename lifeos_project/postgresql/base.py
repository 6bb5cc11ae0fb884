"""Django's PostgreSQL backend with metrics, and with the embedded server started by the first connection.

Starting it from settings would start a database for `--help`, for the type checker and for every linter.
"""

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from django.db.backends.postgresql.client import DatabaseClient as PostgresqlClient
from django.db.utils import OperationalError
from django_prometheus.db.backends.postgresql.base import DatabaseWrapper as PrometheusWrapper

from lifeos_project.embedded_postgres import Cluster, EmbeddedPostgresError, program


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


class DatabaseWrapper(PrometheusWrapper):  # type: ignore[misc]
    client_class = DatabaseClient

    def get_connection_params(self) -> dict[str, Any]:
        embedded = self.settings_dict.get("EMBEDDED")
        if embedded:
            try:
                cluster_at(embedded["directory"], embedded["durable"]).ensure_running()
            except EmbeddedPostgresError as error:
                raise OperationalError(str(error)) from error
        parameters: dict[str, Any] = super().get_connection_params()
        return parameters
