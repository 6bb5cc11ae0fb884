-- Calls to the outside: queues (external/queues.py), leases (external/leases.py), breakers (external/circuit_breaker.py).

-- name: lock_queues
-- Takes the queues of a shard until the end of the transaction.
SELECT pg_advisory_xact_lock(%s, %s)

-- name: hand_over
-- One delivery for each event and io handler, due at once.
INSERT INTO platform_outbox_delivery AS d
    (message_id, handler, ordering_key, shard, status, attempts, available_at, io, neighbour, ordered, in_line)
SELECT message_id, handler, ordering_key, shard, 'pending', 0, %s, true, neighbour, ordered, ordered
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::smallint[], %s::text[], %s::boolean[])
    AS new (message_id, handler, ordering_key, shard, neighbour, ordered)
ON CONFLICT (message_id, handler) DO UPDATE
SET status = 'pending', attempts = 0, available_at = EXCLUDED.available_at, failing_since = NULL, io = true,
    neighbour = EXCLUDED.neighbour, ordered = EXCLUDED.ordered, in_line = EXCLUDED.in_line
-- A row that is no hand-over is left by one that failed, or by a handler that became an io handler since.
WHERE NOT d.io AND d.status IN ('pending', 'failed')

-- name: lock_heads
-- Until the end of this transaction nobody can claim a head that may have to step back.
WITH queue AS (
    SELECT DISTINCT handler, ordering_key FROM unnest(%s::text[], %s::text[]) AS named (handler, ordering_key))
SELECT FROM queue JOIN platform_outbox_delivery AS d USING (handler, ordering_key)
WHERE d.ordered AND NOT d.in_line AND d.status IN ('pending', 'failed')
FOR UPDATE OF d

-- name: move_up
-- Puts the right delivery at the head of each queue.
-- The head is the one being called, or else the oldest; a dead one that halts its queue stays there.
WITH queue AS (
    SELECT DISTINCT handler, ordering_key FROM unnest(%s::text[], %s::text[]) AS named (handler, ordering_key)),
head AS (
    SELECT queue.*, coalesce(
        (SELECT id FROM platform_outbox_delivery AS d
         WHERE d.handler = queue.handler AND d.ordering_key = queue.ordering_key
           AND d.ordered AND NOT d.in_line AND d.status = 'sending' LIMIT 1),
        (SELECT id FROM platform_outbox_delivery AS d
         WHERE d.handler = queue.handler AND d.ordering_key = queue.ordering_key
           AND d.ordered AND (d.status IN ('pending', 'failed', 'sending') OR d.halts)
         ORDER BY message_id LIMIT 1)) AS id
    FROM queue),
place AS (
    SELECT id, false AS in_line FROM head
    UNION ALL
    SELECT d.id, true FROM head JOIN platform_outbox_delivery AS d USING (handler, ordering_key)
    WHERE d.ordered AND NOT d.in_line AND d.status IN ('pending', 'failed') AND d.id <> head.id)
UPDATE platform_outbox_delivery AS d SET in_line = place.in_line
FROM place WHERE d.id = place.id AND d.in_line <> place.in_line

-- name: look
-- Which destinations something waits for, and in how many seconds they may be called.
-- One probe of the index per destination that has something due, however much that is.
WITH RECURSIVE queue AS (
    (SELECT handler, neighbour, available_at FROM platform_outbox_delivery
     WHERE io AND NOT in_line AND status IN ('pending', 'failed')
     ORDER BY handler, neighbour, available_at LIMIT 1)
    UNION ALL
    SELECT next.* FROM queue, LATERAL (
        SELECT d.handler, d.neighbour, d.available_at FROM platform_outbox_delivery AS d
        WHERE d.io AND NOT d.in_line AND d.status IN ('pending', 'failed')
          AND (d.handler, d.neighbour) > (queue.handler, queue.neighbour)
        ORDER BY d.handler, d.neighbour, d.available_at LIMIT 1) AS next)
SELECT queue.handler, queue.neighbour, b.state IS NOT NULL,
       extract(epoch FROM greatest(queue.available_at, b.retry_at)
                          - coalesce(%s::timestamptz, statement_timestamp()))::float8
FROM queue LEFT JOIN platform_outbox_breaker AS b
    ON b.handler = queue.handler AND b.neighbour = queue.neighbour AND b.state <> 'closed'
WHERE (b.state IS NULL OR b.retry_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM platform_outbox_pause
                  WHERE kind = 'handler' AND target = queue.handler AND resumed_at IS NULL)

-- name: claim_delivery
-- Leases the first due delivery for a destination.
UPDATE platform_outbox_delivery AS d
SET status = 'sending', lease_token = %(token)s, locked_by = %(worker)s,
    lease_until = coalesce(%(now)s::timestamptz, statement_timestamp()) + make_interval(secs => %(seconds)s)
FROM platform_outbox AS m
WHERE m.id = d.message_id AND d.id = (
    SELECT id FROM platform_outbox_delivery
    WHERE io AND NOT in_line AND status IN ('pending', 'failed') AND handler = %(handler)s
      AND neighbour = %(destination)s AND available_at <= coalesce(%(now)s::timestamptz, statement_timestamp())
      AND NOT EXISTS (SELECT FROM platform_outbox_pause
                      WHERE kind = 'shard' AND target = shard::text AND resumed_at IS NULL)
    ORDER BY available_at, id LIMIT 1
    FOR UPDATE SKIP LOCKED)
