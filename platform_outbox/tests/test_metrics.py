"""The outbox's figures: who takes them, what they say, and where a worker tells its own."""

import datetime
import threading
import urllib.error
import urllib.request
from collections import Counter

import psycopg
import pytest
from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone
from prometheus_client import REGISTRY
from prometheus_client.registry import CollectorRegistry

from platform_outbox import testing
from platform_outbox.emit import emit_many, health
from platform_outbox.models import Breaker, Delivery, OutboxMessage, Quarantined, Sample, Tally
from platform_outbox.monitoring import metrics, snapshot
from platform_outbox.monitoring.snapshot import GAUGES, OutboxCollector
from platform_outbox.operators import actions
from platform_outbox.processing.results import ResultWriter
from platform_outbox.tests.conftest import wait_for
from platform_outbox.tests.jobs import run_due
from platform_outbox.tests.probe.events import Forked, Swarmed, Ticked
from platform_outbox.tests.probe.models import Fault

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]


def told():
    """name{labels} → value of the outbox's gauges, as Prometheus would read them."""
    registry = CollectorRegistry()
    registry.register(OutboxCollector())
    found = {}
    for family in registry.collect():
        for each in family.samples:
            labels = ",".join(each.labels.values())
            found[f"{each.name.removeprefix('platform_outbox_')}{{{labels}}}" if labels else each.name[16:]] = (
                each.value
            )
    return found


def counted(name, **labels):
    return REGISTRY.get_sample_value(f"platform_outbox_{name}", labels) or 0.0


def tallied():
    """name{labels} → value of the counters, of a sample that is taken now."""
    snapshot.take()
    return {name: value for name, value in told().items() if "_total" in name and value}


@transaction.atomic
def emit_events(*events):
    return emit_many(events)


def test_an_empty_outbox_still_answers_for_every_topic():
    found = told()
    assert found[f"pending_messages{{{Ticked.name}}}"] == 0
    assert found[f"oldest_pending_seconds{{{Ticked.name}}}"] == 0
    assert found["dead_messages"] == 0
    assert found["sample_age_seconds"] < snapshot.STALE_SECONDS


def test_every_gauge_tells_the_state_of_the_outbox(settings):
    settings.WORKER_MAX_ATTEMPTS = 1
    now = timezone.now()
    Fault.objects.create(handler="probe.tick", key="bad", number=1, times=-1)
    emit_events(Ticked(key="bad", number=1))
    testing.drain(raise_errors=False)
    settings.WORKER_MAX_ATTEMPTS = 5
    Fault.objects.create(handler="probe.left", key="a", number=1, times=-1)
    emit_events(Forked(key="a", number=1), Forked(key="a", number=2))
    testing.drain(raise_errors=False)
    old, _ = emit_events(Ticked(key="b", number=1), Ticked(key="b", number=2))
    OutboxMessage.objects.filter(pk=old).update(created_at=now - datetime.timedelta(minutes=10))
    OutboxMessage.objects.create(
        event_type="gone.thing.happened", ordering_key="x", shard=5, payload={}, created_at=now, available_at=now
    )
    Delivery.objects.create(
        message_id=old, handler="probe.mail", ordering_key="b", shard=1, status="pending", attempts=0, io=True,
        available_at=now,
    )  # fmt: skip
    Quarantined.objects.create(message_id=old, shard=1, crashes=1, handler="", overran=False, worker="w", at=now)
    Breaker.objects.create(handler="probe.mail", destination="smtp", state="open")
    actions.pause(kind="handler", target="probe.tick", by="Olga", reason="test")
    found = told()
    assert found[f"pending_messages{{{Ticked.name}}}"] == 2
    assert found[f"pending_messages{{{Forked.name}}}"] == 2
    assert found["pending_messages{gone.thing.happened}"] == 1
    assert found[f"oldest_pending_seconds{{{Ticked.name}}}"] == pytest.approx(600, abs=30)
    assert found["dead_messages"] == 1
    assert found["held_aggregates"] == 1
    assert found["calls_waiting{probe.mail}"] == 1
    assert found["breakers_open{probe.mail}"] == 1
    assert found["paused{handler,probe.tick}"] == 1
    assert found["suspects"] == 1
    assert found["workers_alive"] == 0
    assert found["messages_without_partition"] == 0
    assert {name.partition("{")[0] for name in found} >= {
        gauge.name for gauge in GAUGES.values() if not gauge.name.startswith("job_")
    }


def test_figures_are_read_from_the_newest_sample_and_taken_only_when_it_is_stale(django_assert_num_queries):
    told()
    emit_events(Ticked(key="a", number=1))
    with django_assert_num_queries(1):
        assert told()[f"pending_messages{{{Ticked.name}}}"] == 0
    Sample.objects.update(taken_at=timezone.now() - datetime.timedelta(seconds=snapshot.STALE_SECONDS + 1))
    assert told()[f"pending_messages{{{Ticked.name}}}"] == 1


def test_the_workers_take_them_as_a_periodic_job():
    run_due(worker="test")
    assert Sample.objects.get().figures["pending"].get("finance.day.began", 0) == 0
    found = told()
    assert found["job_failures{platform_outbox.sample}"] == 0
    run_due(worker="test", now=timezone.now() + datetime.timedelta(minutes=2))
    assert told()["job_last_success_timestamp_seconds{platform_outbox.sample}"] > 1.7e9


