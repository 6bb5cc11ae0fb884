from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ("platform_outbox", "0014_read_partitions"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="outboxmessage",
            options={
                "permissions": [("view_payload", "Can read what events say")],
                "verbose_name": "event",
                "verbose_name_plural": "events",
            },
        ),
    ]
