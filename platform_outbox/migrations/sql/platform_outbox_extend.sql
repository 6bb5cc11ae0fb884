-- Makes partitions ahead of the newest id. It runs with the rights of the tables' owner, because the application's role
-- owns nothing; it can only add partitions.
CREATE FUNCTION platform_outbox_extend(size bigint, ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp SET lock_timeout = '1s' AS $function$
DECLARE
    lower bigint;
    newest bigint;
    partition text;
    made integer := 0;
    reader text;
BEGIN
    IF size < 1 OR ahead < 1 OR ahead > 1000 THEN
        RAISE EXCEPTION 'A partition has at least one id, and at most 1000 are made ahead.';
    END IF;
    -- One at a time. Does not stand in the way of reading and writing.
    LOCK TABLE platform_outbox IN SHARE UPDATE EXCLUSIVE MODE;
    SELECT last_value INTO newest FROM platform_outbox_id_seq;
    LOOP
        SELECT max((regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$TO \('?(-?\d+)$re$))[1]::bigint) INTO lower
        FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid WHERE inhparent = 'platform_outbox'::regclass;
        EXIT WHEN lower >= newest + ahead * size;
        partition := format('platform_outbox_from_%s', lower);
        EXECUTE format(
            'CREATE TABLE %I (LIKE platform_outbox INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES'
            ' INCLUDING STORAGE) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01,'
            ' autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.02)', partition);
        -- Rows that came before their partition did are moved into it.
        LOCK TABLE platform_outbox_rest IN ACCESS EXCLUSIVE MODE;
        EXECUTE format(
            'WITH late AS (DELETE FROM platform_outbox_rest WHERE id >= $1 AND id < $2 RETURNING *)'
            ' INSERT INTO %I SELECT * FROM late', partition) USING lower, lower + size;
        EXECUTE format(
            'ALTER TABLE platform_outbox ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
            partition, lower, lower + size);
        -- Who may read the whole may read a part; nothing else is given.
        FOR reader IN SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(grantee::regrole::text) END
                      FROM pg_class, aclexplode(relacl)
                      WHERE pg_class.oid = 'platform_outbox'::regclass AND privilege_type = 'SELECT'
                        AND grantee <> relowner LOOP
            EXECUTE format('GRANT SELECT ON %I TO %s', partition, reader);
        END LOOP;
        made := made + 1;
    END LOOP;
    RETURN made;
END $function$;
REVOKE ALL ON FUNCTION platform_outbox_extend(bigint, integer) FROM PUBLIC;
