-- Deletes up to `most` rows of a book from one table, and tells how many: the only way in which the application takes away
-- what the guards keep. Works for a book whose grace is over, and holds its row, so that two who erase take turns.
-- Rows that refer to other rows of their table go first, whatever their numbers are.
CREATE FUNCTION finance_erase_book(doomed bigint, part text, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp AS $function$
DECLARE
    whole regclass := to_regclass(format('{schema}.%I', part));
    leaves text;
    erased bigint;
BEGIN
    PERFORM FROM finance_book WHERE id = doomed AND erase_at <= clock_timestamp() FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'book % is not to be erased', doomed
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_book_grace';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = whole AND attname = 'book_id' AND NOT attisdropped) THEN
        RAISE EXCEPTION '% is no table with rows of books', part USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT string_agg(
               format(' AND NOT EXISTS (SELECT FROM %s AS other WHERE other.%I = this.id'
                      ' AND other.book_id = this.book_id OFFSET 0)', whole, attname), '')
      INTO leaves
      FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey) AND attname <> 'book_id'
     WHERE contype = 'f' AND conrelid = whole AND confrelid = whole;
    EXECUTE format('DELETE FROM %1$s WHERE ctid = ANY (ARRAY('
                   'SELECT ctid FROM %1$s AS this WHERE book_id = $1%2$s LIMIT $2))', whole, leaves)
      USING doomed, most;
    GET DIAGNOSTICS erased = ROW_COUNT;
    RETURN erased;
END $function$;
REVOKE ALL ON FUNCTION finance_erase_book(bigint, text, integer) FROM PUBLIC;
