-- What the guards keep is taken away with its whole book only, once the grace of the book is over (finance_guard_deletion).
-- They refused every DELETE before; now rows tell whether it may be. Nobody but the owner has the right to delete here:
-- the application erases through finance_erase_book().
CREATE FUNCTION finance_erase_only() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, {schema}, pg_temp AS $function$
BEGIN
    -- finance_rebuild_months(), which writes them again.
    IF TG_RELID = 'finance_accountmonth'::regclass AND pg_trigger_depth() > 1 THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM (SELECT DISTINCT book_id FROM gone) AS part
                WHERE NOT EXISTS (SELECT FROM finance_book AS book
                                   WHERE book.id = part.book_id AND book.erase_at <= clock_timestamp()))
    THEN
        RAISE EXCEPTION 'rows of % go with their whole book only, when its grace is over', TG_TABLE_NAME
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_append_only';
    END IF;
    RETURN NULL;
END $function$;
REVOKE ALL ON FUNCTION finance_erase_only() FROM PUBLIC;

DROP TRIGGER finance_entry_append_only ON finance_journalentry;
DROP TRIGGER finance_line_append_only ON finance_journalline;
DROP TRIGGER finance_seal_append_only ON finance_seal;
DROP TRIGGER finance_month_by_trigger_only ON finance_accountmonth;
DROP TRIGGER finance_chainhead_by_trigger_only ON finance_chainhead;
DROP TRIGGER finance_periodchange_by_trigger_only ON finance_periodchange;
DROP TRIGGER finance_noted_head_stays ON finance_notedhead;

CREATE TRIGGER finance_entry_append_only BEFORE UPDATE OR TRUNCATE ON finance_journalentry
    FOR EACH STATEMENT EXECUTE FUNCTION finance_refuse_rewrite();
CREATE TRIGGER finance_line_append_only BEFORE UPDATE OR TRUNCATE ON finance_journalline
    FOR EACH STATEMENT EXECUTE FUNCTION finance_refuse_rewrite();
CREATE TRIGGER finance_seal_append_only BEFORE UPDATE OR TRUNCATE ON finance_seal
    FOR EACH STATEMENT EXECUTE FUNCTION finance_refuse_rewrite();
CREATE TRIGGER finance_month_by_trigger_only BEFORE INSERT OR UPDATE OR TRUNCATE ON finance_accountmonth
    FOR EACH STATEMENT EXECUTE FUNCTION finance_by_trigger_only();
CREATE TRIGGER finance_chainhead_by_trigger_only BEFORE INSERT OR UPDATE OR TRUNCATE ON finance_chainhead
    FOR EACH STATEMENT EXECUTE FUNCTION finance_by_trigger_only();
CREATE TRIGGER finance_periodchange_by_trigger_only BEFORE INSERT OR UPDATE OR TRUNCATE ON finance_periodchange
    FOR EACH STATEMENT EXECUTE FUNCTION finance_by_trigger_only();
CREATE TRIGGER finance_noted_head_stays BEFORE TRUNCATE ON finance_notedhead
    FOR EACH STATEMENT EXECUTE FUNCTION finance_keep_noted_heads();

CREATE TRIGGER finance_journalentry_erase_only AFTER DELETE ON finance_journalentry REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION finance_erase_only();
CREATE TRIGGER finance_journalline_erase_only AFTER DELETE ON finance_journalline REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION finance_erase_only();
CREATE TRIGGER finance_seal_erase_only AFTER DELETE ON finance_seal REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION finance_erase_only();
CREATE TRIGGER finance_accountmonth_erase_only AFTER DELETE ON finance_accountmonth REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION finance_erase_only();
CREATE TRIGGER finance_chainhead_erase_only AFTER DELETE ON finance_chainhead REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION finance_erase_only();
CREATE TRIGGER finance_periodchange_erase_only AFTER DELETE ON finance_periodchange REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION finance_erase_only();
CREATE TRIGGER finance_notedhead_erase_only AFTER DELETE ON finance_notedhead REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION finance_erase_only();
