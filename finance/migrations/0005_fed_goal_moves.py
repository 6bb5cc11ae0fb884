from django.db import migrations, models


class Migration(migrations.Migration):
    """Which records of goals follow the payments of a schedule."""

    dependencies = [("finance", "0004_search")]

    operations = [
        migrations.AddField(
            model_name="goalmove",
            name="is_fed",
            field=models.BooleanField(db_default=False, default=False, verbose_name="by the schedule"),
        ),
    ]
