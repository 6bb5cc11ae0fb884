"""Forecasts as they were made, goals and scenarios."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0026_budgets'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Forecast',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('made_on', models.DateField(verbose_name='made on')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='made at')),
                ('basis', models.JSONField(default=dict, verbose_name='what was learned')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
            ],
            options={
                'verbose_name': 'forecast',
                'verbose_name_plural': 'forecasts',
            },
        ),
        migrations.CreateModel(
            name='ForecastAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('floor', models.BigIntegerField(blank=True, null=True, verbose_name='lowest balance wanted')),
                ('included', models.BooleanField(default=True, verbose_name='in the forecast')),
                ('account', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='forecast', to='finance.account', verbose_name='account')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
            ],
            options={
                'verbose_name': 'account in the forecast',
                'verbose_name_plural': 'accounts in the forecast',
            },
        ),
        migrations.CreateModel(
            name='ForecastPoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('horizon', models.PositiveSmallIntegerField(verbose_name='days ahead')),
                ('date', models.DateField(verbose_name='day')),
                ('start', models.BigIntegerField()),
                ('planned', models.BigIntegerField()),
                ('habitual', models.BigIntegerField()),
                ('expected', models.BigIntegerField(verbose_name='expected')),
                ('low', models.BigIntegerField(blank=True, null=True, verbose_name='low')),
                ('high', models.BigIntegerField(blank=True, null=True, verbose_name='high')),
                ('rests_on', models.CharField(choices=[('forecasts', 'earlier forecasts'), ('history', 'the past year'), ('stretched', 'a shorter time, stretched'), ('none', 'too little is known')], default='none', max_length=10, verbose_name='band rests on')),
                ('actual', models.BigIntegerField(blank=True, null=True, verbose_name='actual')),
                ('actual_planned', models.BigIntegerField(blank=True, null=True)),
                ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.account', verbose_name='account')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('forecast', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='points', to='finance.forecast', verbose_name='forecast')),
            ],
            options={
                'verbose_name': 'forecast figure',
                'verbose_name_plural': 'forecast figures',
            },
        ),
        migrations.CreateModel(
            name='Goal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('kind', models.CharField(choices=[('save', 'save for something'), ('keep', 'keep an amount ready')], default='save', max_length=4, verbose_name='kind')),
                ('currency', models.CharField(max_length=8, verbose_name='currency')),
                ('target', models.BigIntegerField(blank=True, null=True, verbose_name='target')),
                ('by', models.DateField(blank=True, null=True, verbose_name='by')),
                ('started_on', models.DateField(verbose_name='planned from')),
                ('opening', models.BigIntegerField(default=0, verbose_name='set aside at the start')),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('closed_at', models.DateTimeField(blank=True, null=True, verbose_name='closed')),
                ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='account')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'goal',
                'verbose_name_plural': 'goals',
            },
        ),
        migrations.CreateModel(
            name='GoalMove',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('opening', 'there at the start'), ('in', 'set aside'), ('out', 'released'), ('fix', 'correction')], max_length=7, verbose_name='kind')),
                ('date', models.DateField(verbose_name='date')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='recorded')),
                ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='account')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('entry', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.journalentry', verbose_name='entry')),
                ('goal', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='moves', to='finance.goal', verbose_name='goal')),
            ],
            options={
                'verbose_name': 'money set aside',
                'verbose_name_plural': 'money set aside',
            },
        ),
        migrations.CreateModel(
            name='Scenario',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('promoted_at', models.DateTimeField(blank=True, null=True, verbose_name='put into the plan')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('promoted_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'scenario',
                'verbose_name_plural': 'scenarios',
            },
        ),
        migrations.CreateModel(
            name='ScenarioStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('add', 'something new that repeats'), ('one_off', 'something new, once'), ('change', 'a plan changes'), ('stop', 'a plan ends'), ('delay', 'a plan comes later'), ('shock', 'all income or spending changes')], max_length=8, verbose_name='step')),
                ('first', models.DateField(verbose_name='from')),
                ('last', models.DateField(blank=True, null=True, verbose_name='through')),
                ('layer', models.CharField(choices=[('schedule', 'schedule'), ('loan', 'loan'), ('card', 'card'), ('receivable', 'invoice or debt'), ('budget', 'budget')], default='schedule', max_length=10, verbose_name='kind of plan')),
                ('source_id', models.BigIntegerField(blank=True, null=True, verbose_name='number of the plan')),
                ('amount', models.BigIntegerField(blank=True, null=True, verbose_name='amount')),
                ('percent', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='percentage left')),
                ('days', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='days later')),
                ('flow', models.CharField(blank=True, choices=[('income', 'income'), ('spending', 'spending')], max_length=8, verbose_name='what is struck')),
                ('unit', models.CharField(blank=True, choices=[('day', 'days'), ('week', 'weeks'), ('month', 'months'), ('year', 'years')], max_length=5, verbose_name='unit')),
                ('every', models.PositiveSmallIntegerField(default=1, verbose_name='every')),
                ('label', models.CharField(blank=True, max_length=120, verbose_name='label')),
                ('account', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.account', verbose_name='account')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('category', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.account', verbose_name='category')),
                ('scenario', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='finance.scenario', verbose_name='scenario')),
            ],
            options={
                'verbose_name': 'step of a scenario',
                'verbose_name_plural': 'steps of scenarios',
            },
        ),
        migrations.AddConstraint(
            model_name='forecast',
            constraint=models.UniqueConstraint(fields=('book', 'made_on'), name='finance_forecast_day'),
        ),
        migrations.AddIndex(
            model_name='forecastpoint',
            index=models.Index(fields=['book', 'date'], name='finance_forecastpoint_date'),
        ),
        migrations.AddConstraint(
            model_name='forecastpoint',
            constraint=models.UniqueConstraint(fields=('forecast', 'account', 'horizon', 'book'), name='finance_forecastpoint_one'),
        ),
        migrations.AddConstraint(
            model_name='goal',
            constraint=models.CheckConstraint(condition=models.Q(('target', None), ('target__gt', 0), _connector='OR'), name='finance_goal_target'),
        ),
        migrations.AddIndex(
            model_name='goalmove',
            index=models.Index(fields=['goal', 'date', 'id'], name='finance_goalmove_records'),
        ),
        migrations.AddConstraint(
            model_name='goalmove',
            constraint=models.CheckConstraint(condition=models.Q(('amount', 0), _negated=True), name='finance_goalmove_amount'),
        ),
        KeysWithBook("forecastaccount", ["account"]),
        KeysWithBook("forecast"),
        KeysWithBook("forecastpoint", ["forecast", "account"]),
        KeysWithBook("goal", ["account"]),
        KeysWithBook("goalmove", ["goal", "account", "entry"]),
        KeysWithBook("scenario"),
        KeysWithBook("scenariostep", ["scenario", "account", "category"]),
    ]