@pytest.mark.django_db(transaction=True)
def test_of_several_processes_one_takes_the_figures_and_the_others_do_not_wait():
    snapshot.take()
    Sample.objects.update(taken_at=timezone.now() - datetime.timedelta(hours=1))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (snapshot._LOCK,))
        seen = []

        def ask():
            seen.append(snapshot.current().age)
            connections.close_all()

        other = threading.Thread(target=ask)
        other.start()
        other.join(10)
        assert not other.is_alive()
    assert seen[0] > 3000
    assert snapshot.current().age < 10


@pytest.mark.django_db(transaction=True)
def test_an_open_transaction_shows_as_the_oldest_snapshot():
    opened, done = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT 1")
            opened.set()
            done.wait(20)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    assert opened.wait(10)
    wait_for(lambda: snapshot.take() or Sample.objects.get().figures["snapshot"] > 0.2, what="a snapshot that ages")
    done.set()
    holder.join(10)


def test_runs_retries_failures_and_suppressed_duplicates_are_counted_in_the_database():
    before = counted("handler_seconds_count", handler="probe.left")
    Fault.objects.create(handler="probe.left", key="a", number=1, times=1)
    emit_events(Forked(key="a", number=1))
    testing.drain(raise_errors=False)
    testing.drain(now=timezone.now() + datetime.timedelta(hours=2))
    assert tallied() == {
        "processed_total{probe.left,failed}": 1,
        "processed_total{probe.left,sent}": 1,
        "processed_total{probe.right,sent}": 1,
        "retries_total{probe.left}": 1,
        "failures_total{probe.left,ProbeError}": 1,
        "duplicates_suppressed_total{probe.right}": 1,
    }
    assert counted("handler_seconds_count", handler="probe.left") - before == 2


def test_every_handler_is_told_from_0_on():
    snapshot.take()
    assert told()["processed_total{probe.tick,sent}"] == 0
    assert told()["processed_total{probe.tick,dead}"] == 0


def test_what_is_rolled_back_is_not_counted(monkeypatch):
    emit_events(Ticked(key="a", number=1))
    monkeypatch.setattr(ResultWriter, "write", breaking(ResultWriter.write))
    with pytest.raises(OperationalError):
        testing.drain()
    assert tallied() == {}


def breaking(write):
    """Write everything down, and lose the server before the commit."""

    def broken(book, **options):
        write(book, **options)
        raise OperationalError("the server is gone") from admin_shutdown()

    return broken


def admin_shutdown():
    return psycopg.errors.AdminShutdown("terminating connection due to administrator command")


def test_runs_of_jobs_are_counted_with_their_outcome():
    run_due(worker="test")
    assert tallied()["job_runs_total{platform_outbox.sample,done}"] == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["in-process"])
def test_killed_workers_lose_and_double_no_count(pool):
    """Killed amid their work again and again: the counters are the events' states, to the last one.

    An event in whose company three workers died is given up.
    """
    workers = pool.start(2)
    emitted = 0
    for _ in range(6):
        emit_events(*(Swarmed(key=f"k{number % 20}", number=emitted + number) for number in range(200)))
        emitted += 200
        wait_for(lambda: processed() > emitted - 200, what="the first of them")  # noqa: B023
        for worker in workers:
            worker.kill()
            worker.wait()
            pool.processes.remove(worker)
        workers = pool.start(2)
    wait_for(lambda: health().pending == 0, seconds=90, what="the queue's end")
    states = Counter(OutboxMessage.objects.values_list("status", flat=True))
    assert {"sent": processed(), "dead": processed("dead")} == {"sent": states["sent"], "dead": states["dead"]}
    assert processed() + processed("dead") == emitted


def processed(outcome="sent"):
    rows = Tally.objects.filter(metric="processed", first="probe.swarm", second=outcome)
    return sum(rows.values_list("count", flat=True))


def page(port, path="/metrics", **headers):
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers), timeout=10
        ) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except urllib.error.URLError:
        return 0, ""  # a process that has only just begun


def test_a_worker_tells_its_counters_to_whom_it_may(settings, caplog, free_port):
    port = free_port()
    server = metrics.serve(f"127.0.0.1:{port}")
    try:
        status, text = page(port)
        assert status == 200
        assert "platform_outbox_wakeups_total" in text
        # Of the whole installation; each worker would tell the same once more.
        assert "platform_outbox_pending_messages" not in text
        assert "platform_outbox_processed" not in text
        assert page(port, "/admin/")[0] == 404
        settings.METRICS_TOKEN = "let-prometheus-in"
        assert page(port)[0] == 403
        assert page(port, Authorization="Bearer wrong")[0] == 403
        assert page(port, Authorization="Bearer let-prometheus-in")[0] == 200
    finally:
        server.shutdown()
        server.server_close()


def test_workers_of_one_machine_take_one_port_after_the_other(caplog, free_port, monkeypatch):
    monkeypatch.setattr(metrics, "PORTS", 2)
    bind = f"127.0.0.1:{free_port()}"
    servers = [metrics.serve(bind), metrics.serve(bind)]
    try:
        assert servers[1].server_port > servers[0].server_port
        assert [page(server.server_port)[0] for server in servers] == [200, 200]
        assert metrics.serve(bind) is None
        assert f"No metrics on {bind} or the 1 ports after it" in caplog.text
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["in-process"])
def test_a_worker_process_answers_prometheus_and_keeps_the_figures_fresh(pool, free_port):
    port = free_port()
    pool.start(1, WORKER_METRICS_BIND=f"127.0.0.1:{port}")
    emit_events(Ticked(key="a", number=1))
    line = 'platform_outbox_handler_seconds_count{handler="probe.tick"} 1.0'
    wait_for(lambda: line in page(port)[1], what="the counter")
    wait_for(lambda: Sample.objects.filter(figures__workers=1).exists(), seconds=60, what="a sample")
