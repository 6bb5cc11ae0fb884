"""The ledger's guards, in the database: they hold for every role and every way in.

Each function stands in a file of its own, with the triggers that call it. They run with the owner's rights where they
must read or write what the caller may not; each of those works for its own trigger only, and nobody but the owner may
attach one to a table. A refusal has SQLSTATE 23514 and the name of a constraint, by which the services recognise it.

A guard reads rows of its own book only. Changing one is a new file and a new migration: a test keeps these as they are.
"""

from pathlib import Path

from django.db import migrations

from core.schema import functions


class Migration(migrations.Migration):
    dependencies = [("finance", "0002_keys")]

    operations = functions(
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
    )
