"""Budgets: lines for categories and tags, what is assigned to them in each period, and what they carry over."""

import datetime
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0025_receivables'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('kind', models.CharField(choices=[('envelope', 'envelopes: share out the money that is there'), ('tracking', 'limits: compare spending with a plan')], max_length=8, verbose_name='kind')),
                ('currency', models.CharField(max_length=8, verbose_name='currency')),
                ('unit', models.CharField(choices=[('day', 'days'), ('week', 'weeks'), ('month', 'months'), ('year', 'years'), ('pay', 'the pay period of the book'), ('once', 'one stretch of days')], default='month', max_length=5, verbose_name='periods are')),
                ('every', models.PositiveSmallIntegerField(default=1, verbose_name='how many')),
                ('anchor', models.DateField(blank=True, null=True, verbose_name='first day of a period')),
                ('day', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='day of the month')),
                ('shift', models.CharField(choices=[('none', 'stays on that day'), ('before', 'moves to the Friday before'), ('after', 'moves to the Monday after'), ('nearest', 'moves to the nearest weekday')], default='none', max_length=7, verbose_name='on a weekend')),
                ('last', models.DateField(blank=True, null=True, verbose_name='last day')),
                ('label_by', models.CharField(choices=[('start', 'the month that it begins in'), ('end', 'the month that it ends in')], default='start', max_length=5, verbose_name='named by')),
                ('starts_on', models.DateField(blank=True, null=True, verbose_name='begins')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('pays_from', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='finance.account', verbose_name='paid from')),
            ],
            options={
                'verbose_name': 'budget',
                'verbose_name_plural': 'budgets',
            },
        ),
        migrations.CreateModel(
            name='BudgetAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.account')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('budget', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='accounts', to='finance.budget')),
            ],
            options={
                'verbose_name': 'account of a budget',
                'verbose_name_plural': 'accounts of budgets',
            },
        ),
        migrations.CreateModel(
            name='BudgetLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('target_kind', models.CharField(blank=True, choices=[('', 'none'), ('every_period', 'an amount every period'), ('refill', 'refill up to an amount'), ('by_date', 'an amount by a day'), ('sinking', 'an amount by a day, again and again'), ('recurring', 'an amount each time that it comes')], default='', max_length=12, verbose_name='target')),
                ('target_amount', models.BigIntegerField(default=0, verbose_name='target amount')),
                ('target_due', models.DateField(blank=True, null=True, verbose_name='needed by')),
                ('target_every', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='again every')),
                ('target_unit', models.CharField(blank=True, choices=[('day', 'days'), ('week', 'weeks'), ('month', 'months'), ('year', 'years')], default='', max_length=5, verbose_name='unit')),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('in_forecast', models.BooleanField(default=True, verbose_name='in the forecast')),
                ('closed', models.BooleanField(default=False, verbose_name='closed')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('account', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='category')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('budget', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='finance.budget', verbose_name='budget')),
                ('tag', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.tag', verbose_name='tag')),
            ],
            options={
                'verbose_name': 'line of a budget',
                'verbose_name_plural': 'lines of budgets',
            },
        ),
        migrations.CreateModel(
            name='Assignment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('period', models.DateField(verbose_name='period')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('why', models.CharField(choices=[('assign', 'assigned'), ('move', 'moved'), ('fund', 'by its target'), ('copy', 'copied')], default='assign', max_length=6, verbose_name='why')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('change', models.UUIDField(verbose_name='change')),
                ('made_at', models.DateTimeField(auto_now_add=True, verbose_name='made')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('made_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('budget', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.budget')),
                ('line', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to='finance.budgetline', verbose_name='line')),
            ],
            options={
                'verbose_name': 'assignment',
                'verbose_name_plural': 'assignments',
            },
        ),
        migrations.CreateModel(
            name='LineCarry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateField(default=datetime.date(1, 1, 1), verbose_name='from')),
                ('carry', models.CharField(choices=[('none', 'nothing'), ('surplus', 'what is left'), ('deficit', 'what was overspent'), ('both', 'what is left and what was overspent')], max_length=7, verbose_name='carries over')),
                ('set_at', models.DateTimeField(auto_now_add=True, verbose_name='set')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('line', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='carries', to='finance.budgetline')),
                ('set_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'carrying over',
                'verbose_name_plural': 'carrying over',
            },
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.UniqueConstraint(fields=('book', 'name'), name='finance_budget_name'),
        ),
        migrations.AddConstraint(
            model_name='budgetaccount',
            constraint=models.UniqueConstraint(fields=('budget', 'account', 'book'), name='finance_budgetaccount_once'),
        ),
        migrations.AddIndex(
            model_name='budgetline',
            index=models.Index(fields=['account'], name='finance_budgetline_of_account'),
        ),
        migrations.AddConstraint(
            model_name='budgetline',
            constraint=models.UniqueConstraint(fields=('budget', 'account', 'book'), name='finance_budgetline_account'),
        ),
        migrations.AddConstraint(
            model_name='budgetline',
            constraint=models.UniqueConstraint(fields=('budget', 'tag', 'book'), name='finance_budgetline_tag'),
        ),
        migrations.AddConstraint(
            model_name='budgetline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('account', None), ('tag__isnull', False)), models.Q(('account__isnull', False), ('tag', None)), _connector='OR'), name='finance_budgetline_one_thing'),
        ),
        migrations.AddIndex(
            model_name='assignment',
            index=models.Index(fields=['budget', 'id'], name='finance_assignment_history'),
        ),
        migrations.AddIndex(
            model_name='assignment',
            index=models.Index(fields=['line', 'period'], include=('amount',), name='finance_assignment_line'),
        ),
        migrations.AddConstraint(
            model_name='assignment',
            constraint=models.CheckConstraint(condition=models.Q(('amount', 0), _negated=True), name='finance_assignment_not_zero'),
        ),
        migrations.AddConstraint(
            model_name='linecarry',
            constraint=models.UniqueConstraint(fields=('line', 'since', 'book'), name='finance_linecarry_since'),
        ),
        KeysWithBook("budget", ["pays_from"]),
        KeysWithBook("budgetaccount", ["budget", "account"]),
        KeysWithBook("budgetline", ["budget", "account", "tag"]),
        KeysWithBook("linecarry", ["line"]),
        KeysWithBook("assignment", ["budget", "line"]),
    ]
