"""Fixtures for every test: temporary servers, and a flush that the ledger's guards let through."""

import gc
import os
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.cache import cache
from django.core.management.commands import flush
from django.db.backends.postgresql.creation import DatabaseCreation
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.migrations.loader import MigrationLoader
from django.test import Client
from django.utils import translation
from django.utils.module_loading import import_string
from hypothesis import settings as hypothesis_settings

from lifeos_project.languages.catalogues import compile_all
from lifeos_project.tests import contract, services, template_database
from lifeos_project.tests import own_postgres as own
from platform_outbox import testing
from platform_outbox.discovery import Kind, discover

# Tests read the translations as they are written now.
compile_all()
# How fast the machine is proves nothing.
hypothesis_settings.register_profile("lifeos", deadline=None)
hypothesis_settings.register_profile("quick", deadline=None, max_examples=10)
hypothesis_settings.load_profile("lifeos")

SERVICE_MARKERS = ("redis", "rabbitmq", "nginx", "prometheus", "browser", "hledger", "faketime", "s3", "rsyslog")

LONG_MARKERS = ("faults", "nginx", "rabbitmq", "browser", "s3", "lifeos", "long")
# A module runs in one process of the run; these take a minute or more each, the longest first.
LONGEST = (
    "lifeos_project/tests/deploy/test_deploy.py",
    "lifeos_project/tests/deploy/test_install.py",
    "lifeos_project/tests/stack/test_running_stack.py",
    "lifeos_project/tests/deploy/test_compose_deploy.py",
    "lifeos_project/tests/test_every_page.py",
    "platform_outbox/tests/test_promises.py",
    "lifeos_project/tests/browser/test_every_link.py",
    "platform_outbox/tests/test_outside.py",
    "platform_outbox/tests/faults/test_database.py",
    "lifeos_project/tests/test_every_operation.py",
    "lifeos_project/tests/guide/test_guide.py",
    "lifeos_project/tests/test_run.py",
    "platform_outbox/tests/faults/test_storm.py",
    "lifeos_project/tests/hosts/test_hosts.py",
    "lifeos_project/tests/browser/test_accessibility.py",
    "platform_outbox/tests/test_crashes.py",
    "lifeos_project/backups/tests/test_major_upgrade.py",
    "lifeos_project/tests/test_embedded_postgres.py",
    "lifeos_project/backups/tests/test_backup.py",
    "finance/tests/ledger/test_plans.py",
)
# Who asks for one of these starts processes.
LONG_FIXTURES = {"pool", "own_postgres", "live_server"}
# Django's own, the same after every migration.
KEPT_TABLES = {"django_content_type", "auth_permission"}


@pytest.fixture(autouse=True)
def _english_afterwards():
    """A request leaves the language of its reader behind, as in Django's own tests."""
    yield
    translation.activate("en")


@pytest.fixture(scope="session", autouse=True)
def _flush_past_the_guards():
    """Transactional tests empty their tables afterwards: those with rows, and past the ledger's guards.

    In replica mode ordinary triggers rest and keys are not followed; only a superuser can switch it on. Django would
    truncate all tables, which costs two files each, and then write its permissions again: they stay instead.
    """
    original = DatabaseOperations.sql_flush, flush.emit_post_migrate_signal

    def sql_flush(self, style, tables, *, reset_sequences=False, allow_cascade=False):
        with self.connection.cursor() as cursor:
            filled = with_rows(cursor, [self.quote_name(table) for table in sorted(set(tables) - KEPT_TABLES)])
        statements = [f"DELETE FROM {table}" for table in filled]
        return ["SET session_replication_role = replica", *statements, "SET session_replication_role = origin"]

    DatabaseOperations.sql_flush = sql_flush
    flush.emit_post_migrate_signal = lambda *args, **kwargs: None
    yield
    DatabaseOperations.sql_flush, flush.emit_post_migrate_signal = original


def with_rows(cursor, tables):
    """Those of `tables` that are not empty, asked in one go."""
    cursor.execute(" UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables))
    return [name for (name,) in cursor.fetchall()]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix):
    """In use when pytest-django makes the test databases."""
    with template_database.in_use():
        yield


@pytest.fixture(scope="session", autouse=True)
def _import_migrations():
    """A migration that is first imported while a test has replaced the clock would keep that clock as a default."""
    MigrationLoader(None)


@pytest.fixture(scope="session", autouse=True)
def _everything_is_registered():
    """Handlers, jobs, operations and the admin, which come when first asked for: a test may replace what is there."""
    for kind in get_args(Kind):
        discover(kind)
    import_string(settings.ROOT_URLCONF + ".urlpatterns")


@pytest.fixture(scope="session", autouse=True)
def _drop_in_use():
    """The test database goes in the end even when a process that a test killed has not let go of it yet."""
    original = DatabaseCreation._destroy_test_db

    def destroy(self, test_database_name, verbosity):
        with self._nodb_cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [test_database_name]
            )
        original(self, test_database_name, verbosity)

    DatabaseCreation._destroy_test_db = destroy
    yield
    DatabaseCreation._destroy_test_db = original


