"""The listener of a worker hears every notification, whatever it is at when that comes."""

import threading

import pytest

from platform_outbox.processing.claim import LowWater
from platform_outbox.tests.conftest import wait_for
from platform_outbox.wakeup.notifier import CHANNEL, own_connection
from platform_outbox.worker import listener as listening
from platform_outbox.worker.executor import Schedule
from platform_outbox.worker.listener import Listener

SLOW_POLL = f"SELECT due.* FROM pg_sleep(0.5), ({listening._DUE}) AS due"
AT_THE_POLL = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.5), %' AND pid <> pg_backend_pid()"


@pytest.mark.django_db(transaction=True)
@pytest.mark.outbox
def test_a_notification_during_the_poll_is_not_lost(monkeypatch, settings):
    """The answer to the poll and the notification come in one piece, and nothing makes the socket readable any more."""
    settings.WORKER_POLL_INTERVAL = 600
    monkeypatch.setattr(listening, "_DUE", SLOW_POLL)
    schedule = Schedule()
    listener = Listener(
        schedule=schedule, low_water=LowWater(), worker="test", broker="in-process", wake_external=lambda: None
    )
    thread = threading.Thread(target=listener.run)
    thread.start()
    try:
        with own_connection() as connection:
            wait_for(lambda: connection.execute(AT_THE_POLL).fetchone()[0], what="the poll")
            connection.execute("SELECT pg_notify(%s, '7')", (CHANNEL,))
        wait_for(lambda: schedule.due() == {7}, seconds=60, what="the notification")
    finally:
        listener.stop()
        thread.join(30)
        listener._wake.close()
        listener._woken.close()
    assert not thread.is_alive()
