"""The model of answers to requests with an Idempotency-Key belongs to identity now; its table stays as it is."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("finance", "0020_look_up_in_guards"), ("identity", "0006_own_idempotency_records")]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name="IdempotencyRecord")])
    ]
