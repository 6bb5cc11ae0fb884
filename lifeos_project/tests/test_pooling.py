"""PgBouncer in transaction mode before the tests' own server: who may use it, and who is refused."""

import getpass
import os
import subprocess
import sys
import threading
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.utils import ConnectionHandler

from lifeos_project.checks import system_checks
from lifeos_project.local import embedded_postgres_user
from lifeos_project.postgresql.database_settings import database_settings
from lifeos_project.tests import services
from platform_outbox.wakeup import notifier as notifiers

pytestmark = pytest.mark.long

PASSWORD = 'known-to-"tests"-only'


@pytest.fixture(scope="module")
def pgbouncer(tmp_path_factory, django_db_setup):
    """Settings of a database behind a PgBouncer with one connection to the server, under the shipped configuration."""
    program = services.program("pgbouncer", package="pgbouncer")
    directory, port = tmp_path_factory.mktemp("pgbouncer"), services.free_port()
    server = connection.settings_dict
    shipped = (settings.BASE_DIR / "compose" / "pgbouncer" / "pgbouncer.ini").read_text()
    changes = {
        "host=db port=5432": f"host={server['HOST']} port={server['PORT']}",
        "listen_addr = *": "listen_addr = 127.0.0.1",
        "listen_port = 6432": f"listen_port = {port}",
        "/run/lifeos": str(directory),
        "default_pool_size = 20": "default_pool_size = 1",
        "query_wait_timeout = 15": "query_wait_timeout = 60",
    }
    for before, after in changes.items():
        assert before in shipped
        shipped = shipped.replace(before, after)
    user, password = server["USER"] or getpass.getuser(), server["PASSWORD"] or PASSWORD
    (directory / "pgbouncer.ini").write_text(shipped)
    (directory / "userlist.txt").write_text('"{}" "{}"\n'.format(user, password.replace('"', '""')))
    services.prepare_server_directory(directory, programs_of_the_server())
    for path in directory.iterdir():
        embedded_postgres_user.hand_over(path)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, str(directory / "pgbouncer.ini")], stdout=log, stderr=log, **embedded_postgres_user.identity()
        )
    try:
        services.wait_until(lambda: services.listens(port), seconds=60, what="PgBouncer")
        yield {"USER": user, "PASSWORD": password, "HOST": "127.0.0.1", "PORT": str(port)}
    finally:
        process.terminate()
        process.wait(20)


def programs_of_the_server():
    from lifeos_project.local.embedded_postgres import program

    return program("psql").parent


@pytest.fixture
def pool(pgbouncer, django_db_blocker):
    """Django's connections as a web process has them."""
    made = []

    def connect(**changes):
        name = connection.settings_dict["NAME"]
        query = urlencode({"host": pgbouncer["HOST"], "port": pgbouncer["PORT"], "user": pgbouncer["USER"]})
        found = database_settings(
            url=f"postgresql:///{name}?{query}",
            variable="DATABASE_URL",
            password=pgbouncer["PASSWORD"],
            embedded_directory=settings.VAR_DIR,
            durable=True,
            conn_max_age=60,
            pool_size=0,
            **{"prepared_statements": False, "shared": True, **changes},
        )
        made.append(ConnectionHandler({"default": found})["default"])
        return made[-1]

    with django_db_blocker.unblock():
        yield connect
        for one in made:
            one.close()


def ask(database, statement, *values):
    with database.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_a_pool_is_told_from_the_server(pool):
    assert notifiers.is_shared(pool().cursor().connection) is True
    connection.ensure_connection()
    assert notifiers.is_shared(connection.connection) is False


def test_two_web_processes_share_one_connection_with_values_bound_on_the_server(pool):
    one, other = pool(), pool()
    add_often(one, other)
    assert ask(one, "SELECT pg_backend_pid()") == ask(other, "SELECT pg_backend_pid()")


def add_often(*databases):
    """As often as it takes until psycopg has the server prepare the statement."""
    for number in range(20):
        for each in databases:
            assert ask(each, "SELECT %s::int + 1", number) == number + 1


def test_statements_prepared_on_the_server_are_the_ones_that_fail(pool):
    """Why DATABASE_PREPARED_STATEMENTS is off by default behind a pool."""
    version = subprocess.run(["pgbouncer", "--version"], capture_output=True, text=True, env=path()).stdout.split()[1]
    if tuple(int(part) for part in version.split(".")[:2]) >= (1, 22):
        pytest.skip(f"PgBouncer {version} knows prepared statements")
    one, other = pool(prepared_statements=True), pool(prepared_statements=True)
    with pytest.raises(Exception, match=r'prepared statement "\w+" (already exists|does not exist)'):
        add_often(one, other)


def path():
    return {"PATH": os.pathsep.join([os.environ["PATH"], *services.EXTRA_PATHS])}


