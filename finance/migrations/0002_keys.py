"""The book in every key: books can be spread over servers, and no row can point into another book (docs/adr/0008)."""

from pathlib import Path

from django.db import migrations

from core.schema import KeysWithBook, SqlFile


class Migration(migrations.Migration):
    dependencies = [("finance", "0001_tables")]

    operations = [
        KeysWithBook("membership"),
        KeysWithBook("invitation"),
        KeysWithBook("account", ["parent"]),
        KeysWithBook("journalentry", ["reverses", "corrects"]),
        KeysWithBook("journalline"),
        SqlFile(
            Path(__file__).parent / "sql" / "keys_and_storage.sql",
            """
            ALTER TABLE finance_seal DROP CONSTRAINT finance_seal_hash_length, DROP CONSTRAINT finance_seal_entry_id_key;
            ALTER TABLE finance_seal ADD UNIQUE (entry_id);
            ALTER TABLE finance_accountmonth RESET (fillfactor);
            ALTER TABLE finance_journalline DROP CONSTRAINT finance_line_entry_fk, DROP CONSTRAINT finance_line_account_fk;
            """,
        ),
        KeysWithBook("accountmonth", ["account"]),
        KeysWithBook("monthrebuild"),
        KeysWithBook("periodchange"),
        KeysWithBook("importprofile", ["account"]),
        KeysWithBook("importbatch", ["account", "opening_entry"]),
        KeysWithBook("importstatement", ["batch", "account"]),
        KeysWithBook(
            "importrow", ["batch", "statement", "account", "counter_account", "matched_entry", "posted_entry"]
        ),
        KeysWithBook("webhookendpoint"),
        KeysWithBook("webhooksecret", ["endpoint"]),
        KeysWithBook("webhookdelivery", ["endpoint"]),
        KeysWithBook("webhookattempt", ["delivery"]),
    ]
