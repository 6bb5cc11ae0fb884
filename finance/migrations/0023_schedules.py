import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):
    """Schedules, what became of their occurrences, and the entries that paid them."""

    dependencies = [
        ('finance', '0022_transfer_fees'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('amount_kind', models.CharField(choices=[('fixed', 'always the same'), ('range', 'between two amounts'), ('learned', 'like the latest payments'), ('variable', 'different each time')], default='fixed', max_length=8, verbose_name='kind of amount')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('least', models.BigIntegerField(blank=True, null=True, verbose_name='lower bound')),
                ('most', models.BigIntegerField(blank=True, null=True, verbose_name='upper bound')),
                ('lines', models.JSONField(verbose_name='lines')),
                ('payee', models.CharField(blank=True, max_length=200, verbose_name='payee')),
                ('description', models.CharField(blank=True, max_length=500, verbose_name='description')),
                ('tag_ids', models.JSONField(default=list, verbose_name='tags')),
                ('first', models.DateField(verbose_name='first day')),
                ('unit', models.CharField(choices=[('day', 'days'), ('week', 'weeks'), ('month', 'months'), ('year', 'years')], max_length=5, verbose_name='unit')),
                ('every', models.PositiveSmallIntegerField(default=1, verbose_name='every')),
                ('days', models.JSONField(default=list, verbose_name='days of the month')),
                ('weekday_number', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='which weekday of the month')),
                ('weekday', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='weekday')),
                ('shift', models.CharField(choices=[('none', 'stays'), ('before', 'weekday before'), ('after', 'weekday after'), ('nearest', 'nearest weekday')], default='none', max_length=7, verbose_name='on a weekend')),
                ('until', models.DateField(blank=True, null=True, verbose_name='last day')),
                ('count', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='number of occurrences')),
                ('total', models.BigIntegerField(blank=True, null=True, verbose_name='total')),
                ('asked_from', models.DateField(verbose_name='asked from')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('changed_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='account')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='schedules', to='finance.book', verbose_name='book')),
                ('continues', models.OneToOneField(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='continued_by', to='finance.schedule', verbose_name='continues')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'schedule',
                'verbose_name_plural': 'schedules',
            },
        ),
        migrations.CreateModel(
            name='ScheduleOccurrence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('nominal', models.DateField(verbose_name='nominal date')),
                ('state', models.CharField(choices=[('due', 'due'), ('skipped', 'skipped'), ('partly_paid', 'partly paid'), ('paid', 'paid')], default='due', max_length=11, verbose_name='state')),
                ('moved_to', models.DateField(blank=True, null=True, verbose_name='moved to')),
                ('refused', models.JSONField(default=list)),
                ('changed_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
                ('changed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('schedule', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='recorded', to='finance.schedule', verbose_name='schedule')),
            ],
            options={
                'verbose_name': 'occurrence of a schedule',
                'verbose_name_plural': 'occurrences of schedules',
            },
        ),
        migrations.CreateModel(
            name='SchedulePayment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('date', models.DateField(verbose_name='date')),
                ('linked_at', models.DateTimeField(auto_now_add=True, verbose_name='at')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
                ('entry', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.journalentry', verbose_name='entry')),
                ('linked_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('occurrence', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='payments', to='finance.scheduleoccurrence', verbose_name='occurrence')),
            ],
            options={
                'verbose_name': 'payment of a schedule',
                'verbose_name_plural': 'payments of schedules',
            },
        ),
        migrations.AddConstraint(
            model_name='schedule',
            constraint=models.CheckConstraint(condition=models.Q(('amount', 0), _negated=True), name='finance_schedule_amount_not_zero'),
        ),
        migrations.AddConstraint(
            model_name='schedule',
            constraint=models.CheckConstraint(condition=models.Q(('every__gte', 1)), name='finance_schedule_every'),
        ),
        migrations.AddConstraint(
            model_name='scheduleoccurrence',
            constraint=models.UniqueConstraint(fields=('schedule', 'nominal', 'book'), name='finance_scheduleoccurrence_once'),
        ),
        migrations.AddConstraint(
            model_name='schedulepayment',
            constraint=models.UniqueConstraint(fields=('occurrence', 'entry', 'book'), name='finance_schedulepayment_once'),
        ),
        KeysWithBook("schedule", ["account", "continues"]),
        KeysWithBook("scheduleoccurrence", ["schedule"]),
        KeysWithBook("schedulepayment", ["occurrence", "entry"]),
    ]
