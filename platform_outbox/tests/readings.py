"""Everything that workers, the console and the metrics ask of the outbox, and a past to ask it of.

For the test of the plans and for bench/outbox_plans.py: the statements are those which the real functions send.
"""

import datetime
import re

from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from platform_outbox import retention
from platform_outbox.emit import emit, emit_many, health, shard_of
from platform_outbox.external import leases
from platform_outbox.models import OutboxMessage
from platform_outbox.monitoring import history, overview, snapshot
from platform_outbox.operators import actions
from platform_outbox.processing import claim
from platform_outbox.processing.process import process_batch
from platform_outbox.tests.probe.events import Forked, Ticked
from platform_outbox.worker import listener

# Tables that grow with the past; the others hold what is at hand.
LARGE = re.compile(r"Seq Scan on (platform_outbox(?:_first|_rest|_from_\d+|_delivery|_attempt|_minute)?)\b")

_PAST = """
    INSERT INTO platform_outbox (id, event_type, event_version, ordering_key, shard, payload, status, attempts,
                                 available_at, created_at, finished_at)
    SELECT 1 + (n %% %(parts)s) * %(size)s::bigint + n / %(parts)s, 'probe.clock.ticked', 1, 'old' || n %% 500, n %% 64,
           jsonb_build_object('key', 'old' || n %% 500, 'number', n), 'sent', 1, at, at, at
    FROM generate_series(0, %(count)s - 1) AS n, LATERAL (SELECT now() - interval '20 days' + n * interval '10 ms') AS of_n (at)
"""
_DELIVERIES = """
    INSERT INTO platform_outbox_delivery (message_id, handler, ordering_key, shard, status, attempts, available_at,
                                          finished_at)
    SELECT id, 'probe.left', ordering_key, shard, 'sent', 1, created_at, created_at FROM platform_outbox
    WHERE status = 'sent' AND id %% 10 = 0
"""
_ATTEMPTS = """
    INSERT INTO platform_outbox_attempt (message_id, handler, number, outcome, worker, error_class, error_message,
                                         traceback, at)
    SELECT id, 'probe.left', 1, 'failed', 'w', 'ValueError', 'no', 'no', created_at FROM platform_outbox
    WHERE status = 'sent' AND id %% 50 = 0
"""
_MINUTES = """
    INSERT INTO platform_outbox_minute (minute, handler, event_type, sent, failed, dead, seconds, latencies)
    SELECT date_trunc('minute', now()) - n * interval '1 minute', 'probe.tick', 'probe.clock.ticked', 1, 0, 0, 0.1,
           array_fill(1, ARRAY[16])
    FROM generate_series(0, %(count)s - 1) AS n
"""
_DEAD = """
    UPDATE platform_outbox SET status = 'dead', finished_at = now(), error = 'ValueError: no',
                               error_group = 'group' || id %% 7
    WHERE id = ANY(%s)
"""
_FAILED = """
    UPDATE platform_outbox SET status = 'failed', attempts = 1, available_at = now() + interval '1 hour'
    WHERE id = ANY(%s)
"""
_SENDING = "UPDATE platform_outbox SET status = 'sending' WHERE id = ANY(%s)"
_OPEN_DELIVERIES = """
    INSERT INTO platform_outbox_delivery (message_id, handler, ordering_key, shard, status, attempts, available_at)
    SELECT id, 'probe.left', ordering_key, shard, status, 1, available_at FROM platform_outbox WHERE id = ANY(%s)
"""
_CALLS = """
    INSERT INTO platform_outbox_delivery (message_id, handler, ordering_key, shard, status, attempts, available_at, io,
                                          neighbour, lease_until, lease_token)
    SELECT id, 'probe.post', ordering_key, shard, CASE WHEN id %% 2 = 0 THEN 'sending' ELSE 'pending' END, 0,
           available_at, true, 'post', now() - interval '1 minute', gen_random_uuid()
    FROM platform_outbox WHERE id = ANY(%s)
"""


