-- Marking what came of a batch (processing/results.py), and what its worker has in hand (processing/inflight.py,
-- processing/quarantine.py).

-- name: mark_sent
-- The common case: first attempt, every handler through.
UPDATE platform_outbox SET status = 'sent', attempts = 1, finished_at = %s WHERE id = ANY(%s::bigint[])

-- name: mark_events
-- Any other state of an event.
UPDATE platform_outbox AS m
SET status = new.status, attempts = new.attempts,
    -- Later than its emission is how the claim knows an event that may have deliveries.
    available_at = coalesce(greatest(new.available_at, m.created_at + interval '1 microsecond'), m.available_at),
    finished_at = new.finished_at,
    -- A later attempt that succeeds clears the error; another handler's success does not.
    error = CASE WHEN new.status = 'sent' THEN '' ELSE coalesce(new.error, m.error) END,
    error_group = CASE WHEN new.status = 'sent' THEN '' ELSE coalesce(new.error_group, m.error_group) END
FROM unnest(%s::bigint[], %s::text[], %s::smallint[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[])
    AS new (id, status, attempts, available_at, finished_at, error, error_group)
WHERE m.id = new.id

-- name: mark_deliveries
-- How far each handler is, where the event's state alone does not say so.
INSERT INTO platform_outbox_delivery
    (message_id, handler, ordering_key, shard, status, attempts, available_at, finished_at, failing_since, halts)
SELECT message_id, handler, ordering_key, shard, status, attempts, available_at, finished_at, failing_since, halts
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::smallint[], %s::text[], %s::smallint[],
            %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::boolean[])
    AS new (message_id, handler, ordering_key, shard, status, attempts, available_at, finished_at, failing_since, halts)
ON CONFLICT (message_id, handler) DO UPDATE
SET status = EXCLUDED.status, attempts = EXCLUDED.attempts, available_at = EXCLUDED.available_at,
    finished_at = EXCLUDED.finished_at, failing_since = EXCLUDED.failing_since, halts = EXCLUDED.halts

-- name: begin_batch
-- Tells which events a worker has in hand, before the first handler is called.
INSERT INTO platform_outbox_turn (shard, worker, ids, handler, overran, at)
VALUES (%s, %s, %s::bigint[], %s, false, statement_timestamp())
ON CONFLICT (shard) DO UPDATE
SET worker = EXCLUDED.worker, ids = EXCLUDED.ids, handler = EXCLUDED.handler, overran = false, at = EXCLUDED.at

-- name: end_batch
-- Tells that the batch came to its end, in its own transaction.
UPDATE platform_outbox_turn SET ids = '{}', handler = '', overran = false WHERE shard = %s

-- name: blame_call
-- Tells which call took too long. A batch that ended in the meantime has emptied its row.
UPDATE platform_outbox_turn SET ids = %s, handler = %s, overran = true
WHERE shard = %s AND worker = %s AND ids @> %s::bigint[]

-- name: forget_batches
-- A worker ends on purpose: nothing that it was at is suspect.
UPDATE platform_outbox_turn SET ids = '{}' WHERE worker = %s AND NOT overran AND ids <> '{}'

-- name: vouch_for_worker
-- The lock by which others see that the worker lives; it goes with the connection.
SELECT pg_advisory_lock_shared(%s, %s)

-- name: worker_lives
-- Whether that lock is held.
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND objsubid = 2 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))

-- name: quarantine_crashed
-- Counts a crash against each event that a worker had in hand. A server that was restarted since ended the batch itself.
INSERT INTO platform_outbox_suspect AS s (message_id, shard, crashes, handler, overran, worker, at)
SELECT id, shard, 1, %(handler)s, false, %(worker)s, statement_timestamp() FROM platform_outbox
WHERE id = ANY(%(ids)s) AND status IN ('pending', 'failed') AND pg_postmaster_start_time() <= %(at)s
ON CONFLICT (message_id) DO UPDATE
SET crashes = s.crashes + 1, handler = EXCLUDED.handler, worker = EXCLUDED.worker, at = EXCLUDED.at

-- name: quarantine_overrun
-- Notes the events of a call that took too long.
INSERT INTO platform_outbox_suspect AS s (message_id, shard, crashes, handler, overran, worker, at)
SELECT id, shard, 1, %(handler)s, %(alone)s, %(worker)s, statement_timestamp() FROM platform_outbox
WHERE id = ANY(%(ids)s) AND status IN ('pending', 'failed')
ON CONFLICT (message_id) DO UPDATE
SET handler = EXCLUDED.handler, overran = EXCLUDED.overran, worker = EXCLUDED.worker, at = EXCLUDED.at

-- name: note_crash
-- Writes the crash into the event's history.
INSERT INTO platform_outbox_attempt
    (message_id, handler, number, outcome, worker, error_class, error_message, traceback, at)
SELECT message_id, handler, crashes, 'failed', worker, %(error_class)s, %(message)s, '', at
FROM platform_outbox_suspect WHERE message_id = ANY(%(ids)s)

-- name: leave_quarantine
-- The event's run ended well.
DELETE FROM platform_outbox_suspect WHERE message_id = %s

-- name: stay_in_quarantine
-- The same while handlers are left that have to run alone as well.
UPDATE platform_outbox_suspect SET crashes = 1, handler = '', overran = false WHERE message_id = %s
