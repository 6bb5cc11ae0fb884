"""Pay periods, saved views of registers, and an index of reversals for their sums."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0012_rates_and_values'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PayPeriod',
            fields=[
                ('book', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='pay_period', serialize=False, to='finance.book')),
                ('day', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='day of the month')),
                ('shift', models.CharField(choices=[('none', 'stays on that day'), ('before', 'is paid on the Friday before'), ('after', 'is paid on the Monday after'), ('nearest', 'is paid on the nearest weekday')], default='none', max_length=7, verbose_name='on a weekend')),
                ('anchor', models.DateField(blank=True, null=True, verbose_name='a payday')),
                ('weeks', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='weeks between paydays')),
            ],
            options={
                'verbose_name': 'pay period',
                'verbose_name_plural': 'pay periods',
            },
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('shared', models.BooleanField(default=False, verbose_name='shared')),
                ('query', models.CharField(blank=True, max_length=2000, verbose_name='filters')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
            ],
            options={
                'verbose_name': 'saved view',
                'verbose_name_plural': 'saved views',
            },
        ),
        migrations.AddIndex(
            model_name='journalentry',
            index=models.Index(condition=models.Q(('reverses__isnull', False)), fields=['book', 'date'], name='finance_entry_reversals'),
        ),
        migrations.AddConstraint(
            model_name='payperiod',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('anchor', None), ('day__isnull', False), ('weeks', None)), models.Q(('anchor__isnull', False), ('day', None), ('weeks__isnull', False)), _connector='OR'), name='finance_payperiod_one_rule'),
        ),
        migrations.AddField(
            model_name='savedview',
            name='account',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.account', verbose_name='account'),
        ),
        migrations.AddField(
            model_name='savedview',
            name='book',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_views', to='finance.book', verbose_name='book'),
        ),
        migrations.AddField(
            model_name='savedview',
            name='owner',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='owner'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(fields=('book', 'owner', 'name'), name='finance_savedview_name'),
        ),
        KeysWithBook("savedview", ["account"]),
    ]
