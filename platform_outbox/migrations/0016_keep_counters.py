from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("platform_outbox", "0015_keep_payloads_private"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("shard", models.PositiveSmallIntegerField(verbose_name="shard")),
                ("metric", models.CharField(max_length=40, verbose_name="metric")),
                ("first", models.CharField(max_length=120, verbose_name="first label")),
                ("second", models.CharField(max_length=120, verbose_name="second label")),
                ("count", models.PositiveBigIntegerField(verbose_name="count")),
            ],
            options={
                "verbose_name": "counter",
                "verbose_name_plural": "counters",
                "db_table": "platform_outbox_tally",
            },
        ),
        migrations.AddConstraint(
            model_name="tally",
            constraint=models.UniqueConstraint(
                fields=("shard", "metric", "first", "second"), name="platform_outbox_tally_once"
            ),
        ),
        # Few rows that are changed all the time: with room on their pages the index need not be touched.
        migrations.RunSQL(
            "ALTER TABLE platform_outbox_tally SET (fillfactor = 50)",
            "ALTER TABLE platform_outbox_tally RESET (fillfactor)",
        ),
    ]