RETURNING {columns}

-- name: expired_leases
-- Leases that have run out, with what `claim_delivery` returns.
SELECT {columns}
FROM platform_outbox_delivery AS d JOIN platform_outbox AS m ON m.id = d.message_id
WHERE d.status = 'sending' AND d.lease_until <= coalesce(%s::timestamptz, statement_timestamp())
ORDER BY d.lease_until LIMIT 100

-- name: renew_leases
-- Extends the leases that are still held.
UPDATE platform_outbox_delivery AS d SET lease_until = statement_timestamp() + make_interval(secs => held.seconds)
FROM unnest(%s::bigint[], %s::uuid[], %s::float8[]) AS held (id, token, seconds)
WHERE d.id = held.id AND d.lease_token = held.token AND d.status = 'sending'
RETURNING d.lease_token

-- name: give_back_leases
-- Lets others have the deliveries, as if they had not been taken.
UPDATE platform_outbox_delivery AS d
SET status = CASE WHEN attempts > 0 OR failing_since IS NOT NULL THEN 'failed' ELSE 'pending' END,
    lease_token = NULL, lease_until = NULL, locked_by = ''
FROM unnest(%s::bigint[], %s::uuid[]) AS held (id, token)
WHERE d.id = held.id AND d.lease_token = held.token AND d.status = 'sending'

-- name: first_expiry
-- Seconds until the first of all leases runs out.
SELECT extract(epoch FROM min(lease_until) - statement_timestamp())::float8
FROM platform_outbox_delivery WHERE status = 'sending'

-- name: lock_event
-- The event's row, before its queue and its deliveries.
SELECT FROM platform_outbox WHERE id = %s FOR UPDATE

-- name: clock
-- The moment, by the database's clock unless it is given.
SELECT coalesce(%s::timestamptz, statement_timestamp())

-- name: lock_lease
-- Whether the lease is still held, and whether it has run out.
SELECT lease_until <= %s FROM platform_outbox_delivery
WHERE id = %s AND lease_token = %s AND status = 'sending' FOR UPDATE

-- name: mark_delivery
-- What came of a call; ends the lease.
UPDATE platform_outbox_delivery
SET status = %s, attempts = %s, available_at = coalesce(%s, available_at), finished_at = %s, failing_since = %s,
    halts = %s, lease_token = NULL, lease_until = NULL, locked_by = ''
WHERE id = %s

-- name: settle_event
-- The event's state by its deliveries: the same table as models.event_status; a test compares them.
-- While one of its handlers in the database is open, the batch says how it goes on.
UPDATE platform_outbox AS m
SET attempts = greatest(m.attempts, %(attempts)s), status = new.status,
    finished_at = CASE WHEN new.status IN ('sent', 'dead') THEN %(now)s END,
    error = CASE WHEN new.status = 'sent' THEN '' ELSE coalesce(%(error)s, m.error) END,
    error_group = CASE WHEN new.status = 'sent' THEN '' ELSE coalesce(%(group)s, m.error_group) END
FROM (SELECT CASE WHEN bool_or(d.status = 'failed' AND NOT d.io) THEN 'failed'
                  WHEN bool_or(d.status = 'pending' AND NOT d.io) THEN 'pending'
                  WHEN bool_or(d.status IN ('pending', 'failed', 'sending')) THEN 'sending'
                  WHEN bool_or(d.status = 'dead') THEN 'dead' ELSE 'sent' END AS status
      FROM platform_outbox_delivery AS d WHERE d.message_id = %(message)s) AS new
WHERE m.id = %(message)s AND m.status = 'sending'
RETURNING m.status

-- name: open_breaker
-- Opens a breaker, or keeps it open for longer if a probe failed. The waits are those of retry.probe_delays.
INSERT INTO platform_outbox_breaker AS b (handler, neighbour, state, failures, opened_at, retry_at, error)
VALUES (%(handler)s, %(destination)s, 'open', 1, %(now)s,
        %(now)s + make_interval(secs => (%(delays)s::float8[])[1]), %(error)s)
ON CONFLICT (handler, neighbour) DO UPDATE
-- Calls that were under way together fail together; only the first of them, and then each probe, counts.
SET state = 'open', error = EXCLUDED.error,
    failures = CASE b.state WHEN 'open' THEN b.failures ELSE b.failures + 1 END,
    opened_at = CASE b.state WHEN 'closed' THEN %(now)s ELSE b.opened_at END,
    retry_at = CASE b.state WHEN 'open' THEN b.retry_at ELSE %(now)s + make_interval(secs =>
        (%(delays)s::float8[])[least(b.failures + 1, cardinality(%(delays)s::float8[]))]) END
RETURNING opened_at, retry_at

-- name: close_breaker
-- The probe was answered.
UPDATE platform_outbox_breaker SET state = 'closed', failures = 0, opened_at = NULL, retry_at = NULL
WHERE handler = %s AND neighbour = %s AND state = 'half_open'

-- name: begin_probe
-- Half opens a breaker for one call. A probe whose worker dies is over when its lease is.
UPDATE platform_outbox_breaker
SET state = 'half_open', retry_at = coalesce(%(now)s, statement_timestamp()) + make_interval(secs => %(seconds)s)
WHERE handler = %(handler)s AND neighbour = %(destination)s AND state IN ('open', 'half_open')
  AND retry_at <= coalesce(%(now)s, statement_timestamp())
