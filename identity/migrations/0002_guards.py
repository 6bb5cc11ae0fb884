"""The audit trail cannot be changed, and goes by age through the owner's function only."""

from pathlib import Path

from django.db import migrations

from core.schema import functions


class Migration(migrations.Migration):
    dependencies = [("identity", "0001_tables")]
    replaces = [("identity", "0003_book_deletions"), ("identity", "0004_member_accounts")]

    operations = functions(Path(__file__).parent, "identity_guard_audit", "identity_prune_audit")
