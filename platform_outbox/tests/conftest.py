"""Real worker processes against the test database, on each of the three brokers."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.message import Message

from platform_outbox.models import Worker
from platform_outbox.tests.nursery import Nursery
from platform_outbox.wakeup.notifier import notifier

HOSTS = [
    "in-process",
    pytest.param("redis", marks=pytest.mark.redis),
    pytest.param("rabbitmq", marks=pytest.mark.rabbitmq),
]
WORKER = "django.core.management:call_command"


def database_url(settings_dict):
    parts = {"host": settings_dict["HOST"], "port": settings_dict["PORT"]}
    query = "&".join(f"{key}={quote(str(value), safe='')}" for key, value in parts.items() if value)
    user, password = quote(settings_dict["USER"]), quote(settings_dict.get("PASSWORD") or "")
    return f"postgresql://{user}{':' + password if password else ''}@/{settings_dict['NAME']}?{query}"


def wait_for(condition, *, seconds=60.0, what="it"):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.01)
    return found


class Nurseries:
    """One nursery for each pair of database and broker, started at the first need and kept for the run."""

    def __init__(self, directory):
        self.directory = directory
        self.found = {}

    def of(self, **urls):
        key = tuple(sorted(urls.items()))
        if key not in self.found:
            self.found[key] = Nursery(log=self.directory / f"nursery-{len(self.found)}.log", **urls)
        return self.found[key]

    def close(self):
        for nursery in self.found.values():
            nursery.close()


class Pool:
    """Starts worker processes and notifies them from this process as a web process would."""

    def __init__(self, *, kind, url, directory, nurseries):
        self.urls = {
            "database_url": database_url(connection.settings_dict),
            "redis_url": url if kind == "redis" else "",
            "rabbitmq_url": url if kind == "rabbitmq" else "",
        }
        self.directory = directory
        self.nurseries = nurseries
        self.processes = []
        self.launched = []
        self.logs = 0

    def start(self, count=1, **values):
        """So many workers under changed settings, as forks of a parent that has Django loaded."""
        return self._start([lambda: self.launch(WORKER, "outbox_worker", **values)] * count)

    def launch(self, run, *arguments, **values):
        """A process that calls the function `module:name`; the caller sees to its end, unless the test fails before."""
        self.launched.append(self.nurseries.of(**self.urls).start(run, *arguments, log=self._new_log(), **values))
        return self.launched[-1]

    def start_command(self, **variables):
        """One worker as an operator starts it."""
        return self._start([lambda: self._command(variables)])[0]

    def log(self):
        return "\n".join(path.read_text() for path in sorted(self.directory.glob("worker-*.log")))

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(25)
            if process.poll() is None:
                process.kill()
                process.wait()
        for process in self.launched:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _start(self, starts):
        there = Worker.objects.count()
        self.processes += [start() for start in starts]
        wait_for(lambda: Worker.objects.count() == there + len(starts) or self._check(), what="the workers' start")
        return self.processes[-len(starts) :]

    def _check(self):
        assert all(process.poll() is None for process in self.processes), self.log()

    def _new_log(self):
        self.logs += 1
        return self.directory / f"worker-{self.logs}.log"

    def _command(self, variables):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        environment |= {"DJANGO_SETTINGS_MODULE": "lifeos_project.test_settings", "WORKER_LOGLEVEL": "INFO"}
        environment |= {name.upper(): value for name, value in self.urls.items()}
        environment |= {name: str(value) for name, value in variables.items()}
        with self._new_log().open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "manage.py", "outbox_worker"],
                cwd=Path(settings.BASE_DIR),
                env=environment,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )


def client_broker(kind, url):
    """The broker as the web process knows it."""
    broker = {"redis": RedisBroker, "rabbitmq": RabbitmqBroker}[kind](url=url, middleware=[])
    broker.declare_queue("outbox")
    return broker


def sender(broker):
    def send(shards):
        for shard in shards:
            broker.enqueue(Message("outbox", "platform_outbox.drain", (shard,), {}, {}))

    return send


@contextlib.contextmanager
def notifying(*senders):
    """The notifier as in a web process; silent again, and disconnected, at the end."""
    notifier.muted, notifier.senders = False, list(senders)
    try:
        yield notifier
    finally:
        notifier.flush()
        notifier.muted, notifier.senders = True, []
        notifier.hang_up()
        # A road that failed in this test is not to be left alone in the next one.
        notifier._closed_until.clear()


@pytest.fixture(params=HOSTS)
def kind(request):
    return request.param


@pytest.fixture
def broker_url(kind, request):
    return "" if kind == "in-process" else request.getfixturevalue(f"{kind}_url")


@pytest.fixture(scope="session")
def nurseries(tmp_path_factory):
    made = Nurseries(tmp_path_factory.mktemp("nurseries"))
    yield made
    made.close()


@pytest.fixture
def pool(kind, broker_url, transactional_db, tmp_path, nurseries):
    made = Pool(kind=kind, url=broker_url, directory=tmp_path, nurseries=nurseries)
    broker = client_broker(kind, broker_url) if broker_url else None
    with notifying(*([sender(broker)] if broker else [])):
        try:
            yield made
        finally:
            made.stop()
    if broker is not None:
        broker.flush_all()
        broker.close()


@pytest.fixture
def people(db):
    """One of each kind, by name; None is nobody."""
    create = get_user_model().objects.create_user
    operator = create(email="operator@example.org", password="x", is_staff=True)
    operator.user_permissions.add(Permission.objects.get(codename="change_outboxmessage"))
    onlooker = create(email="onlooker@example.org", password="x", is_staff=True)
    onlooker.user_permissions.add(Permission.objects.get(codename="view_outboxmessage"))
    return {
        "anonymous": None,
        "member": create(email="member@example.org", password="x"),
        "staff": create(email="staff@example.org", password="x", is_staff=True),
        "onlooker": onlooker,
        "operator": operator,
        "superuser": get_user_model().objects.create_superuser(email="sue@example.org", password="x"),
    }


@pytest.fixture
def as_(client, people):
    def sign_in(name):
        client.logout()
        if people[name] is not None:
            client.force_login(people[name])
        return client

    return sign_in
