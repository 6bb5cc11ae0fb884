"""Loans with their rates, extra payments and payments; terms of cards."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0023_schedules'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Loan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('method', models.CharField(choices=[('annuity', 'equal payments'), ('fixed_principal', 'equal parts of the principal'), ('interest_only', 'interest alone, the principal at the end')], max_length=16, verbose_name='method')),
                ('principal', models.BigIntegerField(verbose_name='amount')),
                ('percent', models.DecimalField(decimal_places=6, max_digits=10, verbose_name='per cent a year')),
                ('start', models.DateField(verbose_name='paid out on')),
                ('first_payment', models.DateField(verbose_name='first payment')),
                ('payments', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='number of payments')),
                ('payment', models.BigIntegerField(blank=True, null=True, verbose_name='agreed payment')),
                ('unit', models.CharField(choices=[('week', 'weeks'), ('month', 'months')], max_length=5, verbose_name='counted in')),
                ('every', models.PositiveSmallIntegerField(verbose_name='every')),
                ('day_count', models.CharField(choices=[('30/360', '30/360: every month a twelfth of a year'), ('30E/360', '30E/360: the same, European rule for the 31st'), ('act/365', 'actual days / 365'), ('act/360', 'actual days / 360'), ('act/act', 'actual days / actual days of the year (ISDA)')], max_length=8, verbose_name='day count')),
                ('grace', models.PositiveSmallIntegerField(verbose_name='first payments of interest alone')),
                ('fee', models.BigIntegerField(verbose_name='fee of each payment')),
                ('shift', models.CharField(choices=[('none', 'stays on the weekend'), ('before', 'the weekday before'), ('after', 'the weekday after'), ('nearest', 'the nearest weekday')], max_length=7, verbose_name='on a weekend')),
                ('share', models.DecimalField(blank=True, decimal_places=4, max_digits=7, null=True, verbose_name='our share in per cent')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='added')),
                ('saved_at', models.DateTimeField(auto_now=True, verbose_name='saved')),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='account')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='loans', to='finance.book', verbose_name='book')),
                ('contribution_account', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='contributions of the other')),
                ('fee_account', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='category of fees')),
                ('interest_account', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='category of interest')),
                ('partner_account', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='owed by the other')),
                ('pays_from', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='paid from')),
                ('saved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'loan',
                'verbose_name_plural': 'loans',
            },
        ),
        migrations.CreateModel(
            name='LoanMovement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('date', models.DateField(verbose_name='date')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('effect', models.CharField(choices=[('shorten', 'the loan ends earlier'), ('lower', 'later payments are lower')], max_length=7, verbose_name='effect')),
                ('saved_at', models.DateTimeField(auto_now=True, verbose_name='saved')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
                ('entry', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='finance.journalentry')),
                ('loan', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='movements', to='finance.loan')),
                ('saved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'extra payment or drawdown',
                'verbose_name_plural': 'extra payments and drawdowns',
            },
        ),
        migrations.CreateModel(
            name='LoanPayment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('due', models.DateField(verbose_name='due')),
                ('saved_at', models.DateTimeField(auto_now=True, verbose_name='saved')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
                ('entry', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.journalentry')),
                ('loan', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='paid', to='finance.loan')),
                ('saved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'payment of a loan',
                'verbose_name_plural': 'payments of loans',
            },
        ),
        migrations.CreateModel(
            name='LoanRate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateField(verbose_name='from')),
                ('percent', models.DecimalField(decimal_places=6, max_digits=10, verbose_name='per cent a year')),
                ('payment', models.BigIntegerField(blank=True, null=True, verbose_name='agreed payment')),
                ('saved_at', models.DateTimeField(auto_now=True, verbose_name='saved')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
                ('loan', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rates', to='finance.loan')),
                ('saved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'rate of a loan',
                'verbose_name_plural': 'rates of loans',
            },
        ),
        migrations.CreateModel(
            name='CardTerms',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('closing_day', models.PositiveSmallIntegerField(verbose_name='statement closes on day')),
                ('due_day', models.PositiveSmallIntegerField(verbose_name='due on day')),
                ('shift', models.CharField(choices=[('none', 'stays on the weekend'), ('before', 'the weekday before'), ('after', 'the weekday after'), ('nearest', 'the nearest weekday')], max_length=7, verbose_name='on a weekend')),
                ('mode', models.CharField(choices=[('full', 'the whole statement'), ('minimum', 'the minimum'), ('fixed', 'a fixed amount')], max_length=7, verbose_name='what is paid')),
                ('percent', models.DecimalField(blank=True, decimal_places=4, max_digits=7, null=True, verbose_name='minimum in per cent')),
                ('amount', models.BigIntegerField(blank=True, null=True, verbose_name='amount')),
                ('saved_at', models.DateTimeField(auto_now=True, verbose_name='saved')),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='card')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
                ('pays_from', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='paid from')),
                ('saved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'terms of a card',
                'verbose_name_plural': 'terms of cards',
                'constraints': [models.UniqueConstraint(fields=('account', 'book'), name='finance_cardterms_account')],
            },
        ),
        migrations.AddConstraint(
            model_name='loan',
            constraint=models.UniqueConstraint(fields=('account', 'book'), name='finance_loan_account'),
        ),
        migrations.AddConstraint(
            model_name='loan',
            constraint=models.CheckConstraint(condition=models.Q(('principal__gt', 0)), name='finance_loan_positive'),
        ),
        migrations.AddConstraint(
            model_name='loanpayment',
            constraint=models.UniqueConstraint(fields=('loan', 'due', 'book'), name='finance_loanpayment_due'),
        ),
        migrations.AddConstraint(
            model_name='loanrate',
            constraint=models.UniqueConstraint(fields=('loan', 'since', 'book'), name='finance_loanrate_day'),
        ),
        KeysWithBook(
            "loan",
            ["account", "pays_from", "interest_account", "fee_account", "partner_account", "contribution_account"],
        ),
        KeysWithBook("loanrate", ["loan"]),
        KeysWithBook("loanmovement", ["loan", "entry"]),
        KeysWithBook("loanpayment", ["loan", "entry"]),
        KeysWithBook("cardterms", ["account", "pays_from"]),
    ]
