"""The bell gathers what a busy process has to say, and rings less often where rings have to wait."""

import os
import subprocess
import time

import pytest

from platform_outbox.tests.conftest import wait_for
from platform_outbox.wakeup import notifier as bells
from platform_outbox.wakeup.notifier import CHANNEL, QUIET_SECONDS, Notifier, own_connection

CPUS = os.cpu_count()
LEAST, LONGEST = QUIET_SECONDS


def quiet_after(bell, seconds, runnable=1):
    return bell._quiet_after(seconds, runnable=runnable)


def test_quick_rings_follow_each_other_after_ten_milliseconds():
    bell = Notifier()
    assert {quiet_after(bell, 0.002) for _ in range(50)} == {LEAST}


def test_one_slow_ring_is_no_busy_server_and_one_crowded_moment_no_busy_machine():
    bell = Notifier()
    assert [quiet_after(bell, seconds) for seconds in (0.001, 3.0, 0.001)] == [LEAST] * 3
    assert [quiet_after(bell, 0.001, runnable) for runnable in (1, 10 * CPUS, 1)] == [LEAST] * 3


def test_where_rings_last_the_bell_is_quiet_for_longer_until_they_are_quick_again():
    bell = Notifier()
    assert {quiet_after(bell, 0.008) for _ in range(20)} == {LEAST, LONGEST}
    assert quiet_after(bell, 0.008) == LONGEST
    assert [quiet_after(bell, 0.001) for _ in range(20)][-1] == LEAST


def test_on_a_crowded_machine_the_bell_is_quiet_for_longer_until_there_is_room_again():
    bell = Notifier()
    assert [quiet_after(bell, 0.001, 10 * CPUS) for _ in range(20)][-1] == LONGEST
    assert [quiet_after(bell, 0.001, CPUS) for _ in range(20)][-1] == LEAST


@pytest.mark.django_db
def test_many_messages_to_a_broker_are_no_slow_ring():
    """Forty shards at a millisecond each: once quiet for long, the bell would otherwise never be quick again."""
    bell = Notifier()
    bell.ringers = [lambda shards: time.sleep(0.001 * len(shards))]
    bell._pass_on([0], set(), False)  # connects
    started = time.perf_counter()
    counted = bell._pass_on(list(range(40)), set(), False)
    lasted = time.perf_counter() - started
    bell.hang_up()
    assert lasted >= 0.04
    assert counted <= lasted - 0.039


@pytest.mark.long
def test_what_wants_to_run_is_counted():
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(4 * CPUS)]
    try:
        wait_for(lambda: bells._runnable() >= 4 * CPUS, seconds=20, what="a crowd")
    finally:
        for process in busy:
            process.kill()
            process.wait()


@pytest.mark.django_db
def test_a_burst_of_commits_is_passed_on_in_few_rings_and_without_a_loss():
    bell = Notifier()
    with own_connection() as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        started = time.monotonic()
        for number in range(64 * 50):
            bell.ring([number % 64])
        bell.flush(timeout=30)
        lasted = time.monotonic() - started
        heard = [notice.payload for notice in listener.notifies(timeout=0.5)]
    bell.hang_up()
    assert {shard for text in heard for shard in text.split(",")} == {str(shard) for shard in range(64)}
    # The first at once, then no more than one in ten milliseconds.
    assert len(heard) <= 2 + lasted / LEAST
