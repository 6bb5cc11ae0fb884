"""The book in every key, as in finance (docs/adr/0008)."""

from django.db import migrations

from core.schema import KeysWithBook


class Migration(migrations.Migration):
    dependencies = [("insights", "0001_tables"), ("finance", "0002_keys")]
    replaces = [("insights", "0003_index_by_book")]

    operations = [
        KeysWithBook("insight"),
        KeysWithBook("insightevidence", ["insight", "entry"]),
        KeysWithBook("mutedpayee"),
        KeysWithBook("backfill"),
    ]
