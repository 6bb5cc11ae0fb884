"""An installation with a household, committed in a database of its own on the tests' server."""

import contextlib
import os
import secrets
import subprocess
import sys

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from psycopg import sql

from lifeos_project.backups import servers
from lifeos_project.tests import copied_database
from lifeos_project.tests.services import bare_environment, s3_server

# Roles belong to the whole server, which other runs and other processes of this one use too.
APP_ROLE = f"lifeos_backup_test_app_{secrets.token_hex(4)}"


class Installation:
    """A migrated and seeded database, with the application's role in it, and ways to ask and change it."""

    def __init__(self, database: servers.Database, var):
        self.database = database
        self.var = var

    def manage(self, *arguments: str, check: bool = True, **variables) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=django_settings.BASE_DIR,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=120,
            check=check,
        )

    def environment(self, **variables) -> dict[str, str]:
        given = {"DATABASE_URL": self.database.url(), "LIFEOS_VAR_DIR": str(self.var), **variables}
        # The tests' settings, so that the tables are those which this process knows.
        return bare_environment(DJANGO_SETTINGS_MODULE=os.environ["DJANGO_SETTINGS_MODULE"], **given)

    def ask(self, question: str, *, name: str = "", unguarded: bool = False):
        """Rows of a statement in the installation's database, or in another one of the server."""
        with self.database.named(name or self.database.name).connect() as server:
            if unguarded:
                server.execute("SET session_replication_role = replica")
            cursor = server.execute(question)
            return cursor.fetchall() if cursor.description else []

    def databases(self) -> set[str]:
        """Every database that belongs to this installation."""
        found = self.ask("SELECT datname FROM pg_database", name="postgres")
        return {name for (name,) in found if name.startswith(self.database.name)}

    def add_entry(self, payee: str) -> int:
        """Post an entry like the last one, past the services; returns its number."""
        ((number,),) = self.ask(
            f"""
            WITH model AS (SELECT * FROM finance_journalentry
                            WHERE reverses_id IS NULL AND corrects_id IS NULL ORDER BY id DESC LIMIT 1), made AS (
                INSERT INTO finance_journalentry
                SELECT (jsonb_populate_record(NULL::finance_journalentry, to_jsonb(model)
                       || jsonb_build_object('id', nextval(pg_get_serial_sequence('finance_journalentry', 'id')),
                                             'uid', gen_random_uuid(), 'payee', '{payee}'))).* FROM model RETURNING *),
            lines AS (
                INSERT INTO finance_journalline
                SELECT (jsonb_populate_record(NULL::finance_journalline, to_jsonb(line)
                       || jsonb_build_object('id', nextval(pg_get_serial_sequence('finance_journalline', 'id')),
                                             'entry_id', made.id))).*
                  FROM made, model JOIN finance_journalline AS line ON line.entry_id = model.id RETURNING entry_id)
            SELECT DISTINCT entry_id FROM lines
            """
        )
        return number

    def payees(self, *, name: str = "") -> set[str]:
        return {payee for (payee,) in self.ask("SELECT payee FROM finance_journalentry", name=name)}


@pytest.fixture(scope="session")
def _seeded(django_db_setup, django_db_blocker, tmp_path_factory):
    directory = tmp_path_factory.mktemp("house")
    with django_db_blocker.unblock():
        connection.ensure_connection()
        database = servers.from_django(connection.settings_dict).named(f"lifeos_house_{secrets.token_hex(4)}")
        copied_database.create(database, directory=directory)
        connection.close()
    installation = Installation(database, directory / "var")
    installation.ask(f"CREATE ROLE {APP_ROLE} NOLOGIN", name="postgres")
    try:
        with django_db_blocker.unblock(), copied_database.in_use(database):
            call_command("seed_demo", months=2, seed=1, user="demo@lifeos.example", verbosity=0)
            call_command("seal_ledger", verbosity=0)
            call_command("grant_app_role", role=APP_ROLE, verbosity=0)
        yield installation
    finally:
        for name in installation.databases():
            servers.drop(installation.database.named(name))
        installation.ask(f"DROP ROLE {APP_ROLE}", name="postgres")


@pytest.fixture
def house(_seeded, db, tmp_path):
    """The installation as what is configured here; records of runs go to the test's own transaction."""
    media = tmp_path / "media"
    media.mkdir()
    # What the process of another test's command has recorded there.
    with _seeded.database.connect() as server:
        server.execute("DELETE FROM backups_backuprun")
        server.commit()
    with override_settings(
        BACKUP_DATABASE_URL=_seeded.database.url(),
        BACKUP_SCRATCH_URL=_seeded.database.named("postgres").url(),
        VAR_DIR=tmp_path,
        MEDIA_ROOT=media,
    ):
        yield _seeded
    for name in _seeded.databases() - {_seeded.database.name}:
        servers.drop(_seeded.database.named(name))


@pytest.fixture(scope="session")
def s3_address(tmp_path_factory):
    with s3_server(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture
def bucket(s3_address, settings):
    """A new bucket as the place of backups."""
    import urllib.request

    name = f"books-{secrets.token_hex(4)}"
    with contextlib.closing(urllib.request.urlopen(urllib.request.Request(f"{s3_address}/{name}", method="PUT"))):
        pass
    settings.BACKUP_TARGET = f"s3://{name}/house/one"
    settings.BACKUP_S3_ENDPOINT = s3_address
    settings.BACKUP_S3_ACCESS_KEY_ID = "key"
    settings.BACKUP_S3_SECRET_ACCESS_KEY = "a-secret-that-is-never-told"
    return name


@pytest.fixture
def rights_of_app():
    """What the application's role may do with entries in a database."""

    def ask(house, name: str = "") -> set[str]:
        rights = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"]
        parts = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {right} WHERE has_table_privilege({role}, 'finance_journalentry', {right})").format(
                right=sql.Literal(right), role=sql.Literal(APP_ROLE)
            )
            for right in rights
        )
        return {right for (right,) in house.ask(parts, name=name)}

    return ask
