"""The bell gathers what a busy process has to say, and rings less often where rings have to wait."""

import time

import pytest

from platform_outbox.bell import CHANNEL, QUIET_SECONDS, Bell, own_connection

LEAST, LONGEST = QUIET_SECONDS


def test_quick_rings_follow_each_other_after_ten_milliseconds():
    bell = Bell()
    assert {bell._quiet_after(0.002) for _ in range(50)} == {LEAST}


def test_one_slow_ring_is_no_busy_server():
    bell = Bell()
    assert [bell._quiet_after(seconds) for seconds in (0.001, 3.0, 0.001)] == [LEAST] * 3


def test_where_rings_last_the_bell_is_quiet_for_longer_until_they_are_quick_again():
    bell = Bell()
    assert {bell._quiet_after(0.008) for _ in range(20)} == {LEAST, LONGEST}
    assert bell._quiet_after(0.008) == LONGEST
    assert [bell._quiet_after(0.001) for _ in range(20)][-1] == LEAST


@pytest.mark.django_db
def test_a_burst_of_commits_is_passed_on_in_few_rings_and_without_a_loss():
    bell = Bell()
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
