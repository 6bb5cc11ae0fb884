from outbox_app.events import HappenedRow, HappenedSet
from outbox_app.models import Effect
from platform_outbox.registry import on


@on(HappenedRow, name="bench.row")
def one(event, context):
    Effect.objects.create(number=event.number, key=event.key)


@on(HappenedSet, name="bench.set", batch=True)
def many(events, contexts):
    Effect.objects.bulk_create([Effect(number=event.number, key=event.key) for event in events])
