"""The database's password is changed while people work: no restart, no request that fails."""

import datetime
import secrets
import threading
from pathlib import Path

import psycopg
import pytest
from django.db import connection, connections
from django.utils import timezone
from rest_framework.test import APIClient

from identity.models import User
from lifeos_project.backups import servers
from lifeos_project.local import embedded_postgres
from lifeos_project.models import SecretSighting
from lifeos_project.postgresql import passwords
from lifeos_project.postgresql.database_settings import database_settings
from lifeos_project.security import secret_age
from lifeos_project.tests import copied_database
from lifeos_project.tests.services import postgres_server, wait_until
from lifeos_project.tests.test_checks import outcome

pytestmark = pytest.mark.long

ROLE = "lifeos_app"
HBA = "host all lifeos 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


class House:
    """A server that asks for passwords, with the tables of this run and one role that signs in."""

    def __init__(self, server: str, *, file: Path):
        self.admin = servers.from_url(server, variable="DATABASE_URL").named("lifeos_house")
        self.address = server.replace("lifeos@", f"{ROLE}@").replace("/postgres", "/lifeos_house")
        self.file = file

    def run(self, statement: str) -> None:
        with self.admin.connect() as server:
            server.execute(statement)

    def take(self, password: str) -> None:
        """From now on new connections need this one; those that are open stay."""
        self.run(f"ALTER ROLE {ROLE} PASSWORD '{password}'")

    def oldest_connection(self) -> datetime.datetime:
        with self.admin.connect() as server:
            question = "SELECT coalesce(min(backend_start), now()) FROM pg_stat_activity WHERE usename = %s"
            return server.execute(question, [ROLE]).fetchone()[0]

    def settings(self, *, pool_size: int) -> dict:
        found = database_settings(
            url=self.address, variable="DATABASE_URL", password="", password_file=str(self.file),
            embedded_directory=Path("/nowhere"), durable=True, prepared_statements=True, conn_max_age=0, pool_size=pool_size,
        )  # fmt: skip
        if pool_size:
            # A pool keeps connections for an hour; here there is less time.
            found["OPTIONS"]["pool"] |= {"max_lifetime": 0.2, "timeout": 10, "reconnect_timeout": 10}
        return found


@pytest.fixture(scope="module")
def house(django_db_setup, django_db_blocker, tmp_path_factory):
    directory = tmp_path_factory.mktemp("scram")
    programs = embedded_postgres.program("postgres").parent
    with postgres_server(directory, programs=programs) as address:
        found = House(address, file=directory / "password")
        with django_db_blocker.unblock():
            copied_database.create(found.admin, directory=directory)
            connection.close()
        found.run(f"CREATE ROLE {ROLE} LOGIN SUPERUSER")
        (directory / "data" / "pg_hba.conf").write_text(HBA)
        found.run("SELECT pg_reload_conf()")
        yield found


class Visitors:
    """People who read and write through the whole of Django, each request on a connection of its own."""

    def __init__(self, token: str):
        self.answers = 0
        self.failures: list[str] = []
        self._token = token
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(3)]

    def __enter__(self) -> "Visitors":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        client = APIClient(headers={"Authorization": f"Bearer {self._token}"}, raise_request_exception=False)
        while not self._stop.is_set():
            for answer in (client.get("/health/ready"), client.patch("/api/v1/auth/me/", {"name": "Olga"})):
                self.answers += 1
                if answer.status_code != 200:
                    self.failures.append(f"{answer.status_code} {answer.content[:300]!r}")
            connections.close_all()

    def more(self) -> None:
        """Return when some further requests have been answered."""
        enough = self.answers + 12
        wait_until(lambda: self.answers >= enough, seconds=60, what="further requests")


def in_a_thread(work):
    """What `work` returns; a thread of its own has a connection of its own, made from the settings of now."""
    found = []

    def run():
        found.append(work())
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def signed_in() -> str:
    email, password = f"{secrets.token_hex(4)}@example.org", "correct horse battery"
    User.objects.create_user(email, password)
    return APIClient().post("/api/v1/auth/token/", {"email": email, "password": password}).json()["access"]


@pytest.mark.parametrize("pool_size", [0, 2])
def test_no_request_fails_while_the_password_changes(house, db, monkeypatch, pool_size):
    house.file.write_text("first\n")
    house.take("first")
    monkeypatch.setitem(
        connections.settings, "default", {**connections.settings["default"], **house.settings(pool_size=pool_size)}
    )
    try:
        with Visitors(in_a_thread(signed_in)) as visitors:
            visitors.more()
            house.file.write_text("second\nfirst\n")
            visitors.more()
            house.take("second")
            changed_at = timezone.now()
            visitors.more()
            house.file.write_text("second\n")
            visitors.more()
            wait_until(
                lambda: house.oldest_connection() > changed_at, seconds=60, what="connections by the new password"
            )
        assert visitors.failures == []
    finally:
        in_a_thread(lambda: connection.close_pool())
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(house.address, password="first")


@pytest.fixture
def changing(house, db):
    """The moment in which the file names both, and the server still takes the old one."""
    house.take("now")
    house.file.write_text("next\nnow\n")
    return {"DATABASE_URL": house.address, "POSTGRES_PASSWORD_FILE": str(house.file)}


def test_processes_that_begin_meanwhile_find_the_password_too(changing):
    code, output = outcome(
        "manage.py", "check", "--tag", "lifeos", "--tag", "database", "--database", "default", **changing
    )
    assert code == 0, output
    # A container's question about its worker, of which there is none here.
    assert outcome("compose/healthcheck.py", "worker", **changing) == (1, "")


def test_programs_of_postgresql_get_the_password_that_is_right(house, changing):
    ours = {"PASSWORD": "next", "PASSWORD_FILE": str(house.file)}
    found = servers.from_django({**house.settings(pool_size=0), **ours})
    assert found.environment()["PGPASSWORD"] == "now"


def test_the_age_is_that_of_the_password_to_come(house, changing, settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "PASSWORD_FILE", str(house.file))
    secret_age.first_seen()
    found = SecretSighting.objects.get(name="POSTGRES_PASSWORD")
    assert found.fingerprint == secret_age.fingerprint("POSTGRES_PASSWORD", "next")


def test_a_password_in_the_url_stands():
    url = f"postgresql://{ROLE}:own@db/lifeos"
    found = database_settings(
        url=url, variable="DATABASE_URL", password="other", password_file="/run/secrets/password",
        embedded_directory=Path("/nowhere"), durable=True, prepared_statements=True, conn_max_age=0, pool_size=0,
    )  # fmt: skip
    assert (found["PASSWORD"], found.get("PASSWORD_FILE")) == ("own", None)


@pytest.mark.parametrize(("content", "words"), [("\n", "is empty"), (None, "cannot be read: FileNotFoundError")])
def test_a_file_without_a_password_is_named(tmp_path, content, words):
    file = tmp_path / "password"
    if content is not None:
        file.write_text(content)
    with pytest.raises(psycopg.OperationalError, match=words):
        passwords.read(str(file))
