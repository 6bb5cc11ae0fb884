"""Exchange rates, reference rates, and what valuables are worth."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0011_receipts_and_search'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AssetPlan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('method', models.CharField(choices=[('percent', 'a percentage of what is left, each month'), ('straight', 'the same amount each month')], max_length=8, verbose_name='method')),
                ('percent', models.DecimalField(blank=True, decimal_places=4, max_digits=7, null=True, verbose_name='percent a month')),
                ('months', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='months')),
                ('residual', models.BigIntegerField(default=0, verbose_name='worth in the end')),
            ],
            options={
                'verbose_name': 'depreciation',
                'verbose_name_plural': 'depreciations',
            },
        ),
        migrations.CreateModel(
            name='AssetValue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('date', models.DateField(verbose_name='date')),
                ('kind', models.CharField(choices=[('appraisal', 'appraisal'), ('depreciation', 'depreciation')], max_length=12, verbose_name='kind')),
                ('value', models.BigIntegerField(verbose_name='worth')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('saved_at', models.DateTimeField(auto_now=True, verbose_name='saved')),
            ],
            options={
                'verbose_name': 'value of an asset',
                'verbose_name_plural': 'values of assets',
            },
        ),
        migrations.CreateModel(
            name='ExchangeRate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('base', models.CharField(max_length=8, verbose_name='from')),
                ('quote', models.CharField(max_length=8, verbose_name='to')),
                ('date', models.DateField(verbose_name='date')),
                ('rate', models.DecimalField(decimal_places=18, max_digits=38, verbose_name='rate')),
                ('source', models.CharField(choices=[('hand', 'entered by hand'), ('file', 'from a file')], max_length=4, verbose_name='source')),
                ('saved_at', models.DateTimeField(auto_now=True, verbose_name='saved')),
            ],
            options={
                'verbose_name': 'exchange rate',
                'verbose_name_plural': 'exchange rates',
            },
        ),
        migrations.CreateModel(
            name='ReferenceFetch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=8, verbose_name='source')),
                ('at', models.DateTimeField(auto_now_add=True, verbose_name='at')),
                ('succeeded', models.BooleanField(verbose_name='succeeded')),
                ('said', models.CharField(max_length=300, verbose_name='what came of it')),
                ('through', models.DateField(blank=True, null=True, verbose_name='latest day in the file')),
                ('added', models.PositiveIntegerField(default=0, verbose_name='rates added or changed')),
            ],
            options={
                'verbose_name': 'fetch of reference rates',
                'verbose_name_plural': 'fetches of reference rates',
            },
        ),
        migrations.CreateModel(
            name='ReferenceRate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=8, verbose_name='source')),
                ('base', models.CharField(max_length=8, verbose_name='from')),
                ('quote', models.CharField(max_length=8, verbose_name='to')),
                ('date', models.DateField(verbose_name='date')),
                ('rate', models.DecimalField(decimal_places=18, max_digits=38, verbose_name='rate')),
            ],
            options={
                'verbose_name': 'reference rate',
                'verbose_name_plural': 'reference rates',
            },
        ),
        migrations.CreateModel(
            name='ValuationChoice',
            fields=[
                ('book', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='valuation_choice', serialize=False, to='finance.book')),
                ('own_exchanges', models.BooleanField(default=True, verbose_name='rates of our own exchanges')),
                ('reference', models.BooleanField(default=True, verbose_name='published reference rates')),
                ('crossing', models.BooleanField(default=True, verbose_name='through a third currency')),
            ],
        ),
        migrations.AlterField(
            model_name='account',
            name='kind',
            field=models.CharField(choices=[('group', 'group'), ('cash', 'cash'), ('checking', 'checking'), ('savings', 'savings'), ('card', 'card'), ('loan', 'loan'), ('receivable', 'receivable'), ('payable', 'payable'), ('investment', 'investment'), ('property', 'property'), ('tax', 'tax'), ('category', 'category'), ('opening', 'opening balances'), ('trading', 'trading'), ('valuation', 'valuation'), ('other', 'other')], max_length=10, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='journalentry',
            name='source',
            field=models.CharField(choices=[('manual', 'entered by hand'), ('import', 'bank file'), ('opening', 'opening balance'), ('exchange', 'currency exchange'), ('reversal', 'reversal'), ('correction', 'correction'), ('api', 'API'), ('demo', 'demonstration'), ('moved', 'another program'), ('valuation', 'change of value')], default='manual', max_length=12, verbose_name='source'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'valuation')), fields=('book', 'currency'), name='finance_account_valuation_unique'),
        ),
        migrations.AddField(
            model_name='assetplan',
            name='account',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.account', verbose_name='account'),
        ),
        migrations.AddField(
            model_name='assetplan',
            name='book',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='asset_plans', to='finance.book'),
        ),
        migrations.AddField(
            model_name='assetvalue',
            name='account',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.account', verbose_name='account'),
        ),
        migrations.AddField(
            model_name='assetvalue',
            name='book',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='asset_values', to='finance.book'),
        ),
        migrations.AddField(
            model_name='assetvalue',
            name='entry',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='finance.journalentry'),
        ),
        migrations.AddField(
            model_name='assetvalue',
            name='saved_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='exchangerate',
            name='book',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rates', to='finance.book', verbose_name='book'),
        ),
        migrations.AddField(
            model_name='exchangerate',
            name='saved_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='referencerate',
            constraint=models.UniqueConstraint(fields=('base', 'quote', 'date', 'source'), name='finance_referencerate_day'),
        ),
        migrations.AddConstraint(
            model_name='referencerate',
            constraint=models.CheckConstraint(condition=models.Q(('rate__gt', 0)), name='finance_referencerate_positive'),
        ),
        migrations.AddConstraint(
            model_name='assetplan',
            constraint=models.UniqueConstraint(fields=('account', 'book'), name='finance_assetplan_account'),
        ),
        migrations.AddConstraint(
            model_name='assetvalue',
            constraint=models.UniqueConstraint(fields=('account', 'date', 'book'), name='finance_assetvalue_day'),
        ),
        migrations.AddConstraint(
            model_name='assetvalue',
            constraint=models.CheckConstraint(condition=models.Q(('value__gte', 0)), name='finance_assetvalue_not_negative'),
        ),
        migrations.AddIndex(
            model_name='exchangerate',
            index=models.Index(fields=['book', '-date', '-id'], name='finance_rate_list'),
        ),
        migrations.AddConstraint(
            model_name='exchangerate',
            constraint=models.UniqueConstraint(fields=('book', 'base', 'quote', 'date'), name='finance_rate_day'),
        ),
        migrations.AddConstraint(
            model_name='exchangerate',
            constraint=models.CheckConstraint(condition=models.Q(('rate__gt', 0)), name='finance_rate_positive'),
        ),
        KeysWithBook("exchangerate"),
        KeysWithBook("assetplan", ["account"]),
        KeysWithBook("assetvalue", ["account", "entry"]),
    ]
