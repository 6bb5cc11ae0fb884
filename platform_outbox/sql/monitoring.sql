-- Figures: monitoring/history.py, monitoring/overview.py, monitoring/snapshot.py. Every count stops at {most} rows.

-- name: add_minutes
-- Adds what a process has noted to the figures per minute.
-- In one order, so that workers never wait for each other in a circle.
INSERT INTO platform_outbox_minute AS m (minute, handler, event_type, sent, failed, dead, seconds, latencies)
SELECT minute, handler, event_type, sent, failed, dead, seconds, latencies
FROM jsonb_to_recordset(%s::jsonb) AS new (minute timestamptz, handler text, event_type text,
                                           sent int, failed int, dead int, seconds float8, latencies int[])
ORDER BY minute, handler, event_type
ON CONFLICT (minute, handler, event_type) DO UPDATE
SET sent = m.sent + EXCLUDED.sent, failed = m.failed + EXCLUDED.failed, dead = m.dead + EXCLUDED.dead,
    seconds = m.seconds + EXCLUDED.seconds,
    latencies = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0)
                      FROM unnest(m.latencies, EXCLUDED.latencies) WITH ORDINALITY AS pair (a, b, place)
                      ORDER BY place)

-- name: history
-- What happened in each step between two moments, of one handler or of all.
SELECT date_bin(make_interval(secs => %(step)s), minute, %(since)s) AS at, sum(sent), sum(failed), sum(dead),
       sum(seconds), ARRAY[{buckets}]
FROM platform_outbox_minute
WHERE minute >= %(since)s AND minute < %(until)s AND (%(handler)s = '' OR handler = %(handler)s)
GROUP BY at ORDER BY at

-- name: history_by_handler
-- What each handler did between two moments.
SELECT handler, sum(sent), sum(failed), sum(dead), sum(seconds), ARRAY[{buckets}]
FROM platform_outbox_minute WHERE minute >= %s AND minute < %s GROUP BY handler

-- name: open_by_type
-- The open events by type and status, or a sample of a long queue.
SELECT event_type, status, count(*), min(created_at) FROM (
    ({open})
    UNION ALL
    (SELECT event_type, status, created_at FROM platform_outbox WHERE status = 'sending' LIMIT {most})
) AS sample GROUP BY event_type, status

-- name: open_by_handler
-- The open deliveries by handler and status; each part has an index of its own.
SELECT handler, status, count(*) FROM (
    (SELECT handler, status FROM platform_outbox_delivery WHERE status = 'failed' AND NOT io LIMIT {most})
    UNION ALL
    (SELECT handler, status FROM platform_outbox_delivery
     WHERE io AND NOT in_line AND status IN ('pending', 'failed') LIMIT {most})
    UNION ALL
    (SELECT handler, status FROM platform_outbox_delivery
     WHERE io AND in_line AND ordered AND status IN ('pending', 'failed') LIMIT {most})
    UNION ALL
    (SELECT handler, status FROM platform_outbox_delivery WHERE status = 'sending' LIMIT {most})
) AS sample GROUP BY handler, status

-- name: error_groups
-- Dead letters by error and event type, with the newest event of each and the handlers of the newest {looked_at}.
-- Hops from one pair of error and event type to the next, so it costs as many probes as there are pairs.
WITH RECURSIVE pairs AS (
    (SELECT error_group, event_type FROM platform_outbox
     WHERE status = 'dead' AND discarded_at IS NULL AND (%(group)s::text IS NULL OR error_group >= %(group)s)
     ORDER BY error_group, event_type LIMIT 1)
    UNION ALL
    SELECT next.error_group, next.event_type FROM pairs, LATERAL (
        SELECT error_group, event_type FROM platform_outbox
        WHERE status = 'dead' AND discarded_at IS NULL
          AND (error_group, event_type) > (pairs.error_group, pairs.event_type)
          AND (%(group)s::text IS NULL OR error_group = %(group)s)
        ORDER BY error_group, event_type LIMIT 1) AS next
)
SELECT error_group, event_type, count, last, head.finished_at, tail.finished_at, tail.error, handlers
FROM (SELECT * FROM pairs WHERE %(group)s::text IS NULL OR error_group = %(group)s LIMIT %(most)s) AS pairs,
LATERAL (SELECT count(*) FROM (SELECT FROM {of_pair} LIMIT {most}) AS capped) AS tally,
LATERAL (SELECT finished_at FROM {of_pair} ORDER BY error_group, event_type, id LIMIT 1) AS head,
LATERAL (
    SELECT id AS last, finished_at, error FROM {of_pair}
    ORDER BY error_group DESC, event_type DESC, id DESC LIMIT 1) AS tail,
LATERAL (
    SELECT array_agg(DISTINCT d.handler::text) AS handlers FROM (
        SELECT id FROM {of_pair} ORDER BY error_group DESC, event_type DESC, id DESC LIMIT {looked_at}) AS newest
    JOIN platform_outbox_delivery AS d ON d.message_id = newest.id AND d.status = 'dead') AS fallen

