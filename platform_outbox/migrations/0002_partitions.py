"""Partitions by ranges of ids, the functions that add and drop them, and room on the pages of busy tables."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


def partition(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        (schema,) = cursor.fetchone()
        for name in ("partition_outbox", "platform_outbox_extend", "platform_outbox_drop"):
            # Pinned to their schema: a function with its owner's rights must not find things of its caller.
            cursor.execute((SQL / f"{name}.sql").read_text().replace("{schema}", schema))
        cursor.execute("SELECT platform_outbox_extend(1000000, 1)")


def drop_functions(apps, schema_editor):
    """The partitions stay as they are; taking back 0001 drops them."""
    schema_editor.execute("DROP FUNCTION platform_outbox_extend, platform_outbox_drop", params=None)


class Migration(migrations.Migration):
    dependencies = [("platform_outbox", "0001_tables")]

    operations = [migrations.RunPython(partition, drop_functions)]
