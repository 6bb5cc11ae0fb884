-- Periodic jobs (scheduler.py), heartbeats (worker/listener.py) and retention (retention.py).

-- name: introduce_jobs
-- Rows for jobs that are declared for the first time; those are due at once.
INSERT INTO platform_outbox_periodic (name, seconds, due_at)
SELECT name, seconds, statement_timestamp() FROM unnest(%s::text[], %s::float8[]) AS job (name, seconds)
ON CONFLICT (name) DO UPDATE SET seconds = EXCLUDED.seconds
WHERE platform_outbox_periodic.seconds IS DISTINCT FROM EXCLUDED.seconds

-- name: take_job
-- Whoever has the row locked is at the job; the others go on without waiting.
SELECT due_at, leased_until, failures, coalesce(%s::timestamptz, statement_timestamp())
FROM platform_outbox_periodic WHERE name = %s FOR UPDATE SKIP LOCKED

-- name: lease_job
-- Takes a long job for a while, past the end of the transaction.
UPDATE platform_outbox_periodic
SET leased_by = %s, leased_until = %s + make_interval(secs => %s), last_run_at = %s, worker = %s
WHERE name = %s

-- name: renew_job
-- Extends the lease between two steps.
UPDATE platform_outbox_periodic SET leased_until = statement_timestamp() + make_interval(secs => %s)
WHERE name = %s AND leased_by = %s

-- name: give_back_job
-- Still due, and free.
UPDATE platform_outbox_periodic SET leased_by = '', leased_until = NULL WHERE name = %s AND leased_by = %s

-- name: job_done
-- Marks the run and sets the next.
UPDATE platform_outbox_periodic
SET due_at = %s, last_run_at = %s, last_done_at = %s, last_seconds = %s, worker = %s,
    failures = 0, error = '', leased_by = '', leased_until = NULL
WHERE name = %s AND leased_by = %s

-- name: job_failed
-- Marks the failure and sets the next try.
UPDATE platform_outbox_periodic
SET due_at = %s, last_run_at = %s, last_seconds = %s, worker = %s,
    failures = %s, error = %s, leased_by = '', leased_until = NULL
WHERE name = %s AND leased_by = %s AND due_at = %s

-- name: heartbeat
-- A worker's sign of life.
INSERT INTO platform_worker (name, broker, started_at, heartbeat_at)
VALUES (%s, %s, %s, statement_timestamp())
ON CONFLICT (name) DO UPDATE SET heartbeat_at = statement_timestamp()

-- name: partitions
-- The partitions with a range of ids, lowest first.
SELECT c.relname,
       coalesce((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''?(-?\d+)'))[1]::bigint, 0),
       (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''?(-?\d+)'))[1]::bigint
FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid
WHERE inhparent = 'platform_outbox'::regclass AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
ORDER BY 3

-- name: make_partitions
-- Has partitions ready for the coming ids; a function with the rights of the tables' owner.
SELECT platform_outbox_extend(%s, %s)

-- name: drop_partition
-- Drops a partition if nothing in it is needed; a function with the rights of the tables' owner.
SELECT platform_outbox_drop(%s, %s)

-- name: newest_id
-- The id that was drawn last.
SELECT last_value FROM platform_outbox_id_seq

-- name: oldest_event
-- The lowest id of all events.
SELECT min(id) FROM platform_outbox

-- name: youngest_event
-- When the youngest event of a range was emitted.
SELECT created_at FROM platform_outbox WHERE id >= %s AND id < %s ORDER BY id DESC LIMIT 1

-- name: next_window
-- The last id of the next rows of a range, and when the oldest of them was emitted.
SELECT max(id), min(created_at) FROM (
    SELECT id, created_at FROM platform_outbox WHERE id > %s AND id < %s ORDER BY id LIMIT %s) AS next

-- name: prune_events
-- Deletes old events of a window together with what is known about them.
WITH old AS (
    SELECT id FROM platform_outbox
    WHERE id > %(above)s AND id <= %(through)s AND finished_at < %(before)s
      AND (status = 'sent' OR discarded_at < %(before)s)
    FOR UPDATE SKIP LOCKED),
deliveries AS (DELETE FROM platform_outbox_delivery WHERE message_id IN (SELECT id FROM old)),
history AS (DELETE FROM platform_outbox_attempt WHERE message_id IN (SELECT id FROM old))
DELETE FROM platform_outbox WHERE id IN (SELECT id FROM old)

-- name: forget_deliveries
-- Deletes the deliveries of events of a range that are gone, some at a time.
WITH next AS (
    SELECT id, message_id FROM platform_outbox_delivery
    WHERE message_id >= %s AND message_id < %s ORDER BY message_id LIMIT %s),
gone AS (DELETE FROM platform_outbox_delivery AS t USING next WHERE t.id = next.id)
SELECT count(*), max(message_id) FROM next

-- name: forget_attempts
-- Deletes the history of events of a range that are gone, some at a time.
WITH next AS (
    SELECT id, message_id FROM platform_outbox_attempt
    WHERE message_id >= %s AND message_id < %s ORDER BY message_id LIMIT %s),
gone AS (DELETE FROM platform_outbox_attempt AS t USING next WHERE t.id = next.id)
SELECT count(*), max(message_id) FROM next

-- name: forget_events
-- Deletes the events of a window that belong to what is gone for good, whatever their state, with what is known about them.
WITH gone AS (
    SELECT id FROM platform_outbox
    WHERE id > %(above)s AND id <= %(through)s
      AND (ordering_key = ANY(%(keys)s) OR payload @> ANY(%(carrying)s::jsonb[])
           OR payload->>'text' LIKE ANY(%(saying)s))
    FOR UPDATE),
deliveries AS (DELETE FROM platform_outbox_delivery WHERE message_id IN (SELECT id FROM gone)),
history AS (DELETE FROM platform_outbox_attempt WHERE message_id IN (SELECT id FROM gone)),
suspects AS (DELETE FROM platform_outbox_suspect WHERE message_id IN (SELECT id FROM gone))
DELETE FROM platform_outbox WHERE id IN (SELECT id FROM gone)

-- name: forget_replays
-- Deletes what is known of replays of these ordering keys.
DELETE FROM platform_outbox_replay WHERE ordering_key = ANY(%s)

-- name: forget_breakers
-- Deletes the breakers of destinations like these, which nobody calls any more.
DELETE FROM platform_outbox_breaker WHERE neighbour LIKE ANY(%s)
