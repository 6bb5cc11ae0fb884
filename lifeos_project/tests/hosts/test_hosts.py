"""Ten machines, and each part killed in turn while a household works: nothing that was acknowledged is lost or doubled."""

import json
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import pytest

from lifeos_project.tests.hosts import installed, switched
from lifeos_project.tests.hosts.household import Household
from lifeos_project.tests.hosts.switched import ADDRESSES
from lifeos_project.tests.services import wait_until
from lifeos_project.tests.stack import network

pytestmark = [pytest.mark.faults, pytest.mark.nginx, pytest.mark.redis]

# Entries that are acknowledged between two faults, so that there is something to lose.
BETWEEN = 6
# Seconds. Not how quick it is (docs/scaling.md has figures of a quiet machine): that it ends at all.
LONGEST = 120
CALLS_AT_A_TIME = 4
EVENTS = """
    SELECT entry.uid FROM platform_outbox AS event
    CROSS JOIN jsonb_array_elements_text(event.payload->'entry_ids') AS number
    JOIN finance_journalentry AS entry ON entry.id = number::bigint
    WHERE event.event_type = 'finance.journal.posted'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What a fault cost: failed requests, seconds until the last of them, seconds without an acknowledged entry."""

    failed: int
    window: float
    standstill: float


class Faults:
    """Kills, has somebody put it right, and measures what the household noticed."""

    def __init__(self, found, household):
        self.found, self.household = found, household
        self.outages = {}

    def at(self, part, repair):
        household = self.household
        self.proceed()
        began = switched.cut_the_power(self.found.machines[part])
        repair()
        self.proceed()
        failed = [moment for moment, _ in household.failures if moment >= began]
        after = [began, *sorted(moment for moment in household.successes if moment >= began)]
        self.outages[part] = Outage(
            failed=len(failed),
            window=round(max(failed, default=began) - began, 1),
            standstill=round(max(later - earlier for earlier, later in pairwise(after)), 1),
        )

    def proceed(self):
        told = len(self.household.acknowledged)
        wait_until(lambda: len(self.household.acknowledged) >= told + BETWEEN, seconds=LONGEST, what="further entries")


@pytest.fixture(scope="module")
def installation():
    directory = network.own_directory("hosts")
    try:
        installed.prepare(directory)
        with switched.switched(directory) as machines:
            yield installed.install(directory, machines)
    finally:
        network.remove(directory)


def promote(found):
    installed.promote_the_replica(found)
    installed.point_pgbouncer_at_the_new_primary(found)


def answered_by(found, name):
    """Counters of reports on one web machine."""
    page = found.machines[name].get("http://127.0.0.1:8000/metrics").text
    counts = [line.split('answered="')[1] for line in page.splitlines() if line.startswith("lifeos_report_reads_total")]
    return {line.split('"')[0]: float(line.split()[-1]) for line in counts}


@pytest.fixture
def household(installation):
    found = Household(machine=installation.machines["client"])
    found.machine.call(found.move_in)
    found.begin()
    yield found
    found.move_out()


def test_each_part_is_killed_and_nothing_is_lost(installation, household, capsys, record_property):
    found, faults = installation, Faults(installation, household)
    faults.proceed()
    _everybody_takes_the_way_that_is_meant(found)
    faults.at("web1", lambda: installed.start_web(found, "web1"))
    faults.at("worker1", lambda: installed.start_worker(found, "worker1"))
    faults.at("pgbouncer", lambda: installed.start_pgbouncer(found))
    faults.at("redis", lambda: installed.start_redis(found))
    faults.at("db2", lambda: installed.start_postgres(found, "db2"))
    faults.at("db", lambda: promote(found))
    household.end()
    with capsys.disabled():
        for part, outage in faults.outages.items():
            sys.stdout.write(f"\n{part} killed: {outage}")
            record_property(part, str(outage))
    assert household.wrong == []
    _everything_is_there(found, household)


def _everybody_takes_the_way_that_is_meant(found):
    """Web processes reach the primary through the pool alone, and reports come from the replica."""
    addresses = found.sql("SELECT DISTINCT host(client_addr) FROM pg_stat_activity WHERE datname = 'lifeos'", on="db")
    assert {ADDRESSES["web1"], ADDRESSES["web2"]}.isdisjoint(addresses.split())
    assert ADDRESSES["pgbouncer"] in addresses.split()
    wait_until(lambda: answered_by(found, "web1").get("replica", 0) > 0, seconds=60, what="a report of the replica")
    health = json.loads(found.machines["web1"].get("http://127.0.0.1:8000/health").body)
    # Behind for the moment that a posting takes to get there.
    assert health["replica"]["status"] in ("ok", "behind")
    assert {name: part["status"] for name, part in health.items() if isinstance(part, dict) and name != "replica"} == (
        dict.fromkeys(health.keys() - {"status", "version", "replica"}, "ok")
    )


def _everything_is_there(found, household):
    # Who died between a call to the outside and its note of it holds a lease of a minute; that minute is over now.
    found.sql("UPDATE platform_outbox_delivery SET lease_until = now() WHERE status = 'sending'", on="db2")
    pending = "SELECT count(*) FROM platform_outbox WHERE status NOT IN ('sent', 'discarded')"
    wait_until(lambda: found.sql(pending, on="db2") == "0", seconds=LONGEST, what="an empty outbox")
    waiting = "SELECT count(*) FROM finance_webhookdelivery WHERE state <> 'delivered'"
    wait_until(lambda: found.sql(waiting, on="db2") == "0", seconds=LONGEST, what="the last webhooks")

    # Every acknowledged entry, once, under the number that was acknowledged; nothing that was not asked for.
    rows = found.sql("SELECT description, uid FROM finance_journalentry WHERE source = 'api'", on="db2").splitlines()
    assert sorted(rows) == sorted(f"{key}|{uid}" for key, uid in household.acknowledged.items())
    # Every event, once, and its effect in the database, once.
    events = found.sql(EVENTS, on="db2").splitlines()
    assert Counter(events) == Counter(household.acknowledged.values())
    messages = found.sql("SELECT message_id FROM finance_webhookdelivery", on="db2").splitlines()
    assert len(messages) == len(household.acknowledged)
    # To the outside at least once: worker or database may die between the answer and the note of it.
    assert set(household.hooked) == set(messages)
    assert len(household.hooked) - len(messages) <= CALLS_AT_A_TIME * len(found.machines)
    assert installed.manage(found, "verify_ledger").startswith("Sound:")
