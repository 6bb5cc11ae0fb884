"""The notifier gathers what a process has to say, and speaks less often where there is much of it."""

import itertools
import time

import pytest

from platform_outbox.tests.conftest import wait_for
from platform_outbox.timing import NOTIFY_EVERY, NOTIFY_EVERY_WHEN_BUSY
from platform_outbox.wakeup.notifier import CHANNEL, Notifier, own_connection

pytestmark = pytest.mark.django_db


@pytest.fixture
def notifier():
    made = Notifier()
    yield made
    made.flush()
    made.hang_up()


def times_of(notifier, rounds):
    """When each of the notifications came through, after shards were named and, as soon as they had, the next ones."""
    seen = []
    notifier.senders = [lambda shards: seen.append(time.monotonic())]
    for number, shards in enumerate(rounds):
        notifier.notify(shards)
        while len(seen) <= number:
            time.sleep(0.001)
    return seen


def test_news_of_one_shard_follow_each_other_after_ten_milliseconds(notifier):
    seen = times_of(notifier, [[0]] * 6)
    assert NOTIFY_EVERY <= min(second - first for first, second in itertools.pairwise(seen)) < 0.1


def test_a_process_that_commits_often_speaks_less_often_and_quickly_again_after_a_pause(notifier):
    seen = []
    notifier.senders = [lambda shards: seen.append(time.monotonic())]
    until = time.monotonic() + 1.2
    while time.monotonic() < until:
        notifier.notify([0])
        time.sleep(0)
    last = [second - first for first, second in itertools.pairwise(seen)][-2:]
    assert min(last) >= NOTIFY_EVERY_WHEN_BUSY
    time.sleep(0.5)
    seen = times_of(notifier, [[0], [1]] * 3)
    assert NOTIFY_EVERY <= min(second - first for first, second in itertools.pairwise(seen)) < NOTIFY_EVERY_WHEN_BUSY


def test_two_commits_at_once_among_few_are_no_reason_to_wait(notifier, monkeypatch):
    monkeypatch.setattr("platform_outbox.wakeup.notifier.NOTIFY_EVERY_WHEN_BUSY", 600)
    seen = set()
    notifier.senders = [seen.update]
    for _ in range(10):
        seen.clear()
        notifier.notify([0])
        notifier.notify([1])
        wait_for(lambda: seen == {0, 1}, what="the notification")
        time.sleep(0.05)


def test_a_burst_of_commits_is_passed_on_in_few_notifications_and_without_a_loss(notifier):
    with own_connection() as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        started = time.monotonic()
        for number in range(64 * 50):
            notifier.notify([number % 64])
        notifier.flush(timeout=30)
        lasted = time.monotonic() - started
        heard = [notice.payload for notice in listener.notifies(timeout=0.5)]
    assert {shard for text in heard for shard in text.split(",")} == {str(shard) for shard in range(64)}
    # The first at once, then no more than one in ten milliseconds.
    assert len(heard) <= 2 + lasted / NOTIFY_EVERY
