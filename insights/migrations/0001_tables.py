"""Insights with their evidence, and the settings of their rules."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('finance', '0001_tables'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Insight',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('unusual_amount', 'unusual amount'), ('possible_duplicate', 'possible duplicate'), ('subscription_price_rise', 'price rise'), ('category_above_usual', 'category above usual'), ('low_balance_ahead', 'low balance ahead')], max_length=40, verbose_name='kind')),
                ('rule_version', models.PositiveSmallIntegerField(verbose_name='version of the rule')),
                ('severity', models.CharField(choices=[('info', 'for information'), ('notice', 'worth a look'), ('warning', 'needs attention')], max_length=8, verbose_name='severity')),
                ('template', models.CharField(max_length=80)),
                ('params', models.JSONField()),
                ('thresholds', models.JSONField()),
                ('dedup_key', models.CharField(max_length=80)),
                ('scope', models.CharField(max_length=240)),
                ('payee', models.CharField(blank=True, max_length=200, verbose_name='payee')),
                ('payee_key', models.CharField(blank=True, max_length=240)),
                ('subject_date', models.DateField(verbose_name='date')),
                ('expires_on', models.DateField(blank=True, null=True, verbose_name='news until')),
                ('event_id', models.BigIntegerField(blank=True, null=True, verbose_name='raised by event')),
                ('raised_at', models.DateTimeField(verbose_name='first raised')),
                ('last_raised_at', models.DateTimeField(verbose_name='last raised')),
                ('state', models.CharField(choices=[('new', 'new'), ('seen', 'seen'), ('dismissed', 'dismissed'), ('resolved', 'resolved by itself'), ('expired', 'passed')], default='new', max_length=9, verbose_name='state')),
                ('snoozed_until', models.DateField(blank=True, null=True, verbose_name='snoozed until')),
                ('state_changed_at', models.DateTimeField(verbose_name='state since')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='insights', to='finance.book')),
                ('state_changed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'insight',
                'verbose_name_plural': 'insights',
                'indexes': [models.Index(fields=['book', '-subject_date', '-id'], name='insights_insight_feed'), models.Index(condition=models.Q(('state__in', ['new', 'seen'])), fields=['book', 'kind', 'scope'], name='insights_insight_open')],
                'constraints': [models.UniqueConstraint(fields=('book', 'dedup_key'), name='insights_insight_unique')],
            },
        ),
        migrations.CreateModel(
            name='MutedPayee',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('unusual_amount', 'unusual amount'), ('possible_duplicate', 'possible duplicate'), ('subscription_price_rise', 'price rise'), ('category_above_usual', 'category above usual'), ('low_balance_ahead', 'low balance ahead')], max_length=40, verbose_name='kind')),
                ('payee', models.CharField(max_length=200, verbose_name='payee')),
                ('payee_key', models.CharField(max_length=240)),
                ('muted_at', models.DateTimeField(verbose_name='muted')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('muted_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'muted payee',
                'verbose_name_plural': 'muted payees',
                'constraints': [models.UniqueConstraint(fields=('book', 'kind', 'payee_key'), name='insights_mutedpayee_unique')],
            },
        ),
        migrations.CreateModel(
            name='RuleSetting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('unusual_amount', 'unusual amount'), ('possible_duplicate', 'possible duplicate'), ('subscription_price_rise', 'price rise'), ('category_above_usual', 'category above usual'), ('low_balance_ahead', 'low balance ahead')], max_length=40, verbose_name='rule')),
                ('enabled', models.BooleanField(blank=True, null=True, verbose_name='switched on')),
                ('thresholds', models.JSONField(blank=True, default=dict, verbose_name='thresholds')),
                ('changed_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('book', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='only for book')),
            ],
            options={
                'verbose_name': 'rule setting',
                'verbose_name_plural': 'rule settings',
                'constraints': [models.UniqueConstraint(fields=('book', 'kind'), name='insights_rulesetting_unique', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='Backfill',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('unusual_amount', 'unusual amount'), ('possible_duplicate', 'possible duplicate'), ('subscription_price_rise', 'price rise'), ('category_above_usual', 'category above usual'), ('low_balance_ahead', 'low balance ahead')], max_length=40)),
                ('since', models.DateField()),
                ('until', models.DateField()),
                ('position', models.DateField()),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('raised', models.PositiveIntegerField(default=0)),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('finished_at', None)), fields=('book', 'kind', 'since', 'until'), name='insights_backfill_open_unique')],
            },
        ),
        migrations.CreateModel(
            name='InsightEvidence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('date', models.DateField(null=True)),
                ('role', models.CharField(choices=[('subject', 'this charge'), ('compared', 'earlier charge'), ('expected', 'expected'), ('month', 'month compared'), ('balance', 'balance')], max_length=8)),
                ('position', models.PositiveSmallIntegerField()),
                ('amount', models.BigIntegerField()),
                ('currency', models.CharField(max_length=8)),
                ('expected_on', models.DateField(null=True)),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('entry', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.journalentry')),
                ('insight', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='evidence', to='insights.insight')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('insight', 'position', 'book'), name='insights_evidence_position'), models.CheckConstraint(condition=models.Q(models.Q(('date__isnull', False), ('entry', None), ('role__in', ['month', 'balance'])), models.Q(('date', None), ('entry__isnull', False), ('role__in', ['subject', 'compared', 'expected'])), _connector='OR'), name='insights_evidence_entry_or_date')],
            },
        ),
    ]
