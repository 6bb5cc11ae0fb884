-- What operators do: operators/actions.py, operators/replay.py, operations/services.py.

-- name: wake_followers
-- Looks again at events that were half done and waited for one of these keys: the wait may be over.
-- `available_at > created_at` says nothing new, but has an index: only what was put off is read, not the whole queue.
UPDATE platform_outbox AS m SET available_at = statement_timestamp()
WHERE m.shard = ANY(%s) AND m.ordering_key = ANY(%s) AND m.status IN ('pending', 'failed')
  AND m.available_at > statement_timestamp()
  AND m.available_at > m.created_at
  AND EXISTS (SELECT FROM platform_outbox_delivery AS d WHERE d.message_id = m.id)
  AND NOT EXISTS (SELECT FROM platform_outbox_delivery AS d
                  WHERE d.message_id = m.id AND d.status = 'failed' AND NOT d.io)

-- name: call_shards
-- Shards of the calls to the outside that these events make.
SELECT DISTINCT shard FROM platform_outbox_delivery WHERE io AND message_id = ANY(%s)

-- name: requeue_calls
-- Makes dead and waiting calls due, each in its place in the queue, behind a call that is under way.
UPDATE platform_outbox_delivery
SET status = 'pending', attempts = 0, available_at = %s, finished_at = NULL, failing_since = NULL, halts = false,
    in_line = ordered
WHERE io AND status IN ('dead', 'failed') AND message_id = ANY(%s)
RETURNING handler, ordering_key

-- name: discard_calls
-- Gives up on all calls that are open or halt their queue.
-- A worker that is calling just now loses the lease: the result of the call is not recorded.
UPDATE platform_outbox_delivery
SET status = 'dead', finished_at = coalesce(finished_at, %s), halts = false, in_line = false,
    lease_token = NULL, lease_until = NULL, locked_by = ''
WHERE io AND (status IN ('pending', 'failed', 'sending') OR halts) AND message_id = ANY(%s)
RETURNING handler, ordering_key

-- name: only_calls_left
-- Events of which nothing but calls to the outside is left to do.
SELECT m.id FROM platform_outbox AS m WHERE m.id = ANY(%s) AND m.status IN ('sending', 'dead')
  AND (SELECT bool_and(d.io) FROM platform_outbox_delivery AS d
       WHERE d.message_id = m.id AND d.status IN ('dead', 'failed'))

-- name: past_events
-- What a handler has handled, for a replay; the rest it will meet, or has met and failed at, in the ordinary way.
-- One probe for each that is not sent. As EXISTS the server would rather read all deliveries at every step.
SELECT id, event_type, event_version, ordering_key, shard, payload, created_at
FROM platform_outbox AS m
WHERE id > %(above)s AND id <= %(through)s AND event_type = ANY(%(types)s)
  AND (%(key)s = '' OR ordering_key = %(key)s)
  AND created_at >= coalesce(%(since)s::timestamptz, '-infinity')
  AND created_at < coalesce(%(until)s::timestamptz, 'infinity')
  AND (status = 'sent' OR (
      SELECT d.status FROM platform_outbox_delivery AS d
      WHERE d.message_id = m.id AND d.handler = %(handler)s) = 'sent')
ORDER BY id LIMIT %(limit)s

-- name: report_run
-- Writes a run's progress and its heartbeat; tells whether it was cancelled, and nothing once another worker has it.
UPDATE platform_operation_run
SET done = %(done)s, total = %(total)s, unit = %(unit)s, kept = %(kept)s::jsonb,
    log = right(log || %(log)s, %(longest)s), heartbeat_at = statement_timestamp()
WHERE id = %(id)s AND token = %(token)s AND state = 'running'
RETURNING cancel_requested_at IS NOT NULL
