-- Taking events of a shard. Used by processing/claim.py.

-- name: lock_shard
-- Takes the shard until the end of the transaction; false when another worker has it.
SELECT pg_try_advisory_xact_lock(%s, %s)

-- name: lock_shard_for_claim
-- The same when `claim` comes next: nothing is sorted until then.
SELECT pg_try_advisory_xact_lock(%s, %s), {do_not_sort}

-- name: shard_state
-- What a batch must know before it claims: pauses, quarantine, holds, and a batch that never ended. Mostly nothing.
SELECT
    EXISTS (SELECT FROM platform_outbox_pause
            WHERE kind = 'shard' AND target = %(shard)s::text AND resumed_at IS NULL),
    (SELECT array_agg(target::text) FROM platform_outbox_pause WHERE kind = 'handler' AND resumed_at IS NULL),
    (SELECT jsonb_agg(jsonb_build_array(message_id, crashes, handler, overran))
     FROM platform_outbox_suspect WHERE shard = %(shard)s),
    (SELECT jsonb_agg(jsonb_build_array(message_id, handler, ordering_key, available_at) ORDER BY message_id)
     FROM (SELECT message_id, handler, ordering_key, available_at FROM platform_outbox_delivery
           WHERE shard = %(shard)s AND status = 'failed' AND NOT io
           UNION ALL
           SELECT message_id, handler, ordering_key, statement_timestamp() + interval '1 hour'
           FROM platform_outbox_delivery WHERE shard = %(shard)s AND halts AND NOT io) AS held),
    statement_timestamp(), turn.ids, turn.worker, turn.handler, turn.overran, turn.at
FROM (SELECT) AS always
LEFT JOIN platform_outbox_turn AS turn ON turn.shard = %(shard)s AND turn.ids <> '{}'

-- name: claim
-- Locks the oldest due events of the shard, in order.
-- Asked for as a range in the order of the claim's index. With `shard = ...` and by id alone, a server whose statistics
-- are of a time when most rows were open walks the primary key, over all that is done and over all other shards. Sorting
-- was forbidden together with the lock; it is allowed again with the first row, before a handler is called.
SELECT {columns}, (SELECT {may_sort}) FROM platform_outbox AS m
WHERE (shard, id) > (%(shard)s::smallint, %(above)s) AND shard <= %(shard)s
  AND status IN ('pending', 'failed') AND id > %(above)s
  AND available_at <= coalesce(%(now)s::timestamptz, statement_timestamp())
  {except}
ORDER BY shard, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED

-- name: claim_other_keys
-- Locks the oldest due events of each key but the dominant one.
-- From key to key along the index, so that the length of each key's queue does not matter; of each the oldest few.
WITH RECURSIVE waiting (ordering_key, number) AS (
    (SELECT ordering_key, 1 FROM platform_outbox
     WHERE shard = %(shard)s AND status IN ('pending', 'failed') AND id > %(above)s AND ordering_key > %(after)s
     ORDER BY ordering_key LIMIT 1)
    UNION ALL
    SELECT next.ordering_key, waiting.number + 1
    FROM waiting CROSS JOIN LATERAL (
        SELECT ordering_key FROM platform_outbox
        WHERE shard = %(shard)s AND status IN ('pending', 'failed') AND id > %(above)s
          AND ordering_key > waiting.ordering_key
        ORDER BY ordering_key LIMIT 1) AS next
    WHERE waiting.number < %(keys)s),
oldest AS (
    SELECT of_key.id, row_number() OVER (PARTITION BY waiting.ordering_key ORDER BY of_key.id) AS place
    FROM waiting CROSS JOIN LATERAL (
        SELECT id FROM platform_outbox AS m
        WHERE (m.ordering_key, m.id) > (waiting.ordering_key, %(above)s) AND m.ordering_key <= waiting.ordering_key
          AND shard = %(shard)s AND status IN ('pending', 'failed') AND id > %(above)s
          AND available_at <= coalesce(%(now)s::timestamptz, statement_timestamp())
          {except}
        ORDER BY m.ordering_key, m.id LIMIT %(limit)s) AS of_key
    WHERE waiting.ordering_key <> %(dominant_key)s),
