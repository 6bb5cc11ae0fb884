"""Redis and RabbitMQ lose what they hold, stop, and come back."""

import contextlib
import itertools
import time

import pytest
import redis
from django.db import transaction

from platform_outbox.emit import emit, health
from platform_outbox.models import Attempt, OutboxMessage
from platform_outbox.tests.conftest import Pool, client_broker, notifying, sender, wait_for
from platform_outbox.tests.faults.books import KEYS, assert_the_books_are_right, emitted, make_sources
from platform_outbox.tests.probe.events import Ticked
from platform_outbox.tests.probe.models import Effect
from platform_outbox.wakeup.notifier import Notifier

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]

NEVER = 600


@pytest.mark.redis
def test_redis_is_flushed_stopped_and_started_empty_under_load(
    transactional_db, tmp_path, nurseries, free_port, redis_server
):
    port = free_port()
    make_sources()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(contextlib.ExitStack())
        url = server.enter_context(redis_server(tmp_path, port=port))
        pool = Pool(kind="redis", url=url, directory=tmp_path, nurseries=nurseries)
        stack.callback(pool.stop)
        workers = pool.start(2, WORKER_POLL_INTERVAL=1)
        role = "platform_outbox.tests.faults.roles:produce_through_the_broker"
        web = [pool.launch(role, seed, KEYS, 20, 0.02) for seed in (1, 2)]
        pool.processes += web
        for trouble in ("flush", "flush", "flush", "restart", "flush", "restart", "flush"):
            there = emitted()
            wait_for(lambda: emitted() > there + 60, what="the next changes")  # noqa: B023
            if trouble == "flush":
                with redis.Redis.from_url(url) as client:
                    client.flushall()
            else:
                server.close()
                time.sleep(0.5)
                server.enter_context(redis_server(tmp_path, port=port))
        for process in web:
            process.kill()
            process.wait()
        wait_for(lambda: health().pending == 0, seconds=60, what="the queue's end")
        assert_the_books_are_right()
        assert [worker.poll() for worker in workers] == [None, None]


def emit_now(number):
    with transaction.atomic():
        emit(Ticked(key="a", number=number))


@pytest.mark.rabbitmq
def test_rabbitmq_is_restarted_and_wakes_the_same_workers_again(
    transactional_db, tmp_path, nurseries, free_port, rabbitmq_server, monkeypatch
):
    port, numbers = free_port(), itertools.count()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(contextlib.ExitStack())
        url = server.enter_context(rabbitmq_server(tmp_path, port=port))
        pool = Pool(kind="rabbitmq", url=url, directory=tmp_path, nurseries=nurseries)
        stack.callback(pool.stop)
        (worker,) = pool.start(1, WORKER_POLL_INTERVAL=NEVER)
        broker = client_broker("rabbitmq", url)
        stack.callback(broker.close)
        stack.enter_context(notifying(sender(broker)))

        def is_woken():
            emit_now(next(numbers))
            time.sleep(0.3)
            return health().pending == 0

        wait_for(is_woken, what="work with RabbitMQ")
        server.close()
        wait_for(is_woken, what="work without RabbitMQ")
        server.enter_context(rabbitmq_server(tmp_path, port=port))
        # From here on nothing but a message of RabbitMQ can wake the worker.
        monkeypatch.setattr(Notifier, "_send", lambda self, channel, text: None)
        wait_for(is_woken, seconds=60, what="work with the restarted RabbitMQ")
        assert worker.poll() is None
    done = list(Effect.objects.order_by("id").values_list("number", flat=True))
    assert done == list(range(next(numbers)))
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"sent"}
    assert not Attempt.objects.exists()