def fill(*, past: int, parts: int, minutes: int) -> None:
    """`past` handled events over `parts` partitions, and a little of everything that is still open."""
    size = retention.PARTITION_SIZE
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER SEQUENCE platform_outbox_id_seq RESTART WITH {parts * size + 1}")
        cursor.execute("SELECT nextval('platform_outbox_id_seq')")
        retention.extend()
        cursor.execute(_PAST, {"count": past, "parts": parts, "size": size})
        cursor.execute(_DELIVERIES, [])
        cursor.execute(_ATTEMPTS, [])
        cursor.execute(_MINUTES, {"count": minutes})
    with transaction.atomic():
        emit_many([Ticked(key=f"k{n % 50}", number=n) for n in range(1_500)])
        forked = emit_many([Forked(key=f"f{n % 50}", number=n) for n in range(400)])
    with connection.cursor() as cursor:
        for statement, chosen in (
            (_DEAD, forked[:150]),
            (_FAILED, forked[150:300]),
            (_SENDING, forked[300:]),
            (_OPEN_DELIVERIES, forked[:300]),
            (_CALLS, forked[300:]),
        ):
            cursor.execute(statement, (chosen,))
        cursor.execute(
            "ANALYZE platform_outbox, platform_outbox_delivery, platform_outbox_attempt, platform_outbox_minute"
        )


def readings():
    """(what, call) of everything that is asked; each call is made inside a transaction that is rolled back."""
    now = timezone.now()
    low_water = claim.LowWater()
    operator = get_user_model().objects.create_superuser("plans@example.org", "correct horse battery")
    admin = Client(SERVER_NAME="localhost")
    admin.force_login(operator)
    list_url = "/admin/platform_outbox/outboxmessage/"
    dead = _dead_ids()
    return [
        ("emit an event", lambda: _emit()),
        ("claim, handle and mark a batch", lambda: process_batch(shard=shard_of("k7"), worker="w")),
        (
            "whether others have come",
            lambda: claim.others_have_come(shard=shard_of("k7"), dominant_key="k7", above=0, since=now, now=None),
        ),
        ("move the low-water mark", lambda: low_water.advance(shard_of("k7"))),
        ("poll for due shards", lambda: _execute(listener._DUE)),
        ("look for due calls", lambda: leases.look()),
        ("return expired leases", lambda: (leases.expire(), leases.first_expiry())),
        ("/health", lambda: health()),
        ("sample for /metrics", lambda: snapshot.take()),
        ("console: backlog", lambda: overview.backlog(now=now)),
        ("console: errors", lambda: overview.error_groups()),
        ("console: workers", lambda: overview.workers(now=now)),
        ("console: charts of a day", lambda: _charts(now)),
        ("list: unfinished", lambda: admin.get(list_url)),
        ("list: sent", lambda: admin.get(list_url, {"status": "sent"})),
        ("list: dead", lambda: admin.get(list_url, {"status": "dead"})),
        ("page of an event", lambda: admin.get(f"{list_url}{dead[0]}/change/")),
        ("requeue", lambda: actions.requeue(ids=dead[:50], by="w")),
        ("discard", lambda: actions.discard(ids=dead[:50], by="w")),
        (
            "retention, nothing to do",
            lambda: retention.prune(everywhere=False, before=now - datetime.timedelta(days=300)),
        ),
        ("partitions ahead", lambda: retention.extend()),
    ]


def statements_of(call) -> list[str]:
    """The SQL that the call sends, with its parameters filled in; what it changes is undone."""
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        call()
        transaction.set_rollback(True)
    kinds = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")
    texts = [query["sql"].strip() for query in captured.captured_queries]
    return [text for text in texts if text.upper().startswith(kinds) and "platform_outbox" in text]


def _execute(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


@transaction.atomic
def _emit():
    emit(Ticked(key="k7", number=1_000_000))


def _charts(now):
    history.history(since=now - datetime.timedelta(days=1), until=now, step_seconds=900)
    history.by_handler(since=now - datetime.timedelta(hours=1), until=now)


def _dead_ids():
    dead = OutboxMessage.objects.filter(status="dead", discarded_at=None)
    return list(dead.order_by("id").values_list("id", flat=True)[:200])
