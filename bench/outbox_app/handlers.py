import time

from django.db import connection

from outbox_app.events import (
    HappenedPlainly,
    HappenedRow,
    HappenedSet,
    HappenedShakily,
    HappenedShakilyInSets,
    HappenedSlowly,
)
from outbox_app.models import Effect
from platform_outbox.registry import on


@on(HappenedRow, name="bench.row")
def one(event, context):
    Effect.objects.create(number=event.number, key=event.key)


@on(HappenedPlainly, name="bench.plain")
def plain(event, context):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO outbox_app_effect (number, key) VALUES (%s, %s)", (event.number, event.key))


@on(HappenedSet, name="bench.set", batch=True)
def many(events, contexts):
    Effect.objects.bulk_create([Effect(number=event.number, key=event.key) for event in events])


@on(HappenedShakily, name="bench.shaky")
def shaky(event, context):
    if event.number % 1000 == 999:
        raise ValueError("one in a thousand")
    one(event, context)


@on(HappenedShakilyInSets, name="bench.shaky_set", batch=True)
def shaky_many(events, contexts):
    if any(event.number % 1000 == 999 for event in events):
        raise ValueError("one in a thousand")
    many(events, contexts)


@on(HappenedSlowly, name="bench.slow")
def slow(event, context):
    time.sleep(0.005)
    one(event, context)