chosen AS (SELECT id, place FROM oldest ORDER BY place, id LIMIT %(limit)s)
-- By the primary key: nothing else is known of them, so that no other index can seem shorter.
SELECT {columns} FROM platform_outbox AS m
WHERE id = ANY (ARRAY(SELECT id FROM chosen)) AND status <> ALL ('{sending,sent,dead}')
ORDER BY (SELECT place FROM chosen WHERE chosen.id = m.id), id
FOR UPDATE OF m SKIP LOCKED

-- name: except_held
-- Part of a claim: leaves out what is held back by an older event of its key.
AND NOT EXISTS (
    SELECT FROM unnest(%(held_keys)s::text[], %(held_types)s::text[], %(held_ids)s::bigint[])
        AS held (ordering_key, event_type, id)
    WHERE held.ordering_key = m.ordering_key AND held.event_type = m.event_type AND held.id < m.id)

-- name: except_paused
-- Part of a claim: of the event types with a paused handler only what another handler has still to do.
AND (event_type <> ALL(%(paused_types)s::text[]) OR EXISTS (
    SELECT FROM unnest(%(going_types)s::text[], %(going_handlers)s::text[]) AS going (event_type, handler)
    WHERE going.event_type = m.event_type AND NOT EXISTS (
        SELECT FROM platform_outbox_delivery AS d
        WHERE d.message_id = m.id AND d.handler = going.handler AND (d.io OR d.status IN ('sent', 'dead')))))

-- name: deliveries_of
-- How far each handler is with these events.
SELECT message_id, handler, status, attempts, available_at, failing_since, io
FROM platform_outbox_delivery WHERE message_id = ANY(%s::bigint[])

-- name: others_have_come
-- Whether another key than the dominant one has got something to do.
-- From the young end of the claim's index: however long the queue, a handful of rows.
SELECT EXISTS (
    SELECT FROM (
        SELECT ordering_key, available_at FROM platform_outbox AS m
        WHERE (shard, id) > (%(shard)s::smallint, %(above)s) AND shard <= %(shard)s
          AND status IN ('pending', 'failed')
        ORDER BY shard DESC, id DESC LIMIT %(newest)s) AS newest
    WHERE ordering_key <> %(dominant_key)s AND available_at > %(since)s::timestamptz
      AND available_at <= coalesce(%(now)s::timestamptz, statement_timestamp()))

-- name: oldest_open
-- The oldest open event of the shard, and which transactions may still bring in older ones.
SELECT (SELECT id FROM platform_outbox
        WHERE (shard, id) > (%(shard)s::smallint, %(above)s) AND shard <= %(shard)s AND id > %(above)s
          AND status IN ('pending', 'failed')
        ORDER BY shard, id LIMIT 1),
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint

-- name: due_shards
-- The poll: the shards with something due, seconds until the next timer, and whether calls are waiting.
SELECT array(
    SELECT shard FROM generate_series(0, {last_shard}) AS shards (shard)
    WHERE (SELECT true FROM platform_outbox AS m WHERE m.shard BETWEEN shards.shard AND shards.shard
           AND m.status IN ('pending', 'failed') AND m.available_at <= statement_timestamp()
           ORDER BY m.shard, m.id LIMIT 1)),
    (SELECT extract(epoch FROM min(available_at) - statement_timestamp())::float8 FROM platform_outbox
     WHERE status IN ('pending', 'failed') AND available_at > created_at
       AND available_at > statement_timestamp()),
    EXISTS (SELECT FROM platform_outbox_delivery
            WHERE io AND NOT in_line AND status IN ('pending', 'failed')) OR
    EXISTS (SELECT FROM platform_outbox_delivery WHERE status = 'sending')

-- name: shards_with_due_events
-- The same question for tests: at any moment, and of no more than is there.
SELECT DISTINCT shard FROM platform_outbox WHERE status IN ('pending', 'failed')
  AND available_at <= coalesce(%s::timestamptz, statement_timestamp()) AND shard < %s ORDER BY shard
