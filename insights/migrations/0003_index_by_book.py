import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """By this index an erased book finds its rows."""

    dependencies = [
        ('insights', '0002_keys'),
    ]

    operations = [
        migrations.AlterField(
            model_name='insightevidence',
            name='book',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book'),
        ),
    ]
