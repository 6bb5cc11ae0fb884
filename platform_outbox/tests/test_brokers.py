"""The broker's own road, with the other roads closed."""

import shutil
import socket
import subprocess

import pytest
from django.db import transaction

from platform_outbox.emit import emit
from platform_outbox.tests.conftest import HOSTS, Pool, client_broker, notifying, sender, wait_for
from platform_outbox.tests.probe.events import Ticked
from platform_outbox.tests.probe.models import Effect
from platform_outbox.wakeup.notifier import Notifier

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.outbox]

NEVER = 600


def emit_now(number):
    with transaction.atomic():
        emit(Ticked(key="a", number=number))


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def done(number):
    return lambda: Effect.objects.filter(number=number).exists()


@pytest.mark.parametrize("kind", HOSTS[1:], indirect=True)
def test_the_broker_alone_wakes_a_worker(pool, monkeypatch):
    monkeypatch.setattr(Notifier, "_send", lambda self, channel, text: None)
    pool.start(1, WORKER_POLL_INTERVAL=NEVER)
    for number in range(3):
        emit_now(number)
        wait_for(done(number), what="the message's effect", seconds=180)


@pytest.mark.redis
def test_a_redis_that_goes_away_and_comes_back_costs_nothing(
    transactional_db, tmp_path, free_port, redis_url, nurseries
):
    # The shared server is asked for only because it skips the test where there is no Redis.
    port = free_port()
    command = [
        shutil.which("redis-server", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin"),
        *("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)),
    ]

    def start():
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: listens(port), what="redis-server")
        return process

    redis = start()
    url = f"redis://127.0.0.1:{port}/0"
    workers = Pool(kind="redis", url=url, directory=tmp_path, nurseries=nurseries)
    try:
        with notifying(sender(client_broker("redis", url))):
            (worker,) = workers.start(1, WORKER_POLL_INTERVAL=NEVER)
            emit_now(1)
            wait_for(done(1), what="the effect with Redis")
            redis.kill()
            redis.wait()
            emit_now(2)
            wait_for(done(2), what="the effect without Redis")
            redis = start()
            emit_now(3)
            wait_for(done(3), what="the effect with a new, empty Redis")
        assert worker.poll() is None
    finally:
        workers.stop()
        redis.kill()
        redis.wait()
    assert worker.returncode == 0