-- name: of_pair
-- The dead letters of one pair in `error_groups`.
platform_outbox AS m WHERE status = 'dead' AND discarded_at IS NULL
    AND m.error_group = pairs.error_group AND m.event_type = pairs.event_type

-- One figure each of the sample below.

-- name: sample_pending
-- Events that wait for a worker, for a retry or for their time, by type.
SELECT coalesce(jsonb_object_agg(event_type, count), '{}') FROM (
    SELECT event_type, count(*) FROM ({open}) AS few GROUP BY event_type) AS counted

-- name: sample_oldest
-- Age of the oldest event of each type that is due, among the first {heads} of each shard.
SELECT coalesce(jsonb_object_agg(event_type, age), '{}') FROM (
    SELECT event_type, greatest(0, extract(epoch FROM statement_timestamp() - min(created_at))) AS age
    FROM generate_series(0, {shards} - 1) AS shards (shard),
    LATERAL (
        SELECT event_type, created_at FROM platform_outbox AS m
        WHERE m.shard BETWEEN shards.shard AND shards.shard AND m.status IN ('pending', 'failed')
          AND (m.status = 'failed' OR m.available_at <= statement_timestamp())
        ORDER BY m.shard, m.id LIMIT {heads}) AS head
    GROUP BY event_type) AS aged

-- name: sample_dead
-- Dead letters that nobody has dealt with.
SELECT count(*) FROM (
    SELECT * FROM platform_outbox WHERE status = 'dead' AND discarded_at IS NULL LIMIT {most}) AS few

-- name: sample_without_partition
-- Events in the partition of the rest, up to 1,001.
SELECT count(*) FROM (
    SELECT FROM platform_outbox WHERE id >= (
        SELECT max((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''?(-?\d+)'))[1]::bigint)
        FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid WHERE inhparent = 'platform_outbox'::regclass)
    LIMIT 1001) AS rest

-- name: sample_calls
-- Calls that are due or wait for a retry, by handler.
SELECT coalesce(jsonb_object_agg(handler, count), '{}') FROM (
    SELECT handler, count(*) FROM (
        SELECT handler FROM platform_outbox_delivery
        WHERE io AND NOT in_line AND status IN ('pending', 'failed') LIMIT {most}) AS few
    GROUP BY handler) AS counted

-- name: sample_held
-- Ordering keys whose later events wait for one that failed.
SELECT count(DISTINCT ordering_key) FROM (
    SELECT * FROM platform_outbox_delivery WHERE status = 'failed' AND NOT io LIMIT {most}) AS few

-- name: sample_tallies
-- The counters, summed over the shards.
SELECT coalesce(jsonb_agg(jsonb_build_array(metric, first, second, sum)), '[]') FROM (
    SELECT metric, first, second, sum(count) FROM platform_outbox_tally
    GROUP BY metric, first, second) AS summed

-- name: sample_suspects
-- Events that were in hand when a worker died.
SELECT count(*) FROM (SELECT * FROM platform_outbox_suspect WHERE true LIMIT {most}) AS few

-- name: sample_breakers
-- Breakers that are not closed, by handler.
SELECT coalesce(jsonb_object_agg(handler, count), '{}') FROM (
    SELECT handler, count(*) FROM platform_outbox_breaker WHERE state <> 'closed' GROUP BY handler) AS open

-- name: sample_pauses
-- What operators have paused.
SELECT coalesce(jsonb_agg(jsonb_build_array(kind, target)), '[]') FROM platform_outbox_pause
WHERE resumed_at IS NULL

-- name: sample_jobs
-- Failures in a row of each periodic job, and when it went well for the last time.
SELECT coalesce(jsonb_object_agg(name, jsonb_build_array(failures, extract(epoch FROM last_done_at))), '{}')
FROM platform_outbox_periodic

-- name: sample_workers
-- Workers with a recent heartbeat.
SELECT count(*) FROM platform_worker
WHERE heartbeat_at > statement_timestamp() - make_interval(secs => {alive})

-- name: sample_snapshot
-- Age of the oldest open transaction.
SELECT coalesce(max(extract(epoch FROM statement_timestamp() - xact_start)), 0) FROM pg_stat_activity
WHERE datname = current_database() AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
  AND backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid()

-- name: sample_dead_tuples
-- Rows of the outbox's tables that wait for vacuum.
SELECT coalesce(sum(pg_stat_get_dead_tuples(inhrelid)), 0)
       + pg_stat_get_dead_tuples('platform_outbox_delivery'::regclass)
FROM pg_inherits WHERE inhparent = 'platform_outbox'::regclass

-- name: take_sample
-- Looks up all figures of the outbox as a whole, and leaves them for all to read.
INSERT INTO platform_outbox_sample (id, taken_at, figures)
VALUES (1, statement_timestamp(), jsonb_build_object({figures}))
ON CONFLICT (id) DO UPDATE SET taken_at = EXCLUDED.taken_at, figures = EXCLUDED.figures

-- name: read_sample
-- The age of the newest figures in seconds, and the figures.
SELECT extract(epoch FROM statement_timestamp() - taken_at)::float8, figures
FROM platform_outbox_sample WHERE id = 1