def test_a_notification_leaves_nothing_behind_on_the_pools_connection(pool, monkeypatch):
    web, notifier = pool(), notifiers.Notifier()
    with notifiers.own_connection() as listening:
        listening.execute(f"LISTEN {notifiers.CHANNEL}")
        monkeypatch.setattr(notifiers, "connection", web)
        notifier.notify([3])
        notifier.flush()
        (notice,) = listening.notifies(timeout=20, stop_after=1)
    notifier.hang_up()
    assert notice.payload == "3"
    assert ask(web, "SELECT source FROM pg_settings WHERE name = 'synchronous_commit'") != "session"


def test_rows_are_copied_out_through_the_pool_while_others_wait_their_turn(pool):
    one, other = pool(), pool()
    one.set_autocommit(False)
    other.inc_thread_sharing()
    turns = []
    with one.cursor() as cursor, cursor.copy("COPY (SELECT generate_series(1, 5000)) TO STDOUT") as copy:
        waiting = threading.Thread(target=lambda: turns.append(ask(other, "SELECT 1")))
        waiting.start()
        rows = sum(1 for _ in copy.rows())
        assert turns == []
    one.commit()
    waiting.join(20)
    assert (rows, turns) == (5000, [1])


@pytest.fixture
def only_the_pool(pool, monkeypatch):
    """Connections as in an installation that names the pool in DATABASE_URL and nothing else."""
    shared = pool()
    monkeypatch.setitem(connections.__dict__, "settings", {**connections.settings, "default": shared.settings_dict})
    kept = connections["default"]
    connections["default"] = shared
    yield shared
    connections["default"] = kept


def test_a_pool_without_a_way_around_it_is_refused_by_the_check_and_by_migrate(only_the_pool):
    (found,) = system_checks.check_sessions(None, databases=["default"])
    assert (found.id, found.msg) == (
        "lifeos.E013",
        "DATABASE_URL leads through a connection pool, where neither notifications nor locks of a session hold.",
    )
    with pytest.raises(CommandError, match=r"leads through a connection pool.*DATABASE_DIRECT_URL"):
        call_command("migrate", verbosity=0, skip_checks=True)
    assert (
        ask(only_the_pool, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()") == 0
    )


def test_a_worker_refuses_to_work_through_a_pool(pgbouncer):
    name = connection.settings_dict["NAME"]
    query = urlencode({"host": pgbouncer["HOST"], "port": pgbouncer["PORT"], "user": pgbouncer["USER"]})
    done = subprocess.run(
        [sys.executable, "manage.py", "outbox_worker"],
        cwd=settings.BASE_DIR,
        env=services.bare_environment(
            DATABASE_URL=f"postgresql:///{name}?{query}", POSTGRES_PASSWORD=pgbouncer["PASSWORD"]
        ),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "a worker cannot work" in done.stderr
    assert "started" not in done.stdout + done.stderr


def test_web_processes_take_the_pool_and_commands_the_server(tmp_path):
    """What the settings of an installation with a pool come to, in the two kinds of processes."""
    asked = (
        "from django.db import connections as c; print(c.settings['default']['HOST'], c.settings['default']['PORT'])"
    )
    urls = {
        "DATABASE_URL": "postgresql://lifeos@pool:6432/lifeos",
        "DATABASE_DIRECT_URL": "postgresql://lifeos@db1,db2:5433/lifeos?target_session_attrs=read-write",
        "LIFEOS_VAR_DIR": str(tmp_path),
    }
    assert output_of(asked, **urls) == "db1,db2 5432,5433"
    assert output_of(f"import lifeos_project.wsgi; {asked}", **urls) == "pool 6432"


def output_of(code, **variables):
    environment = services.bare_environment(DJANGO_SETTINGS_MODULE="lifeos_project.settings", **variables)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_pools_settings_leave_out_what_belongs_to_a_session():
    def options(**changes):
        found = database_settings(
            url="postgresql://u@h/d",
            variable="DATABASE_URL",
            password="",
            embedded_directory=settings.VAR_DIR,
            durable=True,
            conn_max_age=60,
            pool_size=0,
            **changes,
        )
        return found["OPTIONS"]["prepare_threshold"], found["DISABLE_SERVER_SIDE_CURSORS"]

    assert options(prepared_statements=False, shared=True) == (None, True)
    assert options(prepared_statements=True, shared=True) == (5, True)
    assert options(prepared_statements=True) == (5, False)


def test_options_of_a_session_in_the_pools_url_are_refused(settings):
    settings.SHARED_DATABASE = {"OPTIONS": {"options": "-c statement_timeout=1s"}}
    assert [found.id for found in system_checks._pool()] == ["lifeos.E014"]
    settings.SHARED_DATABASE = {"OPTIONS": {}}
    assert [*system_checks._pool()] == []
