"""Bank files are read by workers: what a reader is asked, which one reads, and what it could not do."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("finance", "0014_probe_entries")]

    operations = [
        migrations.AddField("importbatch", "question", models.JSONField(default=dict, db_default={})),
        migrations.AddField("importbatch", "reader", models.CharField(max_length=32, blank=True, default="", db_default="")),
        migrations.AddField("importbatch", "moved_openings", models.JSONField(default=list, db_default=[])),
        migrations.AddField("importbatch", "refusal", models.JSONField(null=True, blank=True)),
    ]
