"""The ledger's guards, in the database: they hold for every role and every way in.

Each function stands in a file of its own, with the triggers that call it. They run with the owner's rights where they
must read or write what the caller may not; each of those works for its own trigger only, and nobody but the owner may
attach one to a table. A refusal has SQLSTATE 23514 and the name of a constraint, by which the services recognise it.

A guard reads rows of its own book only. Changing one is a new file and a new migration: a test keeps these as they are.
"""

from pathlib import Path

from django.db import migrations

from core.schema import SqlFile, functions

_SQL = Path(__file__).parent / "sql"
# The triggers as the functions above bring them.
_AS_BEFORE = """
DROP FUNCTION finance_erase_only() CASCADE;
DROP TRIGGER finance_entry_append_only ON finance_journalentry;
DROP TRIGGER finance_line_append_only ON finance_journalline;
DROP TRIGGER finance_seal_append_only ON finance_seal;
DROP TRIGGER finance_month_by_trigger_only ON finance_accountmonth;
DROP TRIGGER finance_chainhead_by_trigger_only ON finance_chainhead;
DROP TRIGGER finance_periodchange_by_trigger_only ON finance_periodchange;
DROP TRIGGER finance_noted_head_stays ON finance_notedhead;
CREATE TRIGGER finance_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance_journalentry
    FOR EACH STATEMENT EXECUTE FUNCTION finance_refuse_rewrite();
CREATE TRIGGER finance_line_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance_journalline
    FOR EACH STATEMENT EXECUTE FUNCTION finance_refuse_rewrite();
CREATE TRIGGER finance_seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance_seal
    FOR EACH STATEMENT EXECUTE FUNCTION finance_refuse_rewrite();
CREATE TRIGGER finance_month_by_trigger_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON finance_accountmonth
    FOR EACH STATEMENT EXECUTE FUNCTION finance_by_trigger_only();
CREATE TRIGGER finance_chainhead_by_trigger_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON finance_chainhead
    FOR EACH STATEMENT EXECUTE FUNCTION finance_by_trigger_only();
CREATE TRIGGER finance_periodchange_by_trigger_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON finance_periodchange
    FOR EACH STATEMENT EXECUTE FUNCTION finance_by_trigger_only();
CREATE TRIGGER finance_noted_head_stays BEFORE DELETE OR TRUNCATE ON finance_notedhead
    FOR EACH STATEMENT EXECUTE FUNCTION finance_keep_noted_heads();
"""


class Migration(migrations.Migration):
    dependencies = [("finance", "0002_keys")]

    operations = [
        *functions(
            Path(__file__).parent,
            "finance_refuse_rewrite",
            "finance_by_trigger_only",
            "finance_account_identity",
            "finance_check_entry",
            "finance_check_links",
            "finance_check_period",
            "finance_post_lines",
            "finance_rebuild_months",
            "finance_lock_book",
            "finance_stamp_closing",
            "finance_log_closing",
            "finance_continue_chain",
            "finance_keep_noted_heads",
        ),
        # A book is erased when its grace is over, and by nobody else.
        SqlFile(_SQL / "finance_guard_deletion.sql", "DROP FUNCTION finance_guard_deletion() CASCADE"),
        SqlFile(_SQL / "finance_erase_only.sql", _AS_BEFORE),
        SqlFile(_SQL / "finance_erase_book.sql", "DROP FUNCTION finance_erase_book(bigint, text, integer)"),
    ]
