-- Emitting events (emit.py).

-- name: insert_event
-- One event; its id is drawn here, under the lock of what has changed.
INSERT INTO platform_outbox
    (event_type, event_version, ordering_key, shard, payload, trace, available_at, created_at)
VALUES (%s, %s, %s, %s, %s::jsonb, %s, coalesce(%s::timestamptz, statement_timestamp()), statement_timestamp())
RETURNING id

-- name: insert_events
-- Many events, with ids in their order.
INSERT INTO platform_outbox
    (event_type, event_version, ordering_key, shard, payload, trace, available_at, created_at)
SELECT event_type, event_version, ordering_key, shard, payload, trace, statement_timestamp(), statement_timestamp()
FROM unnest(%s::text[], %s::smallint[], %s::text[], %s::smallint[], %s::jsonb[], %s::text[])
    WITH ORDINALITY AS new (event_type, event_version, ordering_key, shard, payload, trace, position)
ORDER BY position
RETURNING id

-- name: insert_event_within
-- One event as a part of the statement that makes the change: for each row of {source}, whose fields fill the payload.
INSERT INTO platform_outbox
    (event_type, event_version, ordering_key, shard, payload, trace, available_at, created_at)
SELECT %(event_type)s, %(event_version)s, %(event_key)s, %(event_shard)s, %(event_payload)s::jsonb || {filled},
       %(event_trace)s, statement_timestamp(), statement_timestamp()
FROM {source}
