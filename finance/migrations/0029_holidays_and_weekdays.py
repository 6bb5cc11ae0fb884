"""Public holidays of a book and its schedules, several weekdays of a week, weekdays of the month that were found."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0028_recurring'),
    ]

    operations = [
        migrations.AddField(
            model_name='book',
            name='holidays',
            field=models.CharField(blank=True, db_default='', default='', max_length=60, verbose_name='public holidays'),
        ),
        migrations.AddField(
            model_name='recurringfinding',
            name='weekday',
            field=models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='weekday'),
        ),
        migrations.AddField(
            model_name='recurringfinding',
            name='weekday_number',
            field=models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='which weekday of the month'),
        ),
        migrations.AddField(
            model_name='recurringfinding',
            name='weekdays',
            field=models.JSONField(db_default=[], default=list, verbose_name='weekdays'),
        ),
        migrations.AddField(
            model_name='schedule',
            name='holidays',
            field=models.CharField(blank=True, db_default='', default='', max_length=60, verbose_name='public holidays'),
        ),
        migrations.AddField(
            model_name='schedule',
            name='weekdays',
            field=models.JSONField(db_default=[], default=list, verbose_name='weekdays'),
        ),
    ]
