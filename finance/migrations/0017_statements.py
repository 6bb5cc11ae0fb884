"""Statements of accounts, and marks of the rows that the bank knows."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0015_changes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AccountStatement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start', models.DateField(verbose_name='from')),
                ('end', models.DateField(verbose_name='to')),
                ('opening', models.BigIntegerField(verbose_name='opening balance')),
                ('closing', models.BigIntegerField(verbose_name='closing balance')),
                ('state', models.CharField(choices=[('open', 'open'), ('reconciled', 'reconciled')], default='open', max_length=10, verbose_name='state')),
                ('version', models.PositiveIntegerField(default=1, verbose_name='version')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='added')),
                ('reconciled_at', models.DateTimeField(blank=True, null=True, verbose_name='reconciled')),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='statements', to='finance.account', verbose_name='account')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('imported', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='finance.importstatement', verbose_name='bank file')),
                ('reconciled_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'statement',
                'verbose_name_plural': 'statements',
            },
        ),
        migrations.CreateModel(
            name='LineMark',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('marked_at', models.DateTimeField(auto_now_add=True, verbose_name='marked')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('line', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='marks', to='finance.journalline', verbose_name='line')),
                ('marked_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('statement', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='marks', to='finance.accountstatement', verbose_name='statement')),
            ],
            options={
                'verbose_name': 'cleared row',
                'verbose_name_plural': 'cleared rows',
            },
        ),
        migrations.AddConstraint(
            model_name='accountstatement',
            constraint=models.UniqueConstraint(fields=('account', 'start', 'end', 'book'), name='finance_accountstatement_period'),
        ),
        migrations.AddConstraint(
            model_name='accountstatement',
            constraint=models.CheckConstraint(condition=models.Q(('start__lte', models.F('end'))), name='finance_accountstatement_forwards'),
        ),
        migrations.AddConstraint(
            model_name='linemark',
            constraint=models.UniqueConstraint(fields=('line', 'book'), name='finance_linemark_line'),
        ),
        KeysWithBook("accountstatement", ["account", "imported"]),
        KeysWithBook("linemark", ["line", "statement"]),
    ]
