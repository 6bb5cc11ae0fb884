import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):
    """Recurring payments that were found, and addresses of calendars."""

    dependencies = [
        ('finance', '0027_forecasts_goals_scenarios'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RecurringCheck',
            fields=[
                ('book', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='finance.book')),
                ('complete_at', models.DateTimeField(null=True, verbose_name='looked at')),
            ],
        ),
        migrations.CreateModel(
            name='CalendarFeed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token_hash', models.CharField(max_length=64)),
                ('with_amounts', models.BooleanField(default=False, verbose_name='with amounts')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('used_at', models.DateTimeField(blank=True, null=True, verbose_name='last read')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='member')),
            ],
            options={
                'verbose_name': 'calendar address',
                'verbose_name_plural': 'calendar addresses',
                'constraints': [models.UniqueConstraint(fields=('token_hash', 'book'), name='finance_calendarfeed_token'), models.UniqueConstraint(fields=('book', 'user'), name='finance_calendarfeed_member')],
            },
        ),
        migrations.CreateModel(
            name='RecurringFinding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('group', models.CharField(max_length=260, verbose_name='compared by')),
                ('payee', models.CharField(blank=True, max_length=200, verbose_name='payee')),
                ('description', models.CharField(blank=True, max_length=500, verbose_name='description')),
                ('rhythm', models.CharField(max_length=16, verbose_name='rhythm')),
                ('unit', models.CharField(choices=[('day', 'day'), ('week', 'week'), ('month', 'month'), ('year', 'year')], max_length=5, verbose_name='unit')),
                ('every', models.PositiveSmallIntegerField(verbose_name='every')),
                ('days', models.JSONField(default=list, verbose_name='days of the month')),
                ('shift', models.CharField(choices=[('none', 'none'), ('before', 'before'), ('after', 'after'), ('nearest', 'nearest')], max_length=7, verbose_name='on a weekend')),
                ('next_due', models.DateField(verbose_name='next')),
                ('lasts_until', models.DateField(verbose_name='lasts until')),
                ('amount_kind', models.CharField(choices=[('fixed', 'always the same'), ('range', 'between two amounts'), ('learned', 'like the latest payments')], max_length=8, verbose_name='kind of amount')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('least', models.BigIntegerField(verbose_name='lower bound')),
                ('most', models.BigIntegerField(verbose_name='upper bound')),
                ('per_year', models.BigIntegerField(verbose_name='in a year')),
                ('confidence', models.PositiveSmallIntegerField(verbose_name='how sure, in percent')),
                ('hits', models.PositiveSmallIntegerField(verbose_name='payments')),
                ('misses', models.PositiveSmallIntegerField(verbose_name='days without a payment')),
                ('extras', models.PositiveSmallIntegerField(verbose_name='payments between')),
                ('began', models.DateField(verbose_name='first payment')),
                ('latest', models.DateField(verbose_name='latest payment')),
                ('evidence', models.JSONField(default=list, verbose_name='entries')),
                ('state', models.CharField(choices=[('offered', 'offered'), ('dismissed', 'dismissed'), ('scheduled', 'made a schedule')], default='offered', max_length=9, verbose_name='state')),
                ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided')),
                ('found_at', models.DateTimeField(auto_now_add=True, verbose_name='found')),
                ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.account', verbose_name='account')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='recurring', to='finance.book', verbose_name='book')),
                ('counter', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='finance.account', verbose_name='other side')),
                ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('schedule', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='found_as', to='finance.schedule', verbose_name='schedule')),
            ],
            options={
                'verbose_name': 'recurring payment found',
                'verbose_name_plural': 'recurring payments found',
                'indexes': [models.Index(fields=['book', 'group'], name='finance_recurring_group')],
            },
        ),
        KeysWithBook("recurringfinding", ["account", "counter", "schedule"]),
        KeysWithBook("calendarfeed", []),
    ]
