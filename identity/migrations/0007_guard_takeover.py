from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ("identity", "0006_own_idempotency_records"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={
                "permissions": [("take_over_user", "Can set passwords and e-mail addresses of users")],
                "verbose_name": "user",
                "verbose_name_plural": "users",
            },
        ),
    ]