@pytest.fixture(scope="session", autouse=True)
def _no_bell():
    """Tests drain the outbox themselves; the notifier's connection would keep their database from being dropped."""
    with testing.muted_notifier():
        yield


@pytest.fixture(scope="session", autouse=True)
def _answers_keep_the_contract():
    """Whatever a test asks of the API, the answer is one that docs/openapi.yaml describes."""
    original = Client.request

    def request(self, **asked):
        response = original(self, **asked)
        path = response.request["PATH_INFO"]
        if path.startswith(contract.PREFIX):
            contract.check(response.request["REQUEST_METHOD"], path, response)
        return response

    Client.request = request
    yield
    Client.request = original


@pytest.fixture(scope="session", autouse=True)
def _forced_sign_in_is_a_session_only():
    """`force_login` as most tests mean it: without the signals of a sign-in, which ask the database a dozen times."""
    sessions = import_module(settings.SESSION_ENGINE)
    original = Client.force_login

    def force_login(self, user, backend=None):
        session = sessions.SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = backend or "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        self.cookies[settings.SESSION_COOKIE_NAME] = session.session_key

    Client.force_login = force_login
    yield
    Client.force_login = original


@pytest.fixture(autouse=True)
def _empty_cache():
    """Throttles and lock-outs count in the cache; one test's requests are not another's."""
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def _files_are_read_here(monkeypatch, request):
    """Bank files are read by this process while a request waits for its worker; `real_reader` asks for the real child."""
    if "real_reader" in request.fixturenames:
        return
    from finance.imports.models import ImportBatch
    from finance.imports.parsers.reading import read_file
    from finance.imports.services import read_received, reading, staging

    def read_all(seconds):
        for batch in ImportBatch.objects.filter(state="received"):
            read_received(batch=batch)

    monkeypatch.setattr(staging, "read_in_child", lambda data, question, **options: read_file(data, question))
    monkeypatch.setattr(reading, "pause", read_all)


@pytest.fixture
def real_reader():
    """For tests of the reading in a process of its own, and of the worker that starts it."""


@pytest.fixture
def free_port():
    """A function that returns a TCP port nobody listens on."""
    return services.free_port


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory):
    """A redis-server of this test run; tests clear what they leave there."""
    with services.redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def rabbitmq_url(tmp_path_factory):
    """A RabbitMQ node of this test run."""
    with services.rabbitmq_server(tmp_path_factory.mktemp("rabbitmq")) as url:
        yield url


@pytest.fixture
def redis_server():
    """A redis-server for the length of a block, for a test that stops and starts it."""
    return services.redis_server


@pytest.fixture
def rabbitmq_server():
    """The same for RabbitMQ."""
    return services.rabbitmq_server


@pytest.fixture(scope="session")
def own_postgres(tmp_path_factory, django_db_setup):
    """A PostgreSQL beside the test database, with its tables, that a test may break."""
    server = own.Server(tmp_path_factory.mktemp("postgres"))
    server.copy_tables()
    yield server
    server.cluster.leave()


@pytest.fixture(scope="session")
def faketime_path():
    """The library that gives a process another clock; a clock of the whole machine cannot be moved by a test."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else services.missing("libfaketime", package="libfaketime")


@pytest.fixture(scope="session")
def chromium_path():
    """Debian's Chromium; Playwright's own download is not used."""
    return services.program("chromium", "chromium-browser", "google-chrome", package="chromium")


@pytest.fixture(scope="session")
def prometheus_path():
    return services.program("prometheus", package="prometheus")


@pytest.fixture(scope="session")
def nginx_path():
    return services.program("nginx", package="nginx-light")


def pytest_collection_finish(session):
    """What was imported stays: going through it again and again would be a sixth of the run's processor time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_itemcollected(item):
    if not LONG_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
        item.add_marker("long")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Modules that start programs or break things come first: they take minutes, and at the end they would run alone."""
    ranks = {item.path: len(LONGEST) + 1 for item in items}
    ranks |= {item.path: len(LONGEST) for item in items if any(map(item.get_closest_marker, LONG_MARKERS))}
    first = {Path(__file__).parent / name: rank for rank, name in enumerate(LONGEST)}
    assert all(path.exists() for path in first), "LONGEST in conftest.py names a module that is gone."
    ranks |= first
    items.sort(key=lambda item: ranks[item.path])


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    """The last lines of a run name what failed: of a long log, often only its end is kept."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if not reporter or hasattr(config, "workerinput"):
        return
    for outcome in ("failed", "error"):
        for report in reporter.stats.get(outcome, ()):
            lines = str(getattr(report.longrepr, "reprcrash", None) or report.longrepr).strip().splitlines()
            reporter.write_line(f"{outcome}: {report.nodeid}: {' | '.join(lines)[:300]}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Where services are required (CI), a test that needs one may not be skipped, for any reason."""
    outcome = yield
    report = outcome.get_result()
    required = os.environ.get("LIFEOS_REQUIRE_SERVICES") and any(item.get_closest_marker(m) for m in SERVICE_MARKERS)
    if required and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped although services are required: {report.longrepr}"
