import os
import time

from django.db import DatabaseError, connection, transaction

from platform_outbox.registry import on
from platform_outbox.tests.probe.events import Crawled, Forked, Poured, Swarmed, Ticked
from platform_outbox.tests.probe.models import Effect, Fault


class ProbeError(Exception):
    pass


def act(handler, event):
    fault = Fault.objects.filter(handler=handler, key=event.key, number=event.number).first()
    if fault is not None:
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
    if fault.kind == "nul":
        raise ProbeError("a \x00 and a \udc80 in the message")
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
