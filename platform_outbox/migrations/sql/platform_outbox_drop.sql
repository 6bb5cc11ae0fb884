-- Drops a partition, with the owner's rights: only one that nobody needs any more, whoever asks.
CREATE FUNCTION platform_outbox_drop(partition name, before timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp SET lock_timeout = '1s' AS $function$
DECLARE
    doomed regclass;
    needed boolean;
BEGIN
    -- Not one that still takes events, nor the highest: the next one continues from it.
    SELECT ranges.place INTO doomed FROM (
        SELECT c.oid::regclass AS place, c.relname,
               (regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$TO \('?(-?\d+)$re$))[1]::bigint AS upper
        FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid
        WHERE inhparent = 'platform_outbox'::regclass ORDER BY upper DESC NULLS LAST OFFSET 1) AS ranges
    WHERE relname = partition AND upper <= (SELECT last_value FROM platform_outbox_id_seq);
    IF doomed IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format(
        $sql$SELECT EXISTS (SELECT FROM %s WHERE NOT coalesce(
            finished_at < $1 AND (status = 'sent' OR status = 'dead' AND discarded_at < $1), false))$sql$, doomed)
    INTO needed USING before;
    IF needed THEN
        RETURN false;
    END IF;
    BEGIN
        EXECUTE format('ALTER TABLE platform_outbox DETACH PARTITION %s', doomed);
        -- Before the table was ours alone, an operator may have brought something back. An index tells.
        EXECUTE format($sql$SELECT EXISTS (SELECT FROM %s WHERE status IN ('pending', 'failed'))
            OR EXISTS (SELECT FROM %s WHERE status = 'sending')
            OR EXISTS (SELECT FROM %s WHERE status = 'dead' AND discarded_at IS NULL)$sql$, doomed, doomed, doomed)
        INTO needed;
        IF needed THEN
            RAISE EXCEPTION USING ERRCODE = 'LO001';
        END IF;
        EXECUTE format('DROP TABLE %s', doomed);
    EXCEPTION WHEN SQLSTATE 'LO001' THEN
        RETURN false;
    END;
    RETURN true;
END $function$;
REVOKE ALL ON FUNCTION platform_outbox_drop(name, timestamptz) FROM PUBLIC;
