import os
import signal
import time

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from platform_outbox.registry import DestinationUnavailable, PermanentError, on
from platform_outbox.tests.probe.events import (
    Crawled,
    Forked,
    Gated,
    Grown,
    Guarded,
    Posted,
    Poured,
    Shouted,
    Swarmed,
    Ticked,
    Whistled,
)
from platform_outbox.tests.probe.models import Call, Effect, Fault


class ProbeError(Exception):
    pass


def spin_without_letting_go():
    """One call into C that keeps the interpreter to itself for minutes."""
    sum(range(10**11))


# Faults that no except clause sees the end of.
KINDS = {
    "exit": lambda: os._exit(3),
    "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "hang": lambda: time.sleep(3600),
    "slow query": lambda: connection.cursor().execute("SELECT pg_sleep(3600)"),
    "standstill": spin_without_letting_go,
}


def leak():
    hoard.append(b"x" * 2**26)
    time.sleep(0.3)


hoard = []


def act(handler, event):
    fault = Fault.objects.filter(handler=handler, key=event.key, number=event.number).first()
    if fault is not None and fault.kind == "leak":
        leak()
    elif fault is not None:
        misbehave(fault)
    Effect.objects.create(handler=handler, key=event.key, number=event.number, worker_pid=os.getpid())


def misbehave(fault):
    """How often it failed is counted in the history of the event: what a handler writes is rolled back."""
    from platform_outbox.models import Attempt

    failed = Attempt.objects.filter(handler=fault.handler, message__payload__number=fault.number).count()
    if 0 <= fault.times <= failed:
        return
    if fault.kind == "swallow":
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        except DatabaseError:
            return
    if fault.kind == "swallow in atomic":
        transaction.set_rollback(True)
        return
    if fault.kind == "no room":
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$")
    if fault.kind == "deadlock":
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$")
    if fault.kind == "down":
        raise DestinationUnavailable("nobody answers")
    if fault.kind == "nul":
        raise ProbeError("a \x00 and a \udc80 in the message")
    if fault.kind in KINDS:
        KINDS[fault.kind]()
    raise ProbeError(f"{fault.key} {fault.number} must fail")


@on(Ticked, name="probe.tick")
def tick(event, context):
    act("probe.tick", event)


@on(Forked, name="probe.left")
def left(event, context):
    act("probe.left", event)


@on(Forked, name="probe.right")
def right(event, context):
    act("probe.right", event)


@on(Poured, name="probe.pour", batch=True)
def pour(events, contexts):
    assert len(events) == len(contexts)
    for event in events:
        act("probe.pour", event)


@on(Crawled, name="probe.crawl")
def crawl(event, context):
    time.sleep(0.005)
    act("probe.crawl", event)


@on(Swarmed, name="probe.swarm", batch=True)
def swarm(events, contexts):
    Effect.objects.bulk_create(
        [Effect(handler="probe.swarm", key=event.key, number=event.number, worker_pid=os.getpid()) for event in events]
    )


def reach_out(handler, event, context):
    """A call to the outside, told by rows that stay whatever becomes of the call."""
    fault = fault_of(handler, event)
    made = Call.objects.create(
        handler=handler,
        key=event.key,
        number=event.number,
        idempotency_key=context.idempotency_key,
        attempt=context.attempt,
        worker_pid=os.getpid(),
        began_at=timezone.now(),
    )
    if fault is not None:
        go_wrong(fault, event)
    if fault is None or fault.kind != "silent":
        made.ended_at, made.still_mine = timezone.now(), context.still_mine()
        made.save()


def fault_of(handler, event):
    """Counted before the call is told of: a test that waits for it may kill this process."""
    names = [event.key, event.key.split(" ")[0]]
    fault = Fault.objects.filter(handler=handler, key__in=names, number__in=[event.number, -1]).first()
    if fault is None or not fault.times:
        return None
    Fault.objects.filter(pk=fault.pk, times__gt=0).update(times=fault.times - 1)
    return fault


def go_wrong(fault, event):
    if fault.kind in ("slow", "silent"):
        time.sleep(fault.seconds)
        return
    if fault.kind == "down":
        raise DestinationUnavailable(f"{event.key} does not answer")
    if fault.kind == "refused":
        raise PermanentError(f"{event.key} is unknown there")
    raise ProbeError(f"{event.key} {event.number} must fail")


@on(Posted, name="probe.post", io=True, lease_seconds=3, destination=lambda event: event.key.split(" ")[0])
def post(event, context):
    reach_out("probe.post", event, context)


@on(Posted, name="probe.register")
def register(event, context):
    act("probe.register", event)


@on(Shouted, name="probe.shout", io=True, ordered=False, lease_seconds=3)
def shout(event, context):
    reach_out("probe.shout", event, context)


@on(Guarded, name="probe.guard", io=True, on_death="halt")
def guard(event, context):
    reach_out("probe.guard", event, context)


@on(Whistled, name="probe.whistle", io=True, ordered=False, lease_seconds=0.9, longest_seconds=1.5)
def whistle(event, context):
    reach_out("probe.whistle", event, context)


@on(Gated, name="probe.gate", on_death="halt")
def gate(event, context):
    act("probe.gate", event)


@on(Gated, name="probe.passer")
def passer(event, context):
    act("probe.passer", event)


@on(Grown, name="probe.grow")
def grow(event, context):
    act(f"probe.grow {getattr(event, 'centimetres', 'old')}", event)
