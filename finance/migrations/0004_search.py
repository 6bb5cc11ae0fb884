"""Words that search finds, and the indexes that it reads."""

from pathlib import Path

from django.db import migrations

from core.schema import SqlFile

_SQL = Path(__file__).parent / "sql"
_DROP_WORDS = (
    "DROP FUNCTION finance_search_query(bigint, text, boolean); DROP FUNCTION finance_search_words(bigint, text)"
)
_DROP_INDEXES = "DROP INDEX finance_entry_words, finance_line_words, finance_line_size"


class Migration(migrations.Migration):
    dependencies = [("finance", "0003_guards")]
    # Of builds before the first release. A database that has applied all of them is as these four make it.
    replaces = [
        ("finance", "0004_import_questions"),
        ("finance", "0005_import_formats"),
        ("finance", "0006_import_rows_left_out"),
        ("finance", "0007_rules_and_learning"),
        ("finance", "0008_moved_entries"),
        ("finance", "0009_import_speed"),
        ("finance", "0010_tags"),
        ("finance", "0011_receipts_and_search"),
        ("finance", "0012_rates_and_values"),
        ("finance", "0013_reports"),
        ("finance", "0014_registers"),
        ("finance", "0015_changes"),
        ("finance", "0017_statements"),
        ("finance", "0018_payees"),
        ("finance", "0019_book_deletion"),
        ("finance", "0020_changes_beside_the_journal"),
        ("finance", "0021_member_accounts"),
        ("finance", "0022_transfer_fees"),
        ("finance", "0023_schedules"),
        ("finance", "0024_loans"),
        ("finance", "0025_receivables"),
        ("finance", "0026_budgets"),
        ("finance", "0027_forecasts_goals_scenarios"),
        ("finance", "0028_recurring"),
        ("finance", "0029_holidays_and_weekdays"),
        ("finance", "0030_members_shares_and_fed_goals"),
        ("finance", "0031_recurring_invoices"),
    ]

    operations = [
        SqlFile(_SQL / "finance_search_words.sql", _DROP_WORDS),
        SqlFile(_SQL / "search_indexes.sql", _DROP_INDEXES),
    ]
