from django.db import migrations, models


class Migration(migrations.Migration):
    """Changes record what they did besides the journal: tags and payees."""

    dependencies = [
        ('finance', '0019_book_deletion'),
    ]

    operations = [
        migrations.AddField(
            model_name='change',
            name='beside',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='change',
            name='action',
            field=models.CharField(
                choices=[
                    ('edit', 'edited'),
                    ('delete', 'deleted'),
                    ('merge_payees', 'payees merged'),
                    ('tag', 'tagged'),
                    ('undo', 'undone'),
                ],
                max_length=12,
                verbose_name='action',
            ),
        ),
    ]
